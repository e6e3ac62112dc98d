"""Draws docs/pictures/masks.png: `python -m benchmarks.mask_picture`.

One frame of a planar and one of a parallax scene with a moving head: flow, warp flow of both kinds, the
motion mask of the default rules, and the true one.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
from benchmarks.masks import MODES, clip

from egotool.motion import (
    CameraTracker,
    add_camera_motion,
    compensate_flow,
    motion_masks,
    tvl1,
    warp_flow,
)
from egotool.reporting.flow_colours import flow_to_colours
from egotool.synthetic import ClipPlan, Kind, Mode, Verb

FRAME = 18
"""Of the 40 of a clip."""
FULL_COLOUR = 8.0
"""Pixels."""


def panels(mode: Mode, seed: int) -> list[tuple[str, np.ndarray]]:
    """Return title and picture of every panel of one scene."""
    plan = ClipPlan(
        seed=seed, verb=Verb.PUSH_LEFT, kind=Kind.BOX, mode=mode, width=320, height=240, head_peak=10.0
    )
    grays, truth, _ = clip(plan, clean=False)
    flows = [tvl1(a, b) for a, b in pairwise(grays)]
    tracker = CameraTracker()
    motions = [tracker.next_motion(a, b, flow) for (a, b), flow in zip(pairwise(grays), flows, strict=True)]
    homographies = [motion.homography for motion in motions]
    left = [
        warp_flow(a, b, homography, flow=flow)
        for (a, b), homography, flow in zip(pairwise(grays), homographies, flows, strict=True)
    ]
    followed = [add_camera_motion(each, h) for each, h in zip(left, homographies, strict=True)]
    mask = list(motion_masks(grays, followed, homographies, valid=[motion.valid for motion in motions]))[
        FRAME
    ]
    cheap = compensate_flow(flows[FRAME], homographies[FRAME])
    return [
        (f"{mode}, frame {FRAME}", cv2.cvtColor(grays[FRAME], cv2.COLOR_GRAY2RGB)),
        ("flow", flow_to_colours(flows[FRAME], scale=FULL_COLOUR)),
        ("warp flow, second TV-L1", flow_to_colours(left[FRAME], scale=FULL_COLOUR)),
        ("warp flow, compensated", flow_to_colours(cheap, scale=FULL_COLOUR)),
        ("motion mask", cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB)),
        ("what truly moves", cv2.cvtColor(truth.moving_mask[FRAME], cv2.COLOR_GRAY2RGB)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/masks.png"))
    parser.add_argument("--seed", type=int, default=902, help="of the rendered scenes")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    figure, axes = plt.subplots(len(MODES), 6, figsize=(15, 2.2 * len(MODES)), layout="constrained")
    for line, mode in zip(axes, MODES, strict=True):
        for axis, (title, picture) in zip(line, panels(mode, options.seed), strict=True):
            axis.imshow(picture)
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=70, pil_kwargs={"optimize": True})
    print(f"{options.out} is written.")


if __name__ == "__main__":
    main()
