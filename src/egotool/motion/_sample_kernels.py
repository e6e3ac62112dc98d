"""The loops that pick the corners and edges of a frame, compiled by numba.

N samples are the columns of one array (7, N) float32, so that the loops over them vectorise:

```text
    row 0, 1   x, y of frame t
    row 2, 3   where the flow takes it in frame t + 1
    row 4, 5   the direction in which the flow can be trusted, of length one
    row 6      weight
```
"""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float32Array = NDArray[np.float32]
Int16Array = NDArray[np.int16]
Int32Array = NDArray[np.int32]
ByteArray = NDArray[np.uint8]

FIELDS = 7

f4 = np.float32


@compiled
def pick_corners(
    strength: Float32Array,
    threshold: float,
    block: int,
    keep: ByteArray,
    flow: Float32Array,
    samples: Float32Array,
) -> int:
    """Write the strongest pixel of every block × block pixels into `samples`; return how many there are.

    Only where `strength` is above `threshold` and the largest of its 3×3 neighbourhood, and `keep` is not
    zero. The normals are (1, 0), the weights 1.
    """
    height, width = strength.shape
    count = 0
    for top in range(1, height - 1, block):
        for left in range(1, width - 1, block):
            best = f4(threshold)
            best_y = -1
            best_x = -1
            for y in range(top, min(top + block, height - 1)):
                for x in range(left, min(left + block, width - 1)):
                    if strength[y, x] > best and keep[y, x]:
                        best = strength[y, x]
                        best_y = y
                        best_x = x
            if best_y < 0:
                continue
            largest = best
            for y in range(best_y - 1, best_y + 2):
                for x in range(best_x - 1, best_x + 2):
                    largest = max(largest, strength[y, x])
            if largest > best:
                continue
            _write(samples, count, best_x, best_y, flow, f4(1), f4(0))
            count += 1
    return count


@compiled
def pick_edges(
    gradient_x: Int16Array,
    gradient_y: Int16Array,
    least: float,
    block: int,
    margin: int,
    keep: ByteArray,
    flow: Float32Array,
    samples: Float32Array,
) -> int:
    """Write the steepest pixel of every block × block pixels into `samples`; return how many there are.

    Only where the gradient is longer than `least`, `keep` is not zero, and the border `margin` pixels away.
    The normals are the gradient's direction, the weights 1.
    """
    height, width = gradient_x.shape
    count = 0
    for row in range(height // block):
        for column in range(width // block):
            best = np.int32(least * least)
            best_y = -1
            best_x = -1
            for y in range(max(row * block, margin), min((row + 1) * block, height - margin)):
                for x in range(max(column * block, margin), min((column + 1) * block, width - margin)):
                    dx = np.int32(gradient_x[y, x])
                    dy = np.int32(gradient_y[y, x])
                    squared = dx * dx + dy * dy
                    if squared > best and keep[y, x]:
                        best = squared
                        best_y = y
                        best_x = x
            if best_y < 0:
                continue
            length = f4(math.sqrt(best))
            dx_best = gradient_x[best_y, best_x] / length
            dy_best = gradient_y[best_y, best_x] / length
            _write(samples, count, best_x, best_y, flow, dx_best, dy_best)
            count += 1
    return count


@compiled
def _write(
    samples: Float32Array,
    at: int,
    x: int,
    y: int,
    flow: Float32Array,
    normal_x: np.float32,
    normal_y: np.float32,
) -> None:
    """Write one sample of weight 1."""
    samples[0, at] = x
    samples[1, at] = y
    samples[2, at] = x + flow[0, y, x]
    samples[3, at] = y + flow[1, y, x]
    samples[4, at] = normal_x
    samples[5, at] = normal_y
    samples[6, at] = 1


@compiled
def share_weights(samples: Float32Array, cell: int, full: int, counts: Int32Array) -> None:
    """Make the weights of a cell × cell square add up to at most one, and to one from `full` samples on.

    counts: (rows, columns) of the cells, zero.
    """
    for i in range(samples.shape[1]):
        counts[int(samples[1, i]) // cell, int(samples[0, i]) // cell] += 1
    for i in range(samples.shape[1]):
        number = counts[int(samples[1, i]) // cell, int(samples[0, i]) // cell]
        samples[6, i] = f4(1) / max(number, full)
