import re

import numpy as np
import pytest

from egotool.errors import VideoError
from egotool.video import embedded_clips, index_packets, index_video, packets_missing, read_frames
from tests.video.samples import damage, encode, pictures


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "ts"])
def test_packets_tell_what_decoding_tells(tmp_path, suffix):
    path = encode(tmp_path / f"v.{suffix}", pictures(45), options={"bf": "2"}, sound_seconds=1)
    fast, exact = index_packets(path), index_video(path, threads=1)
    assert fast is not None
    assert fast.timestamps == exact.timestamps
    assert fast.keyframes == exact.keyframes
    assert (fast.width, fast.height, fast.time_base) == (exact.width, exact.height, exact.time_base)
    assert fast.complete


def test_real_clips():
    for path in embedded_clips():
        assert index_packets(path) == index_video(path, threads=1)


def test_uneven_times(tmp_path):
    path = encode(tmp_path / "v.mkv", pictures(6), times=[0, 1, 5, 6, 20, 21])
    fast = index_packets(path)
    assert fast is not None
    assert fast.timestamps == index_video(path).timestamps


def test_where_only_decoding_can_tell(tmp_path):
    encode(tmp_path / "v.avi", pictures(20), options={"bf": "2"})
    assert index_packets(tmp_path / "v.avi") is None  # no presentation times
    encode(tmp_path / "v.h264", pictures(20))
    assert index_packets(tmp_path / "v.h264") is None


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_where_pictures_only_begin_to_build_up_no_reading_begins(tmp_path, suffix):
    refresh = {"x264-params": "intra-refresh=1:keyint=20:bframes=0"}
    path = encode(tmp_path / f"v.{suffix}", pictures(110), options=refresh)
    index, whole = index_packets(path), [frame.rgb for frame in read_frames(path)]
    assert index is not None
    assert len(index.keyframes) > len(index_video(path).keyframes)  # more than the decoder has
    for start in (45, 64, 84, 90, 99):
        for frame in read_frames(path, index=index, start=start, stop=start + 2):
            np.testing.assert_array_equal(frame.rgb, whole[frame.index])


def test_a_damaged_picture_does_not_hang_on_where_reading_begins(tmp_path):
    path = encode(tmp_path / "v.mp4", pictures(60), options={"bf": "0"})
    damage(path, 30, 0.3)
    index, exact = index_packets(path), index_video(path, threads=1)
    assert index is not None and exact.problem is not None and "frame 30" in exact.problem
    whole = [frame.rgb for frame in read_frames(path, index=exact)]
    for start in (30, 31, 39):  # 30 is a key frame
        first = next(read_frames(path, index=index, start=start, stop=60, threads=1))
        np.testing.assert_array_equal(first.rgb, whole[start])


def test_where_a_video_breaks_off_is_told(tmp_path):
    path = encode(tmp_path / "v.mp4", pictures(60), options={"bf": "0"})
    damage(path, 35, 1.0)
    index = index_packets(path)
    assert index is not None and index.complete and index.frame_count == 60
    says = re.escape(f"{path} breaks off: {index_video(path).frame_count} of 60 frames decode, then ")
    for start in (0, 20, 38):
        with pytest.raises(VideoError, match=f"{says}.*copy it again"):
            list(read_frames(path, index=index, start=start, stop=50))


@pytest.mark.parametrize(("start", "stop"), [(0, 45), (34, 45)])
def test_behind_a_frame_that_does_not_decode_no_frame_has_a_wrong_number(tmp_path, start, stop):
    path = encode(tmp_path / "v.mp4", pictures(60), codec="libx265", options={"x265-params": "bframes=0"})
    damage(path, 35, 0.9)
    index, exact = index_packets(path), index_video(path)
    assert index is not None and index.frame_count == 60
    assert exact.frame_count == 55  # the decoder goes on at the next key frame
    assert exact.problem is not None and "5 frames are missing, the first before frame 35" in exact.problem
    with pytest.raises(VideoError, match=r"frame 35 of .* does not decode"):
        list(read_frames(path, index=index, start=start, stop=stop))
    whole = {frame.seconds: frame.rgb for frame in read_frames(path, index=exact)}
    for frame in read_frames(path, index=index, start=45, stop=50):
        np.testing.assert_array_equal(frame.rgb, whole[frame.seconds])


def test_a_cut_off_file(tmp_path):
    path = encode(tmp_path / "v.mkv", pictures(60))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    index = index_packets(path)
    assert index is None or not index.complete
    (tmp_path / "t.mp4").write_text("no video")
    with pytest.raises(VideoError):
        index_packets(tmp_path / "t.mp4")


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.avi", "v.ts"])
@pytest.mark.parametrize("part", [1.0, 0.5])
def test_files_that_break_off_are_noticed_without_decoding(tmp_path, name, part):
    container = {"movflags": "faststart"} if name[2:] in ("mp4", "mov") else None
    path = encode(tmp_path / name, pictures(60), container=container)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    index = index_packets(path)
    problem = packets_missing(path) if index is None else index.problem
    if part == 1:
        assert problem is None
    elif name != "v.ts":  # a transport stream says nowhere how long it is
        assert problem is not None and "breaks off" in problem
