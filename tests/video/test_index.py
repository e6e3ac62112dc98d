"""Indexing: timestamps, and telling whole videos from those that break off."""

from pathlib import Path

import av
import numpy as np
import pytest

from egotool.errors import VideoError
from egotool.video import VideoIndex, index_packets, index_video, probe, read_frames
from tests.video.samples import encode, pictures, silence

FASTSTART = {"movflags": "faststart"}  # the index before the data, so that a cut file still opens


def _cut(path: Path, part: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def test_variable_frame_rate_gives_exact_times(tmp_path: Path) -> None:
    times = [0, 1, 2, 7, 8, 20, 21, 22, 23, 24, 50, 51]
    index = index_video(encode(tmp_path / "v.mp4", pictures(len(times)), times=times))
    np.testing.assert_allclose(index.seconds, np.array(times) / 25, atol=1e-12)
    assert index.complete
    assert index.seekable
    assert index.problem is None
    assert index.second(5) == pytest.approx(20 / 25)


def test_the_frame_rate_is_the_average_where_it_varies(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", pictures(8), times=[0, 1, 2, 3, 10, 20, 30, 40])
    assert index_video(path).frame_rate == pytest.approx(8.7, rel=0.01)  # 25 is what most frames have


def test_times_begin_at_zero_wherever_the_clock_of_the_file_does(tmp_path: Path) -> None:
    index = index_video(encode(tmp_path / "v.mkv", pictures(4), times=[1000, 1001, 1002, 1004]))
    np.testing.assert_allclose(index.seconds, [0, 0.04, 0.08, 0.16], atol=1e-9)


@pytest.mark.parametrize(
    "name", ["v.mp4", "v.mkv", "v.mov", "v.ts", "v.avi", "v.mpg", "v.flv", "v.h264", "v.nut"]
)
def test_whole_videos_are_complete_in_every_container(tmp_path: Path, name: str) -> None:
    codec = "mpeg2video" if name.endswith("mpg") else "libx264"
    path = encode(tmp_path / name, pictures(30), codec=codec)
    index = index_video(path)
    assert (index.frame_count, index.complete, index.problem) == (30, True, None)
    assert index.seconds[-1] == pytest.approx(29 / 25, abs=0.01)
    assert probe(path).codec in ("h264", "mpeg2video")


def test_json_round_trip(tmp_path: Path) -> None:
    index = index_video(encode(tmp_path / "v.mp4", pictures(12)))
    assert VideoIndex.from_json(index.to_json()) == index


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"timestamps": 3}', "null"])
def test_damaged_json_is_one_sentence(text: str) -> None:
    with pytest.raises(VideoError, match="delete it"):
        VideoIndex.from_json(text)


@pytest.mark.parametrize("threads", [1, 2, 0])
def test_a_cut_mp4_keeps_what_decodes_and_says_so(tmp_path: Path, threads: int) -> None:
    path = _cut(encode(tmp_path / "v.mp4", pictures(60), container=FASTSTART), 0.6)
    index = index_video(path, threads=threads)
    assert not index.complete
    assert 10 < index.frame_count < 50
    assert index.problem is not None
    assert f"{index.frame_count} of 60 declared frames" in index.problem
    assert str(path) in index.problem
    # The same number every time, and reading agrees.
    assert index.frame_count == index_video(path, threads=1).frame_count
    assert len(list(read_frames(path, index=index, threads=threads))) == index.frame_count


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.ts"])
def test_pictures_that_begin_after_the_sound_are_whole(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name, pictures(60), times=list(range(30, 90)), sound_seconds=3.6)
    assert index_video(path).problem is None
    index = index_packets(path)
    assert index is not None and index.problem is None


def test_a_cut_mkv_without_any_error_is_recognised_by_its_declared_duration(tmp_path: Path) -> None:
    index = index_video(_cut(encode(tmp_path / "v.mkv", pictures(60)), 0.5))
    assert not index.complete
    assert 5 < index.frame_count < 50
    assert index.problem is not None
    assert "seconds before the end" in index.problem


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_a_longer_sound_track_is_no_alarm(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name, pictures(20), sound_seconds=4)
    assert index_video(path).complete
    assert probe(path).frame_count == 20


def test_damaged_bytes_inside_are_reported_and_keep_the_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", pictures(60))
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.is_keyframe]
    data = bytearray(path.read_bytes())
    for place, size in packets[1:]:  # a bit of damage may by chance decode; in five pictures it does not
        assert place is not None
        for offset in range(place + size // 2, place + size // 2 + 20):
            data[offset] ^= 0x5A
    path.write_bytes(data)
    index = index_video(path)
    assert index.problem is not None
    assert not index.seekable
    assert index.complete == (index.frame_count == 60)


def test_progress_counts_frames(tmp_path: Path) -> None:
    seen: list[int] = []
    index_video(encode(tmp_path / "v.mp4", pictures(7)), on_frame=seen.append)
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    index = index_video(encode(tmp_path / "v.mp4", pictures(1)))
    assert (index.frame_count, index.complete) == (1, True)
    np.testing.assert_array_equal(index.seconds, [0.0])


def _audio_only(path: Path) -> None:
    with av.open(str(path), "w") as output:
        sound = output.add_stream("aac", rate=16_000)
        for number in range(20):
            output.mux(sound.encode(silence(number)))
        output.mux(sound.encode(None))


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "zeros", "folder", "playlist", "cut", "audio"])
def test_what_is_no_video_is_one_sentence_naming_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "v.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a video\n" * 100)
    elif kind == "zeros":
        path.write_bytes(bytes(50_000))
    elif kind == "folder":
        path.mkdir()
    elif kind == "playlist":
        path.write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:1/x.ts\n")
    elif kind == "cut":  # the index of such a file is at its end
        _cut(encode(path, pictures(20)), 0.7)
    elif kind == "audio":
        _audio_only(path)
    for function in (probe, index_video):
        with pytest.raises(VideoError) as failed:
            function(path)
        assert str(path) in str(failed.value)
        assert "\n" not in str(failed.value)
    with pytest.raises(VideoError):
        next(read_frames(path))


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4"])
def test_of_a_short_clip_half_a_second_is_much(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path / name, pictures(24), container=FASTSTART if name == "v.mp4" else None)
    assert index_video(path).complete
    assert not index_video(_cut(path, 0.6)).complete
