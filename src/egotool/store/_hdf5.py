"""Opening, making and failing HDF5 files; the only module that knows h5py's errors."""

import contextlib
import errno
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np

import egotool
from egotool.errors import DiskFullError, StoreError
from egotool.files import replacing
from egotool.store._codecs import Codec, filter_options
from egotool.store._layout import (
    FORMAT_VERSION,
    SMALL_ITEMS_PER_CHUNK,
    SPECIFICATIONS,
    Array,
    check_format_version,
    units_of_format,
)

HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError)
"""What h5py raises for damaged files and failing disks."""

Scalar = str | int | float | bool
"""What an attribute of a file may be."""

_LIBRARY_VERSIONS = ("v110", "v110")  # HDF5 1.10 (2016) and later read the files; 1.8 does not


@contextlib.contextmanager
def creating(
    path: Path, attributes: Mapping[str, Scalar], *, format_version: int = FORMAT_VERSION
) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that becomes `path` when the block ends well, and vanishes otherwise.

    Raises:
        StoreError: if it cannot be written, above all because the disk is full.
    """
    with _write_errors(path), replacing(path) as temporary:
        # rdcc_nbytes=0: chunks go to the disk at once, so a full disk shows at the frame it stops.
        file = h5py.File(
            temporary, "w", libver=_LIBRARY_VERSIONS, locking=False, rdcc_nbytes=0, track_order=False
        )
        try:
            file.attrs["format_version"] = np.int64(format_version)
            file.attrs["tool_version"] = egotool.__version__
            file.attrs["units"] = json.dumps(units_of_format(format_version), sort_keys=True)
            for name, value in sorted(attributes.items()):
                file.attrs[name] = value
            yield file
        except BaseException:
            with contextlib.suppress(*HDF5_ERRORS):  # the first error is the one to tell
                file.close()
            raise
        file.close()


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Turn h5py's errors into one sentence about `path`."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if is_disk_full(error):
            raise DiskFullError(
                f"the disk is full: {path} was not written; free some space and run it again"
            ) from error
        if isinstance(error, OSError):
            raise StoreError(
                f"{path} cannot be written ({first_line(error)}): check the disk and its rights"
            ) from error
        raise


def is_disk_full(error: BaseException) -> bool:
    """Tell whether `error`, or one it came from, means that the disk (or the user's share of it) is full."""
    seen: BaseException | None = error
    while seen is not None:
        full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if isinstance(seen, OSError) and seen.errno in full:
            return True
        if any(f"errno = {number}," in str(seen) for number in full):  # h5py passes HDF5's text on
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def repair(path: Path) -> str:
    """Return what to do about a damaged file: a receipt would say that it is finished; parts have none."""
    receipt = path.with_suffix(".json")
    if not receipt.exists():
        return "run its `egotool extract` again, which makes it anew"
    return f"remove {receipt}, and its `egotool extract` makes it anew"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    # that of a KeyError is a literal of its text, on one line
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return (text or type(error).__name__).splitlines()[0]


def create_array(
    file: h5py.File, array: Array, item_shape: tuple[int, ...], *, codec: Codec, count: int
) -> h5py.Dataset:
    """Make `array` in `file` with `count` items; it can grow."""
    specification = SPECIFICATIONS[array]
    per_chunk = 1 if specification.is_picture else SMALL_ITEMS_PER_CHUNK
    options = filter_options(codec, specification.dtype) if specification.is_picture else {}
    dataset = file.create_dataset(
        array.value,
        shape=(count, *item_shape),
        maxshape=(None, *item_shape),
        chunks=(per_chunk, *item_shape),
        dtype=specification.dtype,
        fletcher32=True,
        **options,
    )
    dataset.attrs["unit"] = specification.unit
    return dataset


def open_for_reading(path: Path) -> h5py.File:
    """Open the HDF5 file at `path`, without locking it: the disk may be read-only.

    Raises:
        StoreError: if it is missing, damaged, or of a newer format.
    """
    try:
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=0)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing: extract its video again") from None
    except HDF5_ERRORS as error:
        raise StoreError(
            f"{path} is damaged or not an HDF5 file ({first_line(error)}): {repair(path)}"
        ) from error
    try:
        version = file.attrs.get("format_version")
        check_format_version(version, path)
    except HDF5_ERRORS as error:
        file.close()
        raise StoreError(f"{path} is damaged ({first_line(error)}): {repair(path)}") from error
    except StoreError:
        file.close()
        raise
    return file


def arrays_of(file: h5py.File) -> tuple[Array, ...]:
    """Return the known arrays that `file` holds."""
    return tuple(array for array in Array if array.value in file)


def dataset_of(file: h5py.File, array: Array, path: Path) -> h5py.Dataset | None:
    """Return `array` of the open file at `path`, None if it has none.

    Raises:
        StoreError: if the description of the array is damaged.
    """
    try:
        if array.value not in file:
            return None
        return file[array.value]
    except HDF5_ERRORS as error:
        raise StoreError(
            f"{path} is damaged: {array} cannot be read ({first_line(error)}); {repair(path)}"
        ) from error


def read_items(
    dataset: h5py.Dataset,
    out: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]",
    first: int,
    count: int,
    path: Path,
) -> None:
    """Read the items `first` to `first + count` of `dataset` into `out`.

    Raises:
        StoreError: if a chunk fails its checksum or cannot be read.
    """
    try:
        dataset.read_direct(out, np.s_[first : first + count], np.s_[:count])
    except HDF5_ERRORS as error:
        name = dataset.name.strip("/")
        raise StoreError(
            f"{path} is damaged: {name!r} of frame {first} cannot be read ({first_line(error)}); "
            + repair(path)
        ) from error
