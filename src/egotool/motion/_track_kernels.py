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
def move_tracks(
    flow_x: Float32Array,
    flow_y: Float32Array,
    inverse: Float64Array,
    ratios: Float64Array,
    paths: Float32Array,
    steps: Float32Array,
    lengths: Int32Array,
    count: int,
    known: ByteArray,
    gone: ByteArray,
) -> None:
    """Move every track into the next frame by the flow, in full-size pixels; gone[i] = 1 where it leaves it.

    `inverse` takes full-size positions of the new frame back to the old one; all zero: the camera's motion is
    not known, and the step is written as it is, with known[i, k] = 0. Full-size x is (x + 1/2) ratio - 1/2.
    """
    height, width = flow_x.shape
    camera_known = inverse[2, 2] != 0
    for i in range(count):
        k = lengths[i]
        x = paths[i, k, 0]
        y = paths[i, k, 1]
        column = min(int(x + f4(0.5)), width - 1)
        row = min(int(y + f4(0.5)), height - 1)
        new_x = x + flow_x[row, column] / f4(ratios[0])
        new_y = y + flow_y[row, column] / f4(ratios[1])
        gone[i] = new_x < 0 or new_y < 0 or new_x > width - 1 or new_y > height - 1
        if gone[i]:
            continue
        lengths[i] = k + 1
        paths[i, k + 1, 0] = new_x
        paths[i, k + 1, 1] = new_y
        steps[i, k, 0] = (new_x - x) * ratios[0]
        steps[i, k, 1] = (new_y - y) * ratios[1]
        known[i, k] = camera_known
        if camera_known:
            full_x = (new_x + 0.5) * ratios[0] - 0.5
            full_y = (new_y + 0.5) * ratios[1] - 0.5
            depth = inverse[2, 0] * full_x + inverse[2, 1] * full_y + inverse[2, 2]
            back_x = (inverse[0, 0] * full_x + inverse[0, 1] * full_y + inverse[0, 2]) / depth
            back_y = (inverse[1, 0] * full_x + inverse[1, 1] * full_y + inverse[1, 2]) / depth
            steps[i, k, 0] = back_x - ((x + 0.5) * ratios[0] - 0.5)
            steps[i, k, 1] = back_y - ((y + 0.5) * ratios[1] - 0.5)


@compiled
def moving_pixels(
    flow: Float32Array, inverse: Float64Array, least: float, before: ByteArray, after: ByteArray
) -> None:
    """Write into `after` (h, w) which pixels move by more than `least`, camera aside; add them to `before`.

    flow (2, h, w) and `inverse` as in `move_tracks`, full size; the camera is at rest where it is not known.
    """
    height, width = after.shape
    known = inverse[2, 2] != 0
    for y in range(height):
        for x in range(width):
            to_x, to_y = x + flow[0, y, x], y + flow[1, y, x]
            if known:
                depth = inverse[2, 0] * to_x + inverse[2, 1] * to_y + inverse[2, 2]
                new_x = (inverse[0, 0] * to_x + inverse[0, 1] * to_y + inverse[0, 2]) / depth
                to_y = (inverse[1, 0] * to_x + inverse[1, 1] * to_y + inverse[1, 2]) / depth
                to_x = new_x
            moves = (to_x - x) ** 2 + (to_y - y) ** 2 > least * least
            after[y, x] = moves
            before[y, x] |= moves


@compiled
def variance(path: Float32Array, points: int, axis: int) -> float:
    """Return the variance of one coordinate of the first `points` positions of a path."""
    mean = 0.0
    for k in range(points):
        mean += path[k, axis]
    mean /= points
    total = 0.0
    for k in range(points):
        total += (path[k, axis] - mean) ** 2
    return total / points


@compiled
def passes(
    path: Float32Array, steps: Float32Array, length: int, ratios: Float64Array, rules: Float64Array
) -> bool:
    """Whether a track of `length` steps passes the published rules (see `TrackParameters.rules`)."""
    least_spread, most_spread, longest_step, longest_share, least_motion = rules
    spread_x = math.sqrt(variance(path, length + 1, 0)) * ratios[0]
    spread_y = math.sqrt(variance(path, length + 1, 1)) * ratios[1]
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
def judge_tracks(
    ratios: Float64Array,
    rules: Float64Array,
    longest: int,
    shortest: int,
    paths: Float32Array,
    steps: Float32Array,
    lengths: Int32Array,
    count: int,
    known: ByteArray,
    gone: ByteArray,
    drifts: Float32Array,
    carried: Float32Array,
    passed: ByteArray,
) -> None:
    """Judge the tracks that end, by `longest` steps or because they are gone, and have `shortest` or more.

    drifts: the spread (root of the summed variances of x and y) of the path that is left when the camera's
    motion is taken away, that is, of the accumulated compensated steps. carried: the spread of the rest, the
    path along which the camera carried the point. passed: whether the published rules keep it.
    Steps during which the camera's motion was not known become zero, unless all of them are like that.
    """
    stabilised = np.zeros((paths.shape[1], 2), np.float32)
    camera = np.zeros((paths.shape[1], 2), np.float32)
    for i in range(count):
        passed[i] = 0
        length = lengths[i]
        if length >= shortest and (length >= longest or gone[i]):
            some_known = False
            for k in range(length):
                some_known = some_known or known[i, k]
            for k in range(length):
                if some_known and not known[i, k]:
                    steps[i, k, 0] = 0
                    steps[i, k, 1] = 0
                stabilised[k + 1, 0] = stabilised[k, 0] + steps[i, k, 0]
                stabilised[k + 1, 1] = stabilised[k, 1] + steps[i, k, 1]
                camera[k + 1, 0] = (paths[i, k + 1, 0] - paths[i, 0, 0]) * ratios[0] - stabilised[k + 1, 0]
                camera[k + 1, 1] = (paths[i, k + 1, 1] - paths[i, 0, 1]) * ratios[1] - stabilised[k + 1, 1]
            drifts[i] = math.sqrt(variance(stabilised, length + 1, 0) + variance(stabilised, length + 1, 1))
            carried[i] = math.sqrt(variance(camera, length + 1, 0) + variance(camera, length + 1, 1))
            passed[i] = passes(paths[i], steps[i], length, ratios, rules)


@compiled
def excursion(path: Float32Array, here: int, first: int, last: int) -> float:
    """Return the largest distance between three points of a path."""
    longest = 0.0
    for a, b in ((first, here), (here, last), (first, last)):
        longest = max(longest, (path[a, 0] - path[b, 0]) ** 2 + (path[a, 1] - path[b, 1]) ** 2)
    return math.sqrt(longest)


@compiled
def end_tracks(
    threshold: float,
    camera_share: float,
    local: float,
    window: int,
    longest: int,
    newest: int,
    spacing: int,
    paths: Float32Array,
    steps: Float32Array,
    lengths: Int32Array,
    count: int,
    known: ByteArray,
    gone: ByteArray,
    drifts: Float32Array,
    carried: Float32Array,
    passed: ByteArray,
    marks: ByteArray,
) -> int:
    """Take away the tracks of `longest` steps and those that are gone; return how many remain.

    Those that passed, with a drift above `threshold` and above `camera_share` of what the camera carried
    them, mark the cells they cross, in the frames around which (±window) they go farther than `local` times
    that.
    Tracks are at their last position in the frame `newest` of the ring; gone ones were one before.
    """
    frames, rows, columns = marks.shape
    stabilised = np.zeros((paths.shape[1], 2), np.float32)
    kept = 0
    for i in range(count):
        length = lengths[i]
        if length < longest and not gone[i]:
            if kept != i:
                lengths[kept] = length
                paths[kept, : length + 1] = paths[i, : length + 1]
                steps[kept, :length] = steps[i, :length]
                known[kept, :length] = known[i, :length]
            kept += 1
        elif passed[i] and drifts[i] > max(threshold, camera_share * carried[i]):
            least = local * max(threshold, camera_share * carried[i])
            for k in range(length):
                stabilised[k + 1, 0] = stabilised[k, 0] + steps[i, k, 0]
                stabilised[k + 1, 1] = stabilised[k, 1] + steps[i, k, 1]
            first = newest - gone[i] - length + frames
            for k in range(length + 1):
                if excursion(stabilised, k, max(0, k - window), min(length, k + window)) > least:
                    column = min(int(paths[i, k, 0] + f4(0.5)) // spacing, columns - 1)
                    row = min(int(paths[i, k, 1] + f4(0.5)) // spacing, rows - 1)
                    marks[(first + k) % frames, row, column] = 1
    return kept


@compiled
def paint(marks: ByteArray, row_bounds: Int32Array, column_bounds: Int32Array, mask: ByteArray) -> None:
    """Set to 255 the pixels of marked cells: rows row_bounds[r] to row_bounds[r + 1], columns likewise."""
    for row in range(marks.shape[0]):
        for column in range(marks.shape[1]):
            if marks[row, column]:
                for y in range(row_bounds[row], row_bounds[row + 1]):
                    for x in range(column_bounds[column], column_bounds[column + 1]):
                        mask[y, x] = 255
