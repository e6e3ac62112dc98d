"""How good camera motion, warp flow and motion masks are on rendered scenes: `python -m benchmarks.masks`.

Renders clips with exact truth, planar and parallax, on seeds that nothing was tuned on, for three head
motions (fastest, pixels per frame) and three speeds of acting, and reports

- camera, by head motion: corner error of the homographies (median, 90th percentile, share above 2 px), how
  many are invalid, and of how many of those above 2 px the edges of the frame support the homography found
  more than the true one (the others were there to be found); and the same by how much of the frame hands
  cover;
- warp flow, by head motion, by a second TV-L1 and by compensating the first flow: distance to the true
  relative motion (median over pairs of the medians over pixels) on static and on moving, visible pixels;
- masks, by head motion and speed: intersection over union with the truly moving pixels, recall, false
  positives (of all static pixels), and `far`: false positives where nothing moves within 12 px and 15 frames
  (a mask has a memory as long as its tracks, and cells wider than a pixel: what is near is hardly wrong); for
  the default rules, the published rules, and three plain baselines: frame difference above 15 gray values,
  flow above 1 px, warp flow above 1 px.

The clips have motion blur, changing exposure, noise and H.264 compression; `--clean` leaves all four out, and
`--quality` is the encoder's constant rate factor: at the usual 23 these scenes take two thirds of the
bytes per pixel of real kitchens (`benchmarks.camera_videos` says how many those have), at 21 about as many.
With `--hands` the camera's motion is told where hands and arms are, as by `egotool extract --hands`.
Scenes differ more than head motions do: `--seed` takes several, whose scenes are then reported together.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import cv2
import numpy as np

from egotool.machine import available_cores
from egotool.motion import (
    CameraTracker,
    TrackParameters,
    add_camera_motion,
    compensate_flow,
    motion_masks,
    to_gray,
    tvl1,
    warp_flow,
)
from egotool.motion._refinement import Evidence
from egotool.motion._samples import edge_samples
from egotool.synthetic import ClipPlan, Kind, Mode, Verb, render_clip
from egotool.synthetic.truth import Truth
from egotool.video import read_frames, write_video

MODES = (Mode.PLANAR, Mode.PARALLAX)
HEAD_MOTIONS = (0.5, 4.0, 10.0)
SPEEDS = {"slow": 0.5, "normal": 1.0, "fast": 2.0}
ACTIONS = ((Verb.TAKE, Kind.CUP), (Verb.PUSH_LEFT, Kind.BOX))
COVERS = {"no hand": (0, 0), "up to 20 %": (0, 0.2), "20 to 40 %": (0.2, 0.4), "above 40 %": (0.4, 1)}
SECOND, COMPENSATED = "second TV-L1", "compensated flow"


def clip(plan: ClipPlan, *, clean: bool, quality: int = 23) -> tuple[list[np.ndarray], Truth, float]:
    """Return the gray frames, compressed unless `clean`, the truth, and the video's bytes per pixel."""
    rendered = render_clip(plan, clean=clean)
    pictures = [frame.rgb for frame in rendered.frames]
    size = 0.0
    if not clean:
        with tempfile.TemporaryDirectory() as folder:
            video = Path(folder) / "clip.mp4"
            write_video(video, pictures, frame_rate=plan.frame_rate, quality=quality)
            size = video.stat().st_size / (len(pictures) * plan.width * plan.height)
            pictures = [frame.rgb for frame in read_frames(video)]
    return [to_gray(picture) for picture in pictures], rendered.truth, size


def corner_error(found: np.ndarray, truth: np.ndarray, height: int, width: int) -> float:
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1.0]]).T
    a, b = found @ corners, truth @ corners
    return float(np.hypot(*(a[:2] / a[2] - b[:2] / b[2])).mean())


def truth_is_outvoted(
    pair: tuple[np.ndarray, np.ndarray], flow: np.ndarray, found: np.ndarray, truth: np.ndarray
) -> bool:
    """Whether more edges of the frame, by gray values, support the homography found than the true one."""
    edges = edge_samples(pair[0], flow, np.full(pair[0].shape, 255, np.uint8))
    evidence = Evidence.of(edges, *pair)
    return evidence.support(found) > evidence.support(truth)


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


def _lists() -> defaultdict[str, list]:
    return defaultdict(list)  # and no lambda: reports come from other processes


class Report:
    """What was measured, by kind of scene; every method adds one clip."""

    def __init__(self) -> None:
        self.camera: dict[str, list[float]] = defaultdict(list)  # corner errors, infinite where invalid
        self.outvoted: dict[str, int] = defaultdict(int)
        self.warp: dict[str, dict[str, list[float]]] = defaultdict(_lists)
        self.sizes: dict[str, list[float]] = defaultdict(list)  # bytes per pixel
        self.masks: dict[str, dict[str, list[tuple]]] = defaultdict(_lists)

    def add(
        self, mode: Mode, head: float, speed: str, grays: list[np.ndarray], truth: Truth, *, hands: bool
    ) -> None:
        flows = [tvl1(a, b) for a, b in pairwise(grays)]
        pairs = list(zip(pairwise(grays), flows, strict=True))
        tracker = CameraTracker()
        masks = truth.hand_mask.astype(np.uint8)
        motions = [
            tracker.next_motion(a, b, flow, exclude=masks[t] if hands else None)
            for t, ((a, b), flow) in enumerate(pairs)
        ]
        cover = masks.mean(axis=(1, 2))
        for t, motion in enumerate(motions):
            error = corner_error(motion.homography, truth.homography[t], *grays[t].shape)
            error = error if motion.valid else np.inf
            name = next(name for name, (_, most) in COVERS.items() if cover[t] <= most)
            outvoted = 2 < error < np.inf and truth_is_outvoted(
                *pairs[t], motion.homography, truth.homography[t]
            )
            for scene in (f"{mode}, head up to {head:g} px", f"{mode}, hands: {name}"):
                self.camera[scene].append(error)
                self.outvoted[scene] += outvoted
        warped = {
            SECOND: [
                warp_flow(a, b, motion.homography, flow=flow)
                for ((a, b), flow), motion in zip(pairs, motions, strict=True)
            ],
            COMPENSATED: [compensate_flow(f, m.homography) for f, m in zip(flows, motions, strict=True)],
        }
        for name, each in warped.items():
            self._add_warp_flow(self.warp[f"{mode}, head up to {head:g} px"], name, each, truth)
        self._add_masks(
            self.masks[f"{mode}, head up to {head:g} px, {speed}"],
            grays,
            flows,
            motions,
            warped[SECOND],
            truth,
        )

    @staticmethod
    def _add_warp_flow(found: dict[str, list[float]], name: str, flows: list, truth: Truth) -> None:
        for t, flow in enumerate(flows):
            off = np.hypot(*(flow - compensate_flow(truth.flow[t], truth.homography[t])))
            visible = truth.visible_next(t)
            found[f"{name}, static"].append(float(np.median(off[truth.static_mask[t] & visible])))
            moving = (truth.moving_mask[t] > 0) & visible
            if moving.sum() > 100:
                found[f"{name}, moving"].append(float(np.median(off[moving])))

    @staticmethod
    def _add_masks(found: dict, grays: list, flows: list, motions: list, warped: list, truth: Truth) -> None:
        homographies, valid = [motion.homography for motion in motions], [motion.valid for motion in motions]
        followed = [add_camera_motion(left, h) for left, h in zip(warped, homographies, strict=True)]
        arrays = {
            name: np.stack(list(motion_masks(grays, followed, homographies, valid=valid, parameters=rules)))
            for name, rules in (("default", TrackParameters()), ("published", TrackParameters.published()))
        }
        last = np.zeros((1, *grays[0].shape), bool)
        arrays["difference > 15"] = np.concatenate(
            [np.stack([cv2.absdiff(a, b) > 15 for a, b in pairwise(grays)]), last]
        )
        arrays["flow > 1 px"] = np.concatenate([np.hypot(*np.stack(flows, axis=1)) > 1, last])
        arrays["warp flow > 1 px"] = np.concatenate([np.hypot(*np.stack(warped, axis=1)) > 1, last])
        moving = truth.moving_mask > 0
        near = surroundings(moving)
        for name, array in arrays.items():
            found[name].append(scores(array > 0, moving, near))

    def join(self, other: "Report") -> None:
        """Add everything that was measured on other clips."""
        for scene, errors in other.camera.items():
            self.camera[scene] += errors
            self.outvoted[scene] += other.outvoted[scene]
        for scene, sizes in other.sizes.items():
            self.sizes[scene] += sizes
        for mine, theirs in ((self.warp, other.warp), (self.masks, other.masks)):
            for scene, found in theirs.items():
                for name, values in found.items():
                    mine[scene][name] += values

    def document(self) -> dict[str, dict]:
        """Return everything, averaged, ready for JSON."""
        camera = {}
        for scene, errors in self.camera.items():
            known = np.array([error for error in errors if np.isfinite(error)])
            camera[scene] = {
                "median": float(np.median(known)),
                "p90": float(np.percentile(known, 90)),
                "above_2px": float(np.mean(known > 2)),
                "outvoted": self.outvoted[scene],
                "invalid": len(errors) - len(known),
                "pairs": len(errors),
            }
        return {
            "camera": camera,
            "bytes_per_pixel": {scene: float(np.median(sizes)) for scene, sizes in self.sizes.items()},
            "warp_flow": {
                scene: {name: float(np.median(values)) for name, values in found.items()}
                for scene, found in self.warp.items()
            },
            "masks": {
                scene: {
                    name: dict(
                        zip(("iou", "recall", "false", "far"), np.mean(rows, axis=0).tolist(), strict=True)
                    )
                    for name, rows in found.items()
                }
                for scene, found in self.masks.items()
            },
        }


@dataclass(frozen=True)
class Scene:
    """One clip to measure on, and how."""

    plan: ClipPlan
    speed: str
    clean: bool
    quality: int
    hands: bool


def _scenes(options: argparse.Namespace) -> Iterator[Scene]:
    for mode in MODES:
        for number, head in enumerate(HEAD_MOTIONS):
            for seed, speed, subject, (verb, kind) in product(
                options.seed, options.speed, range(options.subjects), ACTIONS
            ):
                plan = ClipPlan(
                    seed=seed + number,
                    subject=subject,
                    verb=verb,
                    kind=kind,
                    mode=mode,
                    width=320,
                    height=240,
                    head_peak=head,
                    speed=SPEEDS[speed],
                )
                yield Scene(plan, speed, options.clean, options.quality, options.hands)


def measured(scene: Scene) -> Report:
    """Return what is measured on one clip."""
    cv2.setNumThreads(1)
    report = Report()
    mode, head = scene.plan.mode, scene.plan.head_peak
    grays, truth, size = clip(scene.plan, clean=scene.clean, quality=scene.quality)
    report.add(mode, head, scene.speed, grays, truth, hands=scene.hands)
    report.sizes[f"{mode}, head up to {head:g} px"].append(size)
    return report


def show(document: dict[str, dict]) -> None:
    sizes = document["bytes_per_pixel"]
    print("video, bytes per pixel: " + "; ".join(f"{scene} {size:.3f}" for scene, size in sizes.items()))
    for title, what in (("camera", "corner error, px"), ("warp_flow", "error, px, median")):
        print(f"{title}: {what}")
        for scene, values in document[title].items():
            words = ", ".join(
                f"{key} {value}" if isinstance(value, int) else f"{key} {value:.3g}"
                for key, value in values.items()
            )
            print(f"    {scene}: {words}")
    print("masks: intersection over union, recall, false, false far away")
    for scene, values in document["masks"].items():
        print(f"    {scene}")
        for name, row in values.items():
            print(f"        {name:18s}" + " / ".join(f"{value:.2f}" for value in row.values()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, nargs="+", default=[2100], help="of the rendered scenes; of several, all together"
    )
    parser.add_argument("--subjects", type=int, default=2, help="per scene; each does two actions")
    parser.add_argument("--speed", nargs="+", choices=SPEEDS, default=list(SPEEDS), help="of acting")
    parser.add_argument("--clean", action="store_true", help="no blur, exposure change, noise, compression")
    parser.add_argument("--quality", type=int, default=23, help="H.264 constant rate factor")
    parser.add_argument("--hands", action="store_true", help="the camera's motion is told where hands are")
    parser.add_argument("--processes", type=int, default=available_cores(), help="how many clips at once")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    report = Report()
    with ProcessPoolExecutor(options.processes) as pool:
        for found in pool.map(measured, _scenes(options)):
            report.join(found)
    document = report.document()
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        show(document)


if __name__ == "__main__":
    main()
