"""Compiling the kernels of `egotool.motion` once, before several workers need them at the same time."""

from itertools import pairwise

import numpy as np

from egotool.extraction.parameters import ExtractionParameters
from egotool.extraction.pool import Report
from egotool.motion import (
    CameraTracker,
    add_camera_motion,
    compensate_flow,
    motion_masks,
    tvl1,
    warp_flow,
)

_HEIGHT = 64
_FRAMES = 3
TURNED = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
"""A camera motion to try things with; with the identity, nothing is warped."""


def prepare_worker(report: Report) -> None:
    """Call one small kernel: then this process has imported all it needs, numba's own parts too."""
    del report
    add_camera_motion(np.zeros((2, _HEIGHT, _HEIGHT), np.float32), TURNED)


def compile_kernels(parameters: ExtractionParameters, report: Report) -> None:
    """Run everything that is compiled on a few frames of noise, as wide as frames usually are.

    What was compiled before is only loaded. Kernels depend on the class of widths (see
    `egotool.motion._kernels.row_stride`), and the usual shapes of frames with one short side share one.
    """
    del report  # too short to tell about
    noise = np.random.default_rng(0).integers(
        0, 256, (_FRAMES, _HEIGHT, parameters.short_side * 4 // 3), dtype=np.uint8
    )
    schedule, backend = parameters.schedule, parameters.backend
    flows = [tvl1(*pair, schedule=schedule, backend=backend) for pair in pairwise(noise)]
    CameraTracker().next_motion(noise[0], noise[1], flows[0])
    if parameters.warp_flow == "compensated":
        compensate_flow(flows[0], TURNED)
    else:
        warp_flow(noise[0], noise[1], TURNED, flow=flows[0], schedule=schedule, backend=backend)
    followed = [add_camera_motion(flow, TURNED) for flow in flows]
    list(motion_masks(noise, followed, [TURNED] * len(flows), parameters=parameters.tracks))
