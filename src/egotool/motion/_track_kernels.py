"""The loops over tracks and cells, compiled by numba.

Tracks of one scale live in flat arrays; a track i has taken lengths[i] steps, paths[i, k] = (x, y) is its
position after k of them in pixels of its scale, steps[i, k] its camera-compensated k-th step in full-size
pixels.
marks (frames, rows, columns) is a ring buffer over frames: the cells that surviving tracks cross.
"""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
ByteArray = NDArray[np.uint8]

f4 = np.float32


@compiled
def begin_tracks(
    strength: Float32Array,
    threshold: float,
    spacing: int,
    occupied: ByteArray,
    paths: Float32Array,
    lengths: Int32Array,
    count: int,
) -> int:
    """Begin a track at the centre of each textured cell (strength above threshold) where no track is.

    Returns the new number of tracks; the arrays have room for one more track per cell.
    """
    rows, columns = occupied.shape
    height, width = strength.shape
    occupied[:] = 0
    for i in range(count):
        x = paths[i, lengths[i], 0]
        y = paths[i, lengths[i], 1]
        occupied[
            min(int(y + f4(0.5)) // spacing, rows - 1), min(int(x + f4(0.5)) // spacing, columns - 1)
        ] = 1
    for row in range(rows):
        y = min(row * spacing + spacing // 2, height - 1)
        for column in range(columns):
            x = min(column * spacing + spacing // 2, width - 1)
            if not occupied[row, column] and strength[y, x] > threshold:
                lengths[count] = 0
                paths[count, 0, 0] = x
                paths[count, 0, 1] = y
                count += 1
    return count


@compiled
def survives(
    path: Float32Array, steps: Float32Array, length: int, ratios: Float64Array, rules: Float64Array
) -> bool:
    """Whether a track of `length` steps passes the drop rules of `TrackParameters`, in full-size pixels."""
    least_spread, most_spread, longest_step, longest_share, least_motion = rules
    mean_x = 0.0
    mean_y = 0.0
    for k in range(length + 1):
        mean_x += path[k, 0]
        mean_y += path[k, 1]
    mean_x /= length + 1
    mean_y /= length + 1
    spread_x = 0.0
    spread_y = 0.0
    for k in range(length + 1):
        spread_x += (path[k, 0] - mean_x) ** 2
        spread_y += (path[k, 1] - mean_y) ** 2
    spread_x = math.sqrt(spread_x / (length + 1)) * ratios[0]
    spread_y = math.sqrt(spread_y / (length + 1)) * ratios[1]
    if spread_x < least_spread and spread_y < least_spread:
        return False
    if spread_x > most_spread or spread_y > most_spread:
        return False
    total = 0.0
    longest = 0.0
    motion = 0.0
    for k in range(length):
        x = (path[k + 1, 0] - path[k, 0]) * ratios[0]
        y = (path[k + 1, 1] - path[k, 1]) * ratios[1]
        step = math.sqrt(x * x + y * y)
        total += step
        longest = max(longest, step)
        motion = max(motion, math.sqrt(steps[k, 0] ** 2 + steps[k, 1] ** 2))
    if longest > longest_step and longest > longest_share * total:
        return False
    return bool(motion > least_motion)


@compiled
def mark(path: Float32Array, length: int, newest: int, spacing: int, marks: ByteArray) -> None:
    """Mark the cells that a track crosses; it was at path[length] in frame `newest` of the ring."""
    frames, rows, columns = marks.shape
    for k in range(length + 1):
        column = min(int(path[k, 0] + f4(0.5)) // spacing, columns - 1)
        row = min(int(path[k, 1] + f4(0.5)) // spacing, rows - 1)
        marks[(newest - length + k) % frames, row, column] = 1


@compiled
def move_tracks(
    flow: Float32Array,
    inverse: Float64Array,
    ratios: Float64Array,
    rules: Float64Array,
    track_length: int,
    minimum_length: int,
    spacing: int,
    paths: Float32Array,
    steps: Float32Array,
    lengths: Int32Array,
    count: int,
    marks: ByteArray,
    newest: int,
) -> int:
    """Move every track by `flow` (its scale's) into the frame `newest` of the ring; return how many go on.

    A track that is complete, or leaves the frame after minimum_length steps, is judged and marked. `inverse`
    takes full-size positions of the new frame back to the old one; all zero: the camera's motion is not
    known, and no step compensated. Full-size x is (x + 1/2) ratio - 1/2.
    """
    height, width = flow.shape[1:]
    frames = marks.shape[0]
    known = inverse[2, 2] != 0
    kept = 0
    for i in range(count):
        k = lengths[i]
        x = paths[i, k, 0]
        y = paths[i, k, 1]
        column = min(int(x + f4(0.5)), width - 1)
        row = min(int(y + f4(0.5)), height - 1)
        new_x = x + flow[0, row, column]
        new_y = y + flow[1, row, column]
        if new_x < 0 or new_y < 0 or new_x > width - 1 or new_y > height - 1:
            if k >= minimum_length and survives(paths[i], steps[i], k, ratios, rules):
                mark(paths[i], k, (newest - 1) % frames, spacing, marks)
            continue
        paths[i, k + 1, 0] = new_x
        paths[i, k + 1, 1] = new_y
        steps[i, k, 0] = 0
        steps[i, k, 1] = 0
        if known:
            full_x = (new_x + 0.5) * ratios[0] - 0.5
            full_y = (new_y + 0.5) * ratios[1] - 0.5
            depth = inverse[2, 0] * full_x + inverse[2, 1] * full_y + inverse[2, 2]
            back_x = (inverse[0, 0] * full_x + inverse[0, 1] * full_y + inverse[0, 2]) / depth
            back_y = (inverse[1, 0] * full_x + inverse[1, 1] * full_y + inverse[1, 2]) / depth
            steps[i, k, 0] = back_x - ((x + 0.5) * ratios[0] - 0.5)
            steps[i, k, 1] = back_y - ((y + 0.5) * ratios[1] - 0.5)
        k += 1
        if k == track_length:
            if survives(paths[i], steps[i], k, ratios, rules):
                mark(paths[i], k, newest, spacing, marks)
            continue
        lengths[kept] = k
        if kept != i:
            paths[kept, : k + 1] = paths[i, : k + 1]
            steps[kept, :k] = steps[i, :k]
        kept += 1
    return kept


@compiled
def end_tracks(
    ratios: Float64Array,
    rules: Float64Array,
    minimum_length: int,
    spacing: int,
    paths: Float32Array,
    steps: Float32Array,
    lengths: Int32Array,
    count: int,
    marks: ByteArray,
    newest: int,
) -> None:
    """Judge and mark the tracks that end with the video in the frame `newest` of the ring."""
    for i in range(count):
        k = lengths[i]
        if k >= minimum_length and survives(paths[i], steps[i], k, ratios, rules):
            mark(paths[i], k, newest, spacing, marks)


@compiled
def paint(marks: ByteArray, rows: Int32Array, columns: Int32Array, mask: ByteArray) -> None:
    """Set to 255 every pixel of `mask` whose cell (rows[y], columns[x]) is marked."""
    height, width = mask.shape
    for y in range(height):
        cells = marks[rows[y]]
        for x in range(width):
            if cells[columns[x]]:
                mask[y, x] = 255
