"""Homographies that fit samples: candidates by random sampling, then robust refinement."""

import functools

import numpy as np
from numpy.typing import NDArray

from egotool.motion import _camera_kernels as kernels
from egotool.motion._arrays import Homography
from egotool.motion._equation_kernels import solve
from egotool.motion._samples import Samples
from egotool.motion._vote_kernels import choose_different, support, through_four_points

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Freedom = Float64Array
"""(8, k): how k free values make the eight entries of a change of a homography; see `_camera_kernels`."""

DRAWS = 800
"""Random samples of four corners: with half of the corners on the background, 50 of them are pure."""
BEST_DRAWS = 40
CANDIDATES = 4
CANDIDATE_REACH = 1.0
SHARED = 0.8
"""Two candidates are the same motion when they share this part of the supporting corners."""
ALONG_EDGE = 1 / 9
"""How much a squared error along an edge counts against one across it."""
DOUBT = 1.5
"""Pixels between flow and homography from which a sample is likely a hand, when gray values are compared."""
_UNBOUNDED = 1e6
ALL_ENTRIES: Freedom = np.eye(8)
"""All eight entries by themselves."""
_HALF_WIDTH_SQUARED = 0.25
TURNING: Freedom = np.array(
    [
        # zoom, roll, turn to the left, turn upwards
        [1, 0, 0, 0],
        [0, -1, 0, 0],
        [0, 0, 1, 0],
        [0, 1, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 0, -_HALF_WIDTH_SQUARED, 0],
        [0, 0, 0, -_HALF_WIDTH_SQUARED],
    ],
    np.float64,
)
"""A camera that only turns about its centre, and zooms. To move the picture by t pixels to the
side it turns by t / f, and so bends it by x² t / f²: f is taken for the width, half of which is the unit."""


def candidate_homographies(corners: Samples, seed: int) -> list[Homography]:
    """Return up to four homographies, each the best supported one that differs from those before it."""
    upto = np.cumsum(corners[6], dtype=np.float64)
    uniform = np.random.default_rng(seed).random((DRAWS, 4)) * upto[-1]
    homographies = np.empty((DRAWS, 3, 3))
    homographies = homographies[: through_four_points(corners, upto, uniform, homographies)]
    scores = supports(homographies, corners, reach=CANDIDATE_REACH, along=1.0)
    order = np.argsort(-scores, kind="stable")[:BEST_DRAWS]
    chosen = np.empty((CANDIDATES, 3, 3))
    return list(chosen[: choose_different(homographies, order, corners, CANDIDATE_REACH, SHARED, chosen)])


def supports(homographies: Float64Array, samples: Samples, *, reach: float, along: float) -> Float64Array:
    """Return the weighted support (K,) of homographies (K, 3, 3); see the kernel."""
    scores = np.zeros(len(homographies))
    support(homographies, samples, reach, along, scores)
    return scores


def project(homography: Homography, points: Float64Array) -> Float64Array:
    """Return the points (N, 2) mapped by a homography."""
    mapped = points @ homography[:, :2].T + homography[:, 2]
    result: Float64Array = mapped[:, :2] / mapped[:, 2:]
    return result


def count_inliers(homography: Homography, samples: Samples, reach: float) -> int:
    """Return how many samples the homography takes to within `reach` pixels of where their flow does."""
    off = project(homography, samples[:2].T.astype(np.float64)) - samples[2:4].T
    return int(np.count_nonzero(np.hypot(off[:, 0], off[:, 1]) <= reach))


def refine_by_flow(
    homography: Homography,
    samples: Samples,
    shape: tuple[int, ...],
    scales: tuple[float, ...],
    *,
    both_ways: bool,
    freedom: Freedom = ALL_ENTRIES,
) -> Homography:
    """Return a homography improved by one robust step per scale (pixels), from coarse to fine.

    both_ways: the flow of the samples counts in all directions, not only along their normals.
    """
    result = homography.copy()
    kernels.refine_by_flow(result, samples, both_ways, freedom, scales, *_normalisation(shape))
    return result


def refine_by_gray_values(
    homography: Homography,
    samples: Samples,
    image0: Float32Array,
    image1: Float32Array,
    scales: tuple[float, ...],
    *,
    freedom: Freedom = ALL_ENTRIES,
) -> Homography:
    """Return a homography improved until image 1 looks like image 0 at the samples; one step per scale.

    image0, image1: (H, W) gray, slightly blurred. Samples whose flow contradicts the first homography
    by pixels keep a low weight: they are hands. The flow is smooth, and so a little wrong near edges; gray
    values are not. An exposure change (offset and gain) is estimated along.
    """
    result = homography.copy()
    kernels.refine_by_gray_values(
        result, samples, freedom, DOUBT, image0, image1, (_UNBOUNDED, *scales), *_normalisation(image0.shape)
    )
    return result


def gray_support(
    homography: Homography, samples: Samples, image0: Float32Array, image1: Float32Array, reach: float
) -> float:
    """Return the weight of the samples at which image 1, shifted by at most `reach` pixels, is image 0.

    The sum of weight / (1 + (distance / reach)²); exposure counts by the median difference.
    """
    return kernels.gray_support(homography, samples, image0, image1, reach)


def corner_uncertainty(
    homography: Homography, edges: Samples, shape: tuple[int, ...], scale: float, spread: float
) -> float:
    """Return the standard error, in pixels, of where a homography takes the frame's corners.

    That is what edges and heads together leave open: see `towards_turning`.
    """
    prior = _beyond_turning(shape[0], shape[1]) / spread**2
    return kernels.corner_uncertainty(
        homography, edges, scale, frame_corners(shape), *_normalisation(shape), prior
    )


def towards_turning(
    homography: Homography,
    turning: Homography,
    edges: Samples,
    shape: tuple[int, ...],
    scale: float,
    spread: float,
) -> Homography:
    """Return the likeliest homography, given what edges and what heads say.

    The edges say `homography`, with the covariance that the normal equations and their scatter give it. A
    head says `turning`, of a camera that only turns and zooms, and beyond: each coordinate of the frame's
    corners strays from where such a camera can take it by `spread` pixels (standard deviation).
    """
    centre, unit = _normalisation(shape)
    matrix = np.empty((8, 8))
    variance = kernels.information(homography, edges, scale, centre, unit, matrix) / unit**2
    if variance <= 0:  # the edges agree to the last digit, or there are none
        return homography
    known = matrix / variance
    normalise = np.array([[1 / unit, 0, -centre[0] / unit], [0, 1 / unit, -centre[1] / unit], [0, 0, 1]])
    change = normalise @ homography @ np.linalg.inv(normalise @ turning)
    entries = known @ ((change / change[2, 2]).ravel()[:8] - np.eye(3).ravel()[:8])
    solve(known + _beyond_turning(shape[0], shape[1]) / spread**2, entries)
    result = turning.copy()
    kernels.change(result, entries, centre, unit)
    return result


@functools.cache
def _beyond_turning(height: int, width: int) -> Float64Array:
    """Return the matrix (8, 8) M for which Dᵀ M D is how far D takes the frame's corners, squared pixels,
    other than `TURNING` can."""
    centre, unit = _normalisation((height, width))
    rows = np.zeros((8, 8))
    for number, (x, y) in enumerate((frame_corners((height, width)) - centre) / unit):
        kernels.change_row(x, y, unit, 0.0, rows[2 * number])
        kernels.change_row(x, y, 0.0, unit, rows[2 * number + 1])
    reached = rows @ TURNING
    beyond: Float64Array = rows - reached @ np.linalg.pinv(reached) @ rows
    return beyond.T @ beyond


def frame_corners(shape: tuple[int, ...]) -> Float64Array:
    """Return the centres of the four corner pixels (4, 2), x and y, clockwise from the upper left."""
    height, width = shape[:2]
    return np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)


def corners_apart(one: Homography, other: Homography, shape: tuple[int, ...]) -> float:
    """Return how far apart, in pixels, two homographies take the frame's corners on average."""
    corners = frame_corners(shape)
    return float(np.hypot(*(project(one, corners) - project(other, corners)).T).mean())


def corner_motion(homography: Homography, shape: tuple[int, ...]) -> float:
    """Return by how many pixels the frame's corners move on average."""
    return corners_apart(homography, np.eye(3), shape)


def plausible(homography: Homography, shape: tuple[int, ...]) -> bool:
    """Whether a head can have moved like this between two frames.

    The frame's corners stay in front of the camera, move by no more than 0.35 of the longer side, and its
    area changes by less than a factor of two.
    """
    height, width = shape
    if not np.isfinite(homography).all():
        return False
    corners = frame_corners(shape)
    depth = corners @ homography[2, :2] + homography[2, 2]
    if depth.min() < 0.5 or depth.max() > 2:
        return False
    moved = project(homography, corners)
    x, y = moved.T
    area = 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    farthest = float(np.hypot(*(moved - corners).T).max())
    ratio = area / max((width - 1) * (height - 1), 1)
    return 0.5 < ratio < 2 and farthest < 0.35 * max(width, height)


def _normalisation(shape: tuple[int, ...]) -> tuple[Float64Array, float]:
    """Return centre and unit of the normalised coordinates of a picture."""
    height, width = shape[:2]
    return np.array([(width - 1) / 2, (height - 1) / 2]), width / 2
