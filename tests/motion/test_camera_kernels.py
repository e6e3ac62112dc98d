import cv2
import numpy as np
import pytest
from scipy.optimize import least_squares

from egotool.motion import _camera_kernels as refinement
from egotool.motion import _vote_kernels as votes
from egotool.motion._fit import (
    ALL_ENTRIES,
    TURNING,
    corner_uncertainty,
    frame_corners,
    gray_support,
    project,
    refine_by_flow,
    towards_turning,
)
from egotool.motion._samples import edge_samples
from tests.motion.scenes import moved, shift, texture, turn

SCENES = [turn(3, 2, -3), turn(-2, 5, 5, tilt=1e-4)]


def samples(homography: np.ndarray, number: int = 60) -> np.ndarray:
    """Return samples all over a frame that a homography takes exactly where their flow does."""
    random = np.random.default_rng(0)
    points = np.stack([random.uniform(0, 200, number), random.uniform(0, 150, number), np.ones(number)])
    moved = homography @ points
    rest = np.tile([[1.0], [0.0], [1.0]], number)
    return np.concatenate([points[:2], moved[:2] / moved[2], rest]).astype(np.float32)


@pytest.mark.parametrize("homography", SCENES)
def test_four_samples_give_the_homography_and_degenerate_draws_none(homography: np.ndarray) -> None:
    exact = samples(homography)
    exact[:4, 3] = exact[:4, 2]  # the same point twice
    upto = np.cumsum(exact[6], dtype=np.float64)
    draws = np.array([[0.5, 10.5, 20.5, 30.5], [2.5, 3.5, 8.5, 9.5]])
    found = np.empty((2, 3, 3))
    assert votes.through_four_points(exact, upto, draws, found) == 1
    scores = np.zeros(1)
    votes.support(found[:1], exact, 0.1, 1.0, scores)
    assert scores[0] > 0.9 * 60


def test_candidates_are_different_motions() -> None:
    exact = samples(SCENES[0])
    other = SCENES[0] + [[0, 0, 30], [0, 0, 0], [0, 0, 0]]
    three = np.stack([SCENES[0], SCENES[0] + 1e-6, other])
    half = exact.copy()
    half[2, :30] += 30
    chosen = np.empty((3, 3, 3))
    assert votes.choose_different(three, np.arange(3), half, 1.0, 0.8, chosen) == 2
    np.testing.assert_array_equal(chosen[:2], three[[0, 2]])


@pytest.mark.parametrize("homography", SCENES)
def test_refinement_finds_the_exact_homography_from_nearby(homography: np.ndarray) -> None:
    found = homography + np.array([[1e-3, 0, 0.4], [0, -1e-3, -0.3], [0, 0, 0]])
    centre = np.array([100.0, 75.0])
    refinement.refine_by_flow(found, samples(homography), True, ALL_ENTRIES, (1.0,) * 6, centre, 100.0)
    np.testing.assert_allclose(found, homography, atol=1e-3)


def test_a_camera_that_turns_has_the_freedom_to() -> None:
    """A rotation in space and a zoom, seen by a camera whose focal length is the width, are found."""
    shape, zoom = (150, 201), 1.01
    camera = np.array([[200.0, 0, 100], [0, 200, 74.5], [0, 0, 1]])
    rotation, _ = cv2.Rodrigues(np.array([0.01, -0.015, 0.02]))
    homography = camera @ np.diag([zoom, zoom, 1]) @ rotation @ np.linalg.inv(camera)
    homography /= homography[2, 2]
    scales = (4.0, 2.0, 1.0, 1.0)
    found = refine_by_flow(np.eye(3), samples(homography), shape, scales, both_ways=True, freedom=TURNING)
    corners = frame_corners(shape)
    np.testing.assert_allclose(project(found, corners), project(homography, corners), atol=0.03)
    sheared = np.array([[1, 0.02, 0], [0, 1, 0], [0, 0, 1]])
    unable = refine_by_flow(np.eye(3), samples(sheared), shape, scales, both_ways=True, freedom=TURNING)
    assert np.abs(project(unable, corners) - project(sheared, corners)).max() > 0.5


def edges_in_a_band(homography: np.ndarray, noise: float, seed: int, number: int = 60) -> np.ndarray:
    """Return edges of the upper third of a frame of 320×240, moved by a homography, with noise (px)."""
    random = np.random.default_rng(seed)
    points = np.stack([random.uniform(0, 319, number), random.uniform(0, 80, number)])
    angles = random.uniform(0, 2 * np.pi, number)
    normals = np.stack([np.cos(angles), np.sin(angles)])
    moved = project(homography, points.T).T + normals * random.normal(0, noise, number)
    return np.concatenate([points, moved, normals, np.ones((1, number))]).astype(np.float32)


def displaced(change: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return how a small change of the normalised homography moves places (N, 2) of 320×240, in pixels."""
    x, y = ((places - np.array([159.5, 119.5])) / 160).T
    a, b, c, d, e, f, g, h = change
    bend = g * x + h * y
    return 160 * np.stack([a * x + b * y + c - x * bend, d * x + e * y + f - y * bend], axis=1)


def test_between_edges_and_a_turning_head_lies_the_least_sum_of_squares() -> None:
    """Of all changes of a homography, searched without the normal equations."""
    shape, scale, spread = (240, 320), 0.4, 0.3
    edges = edges_in_a_band(shift(2, 1), 0.15, seed=0)
    best = refine_by_flow(np.eye(3), edges, shape, (1.0, 0.7, 0.4, 0.4), both_ways=False)
    turning = shift(2.1, 0.8)
    corners = frame_corners(shape)

    landed = project(best, edges[:2].T.astype(float))
    residuals = np.sum((edges[2:4].T - landed) * edges[4:6].T, axis=1)
    weights = edges[6] / (1 + (residuals / scale) ** 2) ** 2
    variance = np.sum(weights * residuals**2) / weights.sum()
    of_turning = np.stack([displaced(column, corners).ravel() for column in TURNING.T], axis=1)
    beyond = np.eye(8) - of_turning @ np.linalg.pinv(of_turning)

    def rows(change: np.ndarray) -> np.ndarray:
        across = np.sum(displaced(change, landed) * edges[4:6].T, axis=1)
        from_turning = project(best, corners) - project(turning, corners) + displaced(change, corners)
        return np.concatenate([across * np.sqrt(weights / variance), beyond @ from_turning.ravel() / spread])

    change = least_squares(rows, np.zeros(8), x_scale=1e-3, xtol=1e-14, ftol=1e-14).x
    expected = project(best, corners) + displaced(change, corners)
    found = project(towards_turning(best, turning, edges, shape, scale, spread), corners)
    assert np.abs(expected - project(best, corners)).max() > 0.2
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_what_the_edges_know_well_is_kept_and_what_they_leave_open_is_not() -> None:
    """Trials: a camera that turns, but for a tilt, and edges in the upper third of the frame only."""
    shape, corners = (240, 320), frame_corners((240, 320))
    truth = turn(2, 1, 0.5, tilt=1e-5)
    errors = []
    for seed in range(40):
        edges = edges_in_a_band(truth, 0.15, seed)
        scales = (1.0, 0.7, 0.4, 0.4)
        best = refine_by_flow(np.eye(3), edges, shape, scales, both_ways=False)
        turning = refine_by_flow(np.eye(3), edges, shape, scales, both_ways=False, freedom=TURNING)
        drawn = [towards_turning(best, turning, edges, shape, 0.4, spread) for spread in (1e-3, 0.5, 1e4)]
        errors.append(
            [np.abs(project(each, corners) - project(truth, corners)).max() for each in (best, *drawn)]
        )
        np.testing.assert_allclose(project(drawn[2], corners), project(best, corners), atol=1e-3)
        upper = [project(each, corners[:2]) for each in (best, drawn[1])]
        np.testing.assert_allclose(upper[0], upper[1], atol=0.25)
    alone, _, between, _ = np.median(errors, axis=0)
    assert between < 0.8 * alone


@pytest.mark.parametrize("reach", [1.0, 0.4], ids=["all over the frame", "in its middle"])
def test_the_uncertainty_is_the_error_that_noise_makes(reach: float) -> None:
    """By trials: homographies fitted to edges with noise of 0.1 px miss the corners by what was predicted."""
    shape, noise = (240, 320), 0.1
    random = np.random.default_rng(1)
    centre = np.array([[159.5], [119.5]])
    errors, predicted = [], []
    for _ in range(200):
        points = centre + reach * centre * random.uniform(-1, 1, (2, 150))
        angles = random.uniform(0, 2 * np.pi, 150)
        normals = np.stack([np.cos(angles), np.sin(angles)])
        moved = points + normals * random.normal(0, noise, 150)
        edges = np.concatenate([points, moved, normals, np.ones((1, 150))]).astype(np.float32)
        found = refine_by_flow(np.eye(3), edges, shape, (1.0, 0.7, 0.4, 0.4), both_ways=False)
        corners = frame_corners(shape)
        errors.append(np.mean(np.sum((project(found, corners) - corners) ** 2, axis=1)))
        predicted.append(corner_uncertainty(found, edges, shape, 0.4, spread=1e6))
    assert np.mean(predicted) == pytest.approx(np.sqrt(np.mean(errors)), rel=0.15)


@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_the_uncertainty_is_that_of_edges_and_heads_together(spread: float) -> None:
    """By trials: corners stray from where a camera that turns takes them; edges in the middle do not tell."""
    shape, random = (240, 320), np.random.default_rng(2)
    corners, centre = frame_corners(shape), np.array([159.5, 119.5])
    rows = np.stack([displaced(column, corners).ravel() for column in TURNING.T], axis=1)
    beyond = np.eye(8) - rows @ np.linalg.pinv(rows)
    errors, predicted = [], []
    for _ in range(100):
        strayed = corners + (beyond @ random.normal(0, spread, 8)).reshape(4, 2)
        truth = cv2.getPerspectiveTransform(corners.astype(np.float32), strayed.astype(np.float32))
        points = centre + 0.4 * centre * random.uniform(-1, 1, (150, 2))
        angles = random.uniform(0, 2 * np.pi, 150)
        normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        moved = project(truth, points) + normals * random.normal(0, 0.1, (150, 1))
        edges = np.concatenate([points, moved, normals, np.ones((150, 1))], axis=1).T.astype(np.float32)
        best, turning = (
            refine_by_flow(np.eye(3), edges, shape, (1.0, 0.7, 0.4, 0.4), both_ways=False, freedom=freedom)
            for freedom in (ALL_ENTRIES, TURNING)
        )
        found = towards_turning(best, turning, edges, shape, 0.4, spread)
        errors.append(np.mean(np.sum((project(found, corners) - strayed) ** 2, axis=1)))
        predicted.append(corner_uncertainty(found, edges, shape, 0.4, spread))
    alone = corner_uncertainty(found, edges, shape, 0.4, 1e6)
    assert np.mean(predicted) == pytest.approx(np.sqrt(np.mean(errors)), rel=0.2)
    assert np.mean(predicted) < alone


def test_nothing_to_go_by_is_boundless_uncertainty() -> None:
    assert corner_uncertainty(np.eye(3), np.empty((7, 0), np.float32), (240, 320), 0.4, 1.0) > 1e5


def test_gray_values_speak_for_the_homography_that_is_true() -> None:
    image0, image1, truth = moved(texture(180, 240), shift(3, 1))
    edges = edge_samples(image0, np.float32(truth), np.full(image0.shape, 255, np.uint8))
    gray0, gray1 = np.float32(image0), np.float32(image1)
    true, half_off, off = (gray_support(shift(x, 1), edges, gray0, gray1, 0.15) for x in (3, 3.15, 5))
    inside = (edges[2] <= image0.shape[1] - 4) & (edges[3] <= image0.shape[0] - 4)
    assert true == pytest.approx(edges[6, inside].sum(), rel=0.02)
    assert off < 0.3 * true < half_off < 0.9 * true
    brighter = gray_support(shift(3, 1), edges, gray0, gray1 + 10, 0.15)
    assert brighter == pytest.approx(true, rel=1e-3)


def test_edges_near_the_lower_border_count_half() -> None:
    image = texture(192, 192)
    edges = edge_samples(image, np.zeros((2, 192, 192), np.float32), np.full(image.shape, 255, np.uint8))
    low, high = (edges[6, np.abs(edges[1] - middle) < 8].sum() for middle in (176, 80))
    assert low == pytest.approx((0.5 + 0.5 * 16 / 96) * high, rel=0.1)
