"""TV-L1 on a GPU against the numba engine: `python -m benchmarks.flow_torch`.

Sends the same pairs of frames of the embedded clips through the torch engine on a GPU, in parts of several
sizes, and through the numba engine with one thread (without a GPU: through the torch engine on the processor,
which says how close they are, and little of speed), and prints

- frames/s of each form: `plain` (operation by operation), `kernels` (Triton), `captured` (kernels, recorded
  as one graph: what `tvl1_batch(…, backend="torch")` does);
- how many times numba's speed with one thread that is;
- the mean distance to numba's flow: over all pairs, of the median pair and of the worst, pixels; and, to
  compare, numba's own when it gets the gray values (0 to 1) with noise of 1e-7, which is rounding: where many
  flows are about as good, that decides;
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

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def finish() -> None:
    """Wait until the GPU, if there is one, has done all it was given."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call, with everything on the GPU finished."""
    times = []
    for _ in range(repeats):
        finish()
        begun = time.perf_counter()
        call()
        finish()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def distances(found: np.ndarray, expected: np.ndarray) -> tuple[float, float, float]:
    """Return the mean distance over all pairs, of the median pair and of the worst, pixels."""
    off = np.hypot(*np.moveaxis(found - expected, 1, 0)).mean(axis=(1, 2))
    return float(off.mean()), float(np.median(off)), float(off.max())


class Comparison:
    """The same pairs, here and on the GPU."""

    def __init__(self, width: int, height: int, pairs: int) -> None:
        chosen = embedded_pairs(width, height, per_clip=pairs)[:pairs]
        self.here = [np.stack([getattr(pair, name) for pair in chosen]) for name in ("image0", "image1")]
        self.there = [torch.from_numpy(each).to(DEVICE) for each in self.here]

    def numba(self, schedule: Schedule) -> np.ndarray:
        return np.stack([tvl1(a, b, schedule=schedule) for a, b in zip(*self.here, strict=True)])

    def numba_with_noise(self, schedule: Schedule) -> np.ndarray:
        random = np.random.default_rng(0)
        flows = []
        for pair in zip(*self.here, strict=True):
            image0, image1 = (np.float32(1 / 255) * image for image in pair)
            noisy = image0 + random.normal(0, 1e-7, image0.shape).astype(np.float32)
            flows.append(tvl1(noisy.clip(0, 1), image1, schedule=schedule))
        return np.stack(flows)

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
        mean, median, worst = distances(self.numba_with_noise(schedule), expected)
        yield {
            "schedule": name,
            "form": "numba",
            "frames_per_second": len(expected) / numba,
            "distance": mean,
            "median_distance": median,
            "worst_distance": worst,
        }
        for part in parts:
            forms: dict[str, Callable[[], torch.Tensor]] = {
                "plain": partial(self.uncaptured, schedule, part, PLAIN)
            }
            if DEVICE.type == "cuda":
                forms["kernels"] = partial(self.uncaptured, schedule, part, _torch_cuda._steps(DEVICE))
                forms["captured"] = partial(self.captured, schedule, part)
            opening = seconds(next(reversed(forms.values())), 1)
            for form, call in forms.items():
                mean, median, worst = distances(call().cpu().numpy(), expected)
                took = seconds(call, repeats)
                yield {
                    "schedule": name,
                    "part": part,
                    "form": form,
                    "frames_per_second": len(expected) / took,
                    "times_numba": numba / took,
                    "distance": mean,
                    "median_distance": median,
                    "worst_distance": worst,
                    "first_call_seconds": opening,
                }


def line(row: dict[str, Any]) -> str:
    """Return one row of the table."""
    text = f"{row['schedule']:9s} {row.get('part', 1):3d} {row['form']:9s}"
    text += f" {row['frames_per_second']:7.0f} frames/s"
    if "times_numba" in row:
        text += f" {row['times_numba']:6.1f} × numba, first call {row['first_call_seconds']:.1f} s,"
    return (
        f"{text} {row['distance']:.4f} px off (median {row['median_distance']:.5f},"
        f" worst {row['worst_distance']:.4f})"
    )


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
    cv2.setNumThreads(1)
    width, height = (int(side) for side in options.size.split("x"))
    comparison = Comparison(width, height, options.pairs)
    rows = []
    for name in options.schedule:
        for row in comparison.rows(name, options.parts, options.repeats):
            rows.append(row)
            if not options.json:
                print(line(row), flush=True)
    flow = torch.zeros(options.pairs, 2, height, width, device=DEVICE)
    copies = seconds(lambda: [torch.from_numpy(each).to(DEVICE) for each in comparison.here], 5)
    copies += seconds(flow.cpu, 5)
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "no GPU"
    device = f"{name}, torch {torch.__version__}"
    if options.json:
        print(json.dumps({"device": device, "copies_seconds": copies, "rows": rows}, indent=2))
    else:
        print(f"{device}, {options.size}; copying {options.pairs} pairs and their flow: {copies:.3f} s")


if __name__ == "__main__":
    main()
