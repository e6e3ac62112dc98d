"""The 5×5 median of a flow, compiled by numba.

Columns of five are sorted once and serve the five pixels whose neighbourhoods they belong to. With sorted
columns, whose rows are then sorted too, a neighbourhood is in order along both axes:

```text
        column  0  1  2  3  4            of the 25 values, every value has all those above it and left of it
                                         before it, and all those below it and right of it behind it. So none
        rank 0  .  .  .  l  m            of the dots can be the 13th, and six of them come before it, six
             1  .  .  l  m  u            behind; two l beyond the 13th would have eight m and u behind them,
             2  .  l  m  u  .            so only the largest l can be it, and only the smallest u. That leaves
             3  l  m  u  .  .            the middle one of seven: largest l, five m, smallest u.
             4  m  u  .  .  .
```

About 115 minima and maxima per pixel instead of the 200 of a network for 25 values.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled, inlined

Float32Array = NDArray[np.float32]

Median = Callable[[Float32Array, int, int, Float32Array, Float32Array], None]

MARGIN = 2


def median_kernel(packed: int, offsets: tuple[int, ...]) -> Median:
    """Return the median of some fields in packed rows (see `_kernels`).

    Args:
        packed: values from row to row.
        offsets: where the fields of pixel x = 0 are in a row.
    """

    def median(fields, h, w, padded, columns):  # type: ignore[no-untyped-def]
        """Replace the fields by their 5×5 medians; the border repeats.

        padded and columns are room for (h + 4, w + 4) and (5, w + 4).
        """
        for offset in offsets:
            for y in range(h):
                start = (y + 1) * packed + offset
                row = padded[y + MARGIN]
                row[MARGIN : MARGIN + w] = fields[start : start + w]
                row[:MARGIN] = row[MARGIN]
                row[MARGIN + w :] = row[MARGIN + w - 1]
            padded[:MARGIN] = padded[MARGIN]
            padded[MARGIN + h :] = padded[MARGIN + h - 1]
            for y in range(h):
                start = (y + 1) * packed + offset
                _sort_columns(padded[y : y + 5], columns)
                _median_of_sorted(columns, fields[start : start + w])

    return compiled(median)


@compiled
def _sort_columns(rows: Float32Array, columns: Float32Array) -> None:
    """Write the values of every column of five rows in ascending order."""
    row0, row1, row2, row3, row4 = rows[0], rows[1], rows[2], rows[3], rows[4]
    rank0, rank1, rank2, rank3, rank4 = columns[0], columns[1], columns[2], columns[3], columns[4]
    for x in range(len(row0)):
        a, b, c, d, e = _ordered5(row0[x], row1[x], row2[x], row3[x], row4[x])
        rank0[x] = a
        rank1[x] = b
        rank2[x] = c
        rank3[x] = d
        rank4[x] = e


@compiled
def _median_of_sorted(columns: Float32Array, out: Float32Array) -> None:
    """Write the median of the columns x to x + 4, each in ascending order, for every x."""
    rank0, rank1, rank2, rank3, rank4 = columns[0], columns[1], columns[2], columns[3], columns[4]
    for x in range(len(out)):
        l0, m0 = _largest2(rank0[x], rank0[x + 1], rank0[x + 2], rank0[x + 3], rank0[x + 4])
        l1, m1, u1 = _largest3(rank1[x], rank1[x + 1], rank1[x + 2], rank1[x + 3], rank1[x + 4])
        _, l2, m2, u2, _ = _ordered5(rank2[x], rank2[x + 1], rank2[x + 2], rank2[x + 3], rank2[x + 4])
        l3, m3, u3 = _smallest3(rank3[x], rank3[x + 1], rank3[x + 2], rank3[x + 3], rank3[x + 4])
        m4, u4 = _smallest2(rank4[x], rank4[x + 1], rank4[x + 2], rank4[x + 3], rank4[x + 4])
        lower = max(max(l0, l1), max(l2, l3))
        upper = min(min(u1, u2), min(u3, u4))
        out[x] = _median7(m0, m1, m2, m3, m4, lower, upper)


@inlined
def _ordered(a: np.float32, b: np.float32) -> tuple[np.float32, np.float32]:
    return min(a, b), max(a, b)


@inlined
def _ordered5(
    a: np.float32, b: np.float32, c: np.float32, d: np.float32, e: np.float32
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Return the values in ascending order (the shortest network for five)."""
    a, b = _ordered(a, b)
    d, e = _ordered(d, e)
    c, e = _ordered(c, e)
    c, d = _ordered(c, d)
    b, e = _ordered(b, e)
    a, d = _ordered(a, d)
    a, c = _ordered(a, c)
    b, d = _ordered(b, d)
    b, c = _ordered(b, c)
    return a, b, c, d, e


@inlined
def _largest2(
    a: np.float32, b: np.float32, c: np.float32, d: np.float32, e: np.float32
) -> tuple[np.float32, np.float32]:
    """Return the second largest value and the largest."""
    second, first = _ordered(a, b)
    less, first = _ordered(first, c)
    second = max(second, less)
    less, first = _ordered(first, d)
    second = max(second, less)
    less, first = _ordered(first, e)
    return max(second, less), first


@inlined
def _smallest2(
    a: np.float32, b: np.float32, c: np.float32, d: np.float32, e: np.float32
) -> tuple[np.float32, np.float32]:
    """Return the smallest value and the second smallest."""
    first, second = _ordered(a, b)
    first, more = _ordered(first, c)
    second = min(second, more)
    first, more = _ordered(first, d)
    second = min(second, more)
    first, more = _ordered(first, e)
    return first, min(second, more)


@inlined
def _largest3(
    a: np.float32, b: np.float32, c: np.float32, d: np.float32, e: np.float32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the third largest value, the second largest and the largest."""
    third, second, first = _ordered3(a, b, c)
    less, first = _ordered(first, d)
    less, second = _ordered(second, less)
    third = max(third, less)
    less, first = _ordered(first, e)
    less, second = _ordered(second, less)
    return max(third, less), second, first


@inlined
def _smallest3(
    a: np.float32, b: np.float32, c: np.float32, d: np.float32, e: np.float32
) -> tuple[np.float32, np.float32, np.float32]:
    """Return the smallest value, the second smallest and the third."""
    first, second, third = _ordered3(a, b, c)
    first, more = _ordered(first, d)
    second, more = _ordered(second, more)
    third = min(third, more)
    first, more = _ordered(first, e)
    second, more = _ordered(second, more)
    return first, second, min(third, more)


@inlined
def _ordered3(a: np.float32, b: np.float32, c: np.float32) -> tuple[np.float32, np.float32, np.float32]:
    a, b = _ordered(a, b)
    b, c = _ordered(b, c)
    a, b = _ordered(a, b)
    return a, b, c


@inlined
def _median7(
    a: np.float32,
    b: np.float32,
    c: np.float32,
    d: np.float32,
    e: np.float32,
    f: np.float32,
    g: np.float32,
) -> np.float32:
    """Return the median, by forgetting: of five of seven values, neither the largest nor the smallest is it.

    What is left, with the sixth, are four, of which two are forgotten again, and with the seventh three.
    """
    a, b = _ordered(a, b)
    c, d = _ordered(c, d)
    a, c = _ordered(a, c)
    b, d = _ordered(b, d)
    e = min(max(a, e), d)  # the smallest, a or e, and the largest, d or e, are forgotten
    b, c = _ordered(b, c)
    e, f = _ordered(e, f)
    b, c = max(b, e), min(c, f)
    low, high = _ordered(b, c)
    return max(low, min(high, g))
