"""The whole extraction: speed against OpenCV's TV-L1, two workers against one, memory in a long video."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError
from egotool.extraction.parameters import ExtractionParameters
from egotool.extraction.pipeline import WORKER_MODULES, extract_videos
from egotool.extraction.pool import process_context
from egotool.machine import peak_memory
from egotool.progress import Progress, SilentProgress
from egotool.video import find_videos, read_frames, write_video

VARIANTS = {
    "fast": ExtractionParameters(schedule="fast", backend="numba"),
    "compensated": ExtractionParameters(schedule="fast", backend="numba", warp_flow="compensated"),
    "exact": ExtractionParameters(schedule="exact", backend="numba"),
    "opencv": ExtractionParameters(schedule="exact", backend="opencv"),
}
"""By name: the default, the same with warp flow from the first flow, OpenCV's algorithm, and its own code."""

_SHORT_SIDE = 256
_WIDTH = 456
"""Wider frames are cut to this: that of a 16:9 video at the working size."""


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
    frames: int = 60,
    opencv_frames: int = 8,
    rounds: int = 3,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> list[VariantSpeed]:
    """Extract the first frames of a video with each of `VARIANTS` in turn, on one core.

    Everything is done: decode, frames, flow, homographies, warp flow, masks, compressed store file. Processor
    time counts, no further process is used.

    Args:
        video: any.
        folder: an empty one for the stores.
        frames: how many.
        opencv_frames: how many with OpenCV, which takes seconds for each: few are enough for its speed, while
            what a video costs once would weigh too much beside few of ours.
        rounds: how often all variants take their turn, after one that compiles.
        progress: hears of every extraction.

    Raises:
        EgotoolError: if the extraction fails.
    """
    cut_clips(video, folder / "videos", clips=1, frames=frames)
    cut_clips(video, folder / "few", clips=1, frames=opencv_frames)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return _in_turns(
            {
                name: partial(
                    _extract,
                    folder / ("few" if parameters.backend == "opencv" else "videos"),
                    parameters,
                    0,
                    time.process_time,
                )
                for name, parameters in VARIANTS.items()
            },
            folder,
            rounds=rounds,
            progress=progress,
            nothing_to_compile={"opencv"},
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

    For comparison, a process of its own extracts each clip, all at once: that is what the machine can give,
    whose cores share memory and caches, and are slower when all are busy.

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
    calls: dict[str, Callable[[Path], float]] = {
        name: partial(_extract, folder / "videos", VARIANTS["fast"], number, time.perf_counter)
        for number, name in names.items()
    }
    calls[f"{workers} processes"] = partial(_extract_side_by_side, folder / "videos", frames)
    return _in_turns(
        calls,
        folder,
        rounds=rounds,
        progress=progress,
    )


@dataclass(frozen=True)
class MemoryUse:
    """The most memory that one worker had at once.

    Attributes:
        frames: of the video.
        bytes: None where the system does not tell.
    """

    frames: int
    bytes: int | None


def measure_memory(
    video: Path,
    folder: Path,
    *,
    frames: int = 120,
    times: int = 4,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> list[MemoryUse]:
    """Extract a short video and one `times` as long, each in a process of its own; return what each used.

    Args:
        video: its first frames, repeated where it is too short, are the videos.
        folder: an empty one.
        frames: of the short video.
        times: how many times as long the other is.
        progress: hears of both.
    """
    task, uses = "extractions", []
    progress.start(task, total=2, unit="extractions")
    for number in (frames, times * frames):
        place = folder / f"{number} frames"
        cut_clips(video, place / "videos", clips=1, frames=number)
        # a fresh process each: its peak is its own
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
            uses.append(MemoryUse(number, executor.submit(_peak_of, place).result()))
        progress.advance(task)
    progress.finish(task)
    return uses


def _peak_of(place: Path) -> int | None:
    cv2.setNumThreads(1)
    _extract(place / "videos", VARIANTS["fast"], 0, time.perf_counter, place / "store")
    return peak_memory()


WORKER_TIMES = 4
"""How many times the frames of the short video the clips for `compare_workers` have: what a run costs once,
the start of processes above all, is over a second, and an extraction takes hours."""


def cut_clips(video: Path, folder: Path, *, clips: int, frames: int) -> None:
    """Write clips of `frames` frames at the working size: the first of `video`, again and again."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = list(_cut(video, frames))
    for number in range(clips):
        write_video(folder / f"clip{number}.mp4", islice(cycle(pictures), frames), frame_rate=30)


def _cut(video: Path, frames: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the first frames of a video, at the working size, without what is too wide."""
    for frame in islice(read_frames(video, short_side=_SHORT_SIDE), frames):
        left = max(0, (frame.rgb.shape[1] - _WIDTH) // 2)
        yield frame.rgb[:, left : left + _WIDTH]


def _in_turns(
    calls: dict[str, Callable[[Path], float]],
    folder: Path,
    *,
    rounds: int,
    progress: Progress,
    nothing_to_compile: Collection[str] = (),
) -> list[VariantSpeed]:
    speeds: dict[str, list[float]] = {name: [] for name in calls}
    task = "extractions"
    progress.start(task, total=len(calls) * (rounds + 1), unit="extractions")
    for number in range(rounds + 1):
        for name, call in calls.items():
            if number:
                speeds[name].append(call(folder / f"store {number} {name}"))
            elif name not in nothing_to_compile:
                call(folder / f"store {number} {name}")
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
    # The last frame of a video has no flow: it does not count, or few frames would look fast.
    return sum(video.frames - 1 for video in summary.videos) / (clock() - begun)


def _extract_side_by_side(videos: Path, frames: int, out: Path) -> float:
    """Extract every video in a process of its own; return frames per second of all together."""
    clips = sorted(videos.iterdir())
    begun = time.perf_counter()
    with ProcessPoolExecutor(len(clips), mp_context=process_context(WORKER_MODULES)) as executor:
        list(executor.map(_extract_alone, clips, [out / clip.stem for clip in clips]))
    return len(clips) * (frames - 1) / (time.perf_counter() - begun)


def _extract_alone(video: Path, out: Path) -> None:
    cv2.setNumThreads(1)
    _extract(video, VARIANTS["fast"], 0, time.perf_counter, out)


def ratios(speeds: Sequence[VariantSpeed], *, to: str) -> dict[str, float]:
    """Return how many times as fast each is as the one called `to`, by the medians."""
    (reference,) = [each.median for each in speeds if each.name == to]
    return {each.name: each.median / reference for each in speeds}
