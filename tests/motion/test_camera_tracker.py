"""Camera motion through a video: what moved before counts less."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from egotool.motion import CameraTracker, estimate_camera_motion, tvl1
from egotool.motion import camera as camera_module
from egotool.motion._fit import corners_apart
from egotool.motion._memory_kernels import remember
from egotool.motion._samples import corner_samples, without_hands
from tests.motion.scenes import (
    HAND_STEPS,
    HEIGHT,
    WIDTH,
    corner_error,
    moved,
    scene_of_a_hand,
    shift,
    texture,
)

FRAMES = 14


@pytest.fixture(scope="module")
def scene() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Pairs of frames and their flow, of a room that stands still and a hand, first fast, then slow."""
    return [(a, b, tvl1(a, b)) for a, b in pairwise(scene_of_a_hand(FRAMES))]


def errors(scene: list, motions: list) -> np.ndarray:
    shape = scene[0][0].shape
    return np.array([corner_error(motion.homography, np.eye(3), *shape) for motion in motions])


def test_a_hand_that_slowed_down_does_not_pull(scene) -> None:
    tracker = CameraTracker()
    tracked = errors(scene, [tracker.next_motion(*pair) for pair in scene])
    alone = errors(scene, [estimate_camera_motion(*pair) for pair in scene])
    slow = slice(len(HAND_STEPS), None)
    assert tracked[slow].mean() < 0.1
    assert tracked[slow].mean() < 0.5 * alone[slow].mean()


def test_the_first_pair_is_as_it_is_alone(scene) -> None:
    first, alone = CameraTracker().next_motion(*scene[0]), estimate_camera_motion(*scene[0])
    np.testing.assert_array_equal(first.homography, alone.homography)
    assert first.uncertainty == alone.uncertainty


def test_what_the_caller_excludes_does_not_count_either(scene) -> None:
    exclude = np.zeros(scene[0][0].shape, np.uint8)
    exclude[HEIGHT // 3 :] = 255
    tracker = CameraTracker()
    assert (
        tracker.next_motion(*scene[0], exclude=exclude).matches
        < CameraTracker().next_motion(*scene[0]).matches
    )


BLOB = (slice(40, 80), slice(60, 100))
"""Rows and columns of something that moves by itself."""


def panned(pan: float, own: float, tracker: CameraTracker) -> None:
    """Show a tracker a room that moves by `pan` pixels to the right, and a blob by `own` more downwards."""
    image0, image1, flow = moved(texture(HEIGHT + 60, WIDTH + 60), shift(pan, 0))
    flow[1][BLOB] += own
    assert tracker.next_motion(image0, image1, flow).valid


def test_what_moves_by_itself_is_remembered_where_it_goes() -> None:
    tracker = CameraTracker()
    assert tracker.hands is None
    panned(0, 8, tracker)
    for _ in range(3):
        panned(8, 0, tracker)
    hands = tracker.hands
    assert hands is not None and hands.shape == (HEIGHT, WIDTH)
    rows, columns = np.nonzero(hands > 0.5)
    # What it moves onto is looked up by the room's flow there: its front is late by one frame.
    assert rows.mean() == pytest.approx(59.5 + 4, abs=3)
    assert columns.mean() == pytest.approx(79.5 + 24, abs=3)
    inside = hands[BLOB[0].start + 12 : BLOB[0].stop - 4, BLOB[1].start + 28 : BLOB[1].stop + 20]
    np.testing.assert_allclose(inside, 0.97**3, atol=1e-3)
    assert (hands == 0).mean() > 0.7


def test_what_moves_a_little_beside_a_moving_camera_is_not_remembered() -> None:
    still, moving = CameraTracker(), CameraTracker()
    panned(0, 2, still)
    panned(4, 2, moving)
    assert still.hands is not None and still.hands[BLOB].mean() > 0.9
    np.testing.assert_array_equal(still.hands[60, 52:108:4] > 0.9, [0] + [1] * 12 + [0])  # a cell around it
    assert moving.hands is not None and not moving.hands.any()


def test_nothing_is_remembered_of_frames_whose_camera_motion_is_not_found() -> None:
    random, tracker = np.random.default_rng(0), CameraTracker()
    a, b = random.integers(0, 255, (2, HEIGHT, WIDTH), dtype=np.uint8)
    motion = tracker.next_motion(a, b, random.normal(0, 9, (2, HEIGHT, WIDTH)).astype(np.float32))
    assert not motion.valid
    assert tracker.hands is not None and not tracker.hands.any()


def test_no_more_than_two_fifths_of_a_frame_are_taken_for_hands() -> None:
    """The camera stands before a wall of which a fifth is left to see; the rest goes past."""
    tracker = CameraTracker()
    image, _, flow = moved(texture(HEIGHT + 60, WIDTH + 60), shift(0, 0))
    flow[0, HEIGHT // 4 :] = np.random.default_rng(0).choice([-7, 7], (HEIGHT - HEIGHT // 4, WIDTH))
    assert tracker.next_motion(image, image, flow).valid
    assert tracker.hands is not None
    assert tracker.hands.mean() == pytest.approx(0.4, abs=0.02)
    assert tracker.hands.max() < 0.6


def test_pictures_of_another_size_are_refused(scene) -> None:
    tracker = CameraTracker()
    tracker.next_motion(*scene[0])
    small = scene[0][0][:64, :64].copy()
    with pytest.raises(ValueError, match=r"\(64, 64\)"):
        tracker.next_motion(small, small, np.zeros((2, 64, 64), np.float32))


def test_what_is_not_found_without_hands_is_looked_at_with_them(scene, monkeypatch) -> None:
    image0, image1, flow = scene[-1]
    alone = estimate_camera_motion(image0, image1, flow)
    certain = iter([False, True])
    monkeypatch.setattr(camera_module, "_certain", lambda *_: next(certain))
    found = estimate_camera_motion(image0, image1, flow, hands=np.ones(image0.shape, np.float32))
    assert found.valid
    np.testing.assert_array_equal(found.homography, alone.homography)


def test_hands_count_less_but_not_nothing(scene) -> None:
    image0, image1, flow = scene[-1]
    alone = estimate_camera_motion(image0, image1, flow)
    none, everywhere = np.zeros(image0.shape, np.float32), np.ones(image0.shape, np.float32)
    same = estimate_camera_motion(image0, image1, flow, hands=none)
    np.testing.assert_allclose(same.homography, alone.homography, atol=1e-4)
    all_hands = estimate_camera_motion(image0, image1, flow, hands=everywhere)
    assert all_hands.valid and corners_apart(all_hands.homography, alone.homography, image0.shape) < 0.5
    samples = corner_samples(image0, flow, np.full(image0.shape, 255, np.uint8))
    weighed = without_hands(samples, np.linspace(0, 1, image0.size, dtype=np.float32).reshape(image0.shape))
    assert (weighed[6] <= samples[6]).all() and (weighed[6] > 0.9 * samples[6])[:5].all()
    np.testing.assert_allclose(weighed[6].min(), 0.1 * samples[6][weighed[6].argmin()], rtol=1e-5)
    with pytest.raises(ValueError, match="hands"):
        estimate_camera_motion(image0, image1, flow, hands=np.zeros((3, 3), np.float32))


@settings(deadline=None, max_examples=30)
@given(
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    stride=st.sampled_from([1, 3, 4]),
    seed=st.integers(0, 999),
    known=st.booleans(),
)
def test_remembering_is_what_a_plain_loop_says(
    height: int, width: int, stride: int, seed: int, known: bool
) -> None:
    random = np.random.default_rng(seed)
    flow = random.normal(0, 4, (2, height, width)).astype(np.float32)
    camera = shift(2.0, -1.0)
    camera[2, 0] = 1e-3
    before = random.random((-(-height // stride), -(-width // stride))).astype(np.float32)
    y, x = np.mgrid[:height:stride, :width:stride].astype(np.float64)
    at = flow[:, ::stride, ::stride].astype(np.float64)
    back = np.linalg.inv(camera)
    points = np.einsum("ij,jhw->ihw", back, np.stack([x + at[0], y + at[1], np.ones_like(x)]))
    left = np.hypot(points[0] / points[2] - x, points[1] / points[2] - y)
    now = np.clip((left - 1) / 2, 0, 1) if known else np.zeros_like(left)
    expected = np.maximum(now, 0.9 * before)
    places = [(y - at[1]) / stride, (x - at[0]) / stride]
    # Bilinear, and nothing outside, between the last cell and what is beyond it as well.
    expected_next = map_coordinates(np.pad(expected, 1), [place + 1 for place in places], order=1)
    carried = np.empty_like(before)
    remember(before, flow, back, known, 1.0, 3.0, 0.9, stride, carried)
    np.testing.assert_allclose(before, expected, atol=1e-4)
    np.testing.assert_allclose(carried, expected_next, atol=1e-3)
