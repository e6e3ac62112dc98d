"""The innermost loops of TV-L1, compiled by numba.

All per-pixel fields of a level live in one flat float32 buffer, packed row by row:

```text
    fields[((y + 1) * FIELDS + field) * stride + PAD + x]

              PAD            w               rest of the stride
    row -1   |....|U  ------------------- ..|     stays 0
             |....|V  ------------------- ..|
             |      ...                     |
    row 0    |....|U  x=0 x=1 ... x=w-1   w |     column w of U, V repeats column w-1
             |....|V                        |     column -1 of the duals stays 0
             |....|PXU ...  nine more       |
    row 1    |....|U                        |
      :
    row h    |....|U  ------------------- ..|     U, V repeat row h-1; the rest is 0
```

The eleven values of a pixel's neighbourhood lie close together, and one base pointer with offsets known at
compile time reaches all of them: that lets LLVM vectorise the loops without overlap checks. So the row
stride is a compile-time constant, and there is one set of kernels per width class. Border rules come from
the padding, not from branches: zero duals outside make the divergence right at the border, and repeated flow
makes the forward difference there zero.

Duals are stored times theta (the coupling), so that their divergence adds to the flow as it is.
"""

import functools
import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from egotool.motion._edge_kernels import Limits, limits_kernel
from egotool.motion._jit import compiled, inlined
from egotool.motion._median_kernels import Median, median_kernel

Float32Array = NDArray[np.float32]

f4 = np.float32

# Flow, dual variables of U and of V, data term (gradient, its inverse square, residual), longest dual.
FIELDS: Final = 11
U, V, PXU, PYU, PXV, PYV, GX, GY, INVERSE, RHO, LIMIT = range(FIELDS)
PAD: Final = 16


Positions = Callable[[Float32Array, int, int, Float32Array, Float32Array], None]
LineariseSampled = Callable[
    [Float32Array, int, int, Float32Array, Float32Array, Float32Array, Float32Array], None
]
LineariseMean = Callable[
    [
        Float32Array, int, int, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array,
        np.float32, np.float32,
    ],
    None,
]  # fmt: skip
Solve = Callable[
    [Float32Array, int, int, int, int, bool, np.float32, np.float32, np.float32, np.float32, np.float32],
    tuple[int, float],
]


class Kernels(NamedTuple):
    """The compiled functions for one row stride."""

    stride: int
    positions: Positions
    linearise_sampled: LineariseSampled
    linearise_mean: LineariseMean
    solve_joint: Solve
    solve_resting: Solve
    solve_separate: Solve
    limits: Limits
    median: Median


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
    return Kernels(
        stride,
        _positions(stride),
        _linearise_sampled(stride),
        _linearise_mean(stride),
        _solve(stride, joint=True, resting=False),
        _solve(stride, joint=True, resting=True),
        _solve(stride, joint=False, resting=False),
        limits_kernel(FIELDS * stride, LIMIT * stride + PAD),
        median_kernel(FIELDS * stride, (U * stride + PAD, V * stride + PAD)),
    )


@inlined
def _places(stride: int) -> tuple[int, int, int, int, int, int, int, int, int, int]:
    """Where the fields of pixel x = 0 are in a packed row."""
    return (
        U * stride + PAD,
        V * stride + PAD,
        PXU * stride + PAD,
        PYU * stride + PAD,
        PXV * stride + PAD,
        PYV * stride + PAD,
        GX * stride + PAD,
        GY * stride + PAD,
        INVERSE * stride + PAD,
        RHO * stride + PAD,
    )


def _positions(stride: int) -> Positions:
    def positions(fields, h, w, map_x, map_y):  # type: ignore[no-untyped-def]
        """Where image 1 has to be sampled: x + flow, clamped to the picture."""
        u, v = U * stride + PAD, V * stride + PAD
        packed = FIELDS * stride
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


def _linearise_sampled(stride: int) -> LineariseSampled:
    def linearise_sampled(fields, h, w, map_x, map_y, image0, warped1):  # type: ignore[no-untyped-def]
        """Data term around the current flow: residual(u, v) = RHO + GX u + GY v.

        image0 is flat (h, w) gray; warped1 is image 1 sampled at the maps, flat (h, w, 3): gray, d/dx, d/dy.
        Pixels that point out of the picture get a zero gradient, which switches their data term off.
        """
        u, v, _, _, _, _, gx, gy, inverse, rho = _places(stride)
        packed = FIELDS * stride
        one = f4(1)
        for y in range(h):
            row = fields[(y + 1) * packed : (y + 2) * packed]
            row_x = map_x[y]
            row_y = map_y[y]
            a = image0[y * w : (y + 1) * w]
            b = warped1[y * 3 * w : (y + 1) * 3 * w]
            for x in range(w):
                flow_u = row[u + x]
                flow_v = row[v + x]
                unclamped = (row_x[x] == f4(x) + flow_u) & (row_y[x] == f4(y) + flow_v)
                inside = one if unclamped else f4(0)
                dx = b[3 * x + 1] * inside
                dy = b[3 * x + 2] * inside
                squared = dx * dx + dy * dy
                row[gx + x] = dx
                row[gy + x] = dy
                row[inverse + x] = one / squared if squared > f4(1.2e-7) else f4(0)
                row[rho + x] = b[3 * x] - a[x] - dx * flow_u - dy * flow_v

    return compiled(linearise_sampled)


def _linearise_mean(stride: int) -> LineariseMean:
    def linearise_mean(  # type: ignore[no-untyped-def]
        fields, h, w, map_x, map_y, image0, warped1, mean, near, far
    ):
        """Write the data term like `linearise_sampled`, with the gradient of (image 0 + warped image 1) / 2.

        Half of the flow's error at an edge is in either picture, so the gradient between them is the better
        one; and one picture has to be sampled instead of three. image0 and warped1 are (h, w) gray, mean is
        room for (h + 4, w + 4); derivative taps (-far, -near, 0, near, far), the border repeats.
        """
        u, v, _, _, _, _, gx, gy, inverse, rho = _places(stride)
        packed = FIELDS * stride
        one = f4(1)
        for y in range(h):
            middle = mean[y + 2]
            a = image0[y]
            b = warped1[y]
            for x in range(w):
                middle[x + 2] = f4(0.5) * (a[x] + b[x])
            middle[:2] = middle[2]
            middle[w + 2 :] = middle[w + 1]
        mean[:2] = mean[2]
        mean[h + 2 :] = mean[h + 1]
        for y in range(h):
            row = fields[(y + 1) * packed : (y + 2) * packed]
            row_x = map_x[y]
            row_y = map_y[y]
            a = image0[y]
            b = warped1[y]
            up2, up1, middle, down1, down2 = mean[y], mean[y + 1], mean[y + 2], mean[y + 3], mean[y + 4]
            for x in range(w):
                flow_u = row[u + x]
                flow_v = row[v + x]
                unclamped = (row_x[x] == f4(x) + flow_u) & (row_y[x] == f4(y) + flow_v)
                inside = one if unclamped else f4(0)
                dx = (near * (middle[x + 3] - middle[x + 1]) + far * (middle[x + 4] - middle[x])) * inside
                dy = (near * (down1[x + 2] - up1[x + 2]) + far * (down2[x + 2] - up2[x + 2])) * inside
                squared = dx * dx + dy * dy
                row[gx + x] = dx
                row[gy + x] = dy
                row[inverse + x] = one / squared if squared > f4(1.2e-7) else f4(0)
                row[rho + x] = b[x] - a[x] - dx * flow_u - dy * flow_v

    return compiled(linearise_mean)


def _solve(stride: int, *, joint: bool, resting: bool) -> Solve:
    def solve(  # type: ignore[no-untyped-def]
        fields, h, w, iterations, sweep, test_each, tolerance, bound, coupling, step, rest
    ):
        """Do up to `iterations` primal-dual iterations, up to `sweep` of them per pass over the rows.

        An iteration is, for every pixel (bound = lambda theta, step = tau, rest = mu theta):

            (u, v) += clamp(-residual / |g|², ±bound) g + div p           primal, needs p of this pixel,
                                                                          the left one and the upper one
            (u, v) -= clamp((u, v), ±rest)                                only if `resting`
            p = projection of (p + step grad u)                           dual, needs u of this pixel,
                                                                          the right one and the lower one

        so the dual step of a row can follow in the same loop as the primal step of the row below: one walk
        does P on row y and D on row y - 1. A skewed pass does iteration t on row s - t, t = 0 … sweep - 1:

            row      s = 5    s = 6         P3, D3: primal and dual step of iteration 3
            1        D3       .
            2        P3 D2    D3            a row is read from memory once per pass, and stays in the
            3        P2 D1    P3 D2         second-level cache meanwhile; the result is that of plain
            4        P1 D0    P2 D1         iterations over the whole picture
            5        P0       P1 D0
            6        .        P0

        Row h, which repeats row h - 1 and has no data term, comes last: its primal step changes nothing,
        and the dual step of row h - 1 finds no difference to it. The dual step of row -1 is undone.

        Returns the number of iterations done, and the summed squared update of the last one; stops when
        that is at most `tolerance` after a pass, or, with `test_each`, after an iteration. For that, a pass
        of n > 1 iterations is only begun while the update is at least 2 n tolerances: updates fall slowly
        enough that none but the last iteration of a pass can be the one.
        """
        packed = FIELDS * stride
        u, v = U * stride + PAD, V * stride + PAD
        fields[(h + 1) * packed : (h + 2) * packed] = f4(0)
        done = 0
        error = f4(1e30)
        while done < iterations and error > tolerance:
            depth = min(sweep, iterations - done)
            if test_each:
                depth = depth if done else 1
                while depth > 1 and error < f4(2 * depth) * tolerance:
                    depth -= 1
            done += depth
            error = f4(0)
            for s in range(h + depth):
                for t in range(max(0, s - h), min(depth, s + 1)):
                    y = s - t
                    rows = fields[y * packed : (y + 2) * packed]  # row y - 1, then row y
                    if y == h:
                        rows[packed + u : packed + u + w] = rows[u : u + w]
                        rows[packed + v : packed + v + w] = rows[v : v + w]
                    if joint:
                        pull = f4(0) if y == h else rest
                        update = _joint_steps(rows, w, stride, bound, step, pull, resting)
                    else:
                        update = _separate_steps(rows, w, stride, bound, coupling, step)
                    if t == depth - 1:
                        error += update
                    if y == 0:
                        rows[PXU * stride : (PYV + 1) * stride] = f4(0)
                    rows[packed + u + w] = rows[packed + u + w - 1]
                    rows[packed + v + w] = rows[packed + v + w - 1]
        return done, error

    return compiled(solve)


@inlined
def _joint_steps(
    rows: Float32Array,
    w: int,
    stride: int,
    bound: np.float32,
    step: np.float32,
    rest: np.float32,
    resting: bool,
) -> np.float32:
    """Primal step of the lower row, dual step of the upper one; return the summed squared update.

    One total variation for both components, |(grad u, grad v)|: the dual step is projected onto the ball of
    four dimensions (Bresson and Chan 2008, with Chambolle's projected form of 2005). Inside the ball nothing
    damps these steps, so that flow reaches an untextured region in far fewer iterations than by the
    semi-implicit ones, as a wave does; damping them (Huber's norm) made every error larger. The ball's radius
    is theta, less at edges of the picture (`_edge_kernels`).
    """
    u, v, pxu, pyu, pxv, pyv, gx, gy, inverse, rho = _places(stride)
    lower = FIELDS * stride
    limit_at = LIMIT * stride + PAD
    update = f4(0)
    for x in range(w):
        a = rows[lower + u + x]
        b = rows[lower + v + x]
        dx = rows[lower + gx + x]
        dy = rows[lower + gy + x]
        residual = rows[lower + rho + x] + dx * a + dy * b
        along = min(max(-residual * rows[lower + inverse + x], -bound), bound)
        du = rows[lower + pxu + x] - rows[lower + pxu - 1 + x]
        du += rows[lower + pyu + x] - rows[pyu + x] + along * dx
        dv = rows[lower + pxv + x] - rows[lower + pxv - 1 + x]
        dv += rows[lower + pyv + x] - rows[pyv + x] + along * dy
        if resting:
            du -= min(max(a + du, -rest), rest)
            dv -= min(max(b + dv, -rest), rest)
        a += du
        b += dv
        rows[lower + u + x] = a
        rows[lower + v + x] = b
        update += du * du + dv * dv

        upper_a = rows[u + x]
        upper_b = rows[v + x]
        q_xu = rows[pxu + x] + step * (rows[u + 1 + x] - upper_a)
        q_yu = rows[pyu + x] + step * (a - upper_a)
        q_xv = rows[pxv + x] + step * (rows[v + 1 + x] - upper_b)
        q_yv = rows[pyv + x] + step * (b - upper_b)
        squared = q_xu * q_xu + q_yu * q_yu + q_xv * q_xv + q_yv * q_yv
        limit = rows[limit_at + x]
        shrink = limit / math.sqrt(max(squared, limit * limit))
        rows[pxu + x] = q_xu * shrink
        rows[pyu + x] = q_yu * shrink
        rows[pxv + x] = q_xv * shrink
        rows[pyv + x] = q_yv * shrink
    return update


@inlined
def _separate_steps(
    rows: Float32Array, w: int, stride: int, bound: np.float32, coupling: np.float32, step: np.float32
) -> np.float32:
    """Do what `_joint_steps` does, for |grad u| + |grad v|, with the semi-implicit dual step of OpenCV.

    That step is p = (p + tau / theta grad u) / (1 + tau / theta |grad u|) (Chambolle 2004).
    The primal half stands in both functions, since a function per pixel keeps LLVM from vectorising the loop.
    """
    u, v, pxu, pyu, pxv, pyv, gx, gy, inverse, rho = _places(stride)
    lower = FIELDS * stride
    ratio = step / coupling
    one = f4(1)
    update = f4(0)
    for x in range(w):
        a = rows[lower + u + x]
        b = rows[lower + v + x]
        dx = rows[lower + gx + x]
        dy = rows[lower + gy + x]
        residual = rows[lower + rho + x] + dx * a + dy * b
        along = min(max(-residual * rows[lower + inverse + x], -bound), bound)
        du = rows[lower + pxu + x] - rows[lower + pxu - 1 + x]
        du += rows[lower + pyu + x] - rows[pyu + x] + along * dx
        dv = rows[lower + pxv + x] - rows[lower + pxv - 1 + x]
        dv += rows[lower + pyv + x] - rows[pyv + x] + along * dy
        a += du
        b += dv
        rows[lower + u + x] = a
        rows[lower + v + x] = b
        update += du * du + dv * dv

        upper_a = rows[u + x]
        upper_b = rows[v + x]
        x_u = rows[u + 1 + x] - upper_a
        y_u = a - upper_a
        x_v = rows[v + 1 + x] - upper_b
        y_v = b - upper_b
        shrink_u = one / (one + ratio * math.sqrt(x_u * x_u + y_u * y_u))
        shrink_v = one / (one + ratio * math.sqrt(x_v * x_v + y_v * y_v))
        rows[pxu + x] = (rows[pxu + x] + step * x_u) * shrink_u
        rows[pyu + x] = (rows[pyu + x] + step * y_u) * shrink_u
        rows[pxv + x] = (rows[pxv + x] + step * x_v) * shrink_v
        rows[pyv + x] = (rows[pyv + x] + step * y_v) * shrink_v
    return update
