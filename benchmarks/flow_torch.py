"""TV-L1 on a GPU against the numba engine: `python -m benchmarks.flow_torch`.

Sends the same pairs of frames of the embedded clips through the torch engine on a GPU, in parts of several
sizes, and through the numba engine with one thread, and prints

- frames/s of each form: `plain` (operation by operation), `kernels` (Triton), `captured` (kernels, recorded
  as one graph: what `tvl1_batch(…, backend="torch")` does);
- how many times numba's speed with one thread that is;
- the mean distance to numba's flow over all pairs, and that of the worst pair, pixels;
- how long the first call takes, in which everything is compiled and recorded.

The frames are copied to the GPU before and the flow stays there; what copying costs is said below the table.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch

from egotool.motion import SCHEDULES, _torch_cuda, tvl1
from egotool.motion._torch_engine import PLAIN, Steps, torch_tvl1
from egotool.motion.benchmark import embedded_pairs
from egotool.motion.schedule import Schedule


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call, with everything on the GPU finished."""
    times = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def distances(found: torch.Tensor, expected: np.ndarray) -> tuple[float, float]:
    """Return the mean distance over all pairs, and that of the worst pair, pixels."""
    off = np.hypot(*np.moveaxis(found.cpu().numpy() - expected, 1, 0)).mean(axis=(1, 2))
    return float(off.mean()), float(off.max())


class Comparison:
    """The same pairs, here and on the GPU."""

    def __init__(self, width: int, height: int, pairs: int) -> None:
        chosen = embedded_pairs(width, height, per_clip=pairs)[:pairs]
        self.here = [np.stack([getattr(pair, name) for pair in chosen]) for name in ("image0", "image1")]
        self.there = [torch.from_numpy(each).to("cuda") for each in self.here]

    def numba(self, schedule: Schedule) -> np.ndarray:
        return np.stack([tvl1(a, b, schedule=schedule) for a, b in zip(*self.here, strict=True)])

    def uncaptured(self, schedule: Schedule, part: int, steps: Steps) -> torch.Tensor:
        parts = zip(*(each.split(part) for each in self.there), strict=True)
        return torch.cat([torch_tvl1(*both, schedule, steps=steps, stop_early=False) for both in parts])

    def captured(self, schedule: Schedule, part: int) -> torch.Tensor:
        _torch_cuda.PAIRS = part
        return _torch_cuda.cuda_tvl1(*self.there, schedule)

    def rows(self, name: str, parts: list[int], repeats: int) -> Iterator[dict[str, Any]]:
        """Yield what came out for every size of part and form."""
        schedule = SCHEDULES[name]
        expected = self.numba(schedule)
        numba = seconds(lambda: self.numba(schedule), 3)
        steps = _torch_cuda._steps(torch.device("cuda"))
        for part in parts:
            forms: dict[str, Callable[[], torch.Tensor]] = {
                "plain": partial(self.uncaptured, schedule, part, PLAIN),
                "kernels": partial(self.uncaptured, schedule, part, steps),
                "captured": partial(self.captured, schedule, part),
            }
            opening = seconds(forms["captured"], 1)
            for form, call in forms.items():
                mean, worst = distances(call(), expected)
                took = seconds(call, repeats)
                yield {
                    "schedule": name,
                    "part": part,
                    "form": form,
                    "frames_per_second": len(expected) / took,
                    "times_numba": numba / took,
                    "distance": mean,
                    "worst_distance": worst,
                    "first_call_seconds": opening,
                }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="340x256", help="width × height")
    parser.add_argument("--schedule", nargs="+", choices=SCHEDULES, default=["fast", "accurate"])
    parser.add_argument("--pairs", type=int, default=64, help="pairs of frames")
    parser.add_argument("--parts", type=int, nargs="+", default=[8, 16, 32, 64], help="pairs at a time")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("torch sees no GPU here")
    cv2.setNumThreads(1)
    width, height = (int(side) for side in options.size.split("x"))
    comparison = Comparison(width, height, options.pairs)
    rows = []
    for name in options.schedule:
        for row in comparison.rows(name, options.parts, options.repeats):
            rows.append(row)
            if not options.json:
                print(
                    f"{name:9s} {row['part']:3d} {row['form']:9s} {row['frames_per_second']:7.0f} frames/s"
                    f" {row['times_numba']:6.1f} × numba, {row['distance']:.4f} px off (worst"
                    f" {row['worst_distance']:.4f}); first call {row['first_call_seconds']:.1f} s",
                    flush=True,
                )
    flow = torch.zeros(options.pairs, 2, height, width, device="cuda")
    copies = seconds(lambda: [torch.from_numpy(each).to("cuda") for each in comparison.here], 5)
    copies += seconds(flow.cpu, 5)
    device = f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    if options.json:
        print(json.dumps({"device": device, "copies_seconds": copies, "rows": rows}, indent=2))
    else:
        print(f"{device}, {options.size}; copying {options.pairs} pairs and their flow: {copies:.3f} s")


if __name__ == "__main__":
    main()
