"""The numba engine of TV-L1: one workspace per picture size and schedule."""

import threading
from collections import OrderedDict

import cv2
import numpy as np

from egotool.motion._arrays import Flow, GrayImage
from egotool.motion._kernels import FIELDS, LIMIT, PAD, PXU, PYV, Float32Array, U, V, kernels_for, row_stride
from egotool.motion._pyramid import (
    derivative_taps,
    exposure_change,
    gray_pyramid,
    level_sizes,
    with_gradients,
)
from egotool.motion.schedule import Schedule, at_level

KEPT_WORKSPACES = 4


class Workspace:
    """The buffers for one picture size and schedule. Not for use from two threads at once."""

    def __init__(self, height: int, width: int, schedule: Schedule) -> None:
        self.schedule = schedule
        self.sizes = level_sizes(height, width, schedule)
        self.kernels = kernels_for(row_stride(width))
        self.fields = aligned_zeros((height + 2) * FIELDS * self.kernels.stride)
        self.rows = self.fields.reshape(height + 2, FIELDS, self.kernels.stride)
        self.rows[0, LIMIT] = 1  # row -1 has duals too, which come to nothing; not by 0 / 0, though
        channels = () if schedule.average_gradients else (3,)
        self.warped = [np.empty((h, w, *channels), np.float32) for h, w in self.sizes]
        self.maps = [np.empty((2, h, w), np.float32) for h, w in self.sizes]
        self.padded = [np.empty((h + 4, w + 4), np.float32) for h, w in self.sizes]
        self.columns = [np.empty((5, w + 4), np.float32) for _, w in self.sizes]

    def compute(self, image0: GrayImage, image1: GrayImage, rest: float) -> Flow:
        """Return the flow from `image0` to `image1`, which have the workspace's size; `rest` as in `tvl1`."""
        pictures0 = gray_pyramid(image0, self.sizes, self.schedule)
        pictures1 = gray_pyramid(image1, self.sizes, self.schedule)
        if self.schedule.match_exposure:
            change = exposure_change(pictures0[-1], pictures1[-1])
            for picture in pictures1:
                picture -= change
        flow = None
        for level in reversed(range(len(self.sizes))):
            flow = self._level(level, flow, pictures0[level], pictures1[level], np.float32(rest))
        assert flow is not None  # there is always the finest level
        return flow

    def _level(
        self,
        level: int,
        coarse: Flow | None,
        image0: Float32Array,
        image1: Float32Array,
        rest: np.float32,
    ) -> Flow:
        """Refine the next coarser level's flow (None: zero) at `level`."""
        schedule = self.schedule
        flow = self._start(level, coarse)
        if schedule.joint_variation:
            self._limit(level, image0)
        if not schedule.average_gradients:
            image1 = with_gradients(image1, schedule)
        for _ in range(at_level(schedule.warps, level)):
            self._linearise(level, image0, image1)
            self._solve(level, rest)
        if not schedule.median_each_round:
            self._median(level)
        return flow.copy()

    def _linearise(self, level: int, image0: Float32Array, image1: Float32Array) -> None:
        """Sample image 1 where the flow points, and set the data term."""
        schedule, kernels = self.schedule, self.kernels
        height, width = self.sizes[level]
        map_x, map_y = self.maps[level]
        warped = self.warped[level]
        interpolation = cv2.INTER_CUBIC if at_level(schedule.cubic, level) else cv2.INTER_LINEAR
        kernels.positions(self.fields, height, width, map_x, map_y)
        cv2.remap(image1, map_x, map_y, interpolation, dst=warped, borderMode=cv2.BORDER_REPLICATE)
        place = (self.fields, height, width, map_x, map_y)
        if schedule.average_gradients:
            kernels.linearise_mean(*place, image0, warped, self.padded[level], *derivative_taps(schedule))
        else:
            kernels.linearise_sampled(*place, image0.ravel(), warped.ravel())

    def _start(self, level: int, coarse: Flow | None) -> Flow:
        """Set flow and duals of `level` to their first values; return the flow as a view into the fields."""
        height, width = self.sizes[level]
        flow = self.rows[1 : height + 1, U : V + 1, PAD : PAD + width].transpose(1, 0, 2)
        if coarse is None:
            flow[:] = 0
        else:
            coarse_height, coarse_width = self.sizes[level + 1]
            scales = (width / coarse_width, height / coarse_height)
            if self.schedule.opencv_sizes:
                scales = (1 / self.schedule.factor, 1 / self.schedule.factor)
            for channel, scale in enumerate(scales):
                larger = cv2.resize(coarse[channel], (width, height), interpolation=cv2.INTER_LINEAR)
                np.multiply(larger, np.float32(scale), out=flow[channel])
        # Row -1 belongs to it, and what a finer level of another size left in the column before x = 0.
        self.rows[: height + 1, PXU : PYV + 1] = 0
        return flow

    def _limit(self, level: int, image0: Float32Array) -> None:
        """Set how long the dual variables may be, by the edges of image 0."""
        scale = at_level(self.schedule.edge_scale, level)
        strictness = scale**-2 if scale else 0.0
        place = (self.fields, *self.sizes[level])
        self.kernels.limits(
            *place, image0, self.padded[level], np.float32(self.schedule.coupling), np.float32(strictness)
        )

    def _median(self, level: int) -> None:
        """Replace both components of the flow by their 5×5 medians."""
        self.kernels.median(self.fields, *self.sizes[level], self.padded[level], self.columns[level])

    def _solve(self, level: int, rest: np.float32) -> None:
        """Run the iterations of one warp."""
        schedule = self.schedule
        height, width = self.sizes[level]
        solve = self.kernels.solve_separate
        if schedule.joint_variation:
            solve = self.kernels.solve_resting if rest else self.kernels.solve_joint
        limit = at_level(schedule.iterations, level)
        tolerance = schedule.epsilon**2 * height * width
        for _ in range(schedule.rounds):
            if schedule.median_each_round:
                self._median(level)
            _done, error = solve(
                self.fields,
                height,
                width,
                limit,
                schedule.sweep,
                schedule.test_each,
                np.float32(tolerance),
                np.float32(at_level(schedule.data_weight, level) * schedule.coupling),
                np.float32(schedule.coupling),
                np.float32(schedule.dual_step),
                rest,
            )
            if error <= tolerance:
                break


def aligned_zeros(count: int) -> Float32Array:
    """Return `count` zeros that begin on a cache line.

    Vectors of 64 bytes that straddle two lines make the sweeps 30 to 40 % slower.
    """
    zeros = np.zeros(count + 16, np.float32)
    start = -(zeros.ctypes.data // 4) % 16
    return zeros[start : start + count]


_of_thread = threading.local()


def workspace(height: int, width: int, schedule: Schedule) -> Workspace:
    """Return the calling thread's workspace; each thread keeps those of its last few sizes and schedules."""
    kept: OrderedDict[tuple[int, int, Schedule], Workspace]
    kept = _of_thread.__dict__.setdefault("workspaces", OrderedDict())
    key = (height, width, schedule)
    if key not in kept:
        kept[key] = Workspace(height, width, schedule)
        if len(kept) > KEPT_WORKSPACES:
            kept.popitem(last=False)
    kept.move_to_end(key)
    return kept[key]
