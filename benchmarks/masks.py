"""How good camera motion and motion masks are on rendered scenes: `python -m benchmarks.masks`.

Renders compressed clips with exact truth (planar and parallax scenes, three ranges of head motion), on seeds
that nothing was tuned on, and reports per kind of scene

- camera: corner error of the homographies (median, 90th percentile, share above 2 px), how many are invalid;
- warp flow, by a second TV-L1 and by compensating the first flow: its length on static, visible pixels, and
  its distance to the true relative motion on moving, visible ones (median over pairs of the medians);
- masks: intersection over union with the truly moving pixels, recall, false positives (of all static pixels),
  and `far`: false positives where nothing moves within 12 px and 15 frames (a mask has a memory as long as
  its tracks, and cells wider than a pixel: what is near is hardly wrong);

for the default rules, the published rules, and three plain baselines: frame difference above 15 gray values,
flow above 1 px, warp flow above 1 px.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from egotool.motion import (
    TrackParameters,
    compensate_flow,
    estimate_camera_motion,
    motion_masks,
    to_gray,
    tvl1,
    warp_flow,
)
from egotool.synthetic import read_truth, render_dataset, truth_path
from egotool.video import read_frames

HEAD_MOTIONS = (0.5, 4.0, 10.0)


def render(folder: Path, mode: str, head_motion: float, seed: int) -> list[Path]:
    render_dataset(
        folder,
        seed=seed,
        mode=mode,  # type: ignore[arg-type]
        head_motion=head_motion,
        width=320,
        height=240,
        subjects=2,
        repetitions=1,
        verbs=("take", "push-left"),
        objects=("cup", "box"),
    )
    return sorted(folder.rglob("*.mp4"))


def corner_error(found: np.ndarray, truth: np.ndarray, height: int, width: int) -> float:
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1.0]]).T
    a, b = found @ corners, truth @ corners
    return float(np.hypot(*(a[:2] / a[2] - b[:2] / b[2])).mean())


def surroundings(moving: np.ndarray, pixels: int = 12, frames: int = 15) -> np.ndarray:
    """Return (N, H, W): where something moves within so many pixels and frames."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    wide = np.stack([cv2.dilate(mask.astype(np.uint8), disc) for mask in moving]) > 0
    return np.stack([wide[max(0, t - frames) : t + frames + 1].any(axis=0) for t in range(len(wide))])


def scores(mask: np.ndarray, moving: np.ndarray, near: np.ndarray) -> tuple[float, float, float, float]:
    return (
        float((mask & moving).sum() / max(1, (mask | moving).sum())),
        float((mask & moving).sum() / max(1, moving.sum())),
        float((mask & ~moving).sum() / (~moving).sum()),
        float((mask & ~near).sum() / max(1, (~near).sum())),
    )


def measure(
    video: Path, camera: list[float], masks: dict[str, list[tuple]], still: dict[str, list[float]]
) -> int:
    """Add the scores of one clip; return its number of invalid homographies."""
    truth = read_truth(truth_path(video))
    grays = [to_gray(frame.rgb) for frame in read_frames(video)]
    height, width = grays[0].shape
    flows = [tvl1(a, b) for a, b in pairwise(grays)]
    motions = [
        estimate_camera_motion(a, b, flow) for (a, b), flow in zip(pairwise(grays), flows, strict=True)
    ]
    for motion, exact in zip(motions, truth.homography, strict=True):
        if motion.valid:
            camera.append(corner_error(motion.homography, exact, height, width))
    homographies, valid = [motion.homography for motion in motions], [motion.valid for motion in motions]
    warped = [warp_flow(a, b, matrix) for (a, b), matrix in zip(pairwise(grays), homographies, strict=True)]
    cheap = [compensate_flow(flow, matrix) for flow, matrix in zip(flows, homographies, strict=True)]
    for t, pair in enumerate(zip(warped, cheap, strict=True)):
        exact = compensate_flow(truth.flow[t], truth.homography[t])
        static = truth.static_mask[t] & truth.visible_next(t)
        moving_now = (truth.moving_mask[t] > 0) & truth.visible_next(t)
        for name, flow in zip(("second TV-L1", "compensated flow"), pair, strict=True):
            still[name].append(float(np.median(np.hypot(*flow)[static])))
            if moving_now.any():
                off = np.hypot(*(flow - exact))[moving_now]
                still[f"{name}, on movers"].append(float(np.median(off)))
    found = {"default": TrackParameters(), "published": TrackParameters.published()}
    arrays = {
        name: np.stack(list(motion_masks(grays, flows, homographies, valid=valid, parameters=rules)))
        for name, rules in found.items()
    }
    last = np.zeros((1, height, width), bool)
    arrays["difference > 15"] = np.concatenate(
        [np.stack([cv2.absdiff(a, b) > 15 for a, b in pairwise(grays)]), last]
    )
    arrays["flow > 1 px"] = np.concatenate([np.hypot(*np.stack(flows, axis=1)) > 1, last])
    arrays["warp flow > 1 px"] = np.concatenate([np.hypot(*np.stack(warped, axis=1)) > 1, last])
    moving = truth.moving_mask > 0
    near = surroundings(moving)
    for name, array in arrays.items():
        masks[name].append(scores(array > 0, moving, near))
    return valid.count(False)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=900, help="of the rendered scenes")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    report = {}
    for mode in ("planar", "parallax"):
        for number, head_motion in enumerate(HEAD_MOTIONS):
            camera: list[float] = []
            still: dict[str, list[float]] = defaultdict(list)
            masks: dict[str, list[tuple]] = defaultdict(list)
            with tempfile.TemporaryDirectory() as folder:
                videos = render(Path(folder), mode, head_motion, options.seed + number)
                invalid = sum(measure(video, camera, masks, still) for video in videos)
            report[f"{mode}, head up to {head_motion:g} px"] = {
                "camera": {
                    "median": float(np.median(camera)),
                    "p90": float(np.percentile(camera, 90)),
                    "above_2px": float(np.mean(np.array(camera) > 2)),
                    "invalid": invalid,
                    "pairs": len(camera) + invalid,
                },
                "warp_flow": {name: float(np.median(values)) for name, values in still.items()},
                "masks": {
                    name: dict(
                        zip(("iou", "recall", "false", "far"), np.mean(rows, axis=0).tolist(), strict=True)
                    )
                    for name, rows in masks.items()
                },
            }
    if options.json:
        print(json.dumps(report, indent=2))
        return
    for scene, row in report.items():
        print(f"{scene}: camera " + ", ".join(f"{key} {value:.3g}" for key, value in row["camera"].items()))
        words = ", ".join(f"{name} {value:.3f} px" for name, value in row["warp_flow"].items())
        print(f"    warp flow, median length on static pixels and error on moving ones: {words}")
        for name, values in row["masks"].items():
            print(f"    {name:18s}" + "".join(f"{key:>8s} {value:.2f}" for key, value in values.items()))


if __name__ == "__main__":
    main()
