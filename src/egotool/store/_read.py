"""Reading a store: which videos it has, and their frames, flows, masks and camera motion."""

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import h5py
import numpy as np
import numpy.typing as npt

from egotool.errors import StoreError
from egotool.files import files_below
from egotool.manifests import FrameRanges, hold
from egotool.store._hdf5 import dataset_of, open_for_reading, read_items, repair
from egotool.store._layout import (
    SPECIFICATIONS,
    Array,
    check_format_version,
    decode_flow,
    receipt_file,
    store_file,
)
from egotool.store._receipt import Receipt, read_receipt

Indices = Sequence[int] | npt.NDArray[np.integer]
"""Positions along the first axis, in any order, repeated or not."""

_EXTRACTED_AS = {
    Array.RGB: "rgb",
    Array.TIMESTAMPS: "rgb",
    Array.FLOW: "flow",
    Array.WARP_FLOW: "warp-flow",
    Array.HOMOGRAPHY: "warp-flow",
    Array.HOMOGRAPHY_VALID: "warp-flow",
    Array.MASKS: "masks",
    Array.FRAME_NUMBERS: "rgb",
}
"""What `egotool extract --only` calls that which makes an array."""


def check_arrays(receipt: Receipt, needed: Collection[Array], *, file: Path) -> None:
    """Make sure that the video of `receipt`, stored as `file`, was extracted with all arrays in `needed`.

    Raises:
        StoreError: naming the arrays it lacks and the command that adds them to those it has.
    """
    missing = [array for array in needed if array.value not in receipt.arrays]
    if missing:
        wanted = [a for a in Array if a in missing or a.value in receipt.arrays]
        only = ",".join(dict.fromkeys(_EXTRACTED_AS[array] for array in wanted))
        store = file.parents[len(PurePosixPath(receipt.video).parts) - 1]
        raise StoreError(
            f"{file} has no {' and no '.join(missing)}: "
            f"make it with `{extract_command(store, only, receipt)}`"
        )


PARAMETER_OPTIONS: Mapping[str, tuple[str, int | str]] = {
    "short_side": ("--size", 256),
    "schedule": ("--schedule", "fast"),
    "warp_flow": ("--warp-flow", "second"),
}
"""Recorded parameter → option of `egotool extract`, and its default."""


HANDS_PARAMETER = "hands_sha256"
"""Recorded digest of the hand masks that were given with --hands; missing where there were none."""


def extract_command(store: Path, only: str, receipt: Receipt) -> str:
    """Return the command that adds arrays to a video as it was made before, with the same parameters."""
    words = ["egotool extract VIDEOS --only", only]
    if store != Path("store"):
        words += ["--out", shlex.quote(str(store))]
    for name, (option, default) in PARAMETER_OPTIONS.items():
        value = receipt.parameters.get(name, default)
        if value != default:
            words += [option, shlex.quote(str(value))]
    if HANDS_PARAMETER in receipt.parameters:
        words += ["--hands", "HANDS"]
    return " ".join(words)


def _made_by(store: Path) -> str:
    """Return the command that makes `store`, or adds videos to it."""
    return f"egotool extract VIDEOS --out {shlex.quote(str(store))}"


class Store:
    """A folder of extracted videos."""

    def __init__(self, path: Path) -> None:
        """Open the store at `path`.

        Raises:
            StoreError: if `path` is not a folder, or no video in it is finished.
        """
        self.path = Path(path)
        if not self.path.is_dir():
            raise StoreError(f"the store {path} does not exist: make it with `{_made_by(self.path)}`")
        if not self.videos():
            raise StoreError(f"the store {path} has no finished video: run `{_made_by(self.path)}`")

    def videos(self) -> list[str]:
        """Return the names of the finished videos (those with a receipt), sorted.

        Links to folders are followed, as extraction writes through them.

        Raises:
            EgotoolError: if a folder of the store cannot be listed.
        """
        return sorted(
            path.relative_to(self.path).as_posix().removesuffix(".json")
            for path in files_below(self.path)
            if path.suffix == ".json" and path.with_suffix(".h5").exists()
        )

    def receipt(self, video: str) -> Receipt:
        """Return the receipt of `video`.

        Raises:
            StoreError: if the store has no such finished video, or its receipt is damaged or newer.
        """
        receipt = read_receipt(receipt_file(self.path, video))
        if receipt is None:
            raise StoreError(
                f"the store {self.path} has no finished video {video!r}: extract it with "
                f"`{_made_by(self.path)}`"
            )
        return receipt

    def open(self, video: str) -> "StoredVideo":
        """Return `video` for reading; its file is opened by the first read.

        Raises:
            StoreError: as `receipt`.
        """
        return StoredVideo(store_file(self.path, video), self.receipt(video))


@dataclass(frozen=True)
class CameraCount:
    """Between how many frames the camera's motion is known.

    Attributes:
        pairs: pairs of successive frames.
        found: those whose camera motion was found; the warp flow of the others is their flow.
    """

    pairs: int
    found: int


class StoredVideo:
    """One video of a store.

    The HDF5 file is opened by the first read in each process, and is left behind when the object is pickled
    or its process forks. All reading takes frame numbers of the video in any order, also repeated ones,
    whether the file has all frames or only ranges of them.
    """

    def __init__(self, path: Path, receipt: Receipt) -> None:
        check_format_version(receipt.format_version, path)
        self.path = path
        self.receipt = receipt
        self._file: h5py.File | None = None
        self._process: int | None = None

    @property
    def frame_count(self) -> int:
        """Number of frames of the video; the file may have only some, see `has`."""
        return self.receipt.frame_count

    @property
    def ranges(self) -> FrameRanges:
        """The ranges of frames that the file has, half-open; one if it has all."""
        return self.receipt.stored_ranges

    def has(self, start: int, stop: int) -> bool:
        """Return whether the file has the frames `start` to `stop` (half-open) and the flow between them."""
        return start >= 0 and hold(self.ranges, start, stop)

    @property
    def width(self) -> int:
        """Pixels of the stored frames."""
        return self.receipt.width

    @property
    def height(self) -> int:
        """Pixels of the stored frames."""
        return self.receipt.height

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays this video has."""
        return tuple(array for array in Array if array.value in self.receipt.arrays)

    def frames(self, indices: Indices) -> npt.NDArray[np.uint8]:
        """Return the frames at `indices`, (T, H, W, 3) RGB."""
        return self._read(Array.RGB, indices).astype(np.uint8, copy=False)

    def flow(self, indices: Indices) -> npt.NDArray[np.float32]:
        """Return the flow from frame t to t+1 for t in `indices`, (T, 2, H, W): x then y, pixels."""
        return decode_flow(self._read(Array.FLOW, indices).astype(np.int16, copy=False))

    def warp_flow(self, indices: Indices) -> npt.NDArray[np.float32]:
        """Return the flow with the camera's motion compensated, as `flow`."""
        return decode_flow(self._read(Array.WARP_FLOW, indices).astype(np.int16, copy=False))

    def masks(self, indices: Indices) -> npt.NDArray[np.uint8]:
        """Return the motion masks at `indices`, (T, H, W): 255 where something moves by itself, else 0."""
        return self._read(Array.MASKS, indices).astype(np.uint8, copy=False)

    def homographies(self, indices: Indices) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """Return the camera's motion from frame t to t+1: (T, 3, 3) matrices and (T,) whether they hold."""
        matrices = self._read(Array.HOMOGRAPHY, indices).astype(np.float64, copy=False)
        return matrices, self._read(Array.HOMOGRAPHY_VALID, indices).astype(np.bool_, copy=False)

    def camera_count(self) -> CameraCount | None:
        """Return between how many frames the camera's motion was found; None if it was not looked for."""
        if Array.HOMOGRAPHY_VALID not in self.arrays:
            return None
        pairs = np.concatenate([np.arange(start, stop - 1) for start, stop in self.ranges])
        found = self._read(Array.HOMOGRAPHY_VALID, pairs)
        return CameraCount(len(pairs), int(np.count_nonzero(found)))

    def timestamps(self) -> npt.NDArray[np.float64]:
        """Return the presentation times of all stored frames, (N,) seconds since the video's first."""
        return self._read(Array.TIMESTAMPS, self.frame_numbers()).astype(np.float64, copy=False)

    def frame_numbers(self) -> npt.NDArray[np.int64]:
        """Return which frames of the video the file has, (N,) increasing."""
        return np.concatenate([np.arange(start, stop) for start, stop in self.ranges])

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._file is not None and self._process == os.getpid():
            self._file.close()
        self._file = None

    def _read(self, array: Array, indices: Indices) -> npt.NDArray[np.generic]:
        """Return the items of `array` of the frames `indices` as stored."""
        dataset = self._dataset(array)
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        if self.receipt.ranges is not None:
            wanted = self._positions(wanted, array)
        count = int(dataset.shape[0])
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < count):
            outside = int(wanted.min()) if wanted.min() < 0 else int(wanted.max())
            raise StoreError(
                f"{self.path} has {count} items of {array}, so there is no number {outside}: "
                "check the frame numbers of the manifest"
            )
        items: npt.NDArray[np.generic] = np.empty((wanted.size, *dataset.shape[1:]), dtype=dataset.dtype)
        if not SPECIFICATIONS[array].is_picture:
            if wanted.size:
                first, stop = int(wanted.min()), int(wanted.max()) + 1
                block: npt.NDArray[np.generic] = np.empty(
                    (stop - first, *dataset.shape[1:]), dtype=dataset.dtype
                )
                read_items(dataset, block, first, stop - first, self.path)
                np.take(block, wanted - first, axis=0, out=items)
            return items
        # In the file's order, and each item once: a repeated frame is copied, not decompressed again.
        order = np.argsort(wanted, kind="stable")
        before = -1
        for place, previous in zip(order, np.concatenate([[-1], order])[:-1], strict=True):
            number = int(wanted[place])
            if number == before:
                items[place] = items[previous]
            else:
                read_items(dataset, items[place : place + 1], number, 1, self.path)
                before = number
        return items

    def _positions(self, numbers: npt.NDArray[np.int64], array: Array) -> npt.NDArray[np.int64]:
        """Return where the file keeps the items of `array` of frames given by their numbers in the video.

        Raises:
            StoreError: if it does not have one of them, or for flow not the frame behind it.
        """
        starts, stops = np.array(self.ranges, dtype=np.int64).T
        offsets = np.cumsum(stops - starts) - (stops - starts)
        place = np.searchsorted(starts, numbers, side="right") - 1
        reach = numbers + (2 if SPECIFICATIONS[array].between_frames else 1)
        absent = (place < 0) | (reach > stops[place])
        if absent.any():
            number = int(numbers[absent][0])
            raise StoreError(
                f"{self.path} has no {array} of frame {number}, only of ranges of frames from {starts[0]} to "
                f"{stops[-1] - 1}: extract with the manifest that names it, or without --segments-only"
            )
        positions: npt.NDArray[np.int64] = numbers - starts[place] + offsets[place]
        return positions

    def _dataset(self, array: Array) -> h5py.Dataset:
        """Return `array` of the file, opened in this process.

        Raises:
            StoreError: if the video was extracted without the array, or the file is missing or damaged.
        """
        check_arrays(self.receipt, [array], file=self.path)
        if self._file is None or self._process != os.getpid():
            self._file, self._process = open_for_reading(self.path), os.getpid()
        dataset = dataset_of(self._file, array, self.path)
        if dataset is None:
            raise StoreError(f"{self.path} is damaged: {array} is missing: {repair(self.path)}")
        return dataset

    def __getstate__(self) -> dict[str, object]:
        """Leave the open file behind: it means nothing in another process."""
        return {**self.__dict__, "_file": None, "_process": None}
