"""Pictures that lie in a folder as files: reading and resizing."""

from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import StoreError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
"""Suffixes (lower case, with the dot) by which a file is taken for a picture."""

_Pixel = TypeVar("_Pixel", np.uint8, np.float32)


def read_picture(path: Path, mode: int) -> NDArray[np.uint8]:
    """Read a picture, as one of OpenCV's `IMREAD_…` says.

    Raises:
        StoreError: if it cannot be read, or its values have more than 8 bits.
    """
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): copy it again.") from error
    picture = cv2.imdecode(data, mode) if data.size else None
    if picture is None:
        raise StoreError(f"{path} is no picture that can be decoded: copy it again.")
    if picture.dtype != np.uint8:
        raise StoreError(f"{path} has {8 * picture.dtype.itemsize} bits per value: save it with 8.")
    return np.asarray(picture, dtype=np.uint8)


def resized(
    picture: NDArray[_Pixel], size: tuple[int, int], interpolation: int = cv2.INTER_AREA
) -> NDArray[_Pixel]:
    """Return a picture in the size (width, height)."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=picture.dtype)
