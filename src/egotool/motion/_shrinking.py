"""Smaller pictures whose pixels are averages over areas: as OpenCV's INTER_AREA, several times faster."""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float32Array = NDArray[np.float32]
Int32Array = NDArray[np.int32]

f4 = np.float32


class Shrinking:
    """Shrinks pictures of one size to another; what depends on the sizes is computed once."""

    def __init__(self, size: tuple[int, int], to: tuple[int, int]) -> None:
        """Take heights and widths; `to` is at most `size`."""
        self.to = to
        self._rows, self._row_weights = _overlaps(size[0], to[0])
        self._columns, self._column_weights = _overlaps(size[1], to[1])
        self._line = np.empty(size[1] + self._column_weights.shape[0], np.float32)

    def __call__(self, picture: Float32Array) -> Float32Array:
        """Return the picture (H, W) shrunk to `to`; each new pixel is the mean of the area it covers."""
        if picture.shape == self.to:
            return picture
        out = np.empty(self.to, np.float32)
        shrink(picture, self._rows, self._row_weights, self._columns, self._column_weights, self._line, out)
        return out


def _overlaps(pixels: int, to: int) -> tuple[Int32Array, Float32Array]:
    """Return the first pixel (to,) that each new one covers, and how much (K, to) of that and of the next."""
    ratio = pixels / to
    first = np.floor(np.arange(to) * ratio + 1e-9)
    taps = first + np.arange(math.ceil(ratio) + 1)[:, None]
    begin, end = np.arange(to) * ratio, np.arange(1, to + 1) * ratio
    covered = np.minimum(taps + 1, end) - np.maximum(taps, begin)
    weights = np.where(taps < pixels, np.maximum(covered, 0), 0)
    return first.astype(np.int32), (weights / weights.sum(axis=0)).astype(np.float32)


@compiled
def shrink(
    picture: Float32Array,
    rows: Int32Array,
    row_weights: Float32Array,
    columns: Int32Array,
    column_weights: Float32Array,
    line: Float32Array,
    out: Float32Array,
) -> None:
    """Average rows into `line`, then pixels of that into the rows of `out`; see `_overlaps`.

    line: as wide as the picture, and as many pixels more as there are weights, which are set to zero.
    """
    height, width = picture.shape
    line[width:] = f4(0)
    for y in range(out.shape[0]):
        line[:width] = f4(0)
        for k in range(len(row_weights)):
            weight = row_weights[k, y]
            source = picture[min(rows[y] + k, height - 1)]
            for x in range(width):
                line[x] += weight * source[x]
        row = out[y]
        row[:] = f4(0)
        for k in range(len(column_weights)):
            weights = column_weights[k]
            for x in range(out.shape[1]):
                row[x] += weights[x] * line[columns[x] + k]
