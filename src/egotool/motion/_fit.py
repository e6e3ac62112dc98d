"""Homographies that fit samples: candidates by random sampling, then robust refinement."""

import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Homography
from egotool.motion._camera_kernels import flow_equations, photometric_equations, support
from egotool.motion._samples import Samples

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]

DRAWS = 800
"""Random samples of four corners: with half of the corners on the background, 50 of them are pure."""
BEST_DRAWS = 40
CANDIDATES = 4
CANDIDATE_REACH = 1.0
SHARED = 0.8
"""Two candidates are the same motion when they share this part of the supporting corners."""
ALONG_EDGE = 1 / 9
"""How much a squared error along an edge counts against one across it."""


def candidate_homographies(corners: Samples, seed: int) -> list[Homography]:
    """Return up to four homographies, each the best supported one that differs from those before it."""
    draws = np.random.default_rng(seed).choice(
        len(corners), size=(DRAWS, 4), p=corners.weights / corners.weights.sum()
    )
    homographies = through_four_points(corners.points0[draws], corners.points1[draws])
    scores = supports(homographies, corners, reach=CANDIDATE_REACH, along=1.0)
    chosen: list[Homography] = []
    supporters: list[NDArray[np.bool_]] = []
    for index in np.argsort(-scores, kind="stable")[:BEST_DRAWS]:
        near = distances(homographies[index], corners) < CANDIDATE_REACH
        if any((near & other).sum() >= SHARED * min(near.sum(), other.sum()) for other in supporters):
            continue
        chosen.append(homographies[index])
        supporters.append(near)
        if len(chosen) == CANDIDATES:
            break
    return chosen


def through_four_points(points0: Float64Array, points1: Float64Array) -> Float64Array:
    """Return the homographies (K, 3, 3) that take points0 (K, 4, 2) to points1, without degenerate ones."""
    x, y = points0[..., 0], points0[..., 1]
    u, v = points1[..., 0], points1[..., 1]
    matrix = np.zeros((len(points0), 8, 8))
    matrix[:, 0::2, 0], matrix[:, 0::2, 1], matrix[:, 0::2, 2] = x, y, 1
    matrix[:, 1::2, 3], matrix[:, 1::2, 4], matrix[:, 1::2, 5] = x, y, 1
    matrix[:, 0::2, 6], matrix[:, 0::2, 7] = -x * u, -y * u
    matrix[:, 1::2, 6], matrix[:, 1::2, 7] = -x * v, -y * v
    right = np.empty((len(points0), 8, 1))
    right[:, 0::2, 0], right[:, 1::2, 0] = u, v
    sound = np.abs(np.linalg.det(matrix)) > 1.0  # three of the four in a line, or one drawn twice
    entries = np.linalg.solve(matrix[sound], right[sound])[..., 0]
    return np.concatenate([entries, np.ones((len(entries), 1))], axis=1).reshape(-1, 3, 3)


def project(homography: Homography, points: Float64Array) -> Float64Array:
    """Return the points (N, 2) mapped by a homography."""
    mapped = points @ homography[:, :2].T + homography[:, 2]
    result: Float64Array = mapped[:, :2] / mapped[:, 2:]
    return result


def distances(homography: Homography, samples: Samples) -> Float64Array:
    """Return how far (N,) the mapped points of frame t are from where the flow takes them."""
    off = project(homography, samples.points0) - samples.points1
    length: Float64Array = np.hypot(off[:, 0], off[:, 1])
    return length


def supports(homographies: Float64Array, samples: Samples, *, reach: float, along: float) -> Float64Array:
    """Return the weighted support (K,) of homographies (K, 3, 3); see the kernel."""
    scores = np.empty(len(homographies))
    support(
        homographies, samples.points0, samples.points1, samples.normals, samples.weights, reach, along, scores
    )
    return scores


def refine_by_flow(
    homography: Homography, samples: Samples, shape: tuple[int, ...], scales: tuple[float, ...]
) -> Homography:
    """Improve a homography by one robust step per scale (pixels), from coarse to fine."""
    centre, unit = _normalisation(shape)
    matrix, vector = np.empty((8, 8)), np.empty(8)
    for scale in scales:
        flow_equations(
            homography,
            samples.points0,
            samples.points1,
            samples.normals,
            samples.weights,
            scale,
            centre,
            unit,
            matrix,
            vector,
        )
        homography = _changed(homography, matrix, vector, centre, unit)
    return homography


def refine_by_gray_values(
    homography: Homography,
    samples: Samples,
    image0: Float32Array,
    image1: Float32Array,
    scales: tuple[float, ...],
) -> Homography:
    """Improve a homography until image 1 looks like image 0 at the samples; one robust step per scale.

    image0, image1: (H, W, 4): gray, d/dx, d/dy, unused. Samples whose flow contradicts the first homography
    by pixels keep a low weight: they are hands. The flow is smooth, and so a little wrong near edges; gray
    values are not. An exposure change (offset and gain) is estimated along.
    """
    centre, unit = _normalisation(image0.shape)
    doubt = 1 + (distances(homography, samples) / 1.5) ** 2
    weights = samples.weights / doubt**2
    matrix, vector, residuals = np.empty((10, 10)), np.empty(10), np.empty(len(samples))
    offset = 0.0
    for number, scale in enumerate((1e6, *scales)):  # the first pass only measures the offset
        photometric_equations(
            homography,
            image0,
            image1,
            samples.points0,
            weights,
            scale,
            offset,
            centre,
            unit,
            matrix,
            vector,
            residuals,
        )
        if number:
            homography = _changed(homography, matrix, vector, centre, unit)
        seen = residuals[(residuals < 1e8) & (weights > 0.2 * samples.weights)]
        offset = float(np.median(seen)) if len(seen) else 0.0
    return homography


def _normalisation(shape: tuple[int, ...]) -> tuple[Float64Array, float]:
    """Return centre and unit of the normalised coordinates of a picture."""
    height, width = shape[:2]
    return np.array([(width - 1) / 2, (height - 1) / 2]), width / 2


def _changed(
    homography: Homography, matrix: Float64Array, vector: Float64Array, centre: Float64Array, unit: float
) -> Homography:
    """Return T⁻¹ (I + D) T H, D the solution of the normal equations (nothing where they say nothing)."""
    ridge = 1e-9 * float(np.trace(matrix)) + 1e-12
    solution = np.linalg.solve(matrix + ridge * np.eye(len(vector)), vector)
    change = np.eye(3)
    change.flat[:8] += solution[:8]
    normalise = np.array([[1 / unit, 0, -centre[0] / unit], [0, 1 / unit, -centre[1] / unit], [0, 0, 1]])
    back = np.array([[unit, 0, centre[0]], [0, unit, centre[1]], [0, 0, 1]])
    result = np.asarray(back @ change @ normalise @ homography, np.float64)
    result /= result[2, 2]
    return result
