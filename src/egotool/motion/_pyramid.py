"""The picture pyramid of TV-L1: sizes, shrinking, derivatives."""

import math

import cv2
import numpy as np

from egotool.motion._arrays import GrayImage
from egotool.motion._edge_kernels import Float32Array, gradients
from egotool.motion.schedule import Schedule


def level_sizes(height: int, width: int, schedule: Schedule) -> list[tuple[int, int]]:
    """Return (height, width) of every level, the finest first; full size is always there."""
    sizes = [(height, width)]
    for level in range(1, schedule.levels):
        if schedule.opencv_sizes:
            base, scale = sizes[-1], schedule.factor
        else:
            base, scale = sizes[0], schedule.factor**level
        size = (int(np.rint(base[0] * scale)), int(np.rint(base[1] * scale)))
        if min(size) < schedule.smallest_side:
            break
        sizes.append(size)
    return sizes


def gray_pyramid(image: GrayImage, sizes: list[tuple[int, int]], schedule: Schedule) -> list[Float32Array]:
    """Return `image` in gray values 0..255 at every size, the finest first."""
    sigma = schedule.antialias * math.sqrt(1 / schedule.factor**2 - 1)
    scale = np.float32(1 if image.dtype == np.uint8 else 255)
    picture = np.multiply(image, scale, dtype=np.float32)
    if schedule.presmooth:
        picture = _blurred(picture, schedule.presmooth)
    pictures = [picture]
    for height, width in sizes[1:]:
        if sigma:
            picture = _blurred(picture, sigma)
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        pictures.append(picture)
    return pictures


def exposure_change(picture0: Float32Array, picture1: Float32Array) -> np.float32:
    """Return the median difference of two pictures' gray values (the lower one of an even number)."""
    differences = (picture1 - picture0).ravel()
    middle = (differences.size - 1) // 2
    return np.float32(np.partition(differences, middle)[middle])


def derivative_taps(schedule: Schedule) -> tuple[np.float32, np.float32]:
    """Return near and far of the derivative (-far, -near, 0, near, far)."""
    return (
        (np.float32(8 / 12), np.float32(-1 / 12)) if schedule.five_point else (np.float32(0.5), np.float32(0))
    )


def with_gradients(picture: Float32Array, schedule: Schedule) -> Float32Array:
    """Return gray, d/dx and d/dy of a picture, (h, w, 3)."""
    out = np.empty((*picture.shape, 3), np.float32)
    gradients(picture, out, *derivative_taps(schedule))
    return out


def _blurred(picture: Float32Array, sigma: float) -> Float32Array:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
