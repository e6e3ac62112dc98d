"""The loops of the camera motion's estimation, compiled by numba.

A homography H is improved by a small change D in normalised coordinates n = (point - centre) / unit:
H <- T⁻¹ (I + D) T H with T: point -> n. D has eight free entries, and moves a point n = (x, y) by

```text
    dx = D00 x + D01 y + D02 - x (D20 x + D21 y)
    dy = D10 x + D11 y + D12 - y (D20 x + D21 y)
```

Both refinements are weighted least squares along a direction (a, b) per sample, a dx + b dy = residual; the
kernels sum up the normal equations of that.
"""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float64Array = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@compiled
def support(
    homographies: Float64Array,
    points0: Float64Array,
    points1: Float64Array,
    normals: Float64Array,
    weights: Float64Array,
    reach: float,
    along: float,
    scores: Float64Array,
) -> None:
    """Write into scores (K,) how well each of homographies (K, 3, 3) takes points0 (N, 2) to points1.

    The sum of weight · max(0, 1 - (distance / reach)²), where `along` is the share of the squared distance
    along the edge, that is, perpendicular to the normals, that counts (1: the plain distance).
    """
    for k in range(len(homographies)):
        h = homographies[k]
        total = 0.0
        for i in range(len(points0)):
            x = points0[i, 0]
            y = points0[i, 1]
            depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
            if depth > 1e-6:
                off_x = points1[i, 0] - (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
                off_y = points1[i, 1] - (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
                across = off_x * normals[i, 0] + off_y * normals[i, 1]
                squared = off_x * off_x + off_y * off_y
                squared = along * squared + (1.0 - along) * across * across
                total += weights[i] * max(0.0, 1.0 - squared / (reach * reach))
        scores[k] = total


@compiled
def change_row(x: float, y: float, a: float, b: float, row: Float64Array) -> None:
    """Write the coefficients of D in a dx + b dy at the normalised point (x, y) into row[:8]."""
    row[0] = a * x
    row[1] = a * y
    row[2] = a
    row[3] = b * x
    row[4] = b * y
    row[5] = b
    row[6] = -x * (a * x + b * y)
    row[7] = -y * (a * x + b * y)


@compiled
def add_row(
    row: Float64Array, value: float, weight: float, matrix: Float64Array, vector: Float64Array
) -> None:
    """Add one equation row · change = value to the normal equations."""
    for j in range(len(row)):
        scaled = weight * row[j]
        vector[j] += scaled * value
        for k in range(len(row)):
            matrix[j, k] += scaled * row[k]


@compiled
def flow_equations(
    homography: Float64Array,
    points0: Float64Array,
    points1: Float64Array,
    normals: Float64Array,
    weights: Float64Array,
    scale: float,
    centre: Float64Array,
    unit: float,
    matrix: Float64Array,
    vector: Float64Array,
) -> None:
    """Sum up matrix (8, 8) and vector (8,) of the change that takes points0 closer to points1 along normals.

    Robust weights (Geman and McClure): `scale` pixels across the edge, three times that in all.
    """
    row = np.empty(8)
    matrix[:] = 0.0
    vector[:] = 0.0
    h = homography
    for i in range(len(points0)):
        x = points0[i, 0]
        y = points0[i, 1]
        depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
        if weights[i] <= 0.0 or depth < 1e-6:
            continue
        to_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
        to_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
        off_x = points1[i, 0] - to_x
        off_y = points1[i, 1] - to_y
        a = normals[i, 0]
        b = normals[i, 1]
        across = a * off_x + b * off_y
        near = 1.0 + across * across / (scale * scale)
        near *= 1.0 + (off_x * off_x + off_y * off_y) / (9.0 * scale * scale)
        weight = weights[i] / (near * near)
        change_row((to_x - centre[0]) / unit, (to_y - centre[1]) / unit, a, b, row)
        add_row(row, across / unit, weight, matrix, vector)


@compiled
def sample_image(image: Float32Array, x: float, y: float, channel: int) -> float:
    """Return one channel of image (h, w, channels) at (x, y), which lies inside; bilinear."""
    column = min(int(x), image.shape[1] - 2)
    row = min(int(y), image.shape[0] - 2)
    u = x - column
    v = y - row
    upper = (1 - u) * image[row, column, channel] + u * image[row, column + 1, channel]
    lower = (1 - u) * image[row + 1, column, channel] + u * image[row + 1, column + 1, channel]
    return (1 - v) * upper + v * lower  # type: ignore[no-any-return]


@compiled
def cubic(t: float, before: float, here: float, after: float, beyond: float) -> float:
    """Return the cubic (Catmull-Rom) interpolation between `here` (t = 0) and `after` (t = 1)."""
    slope = 2 * before - 5 * here + 4 * after - beyond
    return here + 0.5 * t * (after - before + t * (slope + t * (3 * (here - after) + beyond - before)))


@compiled
def sample_cubic(image: Float32Array, x: float, y: float) -> float:
    """Return channel 0 of image (h, w, channels) at (x, y), two pixels inside at least; bicubic."""
    column = int(x)
    row = int(y)
    u = x - column
    lines = np.empty(4)
    for k in range(4):
        line = image[row - 1 + k]
        lines[k] = cubic(u, line[column - 1, 0], line[column, 0], line[column + 1, 0], line[column + 2, 0])
    return cubic(y - row, lines[0], lines[1], lines[2], lines[3])


@compiled
def photometric_equations(
    homography: Float64Array,
    image0: Float32Array,
    image1: Float32Array,
    points0: Float64Array,
    weights: Float64Array,
    scale: float,
    offset: float,
    centre: Float64Array,
    unit: float,
    matrix: Float64Array,
    vector: Float64Array,
    residuals: Float64Array,
) -> None:
    """Sum up matrix (10, 10) and vector (10,) of the change that makes image 1 look like image 0 at points0.

    The images are (h, w, 4): gray, d/dx, d/dy, unused. One equation per sample, in pixels across the edge:
    (gray0 - gray1) / |g| = change along g / |g|, plus offset and gain of the exposure as ninth and tenth
    unknown. Robust weights: `scale` pixels, after taking away `offset`, the typical gray difference.
    residuals: receives gray0 - gray1 of every sample (NaN-free; 1e9 where the sample fell outside).
    """
    row = np.empty(10)
    matrix[:] = 0.0
    vector[:] = 0.0
    h = homography
    height, width = image1.shape[:2]
    for i in range(len(points0)):
        residuals[i] = 1e9
        x = points0[i, 0]
        y = points0[i, 1]
        depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
        if weights[i] <= 0.0 or depth < 1e-6:
            continue
        to_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
        to_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
        if to_x < 2 or to_y < 2 or to_x > width - 4 or to_y > height - 4:
            continue
        at_x = int(x)
        at_y = int(y)
        gray1 = sample_cubic(image1, to_x, to_y)
        g_x = 0.5 * (image0[at_y, at_x, 1] + sample_image(image1, to_x, to_y, 1))
        g_y = 0.5 * (image0[at_y, at_x, 2] + sample_image(image1, to_x, to_y, 2))
        length = math.sqrt(g_x * g_x + g_y * g_y) + 1e-3
        difference = image0[at_y, at_x, 0] - gray1
        residuals[i] = difference
        near = 1.0 + ((difference - offset) / (length * scale)) ** 2
        change_row((to_x - centre[0]) / unit, (to_y - centre[1]) / unit, g_x / length, g_y / length, row)
        row[8] = 10.0 / (length * unit)
        row[9] = 0.1 * gray1 / (length * unit)
        add_row(row, difference / (length * unit), weights[i] / (near * near), matrix, vector)
