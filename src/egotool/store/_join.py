"""Joining part files into the file of a video."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from egotool.errors import StoreError
from egotool.store._codecs import DEFAULT_CODEC, Codec
from egotool.store._hdf5 import (
    HDF5_ERRORS,
    Scalar,
    create_array,
    creating,
    dataset_of,
    first_line,
    open_for_reading,
    read_items,
)
from egotool.store._layout import (
    FORMAT_VERSION,
    RANGES_FORMAT_VERSION,
    SMALL_ITEMS_PER_CHUNK,
    SPECIFICATIONS,
    Array,
    item_shape_of,
)


def join_parts(
    target: Path,
    parts: Mapping[Array, Sequence[Path]],
    *,
    codec: Codec = DEFAULT_CODEC,
    attributes: Mapping[str, Scalar] | None = None,
) -> None:
    """Write the items of `parts` (for each array its files, in order) to the new file `target`.

    Where a part was written with `codec`, its compressed chunks are copied as they are; otherwise they are
    compressed again. One item at a time is in memory. `target` appears whole or not at all. With frame
    numbers among `parts` it is of the format for ranges of frames.

    Raises:
        StoreError: if a part is missing or damaged, the counts or shapes of the arrays do not fit
            together, or the disk is full.
    """
    # In the order of Array, whatever the mapping's: equal input gives equal files.
    measured = {array: _measure(array, parts[array]) for array in Array if array in parts}
    _check_counts(target, {array: count for array, (count, _) in measured.items()})
    version = RANGES_FORMAT_VERSION if Array.FRAME_NUMBERS in measured else FORMAT_VERSION
    with creating(target, attributes or {}, format_version=version) as file:
        for array, (count, item_shape) in measured.items():
            shape = item_shape or _shape_without_items(array, measured)
            if shape is not None:
                _join_array(file, array, parts[array], codec, count, shape)


_Measure = tuple[int, tuple[int, ...] | None]
"""The number of items of an array, and their shape if there is any."""


def _measure(array: Array, paths: Sequence[Path]) -> _Measure:
    """Return the number and shape of the items of `array` in all `paths`."""
    count, item_shape = 0, None
    for path in paths:
        with contextlib.closing(open_for_reading(path)) as part:
            dataset = dataset_of(part, array, path)
            if dataset is None:
                continue  # a part without an item of an array, such as the flow of a last single frame
            shape = dataset.shape
            if item_shape is not None and shape[1:] != item_shape:
                raise StoreError(
                    f"{path} has items of {array} of shape {shape[1:]}, the parts before it {item_shape}: "
                    "extract the video again with --overwrite"
                )
            item_shape = tuple(shape[1:])
            count += shape[0]
    return count, item_shape


def _check_counts(target: Path, counts: Mapping[Array, int]) -> None:
    """Raise unless all arrays have the number of items of one and the same video."""
    frame_counts = {count for array, count in counts.items() if not SPECIFICATIONS[array].between_frames}
    between_counts = {count for array, count in counts.items() if SPECIFICATIONS[array].between_frames}
    expected = {max(0, count - 1) for count in frame_counts} or between_counts
    if len(frame_counts) > 1 or len(between_counts) > 1 or not between_counts <= expected:
        listed = ", ".join(f"{count} {array}" for array, count in counts.items())
        raise StoreError(
            f"{target} was not written: its parts do not fit together ({listed}); extract the video again "
            "with --overwrite"
        )


def _shape_without_items(array: Array, measured: Mapping[Array, _Measure]) -> tuple[int, ...] | None:
    """Return the shape that items of `array` would have, from the size of other pictures (None: unknown)."""
    for other, (_, shape) in measured.items():
        if SPECIFICATIONS[other].is_picture and shape is not None:
            size = shape[1:] if SPECIFICATIONS[other].between_frames else shape[:2]
            return item_shape_of(array, size[0], size[1])
    return None if SPECIFICATIONS[array].is_picture else item_shape_of(array, 1, 1)


def _join_array(
    file: h5py.File,
    array: Array,
    paths: Sequence[Path],
    codec: Codec,
    count: int,
    item_shape: tuple[int, ...],
) -> None:
    """Copy one array of all `paths`."""
    target = create_array(file, array, item_shape, codec=codec, count=count)
    position = 0
    for path in paths:
        with contextlib.closing(open_for_reading(path)) as part:
            source = dataset_of(part, array, path)
            if source is None:
                continue
            if SPECIFICATIONS[array].is_picture and _pipeline(source) == _pipeline(target):
                _copy_chunks(source, target, position, path)
            else:
                _copy_items(source, target, position, path)
            position += source.shape[0]


def _pipeline(dataset: h5py.Dataset) -> list[object]:
    """Return what decides the bytes of a chunk: type, chunk shape and filters with their settings."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(number)[:3] for number in range(properties.get_nfilters())]
    return [dataset.dtype.str, dataset.chunks, *filters]


def _copy_chunks(source: h5py.Dataset, target: h5py.Dataset, position: int, path: Path) -> None:
    """Copy the chunks of `source`, one item each, to the items of `target` from `position` on."""
    rest = (0,) * (len(source.shape) - 1)
    for number in range(source.shape[0]):
        try:
            filter_mask, data = source.id.read_direct_chunk((number, *rest))
        except HDF5_ERRORS as error:
            raise StoreError(
                f"{path} is damaged: item {number} of {source.name.strip('/')!r} cannot be read "
                f"({first_line(error)}); delete it and extract its video again"
            ) from error
        target.id.write_direct_chunk((position + number, *rest), data, filter_mask)


def _copy_items(source: h5py.Dataset, target: h5py.Dataset, position: int, path: Path) -> None:
    """Read and write the items of `source`, a chunk at a time."""
    step = source.chunks[0] if source.chunks else SMALL_ITEMS_PER_CHUNK
    for first in range(0, source.shape[0], step):
        count = min(step, source.shape[0] - first)
        items = np.empty((count, *source.shape[1:]), dtype=source.dtype)
        read_items(source, items, first, count, path)
        target[position + first : position + first + count] = items
