"""Gray pictures from colour frames."""

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import GrayImage


def to_gray(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the gray form (H, W) of an RGB frame (H, W, 3), both uint8: 0.299 R + 0.587 G + 0.114 B.

    Raises:
        TypeError: the frame is not uint8.
        ValueError: it is not (H, W, 3), or empty.
    """
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        found = getattr(rgb, "dtype", type(rgb).__name__)
        raise TypeError(f"the frame is {found}, but has to be a uint8 array")
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"the frame has shape {rgb.shape}, but has to be (H, W, 3)")
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def to_bytes(image: GrayImage) -> NDArray[np.uint8]:
    """Return a gray picture (H, W), uint8 or float32 0..1, as contiguous uint8."""
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image, dtype=np.uint8)
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
