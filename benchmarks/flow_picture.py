"""Draws docs/pictures/flow.png: `python -m benchmarks.flow_picture`.

Flow of two rendered pairs, with the truth, and of one pair of a real clip, by OpenCV and by this package.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from benchmarks.flow_truth import pairs

from egotool.motion import endpoint_error, tvl1
from egotool.motion.benchmark import embedded_pairs
from egotool.reporting.flow_colours import flow_to_colours, nice_scale

METHODS = (("OpenCV", "exact", "opencv"), ("exact", "exact", "numba"), ("fast", "fast", "numba"))
SCENES = (("planar", 4.0, 2), ("planar", 20.0, 5))
"""Mode, head motion, and which of the pairs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/flow.png"))
    parser.add_argument("--seed", type=int, default=5200, help="of the rendered scenes")
    options = parser.parse_args()
    rows = []
    for mode, head_motion, number in SCENES:
        pair = list(pairs(mode, head_motion, options.seed))[number]
        rows.append((f"rendered, head up to {head_motion:g} px", *pair))
    real = embedded_pairs(340, 256, per_clip=3)[4]
    rows.append(("a real clip", real.image0, real.image1, None, None))
    figure, axes = plt.subplots(len(rows), 5, figsize=(15, 2.5 * len(rows)), layout="constrained")
    for axis in axes.ravel():
        axis.set_axis_off()
    for line, (title, image0, image1, truth, visible) in zip(axes, rows, strict=True):
        flows = [tvl1(image0, image1, schedule=each, backend=backend) for _, each, backend in METHODS]
        scale = nice_scale(np.hypot(*(truth if truth is not None else flows[0])))
        line[0].imshow(image0, cmap="gray")
        line[0].set_title(f"{title}; full colour {scale:g} px", fontsize=9)
        if truth is not None:
            line[1].imshow(flow_to_colours(truth, scale=scale))
            line[1].set_title("truth", fontsize=9)
        for axis, (name, _, _), flow in zip(line[2:], METHODS, flows, strict=True):
            axis.imshow(flow_to_colours(flow, scale=scale))
            error = "" if truth is None else f": {endpoint_error(flow, truth, visible):.2f} px off"
            axis.set_title(name + error, fontsize=9)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=80, pil_kwargs={"optimize": True})
    print(f"{options.out} is written.")


if __name__ == "__main__":
    main()
