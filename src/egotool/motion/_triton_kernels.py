"""The two heavy steps of TV-L1 on CUDA, as Triton kernels: the iteration and the median.

An iteration is the one that `_kernels` draws. A program does one tile of one pair, and computes the primal
step of a pixel's right and lower neighbour again, so that primal and dual step are one kernel:

```text
        .  P  .  .          P   primal step, needs the duals of the pixel, of the left and of the upper one
        P  D  P  .          D   dual step, needs the new flow of the pixel, of the right and of the lower one
        .  P  .  .
```

Neighbouring pixels read the same values, which the first-level cache serves; each value crosses the memory
bus once: 11 values read and 6 written, 68 bytes per pixel and iteration (about 610 operation by operation).
Old and new state are different buffers, since neighbouring tiles read what a tile would overwrite. Measured
on an H200, before there was a limit, so with 64 bytes: 31 microseconds for 16 pairs of 340×256, 2.8 TB/s,
where copying memory reaches 4.1 TB/s.

Fields are float32 pictures of h × w, contiguous, one pair after the other: two per pair (u, v) for flow,
duals and slope, one for inverse, residual and limit.
"""
# mypy: allow-untyped-defs, allow-incomplete-defs

import torch
import triton
import triton.language as tl
from torch import Tensor

from egotool.motion._torch_engine import Data, State
from egotool.motion.schedule import Schedule

_ITERATION_TILE = (4, 32)
_MEDIAN_TILE = (8, 32)
"""Rows and columns. Larger tiles of the median spill registers: three times as slow with 8 × 64."""


def sweep(state: State, data: Data, iterations: int, tolerance: float, schedule: Schedule) -> State:
    """Return the state after some iterations, as the plain step of `_torch_engine` does."""
    count, _, height, width = state.flow.shape
    rows, columns = _ITERATION_TILE
    tiles = (triton.cdiv(width, columns), triton.cdiv(height, rows), count)
    updates = torch.empty(count, tiles[1] * tiles[0], device=state.flow.device)
    fields = [state.flow, state.dual_x, state.dual_y]
    for _ in range(iterations):
        new_fields = [torch.empty_like(field) for field in fields]
        _iterate[tiles](
            *fields, data.slope, data.inverse, data.residual, data.limit,
            data.limit if data.rest is None else data.rest,
            state.going, *new_fields, updates,
            height, width,
            data.bound,
            schedule.coupling,
            schedule.dual_step,
            joint=schedule.joint_variation,
            resting=data.rest is not None,
            rows=rows,
            columns=columns,
        )  # fmt: skip
        fields = new_fields
    error = updates.sum(dim=1).view(count, 1, 1, 1)  # of tiles in a fixed order, so the same in every run
    flow, dual_x, dual_y = fields
    return State(flow, dual_x, dual_y, state.going & (error > tolerance))


def median(flow: Tensor) -> Tensor:
    """5×5 median of each channel; the border repeats."""
    count, channels, height, width = flow.shape
    result = torch.empty_like(flow)
    rows, columns = _MEDIAN_TILE
    tiles = (triton.cdiv(width, columns), triton.cdiv(height, rows), count * channels)
    _median[tiles](flow.contiguous(), result, height, width, rows=rows, columns=columns)
    return result


@triton.jit
def _iterate(
    flow, dual_x, dual_y, slope, inverse, residual, limit, rest, going,
    new_flow, new_dual_x, new_dual_y, updates,
    height, width, bound, coupling, step,
    joint: tl.constexpr, resting: tl.constexpr, rows: tl.constexpr, columns: tl.constexpr,
):  # fmt: skip
    """One iteration on one tile; a pair that is not going any more is copied.

    Writes the tile's summed squared update of the flow into `updates`.
    """
    pair = tl.program_id(2)
    y = tl.program_id(1) * rows + tl.arange(0, rows)[:, None]
    x = tl.program_id(0) * columns + tl.arange(0, columns)[None, :]
    size = height * width
    flow += 2 * pair * size
    dual_x += 2 * pair * size
    dual_y += 2 * pair * size
    slope += 2 * pair * size
    inverse += pair * size
    residual += pair * size
    here = y * width + x
    inside = (y < height) & (x < width)
    right, below = (x + 1 < width) & inside, (y + 1 < height) & inside

    old_u, old_v = tl.load(flow + here, inside, 0.0), tl.load(flow + size + here, inside, 0.0)
    x_u, x_v = tl.load(dual_x + here, inside, 0.0), tl.load(dual_x + size + here, inside, 0.0)
    y_u, y_v = tl.load(dual_y + here, inside, 0.0), tl.load(dual_y + size + here, inside, 0.0)
    pull = tl.load(rest + pair) if resting else 0.0
    if tl.load(going + pair):
        u, v = _primal(
            flow, dual_x, dual_y, slope, inverse, residual, y, x, inside, size, width, bound, pull, resting
        )
        right_u, right_v = _primal(
            flow, dual_x, dual_y, slope, inverse, residual, y, x + 1, right, size, width, bound, pull, resting
        )
        below_u, below_v = _primal(
            flow, dual_x, dual_y, slope, inverse, residual, y + 1, x, below, size, width, bound, pull, resting
        )
        d_xu, d_xv = tl.where(right, right_u - u, 0.0), tl.where(right, right_v - v, 0.0)
        d_yu, d_yv = tl.where(below, below_u - u, 0.0), tl.where(below, below_v - v, 0.0)
        x_u += step * d_xu
        x_v += step * d_xv
        y_u += step * d_yu
        y_v += step * d_yv
        if joint:
            squared = x_u * x_u + x_v * x_v + y_u * y_u + y_v * y_v
            longest = tl.load(limit + pair * size + here, inside, 1.0)
            scale_u = longest / tl.sqrt(tl.maximum(squared, longest * longest))
            scale_v = scale_u
        else:
            scale_u = 1 / (1 + step / coupling * tl.sqrt(d_xu * d_xu + d_yu * d_yu))
            scale_v = 1 / (1 + step / coupling * tl.sqrt(d_xv * d_xv + d_yv * d_yv))
        x_u *= scale_u
        y_u *= scale_u
        x_v *= scale_v
        y_v *= scale_v
        change_u, change_v = tl.where(inside, u - old_u, 0.0), tl.where(inside, v - old_v, 0.0)
        update = tl.sum(change_u * change_u + change_v * change_v)
        tiles = tl.num_programs(0) * tl.num_programs(1)
        tl.store(updates + pair * tiles + tl.program_id(1) * tl.num_programs(0) + tl.program_id(0), update)
        old_u, old_v = u, v
    at = 2 * pair * size + here
    tl.store(new_flow + at, old_u, inside)
    tl.store(new_flow + at + size, old_v, inside)
    tl.store(new_dual_x + at, x_u, inside)
    tl.store(new_dual_x + at + size, x_v, inside)
    tl.store(new_dual_y + at, y_u, inside)
    tl.store(new_dual_y + at + size, y_v, inside)


@triton.jit
def _primal(
    flow, dual_x, dual_y, slope, inverse, residual, y, x, inside, size, width, bound, pull,
    resting: tl.constexpr,
):  # fmt: skip
    """Return u and v after the primal step at pixels (y, x) of a pair; zero where not `inside`."""
    here = y * width + x
    left, above = inside & (x > 0), inside & (y > 0)
    u, v = tl.load(flow + here, inside, 0.0), tl.load(flow + size + here, inside, 0.0)
    slope_x, slope_y = tl.load(slope + here, inside, 0.0), tl.load(slope + size + here, inside, 0.0)
    off = tl.load(residual + here, inside, 0.0) + slope_x * u + slope_y * v
    along = tl.minimum(tl.maximum(-off * tl.load(inverse + here, inside, 0.0), -bound), bound)
    divergence_u = (
        tl.load(dual_x + here, inside, 0.0)
        - tl.load(dual_x + here - 1, left, 0.0)
        + tl.load(dual_y + here, inside, 0.0)
        - tl.load(dual_y + here - width, above, 0.0)
    )
    divergence_v = (
        tl.load(dual_x + size + here, inside, 0.0)
        - tl.load(dual_x + size + here - 1, left, 0.0)
        + tl.load(dual_y + size + here, inside, 0.0)
        - tl.load(dual_y + size + here - width, above, 0.0)
    )
    u += along * slope_x + divergence_u
    v += along * slope_y + divergence_v
    if resting:
        u -= tl.minimum(tl.maximum(u, -pull), pull)
        v -= tl.minimum(tl.maximum(v, -pull), pull)
    return u, v


@triton.jit
def _median(flow, result, height, width, rows: tl.constexpr, columns: tl.constexpr):
    """5×5 median of one tile: of 25 values, the one with twelve before it (equal ones in reading order)."""
    picture = tl.program_id(2)
    y = tl.program_id(1) * rows + tl.arange(0, rows)[:, None]
    x = tl.program_id(0) * columns + tl.arange(0, columns)[None, :]
    flow += picture * height * width
    middle = tl.zeros((rows, columns), tl.float32)
    for this in tl.static_range(25):
        this_y = tl.minimum(tl.maximum(y + this // 5 - 2, 0), height - 1)
        this_x = tl.minimum(tl.maximum(x + this % 5 - 2, 0), width - 1)
        value = tl.load(flow + this_y * width + this_x)
        before = tl.zeros((rows, columns), tl.int32)
        for other in tl.static_range(25):
            other_y = tl.minimum(tl.maximum(y + other // 5 - 2, 0), height - 1)
            other_x = tl.minimum(tl.maximum(x + other % 5 - 2, 0), width - 1)
            neighbour = tl.load(flow + other_y * width + other_x)
            if other < this:
                before += (neighbour <= value).to(tl.int32)
            else:
                before += (neighbour < value).to(tl.int32)
        middle = tl.where(before == 12, value, middle)
    here = picture * height * width + y * width + x
    tl.store(result + here, middle, (y < height) & (x < width))
