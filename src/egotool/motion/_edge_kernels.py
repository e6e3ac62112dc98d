"""Edges of pictures, compiled by numba: gradients, and the weight of total variation that depends on them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float32Array = NDArray[np.float32]

Limits = Callable[[Float32Array, int, int, Float32Array, Float32Array, np.float32, np.float32], None]

f4 = np.float32


def limits_kernel(packed: int, offset: int) -> Limits:
    """Return the kernel that writes the field at an offset in packed rows (see `_kernels`)."""

    def limits(fields, h, w, image0, padded, coupling, strictness):  # type: ignore[no-untyped-def]
        """Write coupling / (1 + strictness · |g|²), g being the gradient of image 0 (h, w) in gray values.

        The dual variables (times theta, the coupling) may be no longer than that: where the picture has an
        edge, a step of the flow costs little (a weight as in Wedel, Cremers, Pock and Bischof 2009). A Sobel
        filter gives the gradient; the border repeats. padded is room for (h + 4, w + 4).
        """
        for y in range(h):
            row = padded[y + 2]
            row[2 : w + 2] = image0[y]
            row[:2] = row[2]
            row[w + 2 :] = row[w + 1]
        padded[:2] = padded[2]
        padded[h + 2 :] = padded[h + 1]
        eighth = f4(0.125)
        for y in range(h):
            up, here, down = padded[y + 1], padded[y + 2], padded[y + 3]
            start = (y + 1) * packed + offset
            row = fields[start : start + w]
            for x in range(w):
                left = up[x + 1] + f4(2) * here[x + 1] + down[x + 1]
                right = up[x + 3] + f4(2) * here[x + 3] + down[x + 3]
                above = up[x + 1] + f4(2) * up[x + 2] + up[x + 3]
                below = down[x + 1] + f4(2) * down[x + 2] + down[x + 3]
                g_x = (right - left) * eighth
                g_y = (below - above) * eighth
                row[x] = coupling / (f4(1) + strictness * (g_x * g_x + g_y * g_y))

    return compiled(limits)


@compiled
def gradients(image: Float32Array, out: Float32Array, near: np.float32, far: np.float32) -> None:
    """Write gray, d/dx and d/dy of `image` (h, w) into the first three channels of `out` (h, w, 3 or 4).

    Derivative taps (-far, -near, 0, near, far); the border repeats.
    """
    h, w = image.shape
    for y in range(h):
        row = image[y]
        up1 = image[max(y - 1, 0)]
        up2 = image[max(y - 2, 0)]
        down1 = image[min(y + 1, h - 1)]
        down2 = image[min(y + 2, h - 1)]
        for x in range(w):
            across1 = row[min(x + 1, w - 1)] - row[max(x - 1, 0)]
            across2 = row[min(x + 2, w - 1)] - row[max(x - 2, 0)]
            out[y, x, 0] = row[x]
            out[y, x, 1] = near * across1 + far * across2
            out[y, x, 2] = near * (down1[x] - up1[x]) + far * (down2[x] - up2[x])
