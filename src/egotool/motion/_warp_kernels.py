"""The loops over pixels that carry them along with the camera, compiled by numba."""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

f4 = np.float32

CONFIRMED_FROM, CONFIRMED_TO = 0.3, 0.6
MOVING_FROM, MOVING_TO = 0.3, 0.6


@compiled
def carry(h: Float64Array, border: int, map_x: Float32Array, map_y: Float32Array, outside: BoolArray) -> None:
    """Write where a homography brings every pixel, (0, 0) for those behind the camera.

    outside: whether that is farther out than `border` pixels from the picture's edge.
    """
    height, width = map_x.shape
    for y in range(height):
        for x in range(width):
            depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
            inverse = 1.0 / depth if depth > 1e-6 else 0.0
            to_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) * inverse
            to_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) * inverse
            map_x[y, x] = to_x
            map_y[y, x] = to_y
            outside[y, x] = (
                (to_x < border) | (to_x > width - 1 - border) | (to_y < border) | (to_y > height - 1 - border)
            )


@compiled
def compensate(
    flow: Float32Array, h: Float64Array, back: Float64Array, border: int, left: Float32Array
) -> None:
    """Write what is left of a flow (2, H, W): `back` (the inverse of `h`) of where it leads, minus the pixel.

    Zero where `h` carries the pixel to within `border` pixels of the picture's edge, or farther out.
    """
    height, width = flow.shape[1:]
    for y in range(height):
        for x in range(width):
            depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
            inverse = 1.0 / depth if depth > 1e-6 else 0.0
            carried_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) * inverse
            carried_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) * inverse
            inside = (
                (carried_x >= border)
                & (carried_x <= width - 1 - border)
                & (carried_y >= border)
                & (carried_y <= height - 1 - border)
            )
            to_x = x + flow[0, y, x]
            to_y = y + flow[1, y, x]
            depth = back[2, 0] * to_x + back[2, 1] * to_y + back[2, 2]
            inverse = 1.0 / depth if depth > 1e-6 else 0.0
            back_x = (back[0, 0] * to_x + back[0, 1] * to_y + back[0, 2]) * inverse
            back_y = (back[1, 0] * to_x + back[1, 1] * to_y + back[1, 2]) * inverse
            left[0, y, x] = back_x - x if inside else 0.0
            left[1, y, x] = back_y - y if inside else 0.0


@compiled
def carry_along(left: Float32Array, h: Float64Array, flow: Float32Array) -> None:
    """Write the flow (2, H, W) that `compensate` leaves `left` of: where `h` takes p + left(p), minus p."""
    height, width = left.shape[1:]
    for y in range(height):
        for x in range(width):
            at_x, at_y = x + left[0, y, x], y + left[1, y, x]
            depth = h[2, 0] * at_x + h[2, 1] * at_y + h[2, 2]
            inverse = 1.0 / depth if depth > 1e-6 else 0.0
            flow[0, y, x] = (h[0, 0] * at_x + h[0, 1] * at_y + h[0, 2]) * inverse - x
            flow[1, y, x] = (h[1, 0] * at_x + h[1, 1] * at_y + h[1, 2]) * inverse - y


@compiled
def restore_what_moves(flow: Float32Array, compensated: Float32Array) -> None:
    """Replace a warp flow (2, H, W), in place, by the compensated flow where both say that something moves.

    All of it from 0.6 of the compensated flow's length and from 0.6 px of that on, nothing of it up to 0.3 of
    it or 0.3 px, and in between by the linear share.
    """
    height, width = flow.shape[1:]
    one, zero = f4(1), f4(0)
    for y in range(height):
        for x in range(width):
            u, v = flow[0, y, x], flow[1, y, x]
            other_u, other_v = compensated[0, y, x], compensated[1, y, x]
            length = f4(math.sqrt(other_u * other_u + other_v * other_v))
            part = f4(math.sqrt(u * u + v * v)) / np.maximum(length, f4(1e-6))
            confirmed = (part - f4(CONFIRMED_FROM)) / f4(CONFIRMED_TO - CONFIRMED_FROM)
            moving = (length - f4(MOVING_FROM)) / f4(MOVING_TO - MOVING_FROM)
            share = min(max(confirmed, zero), one) * min(max(moving, zero), one)
            flow[0, y, x] = u + share * (other_u - u)
            flow[1, y, x] = v + share * (other_v - v)
