"""Checking that a video's file in a store is what its receipt says."""

import contextlib
import json
from pathlib import Path

import h5py
import numpy as np

from egotool.errors import StoreError
from egotool.files import sha256_of_file
from egotool.store._hdf5 import HDF5_ERRORS, open_for_reading, read_items, repair
from egotool.store._layout import (
    SPECIFICATIONS,
    UNITS,
    Array,
    item_shape_of,
    receipt_file,
    store_file,
    units_of_format,
)
from egotool.store._receipt import Receipt, read_receipt


def verify(store: Path, video: str, *, deep: bool = False, digest: bool = True) -> list[str]:
    """Return what is wrong with `video` in `store`, in sentences; an empty list if nothing is.

    Checked are the receipt, size and digest of the file, and of every array its presence, number of items,
    shape, type and unit.

    Args:
        store: the folder.
        video: its name.
        deep: also read every item and check its checksum; finds which frames are damaged.
        digest: read the whole file to compare its digest; without, a damaged picture may go unnoticed.
    """
    try:
        receipt = read_receipt(receipt_file(store, video))
    except StoreError as error:
        return [str(error)]
    if receipt is None:
        return [f"{video} has no receipt in {store}: extract it again"]
    path = store_file(store, video)
    if not path.is_file():
        return [f"{path} is missing: extract its video again"]
    problems = _file_problems(path, receipt, video, digest=digest)
    try:
        with contextlib.closing(open_for_reading(path)) as file:
            for name in receipt.arrays:
                problems += _array_problems(path, file, name, receipt, deep=deep)
            problems += _unit_problems(path, file, receipt)
            problems += _number_problems(path, file, receipt)
    except StoreError as error:
        problems.append(str(error))
    except HDF5_ERRORS as error:
        problems.append(f"{path} is damaged ({error}): {repair(path)}")
    return problems


def _file_problems(path: Path, receipt: Receipt, video: str, *, digest: bool) -> list[str]:
    """Compare name, size and digest."""
    problems = []
    if receipt.video != video:
        problems.append(f"the receipt of {video} is that of {receipt.video!r}: extract it again")
    size = path.stat().st_size
    if size != receipt.file_bytes:
        problems.append(
            f"{path} has {size} bytes, its receipt says {receipt.file_bytes}: extract its video again"
        )
    elif digest and sha256_of_file(path) != receipt.file_sha256:
        problems.append(f"{path} was changed or damaged (its SHA-256 differs): {repair(path)}")
    return problems


def _array_problems(path: Path, file: h5py.File, name: str, receipt: Receipt, *, deep: bool) -> list[str]:
    """Check one array against the receipt."""
    if name not in set(Array):
        return [f"the receipt of {path} names an unknown array {name!r}: {repair(path)}"]
    array = Array(name)
    if name not in file:
        return [f"{path} lacks the array {name} of its receipt: {repair(path)}"]
    dataset, specification = file[name], SPECIFICATIONS[array]
    expected = (
        specification.count(receipt.stored_frames),
        *item_shape_of(array, receipt.height, receipt.width),
    )
    problems = []
    if dataset.shape != expected:
        problems.append(f"{path}: {name} has the shape {dataset.shape}, not {expected}: {repair(path)}")
    if dataset.dtype != specification.dtype:
        problems.append(f"{path}: {name} is {dataset.dtype}, not {specification.dtype}: {repair(path)}")
    if deep and not problems:
        step = dataset.chunks[0]
        for first in range(0, dataset.shape[0], step):
            count = min(step, dataset.shape[0] - first)
            try:
                read_items(dataset, np.empty((count, *dataset.shape[1:]), dataset.dtype), first, count, path)
            except StoreError as error:
                problems.append(str(error))
    return problems


def _number_problems(path: Path, file: h5py.File, receipt: Receipt) -> list[str]:
    """Compare the frame numbers with the ranges of the receipt."""
    expected = [number for start, stop in receipt.stored_ranges for number in range(start, stop)]
    if Array.FRAME_NUMBERS.value not in file:
        missing = receipt.ranges is not None
        return [f"{path} lacks its frame_numbers: {repair(path)}"] if missing else []
    dataset = file[Array.FRAME_NUMBERS.value]
    if dataset.shape != (len(expected),):
        return []  # told with the other shapes
    if receipt.ranges is None or dataset[:].tolist() != expected:
        return [f"{path} has other frame_numbers than its receipt: {repair(path)}"]
    return []


def _unit_problems(path: Path, file: h5py.File, receipt: Receipt) -> list[str]:
    """Check the recorded units, file and arrays."""
    problems = []
    try:
        recorded = json.loads(file.attrs.get("units", ""))
    except (ValueError, TypeError):
        recorded = None
    if recorded != units_of_format(receipt.format_version):
        problems.append(f"{path} records other units than this format: {repair(path)}")
    wrong = [a for a in Array if a.value in file and file[a.value].attrs.get("unit") != UNITS[a.value]]
    problems += [f"{path}: {a} records another unit than {UNITS[a]!r}: {repair(path)}" for a in wrong]
    return problems
