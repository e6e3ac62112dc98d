"""Dense optical flow between two frames."""

from typing import Literal

import numpy as np

from egotool.motion._arrays import Flow, GrayImage, check_pair
from egotool.motion._engine import workspace
from egotool.motion._opencv import opencv_tvl1
from egotool.motion.schedule import Schedule, find_schedule

Backend = Literal["auto", "numba", "opencv"]


def tvl1(
    image0: GrayImage,
    image1: GrayImage,
    *,
    schedule: str | Schedule = "fast",
    backend: Backend = "auto",
) -> Flow:
    """Return the TV-L1 optical flow (Zach, Pock, Bischof 2007) from `image0` to `image1`.

    Args:
        image0: (H, W) gray picture of any size, uint8 0..255 or float32 0..1.
        image1: the same, of the same size and type.
        schedule: a name in `SCHEDULES` ("exact", "accurate", "fast", "turbo") or a `Schedule`.
        backend: "numba" is the engine of this package; "opencv" is the reference, for the schedule "exact"
            only; "auto" takes the best one there is, at present always "numba".

    Returns:
        (2, H, W) float32 in pixels: `image0[y, x]` matches `image1[y + flow[1, y, x], x + flow[0, y, x]]`.

    Memory and threads: each thread keeps the workspaces of its last four sizes and schedules (about 30 MB at
    456×256). The heavy parts run without the GIL; the result does not depend on the number of threads.
    The first call for a width class (up to 255, 511, 1023, … pixels) compiles for about a second, once per
    machine; `warm_up` does it at a time of the caller's choosing.

    Raises:
        TypeError: the pictures are not uint8 or float32 arrays of one type.
        ValueError: they are not (H, W) of one size, float values lie outside 0..1 or are NaN, the schedule or
            the backend does not exist, or "opencv" was asked for another schedule than "exact".
    """
    check_pair(image0, image1)
    chosen = find_schedule(schedule)
    if backend == "opencv":
        return opencv_tvl1(image0, image1, chosen)
    if backend not in ("auto", "numba"):
        raise ValueError(f"no backend is called {backend!r}; there are auto, numba and opencv")
    height, width = image0.shape
    return workspace(height, width, chosen).compute(image0, image1)


def warm_up(height: int, width: int, *, schedule: str | Schedule = "fast") -> None:
    """Compile the kernels for pictures of this size, so that the first `tvl1` need not."""
    nothing = np.zeros((height, width), np.uint8)
    tvl1(nothing, nothing, schedule=schedule)
