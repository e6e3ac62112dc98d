"""How well camera motion is found in videos of your own: `python -m benchmarks.camera_videos FOLDER`.

There is no truth: what is measured is how much frame t + 1, warped back, still differs from frame t (mean
absolute difference of gray values, at most 40 each, since hands and what they uncover differ anyway), as part
of what it differs without. Per video, and over all:

- `found`: the share of pairs of which `CameraTracker`, having seen all frames before, takes a motion, and
  `difference` with it (1 where there is none);
- `alone`, `difference alone`: the same with `estimate_camera_motion`, that is, of these two frames only;
- `bytes per pixel`: how large the file is: how hard the video is compressed;
- `plain`: the difference with what is common: corners and SIFT matches, cv2.findHomography, RANSAC at 1 px.
"""

import argparse
import json
import sys
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from benchmarks.descriptors import plain

from egotool.errors import VideoError
from egotool.motion import CameraTracker, estimate_camera_motion, to_gray, tvl1, warp_back
from egotool.video import find_videos, probe, read_frames

MOST_DIFFERENCE = 40


def difference(gray0: np.ndarray, gray1: np.ndarray) -> float:
    return float(np.minimum(cv2.absdiff(gray0, gray1), MOST_DIFFERENCE).mean())


def left_over(gray0: np.ndarray, gray1: np.ndarray, homography: np.ndarray) -> float:
    """Return what is left of the difference when frame t + 1 is warped back, as part of it."""
    return difference(gray0, warp_back(gray0, gray1, homography)) / difference(gray0, gray1)


def bytes_per_pixel(video: Path) -> float:
    """Return the size of the file by frame and pixel; NaN if it does not say how many frames it has."""
    about = probe(video)
    pixels = (about.frame_count or 0) * about.width * about.height
    return video.stat().st_size / pixels if pixels else float("nan")


MEASURED = ("found", "difference", "alone", "difference alone", "plain")


def measure(video: Path, every: int, frames: int) -> dict[str, float]:
    """Return the means over every so many-th pair; frames that do not change at all are left out."""
    grays = (to_gray(frame.rgb) for frame in islice(read_frames(video, short_side=256), frames))
    tracker, rows = CameraTracker(), []
    for number, (gray0, gray1) in enumerate(pairwise(grays)):
        flow = tvl1(gray0, gray1)
        camera = tracker.next_motion(gray0, gray1, flow)
        if number % every != every // 2 or difference(gray0, gray1) == 0:
            continue
        alone = estimate_camera_motion(gray0, gray1, flow)
        rows.append(
            (
                camera.valid,
                left_over(gray0, gray1, camera.homography),
                alone.valid,
                left_over(gray0, gray1, alone.homography),
                left_over(gray0, gray1, plain(gray0, gray1, flow)),
            )
        )
    means = np.mean(rows, axis=0) if rows else np.ones(len(MEASURED))
    return {"pairs": len(rows)} | dict(zip(MEASURED, means.tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("videos", type=Path, nargs="+", help="files or folders")
    parser.add_argument("--every", type=int, default=14, help="a pair of so many")
    parser.add_argument("--frames", type=int, default=300, help="of each video, at most")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rows = {}
    for video in find_videos(options.videos):
        try:
            row = measure(video.path, options.every, options.frames)
            row["bytes per pixel"] = bytes_per_pixel(video.path)
        except VideoError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if row["pairs"]:
            rows[video.name] = row
    if not rows:
        raise SystemExit("no video has two frames that differ")
    weights = [row["pairs"] for row in rows.values()]
    rows["all"] = {"pairs": sum(weights)} | {
        name: float(np.average([row[name] for row in rows.values()], weights=weights))
        for name in (*MEASURED, "bytes per pixel")
    }
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for name, row in rows.items():
        print(
            f"{name}: {row['pairs']} pairs, found {row['found']:.1%}, difference {row['difference']:.3f}, "
            f"alone {row['alone']:.1%}, {row['difference alone']:.3f}, plain {row['plain']:.3f}, "
            f"bytes per pixel {row['bytes per pixel']:.3f}"
        )


if __name__ == "__main__":
    main()
