"""The loop that carries along where things moved, compiled by numba."""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float64Array = NDArray[np.float64]
Float32Array = NDArray[np.float32]


@compiled
def remember(
    moved: Float32Array,
    flow: Float32Array,
    back: Float64Array,
    known: bool,
    least: float,
    most: float,
    fading: float,
    stride: int,
    carried: Float32Array,
) -> None:
    """Add what moves between frame t and t + 1 to `moved`, and write where that is in t + 1 into `carried`.

    Both are grids (rows, columns) of numbers 0..1; cell (r, c) stands for pixel (r · stride, c · stride). A
    cell that was moved fades; it is 1 again where the flow, less the camera's motion, is `most` pixels, and 0
    at `least`. A cell of `carried` is looked up where the flow at its own pixel says it came from; what came
    from outside the frame has not moved.

    Args:
        moved: of frame t; holds what moved until now, frame t included, when this returns.
        flow: (2, H, W) from frame t to frame t + 1.
        back: (3, 3) from frame t + 1 to frame t, the inverse of the camera's motion.
        known: whether that motion is known; if not, nothing is added.
        least: pixels.
        most: pixels.
        fading: factor per frame.
        stride: pixels.
        carried: of frame t + 1, to be written.
    """
    rows, columns = moved.shape
    for r in range(rows):
        for c in range(columns):
            x, y = float(c * stride), float(r * stride)
            to_x, to_y = x + flow[0, r * stride, c * stride], y + flow[1, r * stride, c * stride]
            depth = back[2, 0] * to_x + back[2, 1] * to_y + back[2, 2]
            left_x = (back[0, 0] * to_x + back[0, 1] * to_y + back[0, 2]) / depth - x
            left_y = (back[1, 0] * to_x + back[1, 1] * to_y + back[1, 2]) / depth - y
            now = (math.hypot(left_x, left_y) - least) / (most - least) if known else 0.0
            moved[r, c] = max(min(now, 1.0), fading * moved[r, c])
    for r in range(rows):
        for c in range(columns):
            from_c = c - flow[0, r * stride, c * stride] / stride
            from_r = r - flow[1, r * stride, c * stride] / stride
            left, above = math.floor(from_c), math.floor(from_r)
            right_part, lower_part = from_c - left, from_r - above
            total = 0.0
            for dr in range(2):
                for dc in range(2):
                    row, column = above + dr, left + dc
                    if 0 <= row < rows and 0 <= column < columns:
                        across = right_part if dc else 1.0 - right_part
                        down = lower_part if dr else 1.0 - lower_part
                        total += across * down * moved[row, column]
            carried[r, c] = total
