"""How fast the whole extraction is: this package's TV-L1 against OpenCV's, and two workers against one."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import cv2

from egotool.errors import EgotoolError
from egotool.extraction.parameters import ExtractionParameters
from egotool.extraction.pipeline import extract_videos
from egotool.progress import Progress, SilentProgress
from egotool.video import find_videos, read_frames, write_video

VARIANTS = {
    "fast": ExtractionParameters(schedule="fast", backend="numba"),
    "exact": ExtractionParameters(schedule="exact", backend="numba"),
    "opencv": ExtractionParameters(schedule="exact", backend="opencv"),
}
"""By name: this package's default, its form of OpenCV's algorithm, and OpenCV's own code."""

_SHORT_SIDE = 256


@dataclass(frozen=True)
class VariantSpeed:
    """Frames per second of one variant, in every round.

    Attributes:
        name: see `VARIANTS`, or the number of workers.
        rounds: frames per second of each round.
    """

    name: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Over the rounds."""
        return statistics.median(self.rounds)


def compare_variants(
    video: Path,
    folder: Path,
    *,
    frames: int = 8,
    rounds: int = 3,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> list[VariantSpeed]:
    """Extract the first frames of a video with each of `VARIANTS` in turn, on one core.

    Everything is done: decode, frames, flow, homographies, warp flow, masks, compressed store file. Processor
    time counts, no further process is used.

    Args:
        video: any.
        folder: an empty one for the stores.
        frames: how many; OpenCV takes seconds for each.
        rounds: how often all variants take their turn, after one that compiles.
        progress: hears of every extraction.

    Raises:
        EgotoolError: if the extraction fails.
    """
    cut_clips(video, folder / "videos", clips=1, frames=frames)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return _in_turns(
            {
                name: partial(_extract, folder / "videos", parameters, 0, time.process_time)
                for name, parameters in VARIANTS.items()
            },
            folder,
            rounds=rounds,
            progress=progress,
        )
    finally:
        cv2.setNumThreads(threads)


def compare_workers(
    video: Path,
    folder: Path,
    *,
    workers: int,
    frames: int = 60,
    rounds: int = 3,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> list[VariantSpeed]:
    """Extract as many clips as there are workers with one worker and with all, in turn; real time counts.

    Args:
        video: its first frames are cut into clips.
        folder: an empty one for the stores.
        workers: how many.
        frames: of each clip.
        rounds: how often both take their turn.
        progress: hears of every extraction.
    """
    cut_clips(video, folder / "videos", clips=workers, frames=frames)
    names = {1: "1 worker", workers: f"{workers} workers"}
    return _in_turns(
        {
            name: partial(_extract, folder / "videos", VARIANTS["fast"], number, time.perf_counter)
            for number, name in names.items()
        },
        folder,
        rounds=rounds,
        progress=progress,
    )


def cut_clips(video: Path, folder: Path, *, clips: int, frames: int) -> None:
    """Write clips of `frames` frames at the working size: the first of `video`, again and again."""
    pictures = [frame.rgb for frame in islice(read_frames(video, short_side=_SHORT_SIDE), frames)]
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(clips):
        write_video(folder / f"clip{number}.mp4", pictures, frame_rate=30)


def _in_turns(
    calls: dict[str, Callable[[Path], float]], folder: Path, *, rounds: int, progress: Progress
) -> list[VariantSpeed]:
    speeds: dict[str, list[float]] = {name: [] for name in calls}
    task = "extractions"
    progress.start(task, total=len(calls) * (rounds + 1), unit="extractions")
    for number in range(rounds + 1):
        for name, call in calls.items():
            speed = call(folder / f"store {number} {name}")
            if number:  # the first round compiles
                speeds[name].append(speed)
            progress.advance(task)
    progress.finish(task)
    return [VariantSpeed(name, tuple(values)) for name, values in speeds.items()]


def _extract(
    videos: Path, parameters: ExtractionParameters, workers: int, clock: Callable[[], float], out: Path
) -> float:
    begun = clock()
    summary = extract_videos(find_videos([videos]), out=out, parameters=parameters, workers=workers)
    if not summary.ok:
        raise EgotoolError(f"the extraction failed: {summary.failures}")
    return sum(video.frames for video in summary.videos) / (clock() - begun)


def ratios(speeds: Sequence[VariantSpeed], *, to: str) -> dict[str, float]:
    """Return how many times as fast each is as the one called `to`, by the medians."""
    (reference,) = [each.median for each in speeds if each.name == to]
    return {each.name: each.median / reference for each in speeds}
