"""The loops that refine a camera motion, compiled by numba.

Samples are columns of (7, N) float32 arrays; see `_sample_kernels`.

A homography H is improved by a small change D in normalised coordinates n = (point - centre) / unit:
H <- T⁻¹ (I + D) T H with T: point -> n. D has eight free entries, and moves a point n = (x, y) by

```text
    dx = D00 x + D01 y + D02 - x (D20 x + D21 y)
    dy = D10 x + D11 y + D12 - y (D20 x + D21 y)
```

Both refinements are weighted least squares along a direction (a, b) per sample, a dx + b dy = residual; the
kernels sum up the normal equations of that, and solve them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._equation_kernels import add_row, solve, solve_within
from egotool.motion._jit import compiled
from egotool.motion._vote_kernels import distance

Float64Array = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@compiled
def change(homography: Float64Array, entries: Float64Array, centre: Float64Array, unit: float) -> None:
    """Replace H by T⁻¹ (I + D) T H, D given by its first eight entries."""
    inner, outer = np.empty((3, 3)), np.empty((3, 3))
    for j in range(3):  # T H, then (I + D) T H
        inner[0, j] = (homography[0, j] - centre[0] * homography[2, j]) / unit
        inner[1, j] = (homography[1, j] - centre[1] * homography[2, j]) / unit
        inner[2, j] = homography[2, j]
    for j in range(3):
        a, b, c = inner[0, j], inner[1, j], inner[2, j]
        outer[0, j] = a + entries[0] * a + entries[1] * b + entries[2] * c
        outer[1, j] = b + entries[3] * a + entries[4] * b + entries[5] * c
        outer[2, j] = c + entries[6] * a + entries[7] * b
    for j in range(3):
        homography[0, j] = (unit * outer[0, j] + centre[0] * outer[2, j]) / outer[2, 2]
        homography[1, j] = (unit * outer[1, j] + centre[1] * outer[2, j]) / outer[2, 2]
    corner = outer[2, 2]
    for j in range(3):
        homography[2, j] = outer[2, j] / corner


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
def refine_by_flow(
    homography: Float64Array,
    samples: Float32Array,
    both_ways: bool,
    freedom: Float64Array,
    scales: tuple[float, ...],
    centre: Float64Array,
    unit: float,
) -> None:
    """Improve a homography (3, 3), in place, by one robust step per scale (pixels).

    A step takes the samples closer to where their flow does, by a change within `freedom`, along their
    normals, or also across if `both_ways`. Robust weights (Geman and McClure): `scale` pixels along the
    normal, three times that in all.
    """
    row, matrix, vector = np.empty(8), np.empty((8, 8)), np.empty(8)
    h = homography
    for scale in scales:
        matrix[:] = 0.0
        vector[:] = 0.0
        narrow = 1.0 / (scale * scale)
        wide = 1.0 / (9.0 * scale * scale)
        for i in range(samples.shape[1]):
            x = float(samples[0, i])
            y = float(samples[1, i])
            depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
            if depth < 1e-6:
                continue
            to_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
            to_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
            off_x = samples[2, i] - to_x
            off_y = samples[3, i] - to_y
            far = 1.0 + wide * (off_x * off_x + off_y * off_y)
            a = float(samples[4, i])
            b = float(samples[5, i])
            for _ in range(2 if both_ways else 1):
                across = a * off_x + b * off_y
                near = far * (1.0 + narrow * across * across)
                change_row((to_x - centre[0]) / unit, (to_y - centre[1]) / unit, a, b, row)
                add_row(row, across / unit, samples[6, i] / (near * near), matrix, vector)
                a, b = -b, a
        solve_within(freedom, matrix, vector)
        change(homography, vector, centre, unit)


@compiled
def information(
    homography: Float64Array,
    samples: Float32Array,
    scale: float,
    centre: Float64Array,
    unit: float,
    matrix: Float64Array,
) -> float:
    """Write into `matrix` (8, 8) the normal equations of changes D of a homography; return the variance.

    The equations are those of a robust step of `refine_by_flow`; the variance, in square pixels, is the
    scatter of the samples that support the homography: sum of weight · residual² / sum of weight; 0 if none
    does. Both together say how well D is known: its covariance is variance / unit² times the inverse of the
    matrix. The weights of a cell of the frame add up to one, since its samples err together: so as many
    independent measurements count as there are cells with samples that agree.
    """
    row, unused = np.empty(8), np.zeros(8)
    h = homography
    total, scatter = 0.0, 0.0
    matrix[:] = 0.0
    for i in range(samples.shape[1]):
        x = float(samples[0, i])
        y = float(samples[1, i])
        depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
        if depth < 1e-6:
            continue
        to_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
        to_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
        a, b = float(samples[4, i]), float(samples[5, i])
        across = a * (samples[2, i] - to_x) + b * (samples[3, i] - to_y)
        near = 1.0 + (across / scale) ** 2
        weight = samples[6, i] / (near * near)
        total += weight
        scatter += weight * across * across
        change_row((to_x - centre[0]) / unit, (to_y - centre[1]) / unit, a, b, row)
        add_row(row, 0.0, weight, matrix, unused)
    return scatter / total if total > 0.0 else 0.0


@compiled
def corner_uncertainty(
    homography: Float64Array,
    samples: Float32Array,
    scale: float,
    corners: Float64Array,
    centre: Float64Array,
    unit: float,
    prior: Float64Array,
) -> float:
    """Return the standard error, in pixels, of where a homography takes the corners (4, 2) of the frame.

    prior: (8, 8), the inverse of the covariance that changes of the homography have beforehand.
    """
    row, matrix, working = np.empty(8), np.empty((8, 8)), np.empty((8, 8))
    scatter = information(homography, samples, scale, centre, unit, matrix)
    if not matrix.any():
        return 1e6
    matrix += prior * (scatter / unit**2)
    variance = 0.0
    for corner in corners:
        for axis in range(2):
            x, y = (corner[0] - centre[0]) / unit, (corner[1] - centre[1]) / unit
            change_row(x, y, 1.0 - axis, float(axis), row)
            solution = row.copy()
            working[:] = matrix
            solve(working, solution)
            for j in range(8):
                variance += row[j] * solution[j]
    return math.sqrt(variance / len(corners) * scatter)


@compiled
def sample_linear(image: Float32Array, x: float, y: float) -> float:
    """Return the image (h, w) at (x, y), a pixel inside at least; bilinear."""
    column = int(x)
    row = int(y)
    u = x - column
    v = y - row
    upper = (1 - u) * image[row, column] + u * image[row, column + 1]
    lower = (1 - u) * image[row + 1, column] + u * image[row + 1, column + 1]
    return (1 - v) * upper + v * lower  # type: ignore[no-any-return]


@compiled
def cubic(t: float, before: float, here: float, after: float, beyond: float) -> float:
    """Return the cubic (Catmull-Rom) interpolation between `here` (t = 0) and `after` (t = 1)."""
    slope = 2 * before - 5 * here + 4 * after - beyond
    return here + 0.5 * t * (after - before + t * (slope + t * (3 * (here - after) + beyond - before)))


@compiled
def sample_cubic(image: Float32Array, x: float, y: float) -> float:
    """Return the image (h, w) at (x, y), two pixels inside at least; bicubic."""
    c = int(x)
    row = int(y)
    u = x - c
    a, b, d, e = image[row - 1], image[row], image[row + 1], image[row + 2]
    return cubic(
        y - row,
        cubic(u, a[c - 1], a[c], a[c + 1], a[c + 2]),
        cubic(u, b[c - 1], b[c], b[c + 1], b[c + 2]),
        cubic(u, d[c - 1], d[c], d[c + 1], d[c + 2]),
        cubic(u, e[c - 1], e[c], e[c + 1], e[c + 2]),
    )


@compiled
def derivative(image: Float32Array, x: float, y: float, right: int, down: int) -> float:
    """Return the derivative of the image to the right or downwards, by five points, three pixels inside."""
    near = sample_linear(image, x + right, y + down) - sample_linear(image, x - right, y - down)
    far = sample_linear(image, x + 2 * right, y + 2 * down) - sample_linear(
        image, x - 2 * right, y - 2 * down
    )
    return (8 * near - far) / 12


@compiled
def inside(h: Float64Array, x: float, y: float, height: int, width: int) -> tuple[bool, float, float]:
    """Return whether a homography takes (x, y) to three pixels inside the picture, and where."""
    depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
    to_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
    to_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
    fits = depth > 1e-6 and to_x >= 3 and to_y >= 3 and to_x <= width - 4 and to_y <= height - 4
    return fits, to_x, to_y


@compiled
def slopes(
    homography: Float64Array,
    samples: Float32Array,
    doubt: float,
    image0: Float32Array,
    image1: Float32Array,
    out: Float64Array,
) -> None:
    """Write gradient (x, y; its mean over both pictures) and weight of every sample into out (3, N).

    A sample whose flow contradicts the homography by more than `doubt` pixels weighs less; one that lies
    outside nothing.
    """
    height, width = image1.shape
    for i in range(samples.shape[1]):
        x, y = float(samples[0, i]), float(samples[1, i])
        fits, to_x, to_y = inside(homography, x, y, height, width)
        out[2, i] = 0.0
        if fits:
            doubtful = 1.0 + (distance(homography, samples, i) / doubt) ** 2
            out[0, i] = 0.5 * (derivative(image0, x, y, 1, 0) + derivative(image1, to_x, to_y, 1, 0))
            out[1, i] = 0.5 * (derivative(image0, x, y, 0, 1) + derivative(image1, to_x, to_y, 0, 1))
            out[2, i] = 1.0 / (doubtful * doubtful)


@compiled
def refine_by_gray_values(
    homography: Float64Array,
    samples: Float32Array,
    freedom: Float64Array,
    doubt: float,
    image0: Float32Array,
    image1: Float32Array,
    scales: tuple[float, ...],
    centre: Float64Array,
    unit: float,
) -> None:
    """Improve a homography (3, 3), in place, until image 1 looks like image 0 at the samples.

    One robust step per scale (pixels), by a change within `freedom`; the first of `scales` only measures the
    typical gray difference. The images are gray (h, w). One equation per sample, in pixels across the edge, g
    being its gradient: (gray0 - gray1) / |g| = change along g / |g|, plus offset and gain of the exposure as
    ninth and tenth unknown. Samples whose flow contradicts the first homography, by more than `doubt` pixels,
    weigh less.
    """
    number = samples.shape[1]
    height, width = image1.shape
    row, matrix, vector = np.empty(10), np.empty((10, 10)), np.empty(10)
    gradients, differences = np.empty((3, number)), np.empty(number)
    slopes(homography, samples, doubt, image0, image1, gradients)
    offset = 0.0
    for step, scale in enumerate(scales):
        matrix[:] = 0.0
        vector[:] = 0.0
        seen = 0
        for i in range(number):
            x, y = float(samples[0, i]), float(samples[1, i])
            fits, to_x, to_y = inside(homography, x, y, height, width)
            if not fits or gradients[2, i] == 0.0:
                continue
            gray1 = sample_cubic(image1, to_x, to_y)
            difference = image0[int(y), int(x)] - gray1
            if gradients[2, i] > 0.2:
                differences[seen] = difference
                seen += 1
            if step == 0:
                continue
            g_x, g_y = gradients[0, i], gradients[1, i]
            length = math.sqrt(g_x * g_x + g_y * g_y) + 1e-3
            near = 1.0 + ((difference - offset) / (length * scale)) ** 2
            change_row((to_x - centre[0]) / unit, (to_y - centre[1]) / unit, g_x / length, g_y / length, row)
            row[8] = 10.0 / (length * unit)
            row[9] = 0.1 * gray1 / (length * unit)
            weight = samples[6, i] * gradients[2, i] / (near * near)
            add_row(row, difference / (length * unit), weight, matrix, vector)
        offset = np.median(differences[:seen]) if seen else 0.0
        if step:
            solve_within(freedom, matrix, vector)
            change(homography, vector, centre, unit)


@compiled
def gray_support(
    homography: Float64Array, samples: Float32Array, image0: Float32Array, image1: Float32Array, reach: float
) -> float:
    """Return the summed weight / (1 + (distance / reach)²) of the samples, whose distance is by gray values.

    That is the gray difference, less its median over all samples, over the gradient of image 0. What lies
    outside of image 1 (h, w) counts nothing.
    """
    number = samples.shape[1]
    height, width = image1.shape
    differences, lengths, weights = np.empty(number), np.empty(number), np.empty(number)
    seen = 0
    for i in range(number):
        x, y = float(samples[0, i]), float(samples[1, i])
        fits, to_x, to_y = inside(homography, x, y, height, width)
        if not fits:
            continue
        g_x, g_y = derivative(image0, x, y, 1, 0), derivative(image0, x, y, 0, 1)
        differences[seen] = image0[int(y), int(x)] - sample_cubic(image1, to_x, to_y)
        lengths[seen] = math.sqrt(g_x * g_x + g_y * g_y) + 1e-3
        weights[seen] = samples[6, i]
        seen += 1
    offset = np.median(differences[:seen]) if seen else 0.0
    total = 0.0
    for i in range(seen):
        total += weights[i] / (1.0 + ((differences[i] - offset) / (lengths[i] * reach)) ** 2)
    return total
