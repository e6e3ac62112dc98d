"""What an extraction would do, how long it would take and how much disk it would fill: for --dry-run."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError, StoreError
from egotool.extraction.hand_masks import hand_masks_for, mask_pictures
from egotool.extraction.job import refuse_to_replace
from egotool.extraction.kernels import TURNED
from egotool.extraction.labels import SplitChoice, check_choice
from egotool.extraction.parameters import (
    ExtractionParameters,
    arrays_of,
    depend_on_hands,
    ranges_asked_for,
    with_segments,
)
from egotool.machine import available_cores
from egotool.manifests import FrameRanges, clip_ranges, hold
from egotool.motion import CameraTracker, to_gray, tvl1, warp_flow
from egotool.progress import Progress, SilentProgress
from egotool.store import HANDS_PARAMETER, Array, Codec, Receipt, read_receipt, receipt_file, store_file
from egotool.video import FoundVideo, VideoInfo, probe, read_frames, working_size

# Measured on real kitchen clips at 456×256 (`egotool bench extract`); both differ by half between clips.
_BYTES_PER_PIXEL = {
    Array.RGB: 2.0,
    Array.FLOW: 1.35,
    Array.WARP_FLOW: 1.35,
    Array.MASKS: 0.07,
}
_CODEC_FACTOR = {
    Codec.BLOSC2_LZ4: 1.0,
    Codec.BLOSC2_LZ4HC: 0.8,
    Codec.BLOSC2_ZSTD: 0.72,
    Codec.ZSTD: 0.76,
    Codec.GZIP: 0.72,
    Codec.NONE: 2.8,
}
_MASKS_SECONDS_PER_PIXEL = 1e-7


@dataclass(frozen=True)
class PlannedVideo:
    """What would be done with one video.

    Attributes:
        video: its name.
        source: its file.
        action: "extract", "extract again", "nothing", "refuse" or "cannot be read".
        frames: to extract, as the file declares; None if it does not.
        width: pixels of the stored frames.
        height: pixels of the stored frames.
        bytes: estimated size of the store file.
        seconds: estimated time of one core.
        problem: why it cannot be read, or must not be replaced.
    """

    video: str
    source: Path
    action: str
    frames: int | None = None
    width: int = 0
    height: int = 0
    bytes: int = 0
    seconds: float = 0.0
    problem: str | None = None


@dataclass(frozen=True)
class ExtractionPlan:
    """What would be done with all videos.

    Attributes:
        store: where to.
        videos: in the order of their names.
        workers: number of processes.
        seconds: estimated time with these.
        bytes: estimated size of what is added to the store.
    """

    store: Path
    videos: tuple[PlannedVideo, ...]
    workers: int
    seconds: float
    bytes: int


def plan_extraction(
    found: Sequence[FoundVideo],
    *,
    out: Path,
    parameters: ExtractionParameters,
    workers: int | None = None,
    overwrite: bool = False,
    choice: SplitChoice | None = None,
    manifest: Path | None = None,
    segments_only: bool = False,
    hands: Path | None = None,
    progress: Progress | None = None,
) -> ExtractionPlan:
    """Estimate what `extract_videos` would do, and write nothing.

    The time comes from one pair of frames of the largest video that can be read, the disk from a rate
    measured on kitchen videos; a store file counts as finished if its receipt fits the file's size and the
    parameters.

    Args:
        found: the videos.
        out: the store.
        parameters: what to extract and how.
        workers: number of processes; None: as many as there are cores.
        overwrite: whether everything would be extracted again.
        choice: how segments would be split.
        manifest: the labels, see `extract_videos`.
        segments_only: whether only the frames that its segments need would be extracted.
        hands: the folder of hand masks, see `extract_videos`; of finished videos they count as unchanged.
        progress: is told how many videos were looked at.

    Raises:
        UsageError: if `choice` names a test subject that there is not, or `hands` has none for any video.
    """
    progress = progress or SilentProgress()
    ranges = ranges_asked_for(manifest if segments_only else None, parameters)
    if ranges is not None:
        found = with_segments(found, ranges, manifest)
    roots = list(dict.fromkeys(video.root for video in found))
    given = None if manifest is None else [manifest]
    check_choice([video.name for video in found], roots, choice or SplitChoice(), given=given)
    hand_folders = hand_masks_for(hands, found, progress)
    workers = workers or available_cores()
    infos: dict[str, VideoInfo] = {}
    problems: dict[str, str] = {}
    progress.start("looking at videos", total=len(found), unit="videos")
    for video in found:
        progress.advance("looking at videos")
        try:
            infos[video.name] = probe(video.path)
        except (EgotoolError, OSError) as error:
            problems[video.name] = str(error)
    pace = _pace([(video.path, infos[video.name]) for video in found if video.name in infos], parameters)
    videos = []
    for video in found:
        if video.name in problems:
            problem = problems[video.name]
            videos.append(PlannedVideo(video.name, video.path, "cannot be read", problem=problem))
            continue
        asked_for = None if ranges is None else ranges[video.name]
        folder = hand_folders.get(video.name)
        videos.append(_planned(video, infos[video.name], out, parameters, overwrite, pace, asked_for, folder))
    progress.finish("looking at videos")
    return ExtractionPlan(
        store=out,
        videos=tuple(videos),
        workers=workers,
        seconds=sum(video.seconds for video in videos) / min(workers, available_cores()),
        bytes=sum(video.bytes for video in videos),
    )


def _pace(videos: Sequence[tuple[Path, VideoInfo]], parameters: ExtractionParameters) -> float:
    """Return seconds per pixel, measured where most of the work is: tiny pictures cost more for each."""

    def size(video: tuple[Path, VideoInfo]) -> int:
        width, height = working_size(video[1].width, video[1].height, parameters.short_side)
        return width * height * (video[1].frame_count or 1)

    for path, _ in sorted(videos, key=size, reverse=True):
        with contextlib.suppress(EgotoolError):  # one that breaks off at once: the next will do
            return _seconds_per_pixel(path, parameters)
    return 0.0


def _planned(
    video: FoundVideo,
    info: VideoInfo,
    out: Path,
    parameters: ExtractionParameters,
    overwrite: bool,
    pace: float,
    asked_for: FrameRanges | None,
    hands: Path | None,
) -> PlannedVideo:
    width, height = working_size(info.width, info.height, parameters.short_side)
    try:
        receipt = read_receipt(receipt_file(out, video.name))
    except StoreError:
        receipt = None
    before = None if receipt is None else receipt.parameters.get(HANDS_PARAMETER)
    given = before if isinstance(before, str) else "given"  # which they are is not looked at
    parameters = parameters.with_hands(given if hands else None)
    if receipt is not None and (hands or depend_on_hands(arrays_of(parameters.contents))):
        parameters = parameters.for_arrays_of(receipt)
    elif receipt is not None:
        parameters = parameters.with_hands_of(receipt)
    if receipt is not None and not overwrite:
        try:
            refuse_to_replace(receipt, out, video.path, None, parameters)
        except StoreError as error:
            return PlannedVideo(video.name, video.path, "refuse", problem=str(error))
    frames = info.frame_count
    masks = None if hands is None else len(mask_pictures(hands))
    if masks is not None and frames is not None and masks != frames:
        problem = f"{hands} has {masks} hand masks, but {video.path} says that it has {frames} frames"
        return PlannedVideo(video.name, video.path, "fail", problem=problem)
    if asked_for is not None:
        frames = sum(stop - start for start, stop in clip_ranges(asked_for, frames or asked_for[-1][1]))
    pixels = width * height * (frames or 0)
    done = receipt is not None and not overwrite and _seems_finished(receipt, video, out, parameters)
    if done and receipt is not None and _covers(receipt, asked_for):
        action, pixels = "nothing", 0
    else:
        action = "extract" if receipt is None else "extract again"
    per_pixel = sum(_BYTES_PER_PIXEL.get(array, 0.0) for array in arrays_of(parameters.contents))
    return PlannedVideo(
        video=video.name,
        source=video.path,
        action=action,
        frames=frames,
        width=width,
        height=height,
        bytes=round(pixels * per_pixel * _CODEC_FACTOR[parameters.codec]),
        seconds=pixels * pace,
    )


def _covers(receipt: Receipt, asked_for: FrameRanges | None) -> bool:
    if asked_for is None:
        return receipt.ranges is None
    wanted = clip_ranges(asked_for, receipt.frame_count)
    return all(hold(receipt.stored_ranges, start, stop) for start, stop in wanted)


def _seems_finished(receipt: Receipt, video: FoundVideo, out: Path, parameters: ExtractionParameters) -> bool:
    """Return what can be said without reading the whole video."""
    return (
        receipt.source_bytes == video.path.stat().st_size
        and parameters.fit_as_it_is(receipt.parameters)
        and {array.value for array in arrays_of(parameters.contents)} <= set(receipt.arrays)
        and store_file(out, video.name).is_file()
    )


def _seconds_per_pixel(path: Path, parameters: ExtractionParameters) -> float:
    """Measure the work on one pair of frames: decode, and as far as wanted flow, homography, warp flow."""
    arrays = arrays_of(parameters.contents)
    begun = time.perf_counter()
    frames = list(islice(read_frames(path, short_side=parameters.short_side, threads=1), 6))
    # twice: the index decodes all frames, too
    seconds = 2 * (time.perf_counter() - begun) / len(frames)
    gray0, gray1 = to_gray(frames[0].rgb), to_gray(frames[-1].rgb)
    if arrays - {Array.RGB, Array.TIMESTAMPS}:
        _motion(gray0, gray1, parameters, arrays)  # compiles
        begun = time.perf_counter()
        _motion(gray0, gray1, parameters, arrays)
        seconds += time.perf_counter() - begun
    masks = _MASKS_SECONDS_PER_PIXEL if Array.MASKS in arrays else 0.0
    return seconds / gray0.size + masks


def _motion(
    gray0: NDArray[np.uint8],
    gray1: NDArray[np.uint8],
    parameters: ExtractionParameters,
    arrays: frozenset[Array],
) -> None:
    """Do what is done between two frames; masks are made of warp flow."""
    schedule, backend = parameters.schedule, parameters.backend
    flow = tvl1(gray0, gray1, schedule=schedule, backend=backend)
    if Array.HOMOGRAPHY in arrays:
        CameraTracker().next_motion(gray0, gray1, flow)
    if arrays & {Array.WARP_FLOW, Array.MASKS} and parameters.warp_flow == "second":
        warp_flow(gray0, gray1, TURNED, flow=flow, schedule=schedule, backend=backend)
