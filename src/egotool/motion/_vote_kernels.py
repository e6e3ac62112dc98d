"""The loops that find candidates for the camera's motion and count their votes, compiled by numba.

Samples are columns of (7, N) float32 arrays; see `_sample_kernels`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float64Array = NDArray[np.float64]
Float32Array = NDArray[np.float32]
Int64Array = NDArray[np.int64]

f4 = np.float32

SMALLEST_TRIANGLE = 20.0
"""Twice the area, in square pixels, that any three of four drawn corners span at least."""


@compiled
def basis(points: Float32Array, four: Int64Array, matrix: Float64Array) -> bool:
    """Write the matrix that takes (1,0,0), (0,1,0), (0,0,1), (1,1,1) to four points; False if degenerate.

    points: (2, N); four: which of them. Its columns are the first three points (x, y, 1) times the factors
    with which they add up to the fourth.
    """
    x0, x1 = float(points[0, four[0]]), float(points[0, four[1]])
    x2, x3 = float(points[0, four[2]]), float(points[0, four[3]])
    y0, y1 = float(points[1, four[0]]), float(points[1, four[1]])
    y2, y3 = float(points[1, four[2]]), float(points[1, four[3]])
    whole = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    first = (x1 - x3) * (y2 - y3) - (x2 - x3) * (y1 - y3)
    second = (x2 - x3) * (y0 - y3) - (x0 - x3) * (y2 - y3)
    third = (x0 - x3) * (y1 - y3) - (x1 - x3) * (y0 - y3)
    if min(min(abs(whole), abs(first)), min(abs(second), abs(third))) < SMALLEST_TRIANGLE:
        return False
    for column, factor, x, y in (
        (0, first / whole, x0, y0),
        (1, second / whole, x1, y1),
        (2, third / whole, x2, y2),
    ):
        matrix[0, column] = factor * x
        matrix[1, column] = factor * y
        matrix[2, column] = factor
    return True


@compiled
def multiply(a: Float64Array, b: Float64Array, out: Float64Array) -> None:
    """Write the product of two 3×3 matrices into a third."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]


@compiled
def adjugate(a: Float64Array, out: Float64Array) -> None:
    """Write the inverse of a 3×3 matrix, times its determinant."""
    for i in range(3):
        for j in range(3):
            p, q, r, s = (j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3
            out[i, j] = a[p, r] * a[q, s] - a[p, s] * a[q, r]


@compiled
def through_four_points(
    samples: Float32Array, upto: Float64Array, draws: Float64Array, homographies: Float64Array
) -> int:
    """Write the homographies that take four samples each to where their flow does; return how many.

    draws: (K, 4) values from 0 to the last of `upto`, the summed weights of the samples: each value stands
    for the sample in whose weight it falls. Draws with three in a line, or one sample twice, give none.
    """
    four = np.empty(4, np.int64)
    before, after, inverse = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    count = 0
    for draw in draws:
        for j in range(4):
            four[j] = min(np.searchsorted(upto, draw[j], side="right"), len(upto) - 1)
        if not (basis(samples[0:2], four, before) and basis(samples[2:4], four, after)):
            continue
        adjugate(before, inverse)
        target = homographies[count]
        multiply(after, inverse, target)
        corner = target[2, 2]
        if abs(corner) < 1e-12:
            continue
        for i in range(3):
            for j in range(3):
                target[i, j] /= corner
        count += 1
    return count


@compiled
def support(
    homographies: Float64Array, samples: Float32Array, reach: float, along: float, scores: Float64Array
) -> None:
    """Add to scores (K,) how well each of homographies (K, 3, 3) takes the samples where their flow does.

    The sum of weight · max(0, 1 - (distance / reach)²), where `along` is the share of the squared distance
    along the edge, that is, perpendicular to the normals, that counts (1: the plain distance).
    """
    one = f4(1)
    share = f4(along)
    strictness = f4(1 / (reach * reach))
    x0, y0, x1, y1 = samples[0], samples[1], samples[2], samples[3]
    normal_x, normal_y, weight = samples[4], samples[5], samples[6]
    for k in range(len(homographies)):
        h = homographies[k]
        h00, h01, h02 = f4(h[0, 0]), f4(h[0, 1]), f4(h[0, 2])
        h10, h11, h12 = f4(h[1, 0]), f4(h[1, 1]), f4(h[1, 2])
        h20, h21, h22 = f4(h[2, 0]), f4(h[2, 1]), f4(h[2, 2])
        total = f4(0)
        for i in range(samples.shape[1]):
            # what lies behind the camera lands far away, and does not vote
            inverse = one / max(h20 * x0[i] + h21 * y0[i] + h22, f4(1e-6))
            off_x = x1[i] - (h00 * x0[i] + h01 * y0[i] + h02) * inverse
            off_y = y1[i] - (h10 * x0[i] + h11 * y0[i] + h12) * inverse
            across = off_x * normal_x[i] + off_y * normal_y[i]
            squared = share * (off_x * off_x + off_y * off_y) + (one - share) * across * across
            total += weight[i] * max(f4(0), one - squared * strictness)
        scores[k] += total


@compiled
def distance(h: Float64Array, samples: Float32Array, i: int) -> float:
    """Return how far the homography takes sample i from where its flow does (1e9 behind the camera)."""
    x, y = samples[0, i], samples[1, i]
    depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
    if depth < 1e-6:
        return 1e9
    off_x = samples[2, i] - (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
    off_y = samples[3, i] - (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
    return math.sqrt(off_x * off_x + off_y * off_y)


@compiled
def choose_different(
    homographies: Float64Array,
    order: Int64Array,
    samples: Float32Array,
    reach: float,
    shared: float,
    chosen: Float64Array,
) -> int:
    """Fill chosen (C, 3, 3) with the first homographies, in `order`, that are different motions.

    Two are the same motion when they share a part `shared` of the samples within `reach` of the one that has
    fewer. Returns how many were chosen.
    """
    number = samples.shape[1]
    near = np.empty((len(chosen) + 1, number), np.uint8)
    sizes = np.zeros(len(chosen) + 1, np.int64)
    count = 0
    for index in order:
        sizes[count] = 0
        for i in range(number):
            near[count, i] = distance(homographies[index], samples, i) < reach
            sizes[count] += near[count, i]
        new = True
        for other in range(count):
            both = 0
            for i in range(number):
                both += near[count, i] & near[other, i]
            if both >= shared * min(sizes[count], sizes[other]):
                new = False
                break
        if new:
            chosen[count] = homographies[index]
            count += 1
            if count == len(chosen):
                break
    return count
