from pathlib import Path

import numpy as np
import pytest

from egotool.errors import UsageError
from egotool.manifests import Segment
from egotool.reporting.overlay_video import write_overlay_video
from egotool.store import Array, Codec, Store
from egotool.video import read_frames
from tests.clips.stores import make_video
from tests.store.samples import contents, write_video

SEGMENT = Segment("größe $1", "a/clip.mp4", 3, 12, "take_cup")


def written(tmp_path: Path, **options):
    store = Store(make_video(tmp_path / "store", **options))
    overlay = write_overlay_video(store, SEGMENT, tmp_path / "out.mp4")
    return overlay, [frame.rgb for frame in read_frames(tmp_path / "out.mp4")]


def test_every_frame_of_the_segment_and_every_array(tmp_path):
    overlay, frames = written(tmp_path)
    assert overlay.panels == ("frame", "motion mask", "flow", "warp flow")
    assert overlay.frames == len(frames) == 9
    assert overlay.flow_scale >= 5
    assert frames[0].shape[0] > 2 * 4 * 64
    # the first panel is the stored frame: red grows from left to right, and blue counts the frames
    top, left = 60, 12
    panel = frames[0][top : top + 200, left : left + 320].astype(int)
    assert panel[:, -20:, 0].mean() > panel[:, :20, 0].mean() + 40


def test_flow_ends_with_the_video(tmp_path):
    _, frames = written(tmp_path)
    changed = np.abs(frames[-1].astype(int) - frames[-2].astype(int)).max(axis=2) > 60
    lower = frames[0].shape[0] // 2
    assert changed[lower:].mean() > 0.1  # the last frame has no flow: its panels are grey


def test_a_store_of_frames_alone_has_one_panel_and_no_legend(tmp_path):
    overlay, frames = written(tmp_path, arrays=(Array.RGB,))
    assert overlay.panels == ("frame",)
    assert overlay.flow_scale is None
    assert len(frames) == 9


def test_other_suffixes_are_refused(tmp_path):
    store = Store(make_video(tmp_path / "store"))
    with pytest.raises(UsageError, match=r"\.mp4"):
        write_overlay_video(store, SEGMENT, tmp_path / "out.avi")
    assert not (tmp_path / "out.avi").exists()


def test_frames_without_a_camera_motion_say_so(tmp_path):
    data = contents(9)
    data[Array.HOMOGRAPHY_VALID] = np.array([True] * 4 + [False] * 4)
    write_video(tmp_path / "store", "a/clip.mp4", data, codec=Codec.NONE)
    segment = Segment("clip", "a/clip.mp4", 0, 9, "a")
    write_overlay_video(Store(tmp_path / "store"), segment, tmp_path / "out.mp4")
    frames = [frame.rgb.astype(int) for frame in read_frames(tmp_path / "out.mp4")]
    written = [(frame[5:25, -280:-100] < 140).any() for frame in frames]
    assert written == [False] * 4 + [True] * 4 + [False]
