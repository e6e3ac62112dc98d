"""How fast and how close `tvl1` is to OpenCV's DualTVL1, measured in alternation."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import UsageError
from egotool.motion._arrays import Flow, GrayImage
from egotool.motion.flow import tvl1
from egotool.motion.pictures import to_gray
from egotool.motion.schedule import SCHEDULES
from egotool.motion.truth import endpoint_error, read_flo
from egotool.progress import Progress, SilentProgress
from egotool.video import embedded_clips

OPENCV = "opencv"
_PICTURES = (".png", ".jpg", ".ppm")


@dataclass(frozen=True)
class FlowPair:
    """Two gray pictures, and the true flow between them, if it is known (NaN where it is not)."""

    name: str
    image0: GrayImage
    image1: GrayImage
    truth: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class PairResult:
    """What came out for one pair; the dictionaries are by schedule.

    Attributes:
        name: of the pair.
        width, height: pixels.
        largest_motion: of OpenCV's flow, pixels.
        ratios: OpenCV's best time over ours.
        distances: mean end-point distance to OpenCV's flow, pixels.
        errors: mean end-point error, OpenCV's too (`opencv`); empty if the truth is not known.
    """

    name: str
    width: int
    height: int
    largest_motion: float
    ratios: dict[str, float]
    distances: dict[str, float]
    errors: dict[str, float]


@dataclass(frozen=True)
class ScheduleSummary:
    """One schedule over all pairs; errors are None where no pair has a truth.

    Attributes:
        schedule: its name.
        median_ratio, worst_ratio: how many times as fast as OpenCV.
        distance: to OpenCV's flow, median over the pairs, pixels.
        error, opencv_error: mean end-point error over the pairs with a truth, pixels.
        worst_error_ratio: largest error of a pair relative to OpenCV's.
    """

    schedule: str
    median_ratio: float
    worst_ratio: float
    distance: float
    error: float | None
    opencv_error: float | None
    worst_error_ratio: float | None


def embedded_pairs(width: int, height: int, *, per_clip: int) -> list[FlowPair]:
    """Return pairs of neighbouring frames of the embedded clips, evenly spaced in each."""
    pairs: list[FlowPair] = []
    for clip in embedded_clips():
        with av.open(str(clip)) as container:
            frames = [
                to_gray(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
                for frame in container.decode(video=0)
            ]
        chosen = np.linspace(0, len(frames) - 2, per_clip).astype(int)
        for index in chosen:
            image0, image1 = (
                np.asarray(
                    cv2.resize(frames[number], (width, height), interpolation=cv2.INTER_AREA), np.uint8
                )
                for number in (index, index + 1)
            )
            pairs.append(FlowPair(f"{clip.stem}:{index}", image0, image1))
    return pairs


def pairs_in(folder: Path) -> list[FlowPair]:
    """Return the pairs in a folder of folders, each with two pictures and, if known, the truth as .flo file.

    Raises:
        UsageError: if there is no such folder, or no pair in it.
    """
    pairs: list[FlowPair] = []
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for each in folders:
        pictures = sorted(path for path in each.iterdir() if path.suffix.lower() in _PICTURES)
        truths = sorted(each.glob("*.flo"))
        if len(pictures) == 2:
            image0, image1 = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in pictures)
            if image0 is None or image1 is None:
                raise UsageError(f"a picture in {each} cannot be read")
            truth = read_flo(truths[0]) if truths else None
            pairs.append(
                FlowPair(each.name, np.asarray(image0, np.uint8), np.asarray(image1, np.uint8), truth)
            )
    if not pairs:
        raise UsageError(
            f"--pairs: {folder} has no folder with two pictures (and a .flo file, if the truth is known)"
        )
    return pairs


def compare_with_opencv(
    pairs: Sequence[FlowPair],
    *,
    repeats: int = 3,
    progress: Progress = SilentProgress(),  # noqa: B008
) -> list[PairResult]:
    """Send every pair through OpenCV and every schedule in turn, one thread each.

    They take turns `repeats` times, so that other work on the machine meets all, and the best time of each
    counts.
    """
    results = []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    task = "pairs of frames"
    progress.start(task, total=len(pairs), unit="pairs")
    try:
        for pair in pairs:
            results.append(_measured(pair, repeats))
            progress.advance(task)
    finally:
        cv2.setNumThreads(threads)
    progress.finish(task)
    return results


def summarise(results: Sequence[PairResult]) -> list[ScheduleSummary]:
    """Return one line per schedule."""
    known = [result for result in results if result.errors]
    return [
        ScheduleSummary(
            schedule=name,
            median_ratio=statistics.median(result.ratios[name] for result in results),
            worst_ratio=min(result.ratios[name] for result in results),
            distance=statistics.median(result.distances[name] for result in results),
            error=statistics.fmean(each.errors[name] for each in known) if known else None,
            opencv_error=statistics.fmean(each.errors[OPENCV] for each in known) if known else None,
            worst_error_ratio=max(each.errors[name] / each.errors[OPENCV] for each in known)
            if known
            else None,
        )
        for name in SCHEDULES
    ]


def _measured(pair: FlowPair, repeats: int) -> PairResult:
    both = (pair.image0, pair.image1)
    calls: dict[str, Callable[[], Flow]] = {OPENCV: partial(tvl1, *both, schedule="exact", backend="opencv")}
    for name in SCHEDULES:
        calls[name] = partial(tvl1, *both, schedule=name, backend="numba")
    flows = {name: call() for name, call in calls.items()}  # compiles, and fills the buffers
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - begun)
    height, width = pair.image0.shape
    truth = pair.truth
    return PairResult(
        name=pair.name,
        width=width,
        height=height,
        largest_motion=float(np.hypot(*flows[OPENCV]).max()),
        ratios={name: best[OPENCV] / best[name] for name in SCHEDULES},
        distances={name: endpoint_error(flows[name], flows[OPENCV]) for name in SCHEDULES},
        errors={} if truth is None else {name: endpoint_error(flow, truth) for name, flow in flows.items()},
    )
