"""How good TV-L1 is on rendered scenes with exact flow: `python -m benchmarks.flow_truth`.

Renders compressed clips (planar and parallax scenes, four ranges of head motion; hands and handled objects
move in all), on seeds that nothing was tuned on, and reports the mean end-point error over the pixels that
both frames show, of OpenCV's DualTVL1 and of every schedule: per kind of scene, and per length of the true
motion. Ratios above 1 mean worse than OpenCV.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from egotool.motion import SCHEDULES, to_gray, tvl1
from egotool.synthetic import read_truth, render_dataset, truth_path
from egotool.video import read_frames

HEAD_MOTIONS = (0.5, 4.0, 10.0, 20.0)
LENGTHS = (0.0, 1.0, 3.0, 10.0, np.inf)
FRAMES = (8, 15, 22, 29)
OPENCV = "opencv"

Pair = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def pairs(mode: str, head_motion: float, seed: int) -> Iterator[Pair]:
    """Yield frame t, frame t + 1, the true flow between them, and which pixels both show."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render_dataset(
            folder,
            seed=seed,
            mode=mode,  # type: ignore[arg-type]
            head_motion=head_motion,
            width=340,
            height=256,
            subjects=2,
            repetitions=1,
            verbs=("put", "push-right"),
            objects=("cup", "box"),
        )
        for video in sorted(folder.rglob("*.mp4")):
            truth = read_truth(truth_path(video))
            grays = [to_gray(frame.rgb) for frame in read_frames(video)]
            for t in FRAMES:
                yield grays[t], grays[t + 1], truth.flow[t], truth.visible_next(t)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=5200, help="of the rendered scenes")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    scenes: dict[str, dict[str, list[float]]] = {}
    totals: dict[str, dict[str, np.ndarray]] = defaultdict(lambda: defaultdict(lambda: np.zeros(2)))
    for mode in ("planar", "parallax"):
        for number, head_motion in enumerate(HEAD_MOTIONS):
            errors = scenes[f"{mode}, head up to {head_motion:g} px"] = defaultdict(list)
            for image0, image1, truth, visible in pairs(mode, head_motion, options.seed + number):
                length = np.hypot(*truth)
                for name in (OPENCV, *SCHEDULES):
                    backend = "opencv" if name == OPENCV else "numba"
                    flow = tvl1(image0, image1, schedule="exact" if name == OPENCV else name, backend=backend)
                    error = np.hypot(*(flow - truth))
                    errors[name].append(float(error[visible].mean()))
                    for low, high in pairwise(LENGTHS):
                        chosen = error[visible & (length >= low) & (length < high)]
                        totals[f"true motion {low:g} to {high:g} px"][name] += (chosen.sum(), chosen.size)
    report = {
        scene: {name: float(np.mean(each)) for name, each in row.items()} for scene, row in scenes.items()
    }
    report |= {
        span: {name: float(total / max(count, 1)) for name, (total, count) in row.items()}
        for span, row in totals.items()
    }
    if options.json:
        print(json.dumps(report, indent=2))
        return
    print(f"{'mean end-point error, px':30s}{OPENCV:>8s}" + "".join(f"{name:>16s}" for name in SCHEDULES))
    for scene, row in report.items():
        ratios = "".join(f"{row[name]:8.3f} ({row[name] / row[OPENCV]:.2f})" for name in SCHEDULES)
        print(f"{scene:30s}{row[OPENCV]:8.3f}{ratios}")


if __name__ == "__main__":
    main()
