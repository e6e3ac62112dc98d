"""The torch engine of TV-L1: all pairs of a batch at once.

The same schedules and the same computation as the numba engine (`_kernels` draws it), with whole pictures in
place of rows:

```text
    flow     (N, 2, h, w)    u and v of every pair
    dual_x   (N, 2, h, w)    x components of the dual variables of u and of v, times theta
    dual_y   (N, 2, h, w)    y components
    slope    (N, 2, h, w)    gradient of the data term;  inverse, residual (N, 1, h, w)
```

A pair whose update has fallen below the schedule's epsilon is frozen by a mask, so that a result does not
depend on its neighbours in the batch. On a GPU nothing asks whether all pairs are done: that would make the
processor wait for the GPU within the iterations. All iterations of the schedule run there; `_torch_cuda` says
how they are compiled and recorded, and how fast that is.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from egotool.motion._pyramid import derivative_taps, level_sizes
from egotool.motion.schedule import Schedule, at_level

_NO_SLOPE = 1.2e-7
"""Squared gradients up to this count as none, as in the numba engine."""


class Data(NamedTuple):
    """The data term of one warp: residual(u, v) = residual + slope · (u, v).

    Attributes:
        slope: (N, 2, h, w) gradient; zero where the flow points out of the picture.
        inverse: (N, 1, h, w) one over its square, or zero.
        residual: (N, 1, h, w).
        limit: (N, 1, h, w) longest dual, less at edges of the picture; see `_edge_kernels`.
        bound: lambda theta.
        rest: (N, 1, 1, 1) pixels by which an iteration draws the flow towards zero; None: not at all.
    """

    slope: Tensor
    inverse: Tensor
    residual: Tensor
    limit: Tensor
    bound: float
    rest: Tensor | None = None


class State(NamedTuple):
    """What iterations change.

    Attributes:
        flow, dual_x, dual_y: (N, 2, h, w).
        going: (N, 1, 1, 1) bool: pairs that have not converged.
    """

    flow: Tensor
    dual_x: Tensor
    dual_y: Tensor
    going: Tensor


class Steps(NamedTuple):
    """The three heavy steps, plain (`PLAIN`) or in a form for one kind of device."""

    linearised: Callable[[Tensor, Tensor, Tensor, Tensor, int, Schedule], Data]
    sweep: Callable[[State, Data, int, float, Schedule], State]
    median: Callable[[Tensor], Tensor]


@torch.no_grad()
def torch_tvl1(
    images0: Tensor,
    images1: Tensor,
    schedule: Schedule,
    *,
    rest: Tensor | None = None,
    steps: Steps | None = None,
    stop_early: bool = True,
) -> Tensor:
    """Return the flow (N, 2, H, W) float32 between pairs of pictures (N, H, W), on their device.

    Args:
        images0: uint8 0..255 or float32 0..1.
        images1: the same, of the same shape, type and device.
        schedule: what to do.
        rest: (N,) as in `tvl1`, for every pair; None: none.
        steps: how to do it; None: `PLAIN`.
        stop_early: leave out iterations that no pair needs any more; the result is the same, but after every
            sweep the processor waits for the device.
    """
    steps = steps or PLAIN
    count, height, width = images0.shape
    sizes = level_sizes(height, width, schedule)
    levels = _pyramid(torch.cat([images0, images1]), sizes, schedule)
    if schedule.match_exposure:
        change = _exposure_change(levels[-1][:count], levels[-1][count:])
        for pictures in levels:
            pictures[count:] -= change
    pull = None if rest is None else rest.view(-1, 1, 1, 1)
    flow: Tensor | None = None
    for level in reversed(range(len(sizes))):
        flow = _start(flow, sizes, level, schedule, count=count, device=images0.device)
        image0, image1 = levels[level][:count], levels[level][count:]
        flow = _refine(flow, image0, image1, level, schedule, rest=pull, steps=steps, stop_early=stop_early)
    assert flow is not None  # there is always the finest level
    return flow


def _pyramid(pictures: Tensor, sizes: list[tuple[int, int]], schedule: Schedule) -> list[Tensor]:
    """Return the gray pictures (2N, 1, h, w) of every level, the finest first."""
    picture = pictures.unsqueeze(1).float()
    if pictures.dtype != torch.uint8:
        picture = picture * 255
    picture = _blurred(picture, schedule.presmooth)
    sigma = schedule.antialias * math.sqrt(1 / schedule.factor**2 - 1)
    levels = [picture]
    for size in sizes[1:]:
        picture = _resized(_blurred(picture, sigma), size)
        levels.append(picture)
    return levels


def _exposure_change(pictures0: Tensor, pictures1: Tensor) -> Tensor:
    """Return the median difference (N, 1, 1, 1) of pictures (N, 1, h, w) in gray values; see `_pyramid`."""
    differences = (pictures1 - pictures0).flatten(1)
    # not `median`: on a GPU, torch counts that among what is not deterministic
    middle = differences.sort(dim=1).values[:, (differences.shape[1] - 1) // 2]
    return middle.view(-1, 1, 1, 1)


def _blurred(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with OpenCV's kernel size; the border is mirrored without repeating the edge."""
    if not sigma:
        return picture
    half = (round(sigma * 8 + 1) | 1) // 2
    places = torch.arange(-half, half + 1, dtype=torch.float32, device=picture.device)
    weights = torch.exp(-0.5 * (places / sigma) ** 2)
    weights = (weights / weights.sum()).view(1, 1, 1, -1)
    across = F.conv2d(_mirrored(picture, half, dim=3), weights)
    return F.conv2d(_mirrored(across, half, dim=2), weights.transpose(2, 3))


def _mirrored(picture: Tensor, margin: int, *, dim: int) -> Tensor:
    """Add `margin` mirrored rows or columns on both sides; the picture may be smaller than the margin."""
    size = picture.shape[dim]
    period = max(2 * (size - 1), 1)
    places = torch.arange(-margin, size + margin, device=picture.device).remainder(period)
    return picture.index_select(dim, torch.minimum(places, period - places).clamp(max=size - 1))


def _resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(picture, size=size, mode="bilinear", align_corners=False)


def _gradients(picture: Tensor, schedule: Schedule) -> Tensor:
    """Return d/dx and d/dy (N, 2, h, w) of gray pictures; the border repeats."""
    near, far = (float(tap) for tap in derivative_taps(schedule))
    height, width = picture.shape[-2:]
    padded = F.pad(picture, (2, 2, 2, 2), mode="replicate")

    def at(dy: int, dx: int) -> Tensor:
        return padded[..., 2 + dy : 2 + dy + height, 2 + dx : 2 + dx + width]

    d_x = near * (at(0, 1) - at(0, -1)) + far * (at(0, 2) - at(0, -2))
    d_y = near * (at(1, 0) - at(-1, 0)) + far * (at(2, 0) - at(-2, 0))
    return torch.cat([d_x, d_y], dim=1)


def _start(
    coarse: Tensor | None,
    sizes: list[tuple[int, int]],
    level: int,
    schedule: Schedule,
    *,
    count: int,
    device: torch.device,
) -> Tensor:
    """Return the first flow of a level: the next coarser level's, enlarged, or zero."""
    height, width = sizes[level]
    if coarse is None:
        return torch.zeros(count, 2, height, width, device=device)
    coarse_height, coarse_width = sizes[level + 1]
    scales = (width / coarse_width, height / coarse_height)
    if schedule.opencv_sizes:
        scales = (1 / schedule.factor, 1 / schedule.factor)
    larger = _resized(coarse, (height, width))
    return torch.cat([larger[:, :1] * scales[0], larger[:, 1:] * scales[1]], dim=1)


def _refine(
    flow: Tensor,
    image0: Tensor,
    image1: Tensor,
    level: int,
    schedule: Schedule,
    *,
    rest: Tensor | None,
    steps: Steps,
    stop_early: bool,
) -> Tensor:
    """Return the flow of a level after its warps; the images are (N, 1, h, w)."""
    dual_x, dual_y = torch.zeros_like(flow), torch.zeros_like(flow)
    if not schedule.average_gradients:
        image1 = torch.cat([image1, _gradients(image1, schedule)], dim=1)
    limit = _limits(image0, level, schedule)
    for _ in range(at_level(schedule.warps, level)):
        data = steps.linearised(flow, image0, image1, limit, level, schedule)._replace(rest=rest)
        going = torch.ones(len(flow), 1, 1, 1, dtype=torch.bool, device=flow.device)
        state = State(flow, dual_x, dual_y, going)
        flow, dual_x, dual_y, _ = _solve(state, data, level, schedule, steps=steps, stop_early=stop_early)
    return flow if schedule.median_each_round else steps.median(flow)


def _limits(image0: Tensor, level: int, schedule: Schedule) -> Tensor:
    """Return the longest duals by the gradients of pictures, both (N, 1, h, w); see `_edge_kernels`."""
    scale = at_level(schedule.edge_scale, level)
    strictness = scale**-2 if scale else 0.0
    padded = F.pad(image0, (1, 1, 1, 1), mode="replicate")
    # Sobel's filters by shifts: their weights would have to be copied there, and no graph records that
    across, down = padded[..., 2:] - padded[..., :-2], padded[..., 2:, :] - padded[..., :-2, :]
    d_x = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 8
    d_y = (down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / 8
    return schedule.coupling / (1 + strictness * (d_x.square() + d_y.square()))


def _linearised(
    flow: Tensor, image0: Tensor, image1: Tensor, limit: Tensor, level: int, schedule: Schedule
) -> Data:
    """Return the data term around `flow`."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device).view(1, 1, width) + flow[:, 0]
    y = torch.arange(height, device=flow.device).view(1, height, 1) + flow[:, 1]
    clamped_x, clamped_y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    inside = ((x == clamped_x) & (y == clamped_y)).unsqueeze(1)
    places = torch.stack(
        [clamped_x * (2 / max(width - 1, 1)) - 1, clamped_y * (2 / max(height - 1, 1)) - 1], dim=-1
    )
    mode = "bicubic" if at_level(schedule.cubic, level) else "bilinear"
    warped = F.grid_sample(image1, places, mode=mode, padding_mode="border", align_corners=True)
    averaged = schedule.average_gradients
    slope = _gradients(0.5 * (image0 + warped), schedule) if averaged else warped[:, 1:]
    slope = slope * inside  # who points out of the picture has no data term
    squared = slope.square().sum(dim=1, keepdim=True)
    inverse = torch.where(squared > _NO_SLOPE, 1 / squared, 0.0)
    residual = warped[:, :1] - image0 - (slope * flow).sum(dim=1, keepdim=True)
    return Data(slope, inverse, residual, limit, at_level(schedule.data_weight, level) * schedule.coupling)


def _solve(
    state: State, data: Data, level: int, schedule: Schedule, *, steps: Steps, stop_early: bool
) -> State:
    """Run the iterations of one warp; pairs that have converged keep what they have."""
    limit = at_level(schedule.iterations, level)
    tolerance = schedule.epsilon**2 * state.flow.shape[-2] * state.flow.shape[-1]
    depth = 1 if schedule.test_each else schedule.sweep
    for _ in range(schedule.rounds):
        if schedule.median_each_round:
            flow = torch.where(state.going, steps.median(state.flow), state.flow)
            state = state._replace(flow=flow)
        for done in range(0, limit, depth):
            state = steps.sweep(state, data, min(depth, limit - done), tolerance, schedule)
            if stop_early and not state.going.any():
                return state
    return state


def _sweep(state: State, data: Data, iterations: int, tolerance: float, schedule: Schedule) -> State:
    """Return the state after some iterations; the update of the last one says who has converged."""
    flow, dual_x, dual_y, going = state
    coupling, step = schedule.coupling, schedule.dual_step
    update = flow
    for _ in range(iterations):
        along = -(data.residual + (data.slope * flow).sum(dim=1, keepdim=True)) * data.inverse
        divergence = (
            dual_x - F.pad(dual_x[..., :-1], (1, 0)) + dual_y - F.pad(dual_y[..., :-1, :], (0, 0, 1, 0))
        )
        update = along.clamp(-data.bound, data.bound) * data.slope + divergence
        if data.rest is not None:
            update = update - (flow + update).clamp(-data.rest, data.rest)
        flow = flow + update
        d_x = F.pad(flow[..., 1:] - flow[..., :-1], (0, 1))
        d_y = F.pad(flow[..., 1:, :] - flow[..., :-1, :], (0, 0, 0, 1))
        new_x, new_y = dual_x + step * d_x, dual_y + step * d_y
        if schedule.joint_variation:
            squared = (new_x.square() + new_y.square()).sum(dim=1, keepdim=True)
            scale = data.limit * torch.maximum(squared, data.limit.square()).rsqrt()
        else:
            scale = 1 / (1 + step / coupling * (d_x * d_x + d_y * d_y).sqrt())
        dual_x, dual_y = new_x * scale, new_y * scale
    error = update.square().sum(dim=(1, 2, 3), keepdim=True)
    return State(
        torch.where(going, flow, state.flow),
        torch.where(going, dual_x, state.dual_x),
        torch.where(going, dual_y, state.dual_y),
        going & (error > tolerance),
    )


def _median(flow: Tensor) -> Tensor:
    """5×5 median of each channel; the border repeats."""
    return torch.stack(_neighbours(flow)).median(dim=0).values


def _neighbours(flow: Tensor) -> list[Tensor]:
    """Return the 25 pictures that show each pixel's 5×5 neighbourhood; the border repeats."""
    height, width = flow.shape[-2:]
    padded = F.pad(flow, (2, 2, 2, 2), mode="replicate")
    return [padded[..., y : y + height, x : x + width] for y in range(5) for x in range(5)]


PLAIN = Steps(_linearised, _sweep, _median)
"""Operation by operation."""
