"""The picture pyramid of TV-L1: sizes, shrinking, derivatives."""

import math

import cv2
import numpy as np

from egotool.motion._arrays import GrayImage
from egotool.motion._kernels import Float32Array, gradients
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


def fill_pyramid(image: GrayImage, levels: list[Float32Array], schedule: Schedule) -> None:
    """Write gray (0..255) and derivatives of `image` into `levels`, each (h, w, 4), the finest first."""
    near, far = (8 / 12, -1 / 12) if schedule.five_point else (0.5, 0.0)
    sigma = schedule.antialias * math.sqrt(1 / schedule.factor**2 - 1)
    scale = np.float32(1 if image.dtype == np.uint8 else 255)
    picture = np.multiply(image, scale, dtype=np.float32)
    if schedule.presmooth:
        picture = _blurred(picture, schedule.presmooth)
    for level, out in enumerate(levels):
        if level:
            if sigma:
                picture = _blurred(picture, sigma)
            height, width = out.shape[:2]
            smaller = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
            picture = np.asarray(smaller, np.float32)
        gradients(picture, out, np.float32(near), np.float32(far))


def _blurred(picture: Float32Array, sigma: float) -> Float32Array:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
