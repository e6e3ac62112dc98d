from dataclasses import replace

import cv2
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
from egotool.motion import tvl1
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


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 34), st.integers(0, 8), st.booleans(), st.integers(0, 255), st.integers(1, 8))
def test_the_crop_of_the_mask_is_the_mask_of_the_crop(left, top, flipped, limit, grid):
    """Cut the mask, or find it in what was cut: the same, position by position and cell by cell."""
    rng = np.random.default_rng(limit)
    frame = cv2.GaussianBlur(rng.integers(0, 256, (64, 90, 3), dtype=np.uint8), (0, 0), 2)

    def mask_of(picture):
        return (picture[..., 0].astype(int) + picture[..., 1] > limit).astype(np.float32)

    view = View(left, top, 56, flipped)
    cut = apply_view(frame[None], view, 56)[0]
    np.testing.assert_array_equal(apply_view(mask_of(frame)[None], view, 56)[0], mask_of(cut))
    cells = apply_view(mask_of(frame)[None], view, grid)[0]
    of_the_cut = apply_view(mask_of(cut)[None], View(0, 0, 56), grid)[0]
    np.testing.assert_allclose(cells, of_the_cut, atol=1e-6)
    if 56 % grid == 0:  # every cell is the part of its positions that move
        parts = mask_of(cut).reshape(grid, 56 // grid, grid, 56 // grid).mean(axis=(1, 3))
        np.testing.assert_allclose(cells, parts, atol=1e-5)


@settings(deadline=None, max_examples=8)
@given(st.integers(-3, 3), st.integers(-2, 2), st.integers(0, 10**6))
def test_flow_computed_from_flipped_frames_is_the_flipped_flow(dx, dy, seed):
    """Not only by the rule: TV-L1 of the mirrored pictures gives the mirrored flow."""
    rng = np.random.default_rng(seed)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (64, 72), dtype=np.uint8), (0, 0), 2.5)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    first, second = scene[4:60, 8:64], scene[4 - dy : 60 - dy, 8 - dx : 64 - dx]
    flow = tvl1(np.ascontiguousarray(first), np.ascontiguousarray(second), schedule="fast")
    mirrored = tvl1(
        np.ascontiguousarray(first[:, ::-1]), np.ascontiguousarray(second[:, ::-1]), schedule="fast"
    )
    whole = View(0, 0, 56, True)
    plain = ClipSettings(short_side=56, crop_size=56)
    flipped = apply_view_to_flow(flow[None], whole, plain)[0]
    inner = np.s_[:, 8:-8, 8:-8]  # at the border content enters and leaves
    assert np.median(np.abs(flipped[inner] - mirrored[inner])) < 0.05
    assert abs(np.median(flow[0][8:-8, 8:-8]) - dx) < 0.25
    assert abs(np.median(mirrored[0][8:-8, 8:-8]) + dx) < 0.25
