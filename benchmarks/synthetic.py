"""How fast `egotool data synth` renders, beside what it cannot do without: `python -m benchmarks.synthetic`.

One core: the whole work (scene, frames, blur, noise, flow, masks, H.264, HDF5) in alternation with two peers

- `encode`: only the H.264 encoding of the same frames (libx264, as written by egotool.video.write_video);
- `warp`: only cv2.warpPerspective of the same layers, each over the whole frame, once per frame, blended by
  NumPy: the plain way to composite, without blur, noise, flow, masks, encoding or truth.

Processor time decides (other work on the machine hardly changes it); wall time is given beside it.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from egotool.synthetic import ClipPlan, Kind, Mode, Scene, Verb, build_scene, render_frames, truth_path
from egotool.synthetic.truth import writing_truth
from egotool.video import write_video


def plans(mode: Mode, clips: int, width: int, height: int) -> list[ClipPlan]:
    kinds = (Kind.CUP, Kind.BOX, Kind.JAR)
    verbs = list(Verb)
    return [
        ClipPlan(
            seed=1000,
            subject=number % 2,
            verb=verbs[number % len(verbs)],
            kind=Kind.JAR if number % len(verbs) > 5 else kinds[number % 3],
            repetition=number,
            mode=mode,
            width=width,
            height=height,
        )
        for number in range(clips)
    ]


def whole(plan: ClipPlan, video: Path) -> None:
    scene = build_scene(plan)
    with writing_truth(truth_path(video), scene) as truth:

        def frames():
            for frame in render_frames(scene):
                truth.append(frame)
                yield frame.rgb

        write_video(video, frames(), frame_rate=plan.frame_rate)


def plain_warp(scene: Scene) -> None:
    camera, times = scene.camera, np.arange(scene.plan.frames, dtype=float)
    size = (camera.width, camera.height)
    seen = [layer.to_frame(camera, scene.head, times, times) for layer in scene.layers]
    for frame in range(scene.plan.frames):
        picture = np.zeros((camera.height, camera.width, 3), np.uint8)
        for layer, matrices in zip(scene.layers, seen, strict=True):
            warped = cv2.warpPerspective(layer.picture, matrices[frame], size)
            keep = 255 - warped[..., 3:].astype(np.uint16)
            picture = (warped[..., :3] + picture * keep // 255).astype(np.uint8)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - processor, time.perf_counter() - wall


def measure(mode: Mode, clips: int, width: int, height: int, folder: Path) -> dict[str, float | str]:
    rates: dict[str, list[tuple[float, float]]] = {"whole": [], "encode": [], "warp": []}
    todo = plans(mode, clips + 2, width, height)
    for plan in todo[:2]:
        whole(plan, folder / "warm.mp4")  # draw the subjects, as a dataset does once per subject
    size = 0
    for plan in todo[2:]:
        scene = build_scene(plan)
        frames = [frame.rgb for frame in render_frames(scene)]
        video = folder / "clip.mp4"
        rates["whole"].append(timed(lambda p=plan, v=video: whole(p, v)))
        size += truth_path(video).stat().st_size
        rates["encode"].append(timed(lambda f=frames: write_video(folder / "peer.mp4", f, frame_rate=15)))
        rates["warp"].append(timed(lambda s=scene: plain_warp(s)))
    count = todo[0].frames
    row: dict[str, float | str] = {"mode": str(mode), "size": f"{width}x{height}", "clips": clips}
    for name, times in rates.items():
        row[f"{name}_fps_processor"] = count / statistics.median(cpu for cpu, _ in times)
        row[f"{name}_fps_wall"] = count / statistics.median(wall for _, wall in times)
    for peer in ("encode", "warp"):
        ratios = [own[0] / other[0] for own, other in zip(rates["whole"], rates[peer], strict=True)]
        row[f"time_over_{peer}"] = statistics.median(ratios)
        row[f"worst_time_over_{peer}"] = max(ratios)
    row["truth_kib_per_frame"] = size / clips / count / 1024
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=16, help="clips per mode")
    parser.add_argument("--size", default="256x192", help="frame size WxH")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(mode, options.clips, width, height, Path(folder)) for mode in Mode]
    if options.json:
        print(json.dumps({"opencv": cv2.__version__, "rows": rows}, indent=2))
        return
    for row in rows:
        print(
            f"{row['mode']:<9}{row['size']:<9} whole {row['whole_fps_processor']:6.1f} frames/s of one core"
            f" ({row['whole_fps_wall']:.1f} by the wall clock);"
            f" time {row['time_over_encode']:.2f} × encoding (worst {row['worst_time_over_encode']:.2f}),"
            f" {row['time_over_warp']:.2f} × plain warping (worst {row['worst_time_over_warp']:.2f});"
            f" truth {row['truth_kib_per_frame']:.0f} KiB per frame"
        )


if __name__ == "__main__":
    main()
