from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egotool.clips import ClipSettings
from egotool.clips.geometry import (
    View,
    apply_view,
    apply_view_to_flow,
    centre_view,
    random_view,
    resize_short_side,
    resized_shape,
)
from tests.clips.stores import coordinate_frame

SMALL = ClipSettings(short_side=64, crop_size=56, augment=True)
SIZES = st.tuples(st.integers(56, 110), st.integers(56, 110))
VIEWS = st.tuples(st.integers(0, 20), st.integers(0, 20), st.sampled_from([28, 33, 41, 56]), st.booleans())


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(1, 300))
def test_short_side_is_met_and_aspect_kept(height, width, short_side):
    new_height, new_width = resized_shape(height, width, short_side)
    assert min(new_height, new_width) == short_side
    assert (new_height <= new_width) if height <= width else (new_height >= new_width)
    assert abs(new_width * height / (new_height * width) - 1) < 0.51 / short_side + 1e-9


@settings(deadline=None)
@given(SIZES, st.integers(0, 10**6))
def test_random_views_are_corners_and_centre_of_the_four_scales(size, seed):
    height, width = size
    view = random_view(height, width, SMALL, np.random.default_rng(seed))
    short = min(size)
    assert view.side in {int(short * scale) for scale in (1, 0.875, 0.75, 0.65625)}
    right, bottom = width - view.side, height - view.side
    assert (view.left, view.top) in {
        (0, 0),
        (right, 0),
        (0, bottom),
        (right, bottom),
        (right // 2, bottom // 2),
    }


def test_every_view_occurs_and_half_are_flipped():
    rng = np.random.default_rng(0)
    views = [random_view(256, 340, ClipSettings(), rng) for _ in range(2000)]
    assert {view.side for view in views} == {256, 224, 192, 168}
    assert len({(view.left, view.top) for view in views if view.side == 168}) == 5
    assert 900 < sum(view.flipped for view in views) < 1100


def test_without_flip_the_boxes_are_the_same():
    plain = replace(SMALL, horizontal_flip=False)
    for seed in range(50):
        view = random_view(64, 85, SMALL, np.random.default_rng(seed))
        other = random_view(64, 85, plain, np.random.default_rng(seed))
        assert other == replace(view, flipped=False)


def test_centre_crop():
    view = centre_view(64, 85, SMALL)
    cut = apply_view(coordinate_frame(0, 64, 85)[None], view, 56)
    assert cut[0, 0, :, 0].tolist() == list(range(14, 70))
    assert cut[0, :, 0, 1].tolist() == list(range(4, 60))


@settings(deadline=None)
@given(VIEWS)
def test_a_view_shows_its_box(numbers):
    left, top, side, flipped = numbers
    cut = apply_view(coordinate_frame(7, 80, 90)[None], View(left, top, side, flipped), 56)[0].astype(float)
    # Pixel i of the cut lies at this place of the frame; at the border nothing can be interpolated.
    places = (np.arange(56) + 0.5) * side / 56 - 0.5
    columns = left + np.clip(places, 0, side - 1)
    rows = top + np.clip(places, 0, side - 1)
    assert np.abs(cut[..., 0] - (columns[::-1] if flipped else columns)).max() <= 0.6
    assert np.abs(cut[..., 1] - rows[:, None]).max() <= 0.6
    assert (cut[..., 2] == 7).all()


@settings(deadline=None, max_examples=30)
@given(VIEWS, st.integers(0, 10**6))
def test_flow_of_a_flipped_clip_is_the_flow_of_the_mirrored_video(numbers, seed):
    left, top, side, _ = numbers
    flow = np.random.default_rng(seed).normal(size=(3, 2, 64, 90)).astype(np.float32)
    mirrored = flow[..., ::-1] * np.array([-1, 1], dtype=np.float32)[:, None, None]
    top = min(top, 64 - side)
    flipped = apply_view_to_flow(flow, View(left, top, side, True), SMALL)
    straight = apply_view_to_flow(mirrored, View(90 - left - side, top, side, False), SMALL)
    np.testing.assert_allclose(flipped, straight, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("stored", "short_side", "side"), [(64, 64, 28), (128, 64, 56), (128, 64, 42), (32, 64, 56)]
)
def test_flow_values_scale_with_the_picture(stored, short_side, side):
    """A constant flow stays constant, times how much larger the picture became."""
    flow = np.empty((1, 2, stored, stored * 2), dtype=np.float32)
    flow[:, 0], flow[:, 1] = 3.0, -1.0
    options = ClipSettings(short_side=short_side, crop_size=56)
    cut = apply_view_to_flow(flow, View(2, 3, side), options)
    factor = (short_side / stored) * (56 / side)
    assert cut.shape == (1, 2, 56, 56)
    np.testing.assert_allclose(cut[:, 0], 3.0 * factor, rtol=1e-5)
    np.testing.assert_allclose(cut[:, 1], -1.0 * factor, rtol=1e-5)


def test_warped_positions_agree_with_scaled_flow():
    """A point and its flow, cut together, still end where the point's successor is."""
    height, width = 64, 96
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    flow = np.stack([0.05 * x + 1, -0.04 * y])[None]
    view = View(10, 4, 42, True)
    cut = apply_view_to_flow(flow, view, SMALL)

    def to_clip(px: float, py: float) -> tuple[float, float]:
        zoom = 56 / view.side
        cx, cy = (px - view.left + 0.5) * zoom - 0.5, (py - view.top + 0.5) * zoom - 0.5
        return 55 - cx, cy

    for px, py in [(20.0, 20.0), (33.0, 11.0), (41.0, 37.0)]:
        cx, cy = to_clip(px, py)
        u, v = cut[0, :, round(cy), round(cx)]
        successor = to_clip(px + 0.05 * px + 1, py - 0.04 * py)
        assert abs(cx + u - successor[0]) < 0.1
        assert abs(cy + v - successor[1]) < 0.1


def test_resizing_averages_when_it_shrinks():
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    expected = images.reshape(2, 32, 2, 48, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(resize_short_side(images, 32), expected, atol=1)
    assert resize_short_side(images, 64) is images
