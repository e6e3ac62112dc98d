"""The array types of this package, and the checks of what a caller hands in."""

import numpy as np
from numpy.typing import NDArray

GrayImage = NDArray[np.uint8] | NDArray[np.float32]
"""(H, W): uint8 0..255, or float32 0..1."""

Flow = NDArray[np.float32]
"""(2, H, W) pixels: x displacement (to the right), then y displacement (downwards)."""

Mask = NDArray[np.uint8]
"""(H, W): 0, or 255 where the statement holds."""

Homography = NDArray[np.float64]
"""(3, 3): maps homogeneous pixel coordinates (x, y, 1) of frame t to those of frame t + 1."""


def check_gray(image: GrayImage, name: str) -> None:
    """Raise unless `image` is a gray picture that the engine can work on.

    Raises:
        TypeError: not a NumPy array of uint8 or float32.
        ValueError: not two-dimensional, empty, or float values outside 0..1 (NaN included).
    """
    if not isinstance(image, np.ndarray) or image.dtype not in (np.uint8, np.float32):
        found = getattr(image, "dtype", type(image).__name__)
        raise TypeError(f"{name} is {found}, but has to be a uint8 or float32 array; convert it with to_gray")
    if image.ndim != 2 or min(image.shape) < 1:
        raise ValueError(f"{name} has shape {image.shape}, but has to be (H, W); convert it with to_gray")
    # A hair of tolerance for resized pictures; written so that NaN fails, too.
    if image.dtype == np.float32 and not (image.min() >= -1e-3 and image.max() <= 1.001):
        raise ValueError(f"{name} has values outside 0..1 or NaN; divide float pictures of 0..255 by 255")


def check_pair(image0: GrayImage, image1: GrayImage) -> None:
    """Raise unless both are gray pictures of one size and one type (see `check_gray`)."""
    check_gray(image0, "image0")
    check_gray(image1, "image1")
    if image0.shape != image1.shape:
        raise ValueError(f"image0 has shape {image0.shape}, image1 {image1.shape}; they have to agree")
    if image0.dtype != image1.dtype:
        raise TypeError(f"image0 is {image0.dtype}, image1 {image1.dtype}; they have to agree")


def check_flow(flow: Flow, shape: tuple[int, ...]) -> None:
    """Raise unless `flow` is float32, finite and (2, H, W) for pictures of `shape` (H, W).

    Raises:
        TypeError: not a float32 array.
        ValueError: another shape, or NaN or infinite values.
    """
    if not isinstance(flow, np.ndarray) or flow.dtype != np.float32:
        found = getattr(flow, "dtype", type(flow).__name__)
        raise TypeError(f"the flow is {found}, but has to be a float32 array")
    if flow.ndim != 3 or flow.shape != (2, *shape):
        raise ValueError(f"the flow has shape {flow.shape}, but pictures of {shape} need (2, *{shape})")
    if not np.isfinite(flow).all():
        raise ValueError("the flow has NaN or infinite values; replace what is not known by zero")


def check_homography(homography: Homography) -> Homography:
    """Return `homography` as float64; raise ValueError unless it is 3×3, finite and invertible."""
    matrix = np.asarray(homography, np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        raise ValueError("the homography has to be a finite, invertible 3×3 matrix")
    return matrix
