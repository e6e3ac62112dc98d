"""A store as folders of pictures, for people who stay with other tools."""

import csv
import io
import re
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError, StoreError, UsageError
from egotool.extraction.export_record import (
    LIST_NAMES,
    RECORD_NAME,
    ExportRecord,
    Made,
    draft_of,
    folders_of,
    refusal,
)
from egotool.extraction.frame_folders import SEGMENTS_NAME, Layout
from egotool.files import remove_leftovers, write_text
from egotool.machine import available_cores
from egotool.manifests import COLUMNS, SPLITS, Manifest, Segment
from egotool.progress import Progress, SilentProgress
from egotool.store import Array, Store, StoredVideo

_FRAMES_AT_ONCE = 32
_TASK = "exporting"
_NO_SPLIT = "unsplit"


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How pictures are written.

    Attributes:
        layout: Ego-RNN's folders, or one folder with everything per segment.
        flow: which flow; None: the warp flow if the store has it, else the flow.
        flow_range: pixels that become 0 and 255, negative and positive; more is cut off.
        quality: of the JPEG frames, 1 to 100.
    """

    layout: Literal[Layout.EGO_RNN, Layout.RAWFRAMES]
    flow: Literal["warp_flow", "flow"] | None = None
    flow_range: float = 20.0
    quality: int = 95

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise UsageError(f"--quality is {self.quality}, but must lie between 1 and 100.")


@dataclass(frozen=True)
class ExportedFolder:
    """The pictures of one segment.

    Attributes:
        place: the folder, below the one exported to, `/` between its parts.
        segment: the segment of the manifest.
        frames: number of frames.
        written: False if it was there already.
        problem: why it is not there, one sentence.
    """

    place: str
    segment: Segment
    frames: int = 0
    written: bool = True
    problem: str | None = None


def export_store(
    store: Path,
    manifest: Manifest,
    out: Path,
    *,
    options: ExportOptions,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[ExportedFolder]:
    """Write every segment as a folder of pictures, and `segments.csv`, which says what is where.

    Pictures are numbered from 1. There are as many flows as frames, as these layouts have it: the last one
    repeats the one before. A folder that is there already is left alone, if `export.jsonl` says that it was
    made of the same.

    Args:
        store: where the videos are.
        manifest: the segments to write.
        out: where to; made if it is not there.
        options: how.
        overwrite: write again what is there, and remove what earlier exports wrote and this one does not.
        workers: threads that compress pictures.
        progress: is told how many frames are done.

    Returns:
        what became of every segment; one that cannot be exported raises nothing.

    Raises:
        StoreError: if there is no store.
        UsageError: without `overwrite`, if folders of an earlier export hold something else.
    """
    opened = Store(store)
    progress = progress or SilentProgress()
    places = segment_places(manifest.segments, options.layout)
    writers = _writers(opened, manifest.segments, places, out, options)
    record = ExportRecord(out)
    had_lists = record.has_lists
    _begin(record, _wanted(writers), out, overwrite=overwrite)
    lengths = (segment.stop_frame - segment.start_frame for segment in manifest.segments)
    progress.start(_TASK, total=sum(lengths), unit="frames")
    exported = []
    with ThreadPoolExecutor(workers or available_cores()) as pool:
        for writer in writers:
            told = writer.export(pool, record, overwrite=overwrite) if isinstance(writer, _Writer) else writer
            exported.append(told)
            progress.advance(_TASK, told.segment.stop_frame - told.segment.start_frame)
    progress.finish(_TASK)
    whole = {writer.place for writer in writers if isinstance(writer, _Writer) and writer.is_whole}
    good = [folder for folder in exported if folder.problem is None]
    lists = _write_lists(out, good, manifest, whole, options)
    if had_lists:
        for name in LIST_NAMES - lists:  # a split that nobody is in any more
            (out / name).unlink(missing_ok=True)
    return exported


def other_folders(store: Path, manifest: Manifest, out: Path, options: ExportOptions) -> list[str]:
    """Return the places below `out` that `export_store` would refuse, or replace and remove with `overwrite`.

    Raises:
        StoreError: if there is no store.
    """
    places = segment_places(manifest.segments, options.layout)
    writers = _writers(Store(store), manifest.segments, places, out, options)
    return ExportRecord(out).others(_wanted(writers))


def _writers(
    store: Store, segments: Sequence[Segment], places: Sequence[str], out: Path, options: ExportOptions
) -> "list[_Writer | ExportedFolder]":
    """Return for every segment what writes it, or why it cannot be written."""
    writers: list[_Writer | ExportedFolder] = []
    for segment, place in zip(segments, places, strict=True):
        try:
            writers.append(_Writer(store.open(segment.video), segment, place, out, options))
        except EgotoolError as error:
            writers.append(ExportedFolder(place, segment, problem=str(error)))
    return writers


def _wanted(writers: "Sequence[_Writer | ExportedFolder]") -> dict[str, Made]:
    return {writer.place: writer.made for writer in writers if isinstance(writer, _Writer)}


def _begin(record: ExportRecord, wanted: Mapping[str, Made], out: Path, *, overwrite: bool) -> None:
    """Make sure that nothing is there but what is wanted, also of what a killed command was writing."""
    others = record.others(wanted)
    if others and not overwrite:
        raise refusal(out, others)
    try:
        record.begin(wanted)
        remove_leftovers(out, (RECORD_NAME, SEGMENTS_NAME, *LIST_NAMES))
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written ({error.strerror or error}): check the disk and its rights."
        ) from error


def _unwritten(place: str, out: Path, error: OSError) -> str:
    return f"{out / place} cannot be written ({error.strerror or error}): check the disk and its rights."


def segment_places(segments: Sequence[Segment], layout: Layout) -> list[str]:
    """Return the folder of each segment: [split/]subject/action/instance, instances counted from 1."""
    counts: Counter[str] = Counter()
    places = []
    for segment in segments:
        parts = [_safe(segment.subject or "unknown"), _safe(segment.action or "unlabelled")]
        if layout is Layout.EGO_RNN:
            parts.insert(0, segment.split or _NO_SPLIT)
        place = "/".join(parts)
        counts[place] += 1
        places.append(f"{place}/{counts[place]}")
    return places


def bytes_of_flow(flow: NDArray[np.float32], *, flow_range: float = 20.0) -> NDArray[np.uint8]:
    """Return flow (any shape, pixels) in 8 bits: round((pixels + range) · 255 / 2 range), cut off."""
    scaled = np.rint((flow + np.float32(flow_range)) * np.float32(255 / (2 * flow_range)))
    return np.asarray(np.clip(scaled, 0, 255), dtype=np.uint8)


class _Writer:
    """Writes the pictures of one segment beside their places, and moves them there when they are whole."""

    def __init__(
        self, video: StoredVideo, segment: Segment, place: str, out: Path, options: ExportOptions
    ) -> None:
        if segment.stop_frame > video.frame_count:
            raise StoreError(
                f"{segment.segment} stops at frame {segment.stop_frame}, but {segment.video} has "
                f"{video.frame_count} frames: correct the manifest."
            )
        self.place = place
        self._out = out
        self._video = video
        self._segment = segment
        self._options = options
        self._flow = _flow_array(video, options)
        self._masks = Array.MASKS in video.arrays
        self._folders = folders_of(out, place)
        if options.layout is Layout.EGO_RNN:
            self._names = {
                "frames": "image_{:05d}.jpg",
                "flow_x": "flow_x_{:05d}.jpg",
                "flow_y": "flow_y_{:05d}.jpg",
                "mmaps": "map_{:05d}.png",
            }
        else:
            self._names = {
                "frames": "img_{:05d}.jpg",
                "flow_x": "flow_x_{:05d}.png",
                "flow_y": "flow_y_{:05d}.png",
                "mmaps": "mask_{:05d}.png",
            }

    @property
    def made(self) -> Made:
        """What decides the pictures."""
        return {
            "video": self._segment.video,
            "start_frame": self._segment.start_frame,
            "stop_frame": self._segment.stop_frame,
            "store_sha256": self._video.receipt.file_sha256,
            "flow": None if self._flow is None else self._flow.value,
            "flow_range": self._options.flow_range,
            "quality": self._options.quality,
        }

    @property
    def is_whole(self) -> bool:
        """Whether the segment is all of its video."""
        return self._segment.stop_frame - self._segment.start_frame == self._video.frame_count

    def is_there(self, record: ExportRecord) -> bool:
        """Return whether the segment was exported before, whole and of the same."""
        count = self._segment.stop_frame - self._segment.start_frame
        last = self._folders["frames"] / self._names["frames"].format(count)
        return record.holds(self.place, self.made) and last.is_file()

    def export(self, pool: ThreadPoolExecutor, record: ExportRecord, *, overwrite: bool) -> ExportedFolder:
        """Write the pictures unless they are there; what goes wrong is told, not raised."""
        count = self._segment.stop_frame - self._segment.start_frame
        try:
            written = overwrite or not self.is_there(record)
            if written:
                record.note(self.place, None)
                self._write(pool)
                record.note(self.place, self.made)
        except (EgotoolError, OSError) as error:
            problem = (
                str(error) if isinstance(error, EgotoolError) else _unwritten(self.place, self._out, error)
            )
            return ExportedFolder(self.place, self._segment, problem=problem)
        return ExportedFolder(self.place, self._segment, count, written)

    def _write(self, pool: ThreadPoolExecutor) -> None:
        targets = list(dict.fromkeys(self._folders.values()))
        drafts = {target: draft_of(target) for target in targets}
        try:
            for draft in drafts.values():
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir(parents=True)
            start, stop = self._segment.start_frame, self._segment.stop_frame
            for first in range(start, stop, _FRAMES_AT_ONCE):
                for _ in pool.map(
                    lambda item: _save(drafts[self._folders[item[0]]] / item[1], item[2], item[3]),
                    self._pictures(first, min(first + _FRAMES_AT_ONCE, stop)),
                ):
                    pass
            for target, draft in drafts.items():
                shutil.rmtree(target, ignore_errors=True)
                if any(draft.iterdir()):
                    draft.replace(target)
        finally:
            self._video.close()
            for draft in drafts.values():
                shutil.rmtree(draft, ignore_errors=True)

    def _pictures(self, first: int, stop: int) -> Iterator[tuple[str, str, NDArray[np.uint8], int]]:
        """Yield kind, name, picture and quality of everything that belongs to some frames."""
        indices = np.arange(first, stop)
        numbers = indices - self._segment.start_frame + 1

        def named(kind: str, number: np.int64) -> tuple[str, str]:
            return kind, self._names[kind].format(int(number))

        for number, frame in zip(numbers, self._video.frames(indices), strict=True):
            picture = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), dtype=np.uint8)
            yield *named("frames", number), picture, self._options.quality
        if self._flow is not None:
            for number, flow in zip(numbers, self._flows(indices), strict=True):
                for kind, component in zip(("flow_x", "flow_y"), flow, strict=True):
                    yield *named(kind, number), component, 100
        if self._masks:
            for number, mask in zip(numbers, self._video.masks(indices), strict=True):
                yield *named("mmaps", number), mask, 100

    def _flows(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the flow of frames in 8 bits; the segment's last frame has the flow before it."""
        last = self._segment.stop_frame - 2
        if last < self._segment.start_frame:  # a single frame: nothing moves
            still = np.zeros((len(indices), 2, self._video.height, self._video.width), dtype=np.float32)
            return bytes_of_flow(still, flow_range=self._options.flow_range)
        read = self._video.warp_flow if self._flow is Array.WARP_FLOW else self._video.flow
        return bytes_of_flow(read(np.minimum(indices, last)), flow_range=self._options.flow_range)


def _flow_array(video: StoredVideo, options: ExportOptions) -> Array | None:
    if options.flow is not None:
        wanted = Array(options.flow)
        if wanted not in video.arrays:
            raise StoreError(
                f"{video.receipt.video} has no {wanted} in the store: choose another with --flow."
            )
        return wanted
    return next((array for array in (Array.WARP_FLOW, Array.FLOW) if array in video.arrays), None)


def _save(path: Path, picture: NDArray[np.uint8], quality: int) -> None:
    """Write a picture; `quality` counts for JPEG."""
    options = [int(cv2.IMWRITE_JPEG_QUALITY), quality] if path.suffix == ".jpg" else []
    good, data = cv2.imencode(path.suffix, picture, options)
    if not good:
        raise StoreError(f"{path} cannot be written: OpenCV cannot compress this picture.")
    path.write_bytes(data.tobytes())


def _write_lists(
    out: Path,
    folders: Sequence[ExportedFolder],
    manifest: Manifest,
    whole: Collection[str],
    options: ExportOptions,
) -> set[str]:
    """Write `segments.csv`, and for rawframes the lists that their users expect, whose names are returned.

    Args:
        out: where to.
        folders: what is there.
        manifest: of all segments.
        whole: the places of segments that are all of their videos.
        options: the layout.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("folder", *COLUMNS))
    shared = Counter(segment.video for segment in manifest.segments)
    for folder in folders:
        segment = folder.segment
        alone = folder.place in whole and shared[segment.video] == 1
        told = replace(
            segment,
            video=segment.video if alone else folder.place,
            start_frame=0,
            stop_frame=folder.frames,
        )
        writer.writerow((folder.place, *(getattr(told, column) for column in COLUMNS)))
    write_text(out / SEGMENTS_NAME, text.getvalue())
    if options.layout is not Layout.RAWFRAMES:
        return set()
    numbers = {action: number for number, action in enumerate(manifest.actions)}
    written = {"classes.txt"}
    write_text(out / "classes.txt", "".join(f"{action}\n" for action in manifest.actions))
    for split in SPLITS:
        lines = [
            f"{folder.place} {folder.frames} {numbers[folder.segment.action]}\n"
            for folder in folders
            if folder.segment.split == split and folder.segment.action
        ]
        if lines:
            write_text(out / f"{split}.txt", "".join(lines))
            written.add(f"{split}.txt")
    return written


def _safe(name: str) -> str:
    """Return a name that is one folder: no separators, no blanks, not hidden."""
    return re.sub(r"[\s/\\\0-\x1f:*?\"<>|]+", "_", name).lstrip(".") or "_"
