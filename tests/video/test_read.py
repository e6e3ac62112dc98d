"""Reading frames: the same pixels from wherever reading starts."""

import gc
from pathlib import Path

import av
import numpy as np
import pytest

from egotool.errors import VideoError
from egotool.video import index_video, read_frames
from tests.video.samples import encode, pictures


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("v.mp4", "libx264", {}),
        ("open.mp4", "libx264", {"x264-params": "open-gop=1:bframes=3"}),
        ("refresh.mp4", "libx264", {"x264-params": "intra-refresh=1"}),
        ("v.mkv", "libx264", {}),
        ("v.ts", "libx264", {}),
        ("v.avi", "libx264", {}),  # without presentation times
        ("v.mpg", "mpeg2video", {}),
        ("v.h264", "libx264", {}),
        ("v.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ],
)
def test_any_start_gives_the_frames_of_a_whole_reading(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = encode(tmp_path / name, pictures(50), codec=codec, options=options)
    index = index_video(path)
    whole = list(read_frames(path, short_side=32))
    assert [frame.index for frame in whole] == list(range(50))
    for start in (0, 5, 13, 20, 29, 41, 49):
        part = list(read_frames(path, index=index, start=start, stop=start + 4, short_side=32, threads=2))
        assert [frame.index for frame in part] == list(range(start, min(50, start + 4)))
        for frame in part:
            np.testing.assert_array_equal(frame.rgb, whole[frame.index].rgb)
            assert frame.seconds == pytest.approx(frame.index / 25, abs=0.001)


def test_frames_look_like_what_was_encoded(tmp_path: Path) -> None:
    source = pictures(12)
    path = encode(tmp_path / "v.mp4", source, options={"crf": "8"})
    for frame in read_frames(path):
        assert frame.rgb.dtype == np.uint8
        error = np.abs(frame.rgb.astype(int) - source[frame.index]).mean()
        other = np.abs(frame.rgb.astype(int) - source[(frame.index + 3) % 12]).mean()
        assert error < 0.35 * other


def test_resizing_averages(tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[::2] = 255  # the finest stripes: an aliased resize gives black or white
    path = encode(tmp_path / "v.mp4", [picture] * 2, options={"crf": "1"})
    small = next(read_frames(path, short_side=16)).rgb
    assert small.shape == (16, 24, 3)
    assert 118 < small.mean() < 137
    assert small.astype(int).std() < 8


def test_never_more_frames_than_the_index_and_bounds_are_kept(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", pictures(20))
    index = index_video(path)
    assert len(list(read_frames(path, index=index, stop=1000))) == 20
    assert list(read_frames(path, index=index, start=20)) == []
    assert list(read_frames(path, index=index, start=5, stop=5)) == []
    assert [frame.index for frame in read_frames(path, start=17, stop=19)] == [17, 18]


def test_a_file_that_changed_since_it_was_indexed_is_an_error(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", pictures(30))
    index = index_video(path)
    encode(path, pictures(10))
    with pytest.raises(VideoError, match="changed"):
        list(read_frames(path, index=index, start=25))


def test_without_an_index_a_broken_video_fails_where_it_breaks(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", pictures(40), container={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    count = 0
    with pytest.raises(VideoError, match="breaks off after"):
        for _ in read_frames(path, threads=1):
            count += 1
    assert count == index_video(path).frame_count


def test_frames_are_let_go_of_at_once(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", pictures(40), rotation=90)
    index = index_video(path)
    gc.collect()
    gc.disable()  # a reference cycle would keep frames until the collector runs, in a long video too many
    try:
        for _ in read_frames(path, index=index, threads=1):
            pass
        # type(), not isinstance(): the latter asks proxies of other libraries for their class
        assert sum(issubclass(type(thing), av.VideoFrame) for thing in gc.get_objects()) <= 3
    finally:
        gc.enable()
