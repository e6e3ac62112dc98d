"""Part files: a range of a video's frames, written while the video is worked on."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np
import numpy.typing as npt

from egotool.errors import StoreError
from egotool.store._codecs import DEFAULT_CODEC, Codec
from egotool.store._hdf5 import (
    Scalar,
    arrays_of,
    create_array,
    creating,
    dataset_of,
    open_for_reading,
    read_items,
)
from egotool.store._layout import SMALL_ITEMS_PER_CHUNK, SPECIFICATIONS, Array


class PartWriter:
    """Writes one part file: `with PartWriter(path) as part: part.append(Array.RGB, picture)`.

    The file has any subset of the arrays, with one item per `append`. It gets its name when the block ends
    well; otherwise nothing of it is left. Memory does not grow with the number of items.
    """

    def __init__(
        self, path: Path, *, codec: Codec = DEFAULT_CODEC, attributes: Mapping[str, Scalar] | None = None
    ) -> None:
        self._path = path
        self._codec = codec
        self._attributes = dict(attributes or {})
        self._stack = contextlib.ExitStack()
        self._file: h5py.File | None = None
        self._written: dict[Array, int] = {}
        self._shapes: dict[Array, tuple[int, ...]] = {}
        self._waiting: dict[Array, list[npt.NDArray[np.generic]]] = {}

    def __enter__(self) -> Self:
        self._file = self._stack.enter_context(creating(self._path, self._attributes))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # An error of the flush must pass through the file's own exit, which removes what was written.
        with self._stack:
            if error is not None:
                raise error
            for array in self._waiting:
                self._flush(array)
        self._file = None

    def append(self, array: Array, item: npt.ArrayLike) -> None:
        """Add `item` to `array`; items of one array must have one shape.

        Flow must be in the stored form (`encode_flow`).

        Raises:
            ValueError: if the item's type or shape is wrong.
            StoreError: if the disk is full.
        """
        specification = SPECIFICATIONS[array]
        value = np.asarray(item)
        if value.ndim != specification.dimensions or not np.can_cast(
            value.dtype, specification.dtype, "safe"
        ):
            raise ValueError(
                f"an item of {array} has {specification.dimensions} dimensions of {specification.dtype}, "
                f"not {value.ndim} of {value.dtype}"
            )
        shape = self._shapes.setdefault(array, value.shape)
        if value.shape != shape:
            raise ValueError(f"an item of {array} has the shape {value.shape}, the first had {shape}")
        waiting = self._waiting.setdefault(array, [])
        # The items of small arrays are written a chunk at a time, so the caller may reuse its array before.
        waiting.append(value.astype(specification.dtype, copy=not specification.is_picture))
        if specification.is_picture or len(waiting) == SMALL_ITEMS_PER_CHUNK:
            self._flush(array)

    def declare(self, array: Array, item_shape: tuple[int, ...]) -> None:
        """Make `array` exist even if no item follows: a video of one frame has 0 flows, not no flow."""
        if self._file is not None and array.value not in self._file:
            self._shapes.setdefault(array, item_shape)
            create_array(self._file, array, item_shape, codec=self._codec, count=0)

    def _flush(self, array: Array) -> None:
        """Write the waiting items of `array`."""
        waiting = self._waiting[array]
        if self._file is None or not waiting:
            return
        if array.value not in self._file:
            create_array(self._file, array, waiting[0].shape, codec=self._codec, count=0)
        dataset = self._file[array.value]
        first = self._written.get(array, 0)
        stop = first + len(waiting)
        dataset.resize(stop, axis=0)
        dataset[first:stop] = np.stack(waiting)
        self._written[array] = stop
        waiting.clear()


class PartReader:
    """Reads one part file (see `read_part`)."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self._path = path
        self._file = file

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays in the part."""
        return arrays_of(self._file)

    @property
    def attributes(self) -> dict[str, Scalar]:
        """The attributes the part was written with, and those of every file (`format_version` …)."""
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self._file.attrs.items()
        }

    def count(self, array: Array) -> int:
        """Return the number of items of `array`, 0 if the part has none."""
        dataset = dataset_of(self._file, array, self._path)
        return 0 if dataset is None else int(dataset.shape[0])

    def read(self, array: Array, start: int = 0, stop: int | None = None) -> npt.NDArray[np.generic]:
        """Return the items `start` to `stop` (exclusive; None: all) of `array` as stored.

        Raises:
            StoreError: if the part does not have them, or is damaged.
        """
        available = self.count(array)
        stop = available if stop is None else stop
        dataset = dataset_of(self._file, array, self._path)
        if dataset is None or not 0 <= start <= stop <= available:
            raise StoreError(
                f"{self._path} has no {array} {start} to {stop}: delete it and extract its video again"
            )
        items: npt.NDArray[np.generic] = np.empty((stop - start, *dataset.shape[1:]), dtype=dataset.dtype)
        if SPECIFICATIONS[array].is_picture:
            for number in range(start, stop):
                read_items(dataset, items[number - start : number - start + 1], number, 1, self._path)
        elif stop > start:
            read_items(dataset, items, start, stop - start, self._path)
        return items


@contextlib.contextmanager
def read_part(path: Path) -> Iterator[PartReader]:
    """Open the part file at `path` for the length of a `with` block.

    Raises:
        StoreError: if it is missing, damaged, or of a newer format.
    """
    file = open_for_reading(path)
    try:
        yield PartReader(path, file)
    finally:
        file.close()
