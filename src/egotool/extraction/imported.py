"""Frames, 8-bit flow and motion maps of somebody else's making, brought into a store as they are."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool import __version__
from egotool.errors import EgotoolError, StoreError
from egotool.extraction.frame_folders import FrameFolder
from egotool.extraction.parameters import JsonValue
from egotool.extraction.pictures import read_picture, resized
from egotool.extraction.results import Status, VideoResult
from egotool.extraction.work import PartRange, VideoLock, WorkFolder, part_ranges
from egotool.files import sha256_of_file
from egotool.machine import available_cores
from egotool.progress import Progress, SilentProgress
from egotool.store import (
    DEFAULT_CODEC,
    FORMAT_VERSION,
    Array,
    Codec,
    PartWriter,
    Receipt,
    encode_flow,
    join_parts,
    read_receipt,
    receipt_file,
    store_file,
    write_receipt,
)
from egotool.video import working_size

_PART_FRAMES = 1000
_FRAMES_AT_ONCE = 32
_TASK = "importing"


@dataclass(frozen=True, kw_only=True)
class ImportParameters:
    """What decides a store file made of pictures, apart from the pictures.

    Attributes:
        layout: how the folders were arranged.
        short_side: pixels of the shorter side of what is stored; smaller pictures keep their size.
        flow: the array that the flow becomes; None: it is left out.
        flow_range: pixels that the 8-bit values 0 and 255 stand for, negative and positive.
        frame_rate: frames per second; None: unknown, and no timestamps are stored.
        codec: compression of the store file.
    """

    layout: str
    short_side: int = 256
    flow: Literal["warp_flow", "flow"] | None = "warp_flow"
    flow_range: float = 20.0
    frame_rate: float | None = None
    codec: Codec = DEFAULT_CODEC

    def recorded(self) -> dict[str, JsonValue]:
        """Return the parameters as store file and receipt record them."""
        return {
            "format_version": FORMAT_VERSION,
            "imported_from": self.layout,
            "short_side": self.short_side,
            "flow_array": self.flow,
            "flow_source": f"8-bit pictures, -{self.flow_range:g} to {self.flow_range:g} pixels",
            "frame_rate": self.frame_rate,
            "codec": str(self.codec),
        }


def import_frames(
    folders: Sequence[FrameFolder],
    *,
    out: Path,
    parameters: ImportParameters,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[VideoResult]:
    """Write every folder of pictures as a video of the store `out`.

    Interrupted at any point, the same call goes on where it stopped. A video that is there, made of the same
    pictures with the same parameters, is left alone.

    Args:
        folders: see `find_frame_folders`.
        out: the store; made if it is not there.
        parameters: how.
        workers: threads that read pictures; None: as many as there are cores.
        overwrite: write everything again.
        progress: is told how many frames are done.

    Returns:
        what became of every folder. One that cannot be imported raises nothing.
    """
    progress = progress or SilentProgress()
    progress.start(_TASK, total=sum(len(folder.frames) for folder in folders), unit="frames")
    results = []
    with ThreadPoolExecutor(workers or available_cores()) as pool:
        for folder in folders:
            begun = time.monotonic()
            try:
                if folder.problem is not None:
                    raise StoreError(folder.problem)
                receipt, status = _import(folder, out, parameters, pool, overwrite)
                result = _done(folder, out, receipt, status, time.monotonic() - begun)
            except (EgotoolError, OSError, cv2.error) as error:
                problem = str(error) if isinstance(error, EgotoolError) else f"{folder.name}: {error}."
                source = folder.frames[0].parent if folder.frames else Path(folder.name)
                result = VideoResult(folder.name, source, Status.FAILED, complete=False, problem=problem)
            results.append(result)
            progress.advance(_TASK, len(folder.frames))
    progress.finish(_TASK)
    return results


def _done(folder: FrameFolder, out: Path, receipt: Receipt, status: Status, seconds: float) -> VideoResult:
    return VideoResult(
        folder.name,
        folder.frames[0].parent,
        status,
        frames=receipt.frame_count,
        bytes=receipt.file_bytes,
        seconds=seconds,
        store_file=store_file(out, folder.name),
        warnings=tuple(receipt.warnings),
    )


def _import(
    folder: FrameFolder, out: Path, parameters: ImportParameters, pool: ThreadPoolExecutor, overwrite: bool
) -> tuple[Receipt, Status]:
    """Bring one folder into the store, unless it is there."""
    lock, work = VideoLock(out, folder.name), WorkFolder(out, folder.name)
    if not lock.acquire():
        raise StoreError(f"{folder.name}: another process works on it: type the same command later.")
    try:
        work.publish()
        digest, size = _digest(folder, pool)
        before = _receipt_before(receipt_file(out, folder.name))
        path = store_file(out, folder.name)
        if (
            before is not None
            and not overwrite
            and (before.source_sha256, before.parameters) == (digest, parameters.recorded())
            and path.is_file()
            and path.stat().st_size == before.file_bytes
        ):
            return before, Status.UNCHANGED
        work.tidy(json.dumps([digest, parameters.recorded()], sort_keys=True))
        receipt = _write(folder, work, parameters, pool, source=(digest, size))
        work.remove()
        return receipt, Status.EXTRACTED
    finally:
        lock.release()


def _receipt_before(path: Path) -> Receipt | None:
    try:
        return read_receipt(path)
    except StoreError:
        return None


def _digest(folder: FrameFolder, pool: ThreadPoolExecutor) -> tuple[str, int]:
    """Return a digest of all names and pictures of a folder, and their size."""
    digest, size = hashlib.sha256(), 0
    for path, content in zip(folder.sources, pool.map(sha256_of_file, folder.sources), strict=True):
        size += os.path.getsize(path)  # noqa: PTH202  stat of a Path is slower, and there are many
        digest.update(f"{path.parent.name}/{path.name} {content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest(), size


def _write(
    folder: FrameFolder,
    work: WorkFolder,
    parameters: ImportParameters,
    pool: ThreadPoolExecutor,
    *,
    source: tuple[str, int],
) -> Receipt:
    """Write the parts, join them, write the receipt, and put both in their places."""
    height, width = read_picture(folder.frames[0], cv2.IMREAD_COLOR).shape[:2]
    shape = (height, width)
    size = working_size(width, height, parameters.short_side)
    parts = part_ranges(len(folder.frames), _PART_FRAMES)
    arrays = _arrays(folder, parameters)
    for part in parts:
        if not work.frames_part(part).is_file():
            with PartWriter(work.frames_part(part), codec=parameters.codec) as writer:
                for items in _items(folder, part, shape, parameters, pool):
                    for array, item in items.items():
                        writer.append(array, item)
    digest, size_in_bytes = source
    name = folder.frames[0].parent.name
    join_parts(
        work.joined,
        {array: [work.frames_part(part) for part in parts] for array in arrays},
        codec=parameters.codec,
        attributes={
            "parameters": json.dumps(parameters.recorded(), sort_keys=True),
            "source_name": name,
            "source_bytes": size_in_bytes,
            "source_sha256": digest,
        },
    )
    receipt = Receipt(
        format_version=FORMAT_VERSION,
        tool_version=__version__,
        video=folder.name,
        source_name=name,
        source_bytes=size_in_bytes,
        source_sha256=digest,
        parameters=parameters.recorded(),
        arrays=[array.value for array in Array if array in arrays],
        frame_count=len(folder.frames),
        width=size[0],
        height=size[1],
        frame_rate=parameters.frame_rate,
        complete=True,
        warnings=_warnings(folder),
        file_sha256=sha256_of_file(work.joined),
        file_bytes=work.joined.stat().st_size,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_receipt(work.receipt, receipt)
    work.publish()
    return receipt


def _warnings(folder: FrameFolder) -> list[str]:
    if not folder.stand_ins:
        return []
    return [f"{folder.name}: {folder.stand_ins} motion map(s) missing; the next one serves."]


def _arrays(folder: FrameFolder, parameters: ImportParameters) -> list[Array]:
    arrays = [Array.RGB]
    if parameters.frame_rate is not None:
        arrays.append(Array.TIMESTAMPS)
    if folder.flow_x and parameters.flow is not None:
        arrays.append(Array(parameters.flow))
    if folder.masks:
        arrays.append(Array.MASKS)
    return arrays


def _items(
    folder: FrameFolder,
    part: PartRange,
    shape: tuple[int, int],
    parameters: ImportParameters,
    pool: ThreadPoolExecutor,
) -> Iterator[dict[Array, NDArray[np.generic]]]:
    """Yield what belongs to each frame of a part, in order, read by several threads.

    Every frame must have `shape` (height, width).
    """
    arrays = _arrays(folder, parameters)
    size = working_size(shape[1], shape[0], parameters.short_side)
    last = len(folder.frames) - 1

    def load(index: int) -> dict[Array, NDArray[np.generic]]:
        frame = read_picture(folder.frames[index], cv2.IMREAD_COLOR)
        if frame.shape[:2] != shape:
            raise StoreError(
                f"{folder.frames[index]} is {frame.shape[1]}×{frame.shape[0]}, the first frame "
                f"{shape[1]}×{shape[0]}: copy the folder again."
            )
        items: dict[Array, NDArray[np.generic]] = {
            Array.RGB: cv2.cvtColor(resized(frame, size), cv2.COLOR_BGR2RGB)
        }
        if parameters.frame_rate is not None:
            items[Array.TIMESTAMPS] = np.asarray(index / parameters.frame_rate, dtype=np.float64)
        if folder.flow_x and parameters.flow is not None and index < last:
            pictures = [
                read_picture(paths[index], cv2.IMREAD_GRAYSCALE) for paths in (folder.flow_x, folder.flow_y)
            ]
            items[Array(parameters.flow)] = encode_flow(
                flow_of_bytes(pictures, size, flow_range=parameters.flow_range)
            )
        if Array.MASKS in arrays:
            gray = resized(read_picture(folder.masks[index], cv2.IMREAD_GRAYSCALE), size, cv2.INTER_NEAREST)
            items[Array.MASKS] = np.where(gray > 127, 255, 0).astype(np.uint8)
        return items

    for first in range(part.start, part.stop, _FRAMES_AT_ONCE):
        yield from pool.map(load, range(first, min(first + _FRAMES_AT_ONCE, part.stop)))


def flow_of_bytes(
    pictures: Sequence[NDArray[np.uint8]], size: tuple[int, int], *, flow_range: float = 20.0
) -> NDArray[np.float32]:
    """Return flow in pixels from two 8-bit pictures: v · 2 range / 255 − range.

    Args:
        pictures: x and y components, (h, w) each.
        size: (width, height) of the frames; a flow of another size is resized and its values with it.
        flow_range: what 0 and 255 stand for.

    Returns:
        (2, H, W), x then y.
    """
    width, height = size
    components = []
    for picture, axis_ratio in zip(
        pictures, (width / pictures[0].shape[1], height / pictures[0].shape[0]), strict=True
    ):
        pixels = picture.astype(np.float32) * np.float32(2 * flow_range / 255) - np.float32(flow_range)
        components.append(resized(pixels, size) * np.float32(axis_ratio))
    return np.stack(components).astype(np.float32)
