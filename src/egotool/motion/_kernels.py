"""The innermost loops of TV-L1, compiled by numba.

All per-pixel fields of a level live in one flat float32 buffer, packed row by row:

```text
    fields[((y + 1) * FIELDS + field) * stride + PAD + x]

              PAD            w               rest of the stride
    row -1   |....|U  ------------------- ..|     never written: stays 0
             |....|V  ------------------- ..|
             |      ...                     |
    row 0    |....|U  x=0 x=1 ... x=w-1   w |     column w of U, V repeats column w-1
             |....|V                        |     column -1 of the duals stays 0
             |....|PXU ...  eight more      |
    row 1    |....|U                        |
      :                                           row h of U, V repeats row h-1
```

The ten values of a pixel's neighbourhood lie close together, and one base pointer with offsets known at
compile time reaches all of them: that lets LLVM vectorise the loops without overlap checks. So the row
stride is a compile-time constant, and there is one set of kernels per width class. Border rules come from
the padding, not from branches: zero duals outside make the divergence right at the border, and repeated flow
makes the forward difference there zero.
"""

import functools
import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float32Array = NDArray[np.float32]

f4 = np.float32

# Flow, dual variables of U and of V, data term (gradient, its inverse square, residual).
FIELDS: Final = 10
U, V, PXU, PYU, PXV, PYV, GX, GY, INVERSE, RHO = range(FIELDS)
PAD: Final = 16


Positions = Callable[[Float32Array, int, int, Float32Array, Float32Array], None]
Linearise = Callable[
    [Float32Array, int, int, Float32Array, Float32Array, Float32Array, Float32Array, np.float32], None
]
Solve = Callable[
    [Float32Array, int, int, int, int, np.float32, np.float32, np.float32, np.float32], tuple[int, float]
]


class Kernels(NamedTuple):
    """The compiled functions for one row stride."""

    stride: int
    positions: Positions
    linearise: Linearise
    solve: Solve


def row_stride(width: int) -> int:
    """Return the stride of a width class: 272, 528, 1040, …

    A cache line more than a power of two, so that the fields of a pixel do not fall into one cache set.
    """
    stride = 256
    while stride + 16 < width + PAD + 1:
        stride *= 2
    return stride + 16


@functools.cache
def kernels_for(stride: int) -> Kernels:
    """Return the kernels for rows of `stride` values (see `row_stride`); compiled on their first call."""
    packed = FIELDS * stride  # one row of all fields
    at = tuple(field * stride + PAD for field in range(FIELDS))
    return Kernels(stride, _positions(packed, *at), _linearise(packed, *at), _solve(packed, *at))


def _positions(packed: int, u: int, v: int, *_others: int) -> Positions:
    def positions(fields, h, w, map_x, map_y):  # type: ignore[no-untyped-def]
        """Where image 1 has to be sampled: x + flow, clamped to the picture."""
        x_last = f4(w - 1)
        y_last = f4(h - 1)
        for y in range(h):
            row = fields[(y + 1) * packed : (y + 2) * packed]
            row_x = map_x[y]
            row_y = map_y[y]
            for x in range(w):
                row_x[x] = min(max(f4(x) + row[u + x], f4(0)), x_last)
                row_y[x] = min(max(f4(y) + row[v + x], f4(0)), y_last)

    return compiled(positions)


def _linearise(
    packed: int,
    u: int,
    v: int,
    _pxu: int,
    _pyu: int,
    _pxv: int,
    _pyv: int,
    gx: int,
    gy: int,
    inverse: int,
    rho: int,
) -> Linearise:
    def linearise(fields, h, w, map_x, map_y, image0, warped1, blend):  # type: ignore[no-untyped-def]
        """Data term around the current flow: residual(u, v) = RHO + GX u + GY v.

        image0 and warped1 (image 1 sampled at the maps) are flat (h, w, 4): gray, d/dx, d/dy, unused. The
        gradient is (1 - blend) · that of warped1 + blend · that of image0. Pixels that point out of the
        picture get a zero gradient, which switches their data term off.
        """
        one = f4(1)
        for y in range(h):
            row = fields[(y + 1) * packed : (y + 2) * packed]
            row_x = map_x[y]
            row_y = map_y[y]
            a = image0[y * 4 * w : (y + 1) * 4 * w]
            b = warped1[y * 4 * w : (y + 1) * 4 * w]
            for x in range(w):
                flow_u = row[u + x]
                flow_v = row[v + x]
                unclamped = (row_x[x] == f4(x) + flow_u) & (row_y[x] == f4(y) + flow_v)
                inside = one if unclamped else f4(0)
                dx = (b[4 * x + 1] + blend * (a[4 * x + 1] - b[4 * x + 1])) * inside
                dy = (b[4 * x + 2] + blend * (a[4 * x + 2] - b[4 * x + 2])) * inside
                squared = dx * dx + dy * dy
                row[gx + x] = dx
                row[gy + x] = dy
                row[inverse + x] = one / squared if squared > f4(1.2e-7) else f4(0)
                row[rho + x] = b[4 * x] - a[4 * x] - dx * flow_u - dy * flow_v

    return compiled(linearise)


def _solve(
    packed: int,
    u: int,
    v: int,
    pxu: int,
    pyu: int,
    pxv: int,
    pyv: int,
    gx: int,
    gy: int,
    inverse: int,
    rho: int,
) -> Solve:
    def solve(fields, h, w, iterations, sweep, tolerance, bound, coupling, step):  # type: ignore[no-untyped-def]
        """Do up to `iterations` primal-dual iterations, `sweep` of them per pass over the rows.

        Per iteration and pixel (data term thresholded at bound = lambda theta; step = tau / theta):

            (u, v) += clamp(-residual / |g|², ±bound) g + theta div p     primal, needs p of this pixel,
                                                                          the left one and the upper one
            p = (p + step grad u) / (1 + step |grad u|)                   dual, needs u of this pixel,
                                                                          the right one and the lower one

        A skewed pass does iteration t on row s - t, t = 0 … sweep - 1, and right after the primal step of a
        row the dual step of the row above, which by then has its lower neighbour:

            row      s = 5    s = 6         P3: primal step of iteration 3
            2        P3 D3    .             D3: dual step of iteration 3, one row behind
            3        P2       P3
            4        P1       P2            a row is read from memory once per pass, and stays
            5        P0       P1            in the second-level cache meanwhile; the result is
            6        .        P0            that of plain iterations over the whole picture

        Returns the number of iterations done, and the summed squared update of the last one; stops when
        that is at most `tolerance`.
        """
        one = f4(1)
        done = 0
        error = f4(1e30)
        while done < iterations and error > tolerance:
            depth = min(sweep, iterations - done)
            done += depth
            error = f4(0)
            for s in range(h + depth):
                for t in range(max(0, s - h), min(depth, s + 1)):
                    y = s - t
                    r = fields[
                        y * packed : (y + 2) * packed
                    ]  # r[field + x]: row y - 1; r[packed + ...]: row y
                    if y < h:
                        update = f4(0)
                        for x in range(w):
                            a = r[packed + u + x]
                            b = r[packed + v + x]
                            dx = r[packed + gx + x]
                            dy = r[packed + gy + x]
                            residual = r[packed + rho + x] + dx * a + dy * b
                            along = min(max(-residual * r[packed + inverse + x], -bound), bound)
                            div_u = r[packed + pxu + x] - r[packed + pxu - 1 + x]
                            div_u += r[packed + pyu + x] - r[pyu + x]
                            div_v = r[packed + pxv + x] - r[packed + pxv - 1 + x]
                            div_v += r[packed + pyv + x] - r[pyv + x]
                            du = along * dx + coupling * div_u
                            dv = along * dy + coupling * div_v
                            r[packed + u + x] = a + du
                            r[packed + v + x] = b + dv
                            update += du * du + dv * dv
                        if t == depth - 1:
                            error += update
                        r[packed + u + w] = r[packed + u + w - 1]
                        r[packed + v + w] = r[packed + v + w - 1]
                    else:  # below the last row: repeat it
                        for x in range(w):
                            r[packed + u + x] = r[u + x]
                            r[packed + v + x] = r[v + x]
                    if y > 0:  # dual update of row y - 1
                        for x in range(w):
                            a = r[u + x]
                            a_x = r[u + 1 + x] - a
                            a_y = r[packed + u + x] - a
                            b = r[v + x]
                            b_x = r[v + 1 + x] - b
                            b_y = r[packed + v + x] - b
                            norm_a = one / (one + step * math.sqrt(a_x * a_x + a_y * a_y))
                            norm_b = one / (one + step * math.sqrt(b_x * b_x + b_y * b_y))
                            r[pxu + x] = (r[pxu + x] + step * a_x) * norm_a
                            r[pyu + x] = (r[pyu + x] + step * a_y) * norm_a
                            r[pxv + x] = (r[pxv + x] + step * b_x) * norm_b
                            r[pyv + x] = (r[pyv + x] + step * b_y) * norm_b
        return done, error

    return compiled(solve)


@compiled
def gradients(image: Float32Array, out: Float32Array, near: np.float32, far: np.float32) -> None:
    """Write gray, d/dx, d/dy, and nothing, of `image` (h, w) into `out` (h, w, 4).

    Derivative taps (-far, -near, 0, near, far); the border repeats.
    """
    h, w = image.shape
    for y in range(h):
        row = image[y]
        up1 = image[max(y - 1, 0)]
        up2 = image[max(y - 2, 0)]
        down1 = image[min(y + 1, h - 1)]
        down2 = image[min(y + 2, h - 1)]
        for x in range(w):
            across1 = row[min(x + 1, w - 1)] - row[max(x - 1, 0)]
            across2 = row[min(x + 2, w - 1)] - row[max(x - 2, 0)]
            out[y, x, 0] = row[x]
            out[y, x, 1] = near * across1 + far * across2
            out[y, x, 2] = near * (down1[x] - up1[x]) + far * (down2[x] - up2[x])
