"""The three stages of a video, as the workers run them: index it, fill a part, join the parts.

```text
    frames part a..b   decode a..b+1 ─ rgb, timestamps ─ flow ─ homography ─ warp flow
    masks part a..b    tracks over rgb, warp flow, homographies of frames a - warm-up .. b + run-out
    join               all parts, in order → the store file
```

Every function ends with a file that is whole or absent, and skips work whose file is there.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egotool import __version__
from egotool.errors import EgotoolError, VideoError
from egotool.extraction.hand_masks import HandMasks
from egotool.extraction.parameters import CAMERA_ARRAYS
from egotool.extraction.plan import Description, Source, VideoPlan
from egotool.extraction.pool import Report
from egotool.extraction.work import PartRange, WorkFolder, overlapping
from egotool.files import sha256_of_file, write_text
from egotool.manifests import FrameRanges, clip_ranges
from egotool.motion import (
    CameraTracker,
    add_camera_motion,
    compensate_flow,
    motion_masks,
    to_gray,
    tvl1,
    warp_flow,
)
from egotool.store import (
    FORMAT_VERSION,
    RANGES_FORMAT_VERSION,
    Array,
    CameraCount,
    PartReader,
    PartWriter,
    Receipt,
    StoredVideo,
    decode_flow,
    encode_flow,
    join_parts,
    read_part,
    write_receipt,
)
from egotool.video import VideoIndex, index_packets, index_video, probe, read_frames, working_size


def prepare_source(path: Path, video: str, hands: Path | None, report: Report) -> Source:
    """Read a video's size and digest, and those of its hand masks in the folder `hands`."""
    report(0)
    found = path.stat()
    return Source(
        path=path,
        video=video,
        size=found.st_size,
        sha256=sha256_of_file(path),
        modified=found.st_mtime_ns,
        hands=None if hands is None else HandMasks.of_folder(hands, report),
    )


def prepare_index(
    source: Source, work: WorkFolder, threads: int, ranges: FrameRanges | None, report: Report
) -> VideoIndex:
    """Return the index of a video: made now, or left from a run that was interrupted.

    For ranges of frames the packets will do, where they tell the frames apart: nothing else is decoded.

    Raises:
        VideoError: if no frame decodes.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, VideoError):  # a damaged one is made anew
        left = json.loads(work.index.read_text(encoding="utf-8"))
        if left["sha256"] == source.sha256 and (ranges is not None or not left.get("packets")):
            return VideoIndex.from_json(left["index"])
    index = None if ranges is None else index_packets(source.path)
    if index is not None and clip_ranges(ranges or (), index.frame_count) == ((0, index.frame_count),):
        index = None  # all of the video, as if it had been asked for
    packets = index is not None
    if index is None:
        index = index_video(source.path, on_frame=report, threads=threads)
    note = {"sha256": source.sha256, "packets": packets, "index": index.to_json()}
    write_text(work.index, json.dumps(note))
    return index


@lru_cache(maxsize=1)
def _index_of(work: WorkFolder, sha256: str) -> VideoIndex:
    """Read the index once for all parts that a worker does in a row."""
    left = json.loads(work.index.read_text(encoding="utf-8"))
    return VideoIndex.from_json(left["index"])


def compute_frames_part(plan: VideoPlan, part: PartRange, report: Report) -> None:
    """Write frames, flow, homographies and warp flow of a part, as far as `plan.part_arrays` asks."""
    target = plan.work.frames_part(part)
    if target.is_file():
        return
    arrays = plan.part_arrays
    _, last = plan.span_of(part)
    with _kept_file(plan) as kept, PartWriter(target, codec=plan.parameters.codec) as writer:
        tracker = CameraTracker()
        previous: NDArray[np.uint8] | None = None
        for index, seconds, rgb in _frames(plan, kept, part.start, min(part.stop + 1, last)):
            if index < part.stop:
                if Array.RGB in arrays:
                    writer.append(Array.RGB, rgb)
                if Array.TIMESTAMPS in arrays:
                    writer.append(Array.TIMESTAMPS, np.float64(seconds))
                if Array.FRAME_NUMBERS in arrays:
                    writer.append(Array.FRAME_NUMBERS, np.int64(index))
            gray = to_gray(rgb)
            if index == part.start:
                _declare(writer, arrays, *gray.shape)
            if previous is not None:
                _append_motion(writer, plan, kept, tracker, index - 1, previous, gray)
            previous = gray
            report(index - part.start)
        plan.source.check_unchanged()
        if plan.source.hands is not None:
            plan.source.hands.check_unchanged()
        if previous is not None and plan.ends_before_gap(part):
            _append_gap(writer, arrays, *previous.shape)
    report(part.stop - part.start)


def _append_gap(writer: PartWriter, arrays: frozenset[Array], height: int, width: int) -> None:
    """Append what stands between the last frame of a range and the first of the next: no motion is known."""
    nothing: dict[Array, NDArray[np.generic]] = {
        Array.FLOW: np.zeros((2, height, width), dtype=np.int16),
        Array.WARP_FLOW: np.zeros((2, height, width), dtype=np.int16),
        Array.HOMOGRAPHY: np.eye(3),
        Array.HOMOGRAPHY_VALID: np.array(False),
    }
    for array in arrays & nothing.keys():
        writer.append(array, nothing[array])


def _declare(writer: PartWriter, arrays: frozenset[Array], height: int, width: int) -> None:
    """Make the arrays exist that have no item in a part of a last single frame."""
    shapes = {
        Array.FLOW: (2, height, width),
        Array.WARP_FLOW: (2, height, width),
        Array.HOMOGRAPHY: (3, 3),
        Array.HOMOGRAPHY_VALID: (),
    }
    for array in arrays & shapes.keys():
        writer.declare(array, shapes[array])


def _append_motion(
    writer: PartWriter,
    plan: VideoPlan,
    kept: PartReader | None,
    tracker: CameraTracker,
    index: int,
    gray0: NDArray[np.uint8],
    gray1: NDArray[np.uint8],
) -> None:
    """Append what lies between frame `index` and the next."""
    arrays, parameters = plan.part_arrays, plan.parameters
    if not arrays & ({Array.FLOW, Array.WARP_FLOW} | CAMERA_ARRAYS):
        return
    if kept is not None and Array.FLOW in plan.kept_arrays:
        place = plan.position(index)
        stored = kept.read(Array.FLOW, place, place + 1)[0].astype(np.int16, copy=False)
    else:
        stored = encode_flow(tvl1(gray0, gray1, schedule=parameters.schedule, backend=parameters.backend))
    if Array.FLOW in arrays:
        writer.append(Array.FLOW, stored)
    if not arrays & ({Array.WARP_FLOW} | CAMERA_ARRAYS):
        return
    # From the flow as it is stored: what is added to a store later equals what is made at once.
    flow = decode_flow(stored)
    hands = None if plan.source.hands is None else plan.source.hands.read(index, gray0.shape)
    camera = tracker.next_motion(gray0, gray1, flow, exclude=hands)
    if Array.HOMOGRAPHY in arrays:
        writer.append(Array.HOMOGRAPHY, camera.homography)
    if Array.HOMOGRAPHY_VALID in arrays:
        writer.append(Array.HOMOGRAPHY_VALID, np.bool_(camera.valid))
    if Array.WARP_FLOW in arrays:
        if parameters.warp_flow == "compensated":
            left = compensate_flow(flow, camera.homography)
        else:
            left = warp_flow(
                gray0,
                gray1,
                camera.homography,
                flow=flow,
                schedule=parameters.schedule,
                backend=parameters.backend,
            )
        writer.append(Array.WARP_FLOW, encode_flow(left))


def _frames(
    plan: VideoPlan, kept: PartReader | None, start: int, stop: int
) -> Iterator[tuple[int, float, NDArray[np.uint8]]]:
    """Yield number, time and picture of frames, from the kept store file or else from the video."""
    if kept is not None and not plan.decodes:
        first, last = plan.position(start), plan.position(start) + stop - start
        times = kept.read(Array.TIMESTAMPS, first, last).astype(np.float64)
        for index, rgb in enumerate(_items(kept, Array.RGB, first, last), start):
            yield index, times[index - start], rgb.astype(np.uint8, copy=False)
        return
    frames = read_frames(
        plan.source.path,
        index=_index_of(plan.work, plan.source.sha256),
        start=start,
        stop=stop,
        short_side=plan.parameters.short_side,
        threads=1,
    )
    for frame in frames:
        yield frame.index, frame.seconds, frame.rgb


@contextmanager
def _kept_file(plan: VideoPlan) -> Iterator[PartReader | None]:
    if plan.kept is None:
        yield None
        return
    with read_part(plan.kept) as reader:
        yield reader


def _items(reader: PartReader, array: Array, start: int, stop: int) -> Iterator[NDArray[np.generic]]:
    """Yield items one by one, so that memory does not grow with their number."""
    for index in range(start, stop):
        yield reader.read(array, index, index + 1)[0]


def compute_masks_part(plan: VideoPlan, part: PartRange, report: Report) -> None:
    """Write the motion masks of a part, from the frames parts that it and its tracks reach into."""
    target = plan.work.masks_part(part)
    if target.is_file():
        return
    start, stop = plan.mask_reach(part)
    with PartWriter(target, codec=plan.parameters.codec) as writer:
        masks = motion_masks(
            (to_gray(rgb.astype(np.uint8, copy=False)) for rgb in _stored(plan, Array.RGB, start, stop)),
            _flows_of_masks(plan, start, stop - 1),
            _homographies(plan, start, stop - 1),
            valid=(bool(known) for known in _stored(plan, Array.HOMOGRAPHY_VALID, start, stop - 1)),
            parameters=plan.parameters.tracks,
        )
        for index, mask in enumerate(masks, start):
            if index >= part.stop:
                break
            report(max(0, index + 1 - part.start))
            if index >= part.start:
                writer.append(Array.MASKS, mask)


def _flows_of_masks(plan: VideoPlan, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
    """Yield the flow that tracks follow: the warp flow and the camera's motion put together again."""
    warp_flows = _stored(plan, Array.WARP_FLOW, start, stop)
    for stored, homography in zip(warp_flows, _homographies(plan, start, stop), strict=True):
        yield add_camera_motion(decode_flow(stored.astype(np.int16, copy=False)), homography)


def _homographies(plan: VideoPlan, start: int, stop: int) -> Iterator[NDArray[np.float64]]:
    return (matrix.astype(np.float64) for matrix in _stored(plan, Array.HOMOGRAPHY, start, stop))


def _stored(plan: VideoPlan, array: Array, start: int, stop: int) -> Iterator[NDArray[np.generic]]:
    """Yield the items of frames `start` to `stop` of one range one by one, from the kept file or parts."""
    if array in plan.kept_arrays and plan.kept is not None:
        first = plan.position(start)
        with read_part(plan.kept) as reader:
            yield from _items(reader, array, first, first + stop - start)
        return
    for part in overlapping(plan.parts, start, stop):
        with read_part(plan.work.frames_part(part)) as reader:
            first, last = max(start, part.start), min(stop, part.stop)
            yield from _items(reader, array, first - part.start, last - part.start)


@dataclass(frozen=True)
class Joined:
    """A store file in its place: its receipt, and between how many frames the camera's motion was found."""

    receipt: Receipt
    camera: CameraCount | None


def join(plan: VideoPlan, description: Description, report: Report) -> Joined:
    """Join the parts into the store file, write its receipt, and put both in their places."""
    report(0)
    parameters = plan.parameters.recorded_with_codec()
    source = plan.source
    join_parts(
        plan.work.joined,
        {array: _files_of(plan, array) for array in plan.wanted},
        codec=plan.parameters.codec,
        attributes={
            "parameters": json.dumps(parameters, sort_keys=True),
            "source_name": source.path.name,
            "source_bytes": source.size,
            "source_sha256": source.sha256,
        },
    )
    width, height = working_size(description.width, description.height, plan.parameters.short_side)
    receipt = Receipt(
        format_version=FORMAT_VERSION if plan.ranges is None else RANGES_FORMAT_VERSION,
        tool_version=__version__,
        video=source.video,
        source_name=source.path.name,
        source_bytes=source.size,
        source_sha256=source.sha256,
        parameters=parameters,
        arrays=[array.value for array in Array if array in plan.wanted],
        frame_count=plan.frame_count,
        ranges=None if plan.ranges is None else list(plan.ranges),
        width=width,
        height=height,
        frame_rate=description.frame_rate,
        complete=description.complete,
        warnings=list(description.warnings),
        file_sha256=sha256_of_file(plan.work.joined),
        file_bytes=plan.work.joined.stat().st_size,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with closing(StoredVideo(plan.work.joined, receipt)) as stored:
        joined = Joined(receipt, stored.camera_count())
    write_receipt(plan.work.receipt, receipt)
    plan.work.publish()
    return joined


def _files_of(plan: VideoPlan, array: Array) -> Sequence[Path]:
    """Return the files that hold the items of an array, in order."""
    if array in plan.kept_arrays and plan.kept is not None:
        return [plan.kept]
    path_of = plan.work.masks_part if array is Array.MASKS else plan.work.frames_part
    return [path_of(part) for part in plan.parts]


def declared_frames(paths: Sequence[Path], report: Report) -> list[int]:
    """Return how many frames each file declares, 0 where it says nothing or cannot be read."""
    counts = []
    for done, path in enumerate(paths):
        report(done)
        try:
            counts.append(probe(path).frame_count or 0)
        except (EgotoolError, OSError):
            counts.append(0)
    return counts
