"""Dense optical flow between two frames."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, GrayImage, check_pair
from egotool.motion._engine import workspace
from egotool.motion._opencv import opencv_tvl1
from egotool.motion.schedule import Schedule, find_schedule

Backend = Literal["auto", "numba", "torch", "opencv"]


def tvl1(
    image0: GrayImage,
    image1: GrayImage,
    *,
    schedule: str | Schedule = "fast",
    backend: Backend = "auto",
    rest: float = 0.0,
) -> Flow:
    """Return the TV-L1 optical flow (Zach, Pock, Bischof 2007) from `image0` to `image1`.

    Args:
        image0: (H, W) gray picture of any size, uint8 0..255 or float32 0..1.
        image1: the same, of the same size and type.
        schedule: a name in `SCHEDULES` ("exact", "accurate", "fast", "turbo") or a `Schedule`.
        backend: "numba" is the engine of this package; "torch" computes the same on a GPU, if there is one,
            and pays off for batches (`tvl1_batch`); "opencv" is the reference, for the schedule "exact"
            only; "auto" is "numba".
        rest: prior for rest, for pictures of which most stands still: each iteration draws both components
            of the flow this many pixels towards zero, which is the proximal step of
            rest / coupling · (|u| + |v|) beside the total variation. What the pictures show plainly, such a
            pull does not move. 0: none.

    Returns:
        (2, H, W) float32 in pixels: `image0[y, x]` matches `image1[y + flow[1, y, x], x + flow[0, y, x]]`.

    Memory and threads: each thread keeps the workspaces of its last four sizes and schedules (about 30 MB at
    456×256). The heavy parts run without the GIL; the result does not depend on the number of threads.
    The first call for a width class (up to 255, 511, 1023, … pixels) compiles for about a second, once per
    machine; `warm_up` does it at a time of the caller's choosing.

    Raises:
        TypeError: the pictures are not uint8 or float32 arrays of one type.
        ValueError: they are not (H, W) of one size, float values lie outside 0..1 or are NaN, the schedule or
            the backend does not exist, "opencv" was asked for another schedule than "exact", or `rest` is
            negative, or positive for a schedule without `joint_variation`.
    """
    check_pair(image0, image1)
    chosen = find_schedule(schedule)
    check_backend(backend)
    _check_rest(rest, chosen)
    if backend == "opencv":
        return opencv_tvl1(image0, image1, chosen)
    if backend == "torch":
        flows = tvl1_batch(image0[None], image1[None], schedule=chosen, backend="torch", rest=rest)
        return np.asarray(flows[0])
    height, width = image0.shape
    return workspace(height, width, chosen).compute(image0, image1, rest)


def tvl1_batch(
    images0: NDArray[np.uint8] | NDArray[np.float32],
    images1: NDArray[np.uint8] | NDArray[np.float32],
    *,
    schedule: str | Schedule = "fast",
    backend: Backend = "auto",
    rest: float | Sequence[float] = 0.0,
    threads: int = 1,
    device: str | None = None,
) -> NDArray[np.float32]:
    """Return the TV-L1 flow of N pairs of pictures, each as `tvl1` gives it.

    Args:
        images0: (N, H, W) gray pictures, uint8 0..255 or float32 0..1.
        images1: the same, of the same shape and type.
        schedule: see `tvl1`.
        backend: see `tvl1`; "torch" works on all pairs at once.
        rest: see `tvl1`; one for all pairs, or one for each.
        threads: pairs computed at the same time by the backends "numba" and "opencv".
        device: for "torch", such as "cuda:1"; None: the GPU if there is one, else the CPU.

    Returns:
        (N, 2, H, W) float32 in pixels.

    Raises:
        TypeError: see `tvl1`.
        ValueError: see `tvl1`; or the pictures are not (N, H, W), or `rest` are not N.
    """
    check_backend(backend)
    if images0.ndim != 3 or images1.ndim != 3 or len(images0) != len(images1):
        raise ValueError(
            f"images0 has shape {images0.shape}, images1 {images1.shape}; both have to be (N, H, W)"
        )
    chosen = find_schedule(schedule)
    if len(images0) == 0:
        return np.zeros((0, 2, *images0.shape[1:]), np.float32)
    pulls = [rest] * len(images0) if isinstance(rest, (int, float)) else list(rest)
    if len(pulls) != len(images0):
        raise ValueError(f"rest has {len(pulls)} values, but there are {len(images0)} pairs")
    if backend != "torch":
        with ThreadPoolExecutor(threads) as pool:
            flows = pool.map(
                lambda each: tvl1(*each[:2], schedule=chosen, backend=backend, rest=each[2]),
                zip(images0, images1, pulls, strict=True),
            )
            return np.stack(list(flows))
    for image0, image1, pull in zip(images0, images1, pulls, strict=True):
        check_pair(image0, image1)
        _check_rest(pull, chosen)
    import torch  # takes seconds, and only this backend needs it

    from egotool.motion._torch_cuda import cuda_tvl1
    from egotool.motion._torch_engine import torch_tvl1

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    first, second = (torch.from_numpy(np.ascontiguousarray(each)).to(place) for each in (images0, images1))
    drawn = torch.tensor(pulls, dtype=torch.float32, device=place) if any(pulls) else None
    compute = cuda_tvl1 if place.type == "cuda" else torch_tvl1
    return np.asarray(compute(first, second, chosen, rest=drawn).cpu().numpy())


def check_backend(backend: str) -> None:
    """Raise ValueError unless there is such a backend."""
    if backend not in ("auto", "numba", "torch", "opencv"):
        raise ValueError(f"no backend is called {backend!r}; there are auto, numba, torch and opencv")


def _check_rest(rest: float, schedule: Schedule) -> None:
    if not 0 <= rest < math.inf:
        raise ValueError(f"rest is {rest}, but has to be 0 or more")
    if rest and not schedule.joint_variation:
        raise ValueError("a prior for rest needs a schedule with joint_variation: not 'exact'")


def warm_up(height: int, width: int, *, schedule: str | Schedule = "fast") -> None:
    """Compile the kernels for pictures of this size, so that the first `tvl1` need not."""
    nothing = np.zeros((height, width), np.uint8)
    tvl1(nothing, nothing, schedule=schedule)
