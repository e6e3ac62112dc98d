"""The torch engine on CUDA: its heavy steps as Triton kernels, and all of a batch captured as one graph.

`fast` takes about 600 iterations on five or six levels. Operation by operation that is some 15 000 small
kernels, and the processor needs longer to start them than the GPU to run them. So

- the iteration and the median are one kernel each (`_triton_kernels`);
- a CUDA graph records everything that happens for a batch of one size, and starts it as one;
- a batch is cut into parts of `PAIRS` pairs; a part that is not full is filled up: a graph has one size.

Where Triton cannot compile (it is missing, or a C compiler is), the plain operations are captured.

Measured on an H200 with torch 2.11 (`python -m benchmarks.flow_torch`), `fast` as it was before it matched
exposures and sampled all levels bicubically, 340×256, frames per second,
16 and 32 pairs at a time: operation by operation 45 and 114, kernels without the graph 333 and 674, with it
1686 and 1976; numba did 46 with one thread of that machine. The first call took up to 9 s, later sizes 0.2 s.
`fast` moves 0.58 GB per frame (98 iterations per pixel of the full size, 68 bytes each): on an H100, with
3 TB/s, 5200 frames/s if memory were all that limits; half of the time goes elsewhere.
"""

import functools
import threading
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from egotool.motion._torch_engine import PLAIN, Steps, torch_tvl1
from egotool.motion.schedule import Schedule

PAIRS = 32
"""Pairs computed at the same time."""
KEPT_GRAPHS = 4
"""Sizes and schedules whose graphs stay in the GPU's memory, per process."""

_lock = threading.Lock()


def cuda_tvl1(images0: Tensor, images1: Tensor, schedule: Schedule, *, rest: Tensor | None = None) -> Tensor:
    """Return the flow (N, 2, H, W) of pairs of pictures (N, H, W) on a GPU, as `torch_tvl1` does."""
    pairs = min(PAIRS, len(images0))
    with _lock:
        shape = (pairs, *images0.shape[1:])
        graph = _graph(shape, images0.dtype, images0.device, schedule, rest is not None)
        given = (images0, images1) if rest is None else (images0, images1, rest)
        parts = zip(*(torch.split(each, pairs) for each in given), strict=True)
        return torch.cat([graph(*part) for part in parts])


class _Graph:
    """All that happens on the GPU for a part of one size, recorded once."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        device: torch.device,
        schedule: Schedule,
        resting: bool,
    ) -> None:
        first, second = (torch.zeros(shape, dtype=dtype, device=device) for _ in range(2))
        rest = torch.zeros(shape[0], device=device) if resting else None
        self._inputs = (first, second) if rest is None else (first, second, rest)
        run = functools.partial(
            torch_tvl1, first, second, schedule, rest=rest, steps=_steps(device), stop_early=False
        )
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(device):
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            # the filters of the pyramid need all bits: TF32, a convolution's default on GPUs, has ten
            with torch.backends.cudnn.flags(allow_tf32=False):
                with torch.cuda.stream(side):
                    run()  # compiles, which cannot happen while a graph is recorded
                torch.cuda.current_stream().wait_stream(side)
                with torch.cuda.graph(self._graph):
                    self._flow = run()

    def __call__(self, *inputs: Tensor) -> Tensor:
        for kept, given in zip(self._inputs, inputs, strict=True):
            kept[: len(given)].copy_(given)
        self._graph.replay()
        return self._flow[: len(inputs[0])].clone()


@functools.lru_cache(maxsize=KEPT_GRAPHS)
def _graph(
    shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, schedule: Schedule, resting: bool
) -> Callable[..., Tensor]:
    return _Graph(shape, dtype, device, schedule, resting)


@functools.cache
def _steps(device: torch.device) -> Steps:
    """Return the steps as Triton kernels, or the plain ones where nothing can be compiled."""
    try:
        from egotool.motion import _triton_kernels

        with torch.cuda.device(device):
            _triton_kernels.median(torch.zeros(1, 2, 8, 8, device=device))
    except Exception as error:  # what fails, and how, depends on the machine
        warnings.warn(
            f"flow on this GPU will be slower: Triton or a C compiler is missing ({error})",
            stacklevel=2,
        )
        return PLAIN
    return Steps(PLAIN.linearised, _triton_kernels.sweep, _triton_kernels.median)
