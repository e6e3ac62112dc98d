"""A store as folders of pictures, for people who stay with other tools."""

import csv
import io
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError, StoreError, UsageError
from egotool.extraction.frame_folders import SEGMENTS_NAME, Layout
from egotool.extraction.pool import available_cores
from egotool.files import inside, write_text
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
    repeats the one before. A folder that is there already is left alone.

    Args:
        store: where the videos are.
        manifest: the segments to write.
        out: where to; made if it is not there.
        options: how.
        overwrite: write again what is there.
        workers: threads that compress pictures.
        progress: is told how many frames are done.

    Returns:
        what became of every segment; one that cannot be exported raises nothing.

    Raises:
        StoreError: if there is no store.
    """
    opened = Store(store)
    progress = progress or SilentProgress()
    places = segment_places(manifest.segments, options.layout)
    lengths = (segment.stop_frame - segment.start_frame for segment in manifest.segments)
    progress.start(_TASK, total=sum(lengths), unit="frames")
    exported = []
    whole: dict[str, bool] = {}
    with ThreadPoolExecutor(workers or available_cores()) as pool:
        for segment, place in zip(manifest.segments, places, strict=True):
            count = segment.stop_frame - segment.start_frame
            try:
                video = opened.open(segment.video)
                whole[segment.segment] = count == video.frame_count
                writer = _Writer(video, segment, place, out, options)
                written = overwrite or not writer.is_there()
                if written:
                    writer.write(pool)
                video.close()
                exported.append(ExportedFolder(place, segment, count, written))
            except (EgotoolError, OSError) as error:
                problem = str(error) if isinstance(error, EgotoolError) else _unwritten(place, out, error)
                exported.append(ExportedFolder(place, segment, problem=problem))
            progress.advance(_TASK, count)
    progress.finish(_TASK)
    _write_lists(out, [folder for folder in exported if folder.problem is None], manifest, whole, options)
    return exported


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
        self._video = video
        self._segment = segment
        self._options = options
        self._flow = _flow_array(video, options)
        self._masks = Array.MASKS in video.arrays
        if options.layout is Layout.EGO_RNN:
            split, _, rest = place.partition("/")
            kinds = ("flow_x", "flow_y", "mmaps", "frames")  # frames last: they mean that all is there
            self._folders = {kind: inside(out, f"{split}/{kind}/{rest}") for kind in kinds}
            self._names = {
                "frames": "image_{:05d}.jpg",
                "flow_x": "flow_x_{:05d}.jpg",
                "flow_y": "flow_y_{:05d}.jpg",
                "mmaps": "map_{:05d}.png",
            }
        else:
            self._folders = dict.fromkeys(("flow_x", "flow_y", "mmaps", "frames"), inside(out, place))
            self._names = {
                "frames": "img_{:05d}.jpg",
                "flow_x": "flow_x_{:05d}.png",
                "flow_y": "flow_y_{:05d}.png",
                "mmaps": "mask_{:05d}.png",
            }

    def is_there(self) -> bool:
        """Return whether the segment was exported before, whole."""
        count = self._segment.stop_frame - self._segment.start_frame
        return (self._folders["frames"] / self._names["frames"].format(count)).is_file()

    def write(self, pool: ThreadPoolExecutor) -> None:
        """Write all pictures."""
        targets = list(dict.fromkeys(self._folders.values()))
        drafts = {target: target.with_name(f".{target.name}.part") for target in targets}
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
    whole: Mapping[str, bool],
    options: ExportOptions,
) -> None:
    """Write `segments.csv`, and for rawframes the lists that their users expect."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("folder", *COLUMNS))
    shared = Counter(segment.video for segment in manifest.segments)
    for folder in folders:
        segment = folder.segment
        alone = whole.get(segment.segment, False) and shared[segment.video] == 1
        told = replace(
            segment,
            video=segment.video if alone else folder.place,
            start_frame=0,
            stop_frame=folder.frames,
        )
        writer.writerow((folder.place, *(getattr(told, column) for column in COLUMNS)))
    write_text(out / SEGMENTS_NAME, text.getvalue())
    if options.layout is not Layout.RAWFRAMES:
        return
    numbers = {action: number for number, action in enumerate(manifest.actions)}
    write_text(out / "classes.txt", "".join(f"{action}\n" for action in manifest.actions))
    for split in SPLITS:
        lines = [
            f"{folder.place} {folder.frames} {numbers[folder.segment.action]}\n"
            for folder in folders
            if folder.segment.split == split and folder.segment.action
        ]
        if lines:
            write_text(out / f"{split}.txt", "".join(lines))


def _safe(name: str) -> str:
    """Return a name that is one folder: no separators, no blanks, not hidden."""
    return re.sub(r"[\s/\\\0-\x1f:*?\"<>|]+", "_", name).lstrip(".") or "_"
