import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from egotool.errors import UsageError
from egotool.motion import SCHEDULES
from egotool.motion.benchmark import PairResult, pairs_in, summarise
from tests.cli.test_train import egotool
from tests.motion.scenes import moved, shift, texture
from tests.video.samples import encode, pictures


def middlebury(folder: Path) -> Path:
    """Write one pair with its truth in the layout of the Middlebury set."""
    image0, image1, truth = moved(texture(124, 144), shift(2, -1))
    (folder / "Shift").mkdir(parents=True)
    cv2.imwrite(str(folder / "Shift" / "frame10.png"), image0)
    cv2.imwrite(str(folder / "Shift" / "frame11.png"), image1)
    cv2.writeOpticalFlow(str(folder / "Shift" / "flow10.flo"), np.ascontiguousarray(truth.transpose(1, 2, 0)))
    return folder


def test_flow_is_compared_with_opencv_and_the_truth(tmp_path: Path) -> None:
    folder = middlebury(tmp_path / "pairs")
    status, out, _ = egotool(tmp_path, "bench", "flow", "--pairs", str(folder), "--repeats", "1", "--json")
    document = json.loads(out)
    assert status == 0 and [each["schedule"] for each in document["summary"]] == list(SCHEDULES)
    (pair,) = document["pairs"]
    assert (pair["name"], pair["width"], pair["height"]) == ("Shift", 84, 64)
    assert pair["errors"]["fast"] < 0.3 and set(pair["errors"]) == {*SCHEDULES, "opencv"}
    assert all(ratio > 0 for ratio in pair["ratios"].values())
    status, out, _ = egotool(tmp_path, "bench", "flow", "--pairs", str(folder), "--repeats", "1")
    assert status == 0 and "OpenCV's" in out and "turbo" in out


def test_embedded_frames_have_the_size_asked_for(tmp_path: Path) -> None:
    status, out, _ = egotool(
        tmp_path, "bench", "flow", "--size", "64x48", "--count", "1", "--repeats", "1", "--json"
    )
    pairs = json.loads(out)["pairs"]
    assert status == 0 and len(pairs) == 2
    assert {(pair["width"], pair["height"]) for pair in pairs} == {(64, 48)}
    assert all(pair["errors"] == {} for pair in pairs)


def test_the_summary_is_median_and_worst() -> None:
    results = [
        PairResult(
            str(n), 10, 10, 1.0, dict.fromkeys(SCHEDULES, ratio), dict.fromkeys(SCHEDULES, 0.1), errors
        )
        for n, (ratio, errors) in enumerate(
            [
                (2.0, {}),
                (8.0, dict.fromkeys(SCHEDULES, 0.5) | {"opencv": 1.0}),
                (4.0, dict.fromkeys(SCHEDULES, 1.5) | {"opencv": 1.0}),
            ]
        )
    ]
    line = summarise(results)[0]
    assert (line.median_ratio, line.worst_ratio) == (4.0, 2.0)
    assert (line.error, line.opencv_error, line.worst_error_ratio) == (1.0, 1.0, 1.5)


def test_extraction_speed_workers_and_memory(tmp_path: Path) -> None:
    video = encode(tmp_path / "clip.mp4", pictures(4))
    options = [
        "--video",
        str(video),
        "--frames",
        "3",
        "--opencv-frames",
        "2",
        "--long-frames",
        "4",
        "--rounds",
        "1",
    ]
    status, out, _ = egotool(tmp_path, "bench", "extract", *options, "--json")
    document = json.loads(out)
    speeds = {each["name"]: each for each in document["speeds"]}
    assert status == 0 and document["processor"] and document["threads"] == 1
    assert set(speeds) == {"fast", "compensated", "exact", "opencv", "1 worker", "2 workers", "2 processes"}
    assert speeds["opencv"]["ratio"] == speeds["1 worker"]["ratio"] == 1.0
    assert len(speeds["fast"]["rounds"]) == 1
    assert [each["frames"] for each in document["memory"]] == [4, 16]
    status, out, _ = egotool(tmp_path, "bench", "extract", *options, "--only", "speed")
    assert status == 0 and "ratio to opencv" in out and "Peak memory" not in out


def test_wrong_use_is_named(tmp_path: Path) -> None:
    for size in ("340", "0x10", "axb"):
        with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
            egotool(tmp_path, "bench", "flow", "--size", size)
    with pytest.raises(UsageError, match="speed, workers, memory"):
        egotool(tmp_path, "bench", "extract", "--only", "speed,time")
    with pytest.raises(UsageError, match="no folder with two pictures"):
        pairs_in(tmp_path)
    with pytest.raises(UsageError, match="no folder with two pictures"):
        pairs_in(tmp_path / "absent")
