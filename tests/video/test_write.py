"""Writing videos."""

from pathlib import Path

import numpy as np
import pytest

from egotool.errors import VideoError
from egotool.video import _write, index_video, probe, read_frames, write_video
from tests.video.samples import pictures


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    source = pictures(20)
    path = tmp_path / "new/v.mp4"
    write_video(path, iter(source), frame_rate=30, quality=10, keyframe_interval=5)
    info = probe(path)
    assert (info.width, info.height, info.frame_count, info.codec) == (96, 64, 20, "h264")
    assert info.frame_rate == pytest.approx(30)
    index = index_video(path)
    assert index.complete
    assert len(index.keyframes) >= 4
    for frame in read_frames(path):
        assert np.abs(frame.rgb.astype(int) - source[frame.index]).mean() < 10


def test_odd_sizes_are_padded_with_their_last_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, [np.full((33, 47, 3), 90, np.uint8)] * 3, frame_rate=25)
    assert (probe(path).width, probe(path).height) == (48, 34)
    assert np.abs(next(read_frames(path)).rgb.astype(int) - 90).max() < 5


def test_equal_frames_give_equal_files(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, pictures(10), frame_rate=29.97)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_the_processor_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    source = [np.roll(picture, random.integers(-4, 5, 2), axis=(0, 1)) for picture in pictures(30)]
    write_video(tmp_path / "a.mp4", source, frame_rate=25)
    monkeypatch.setattr(_write, "_SAME_EVERYWHERE", f"{_write._SAME_EVERYWHERE}:asm=0")
    write_video(tmp_path / "b.mp4", source, frame_rate=25)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_failures_leave_nothing(tmp_path: Path) -> None:
    def breaking() -> object:
        yield from pictures(3)
        raise RuntimeError("renderer")

    with pytest.raises(VideoError, match="at least one frame"):
        write_video(tmp_path / "v.mp4", [], frame_rate=25)
    with pytest.raises(VideoError, match="frame 1 is"):
        write_video(tmp_path / "v.mp4", [*pictures(1), *pictures(1, width=32)], frame_rate=25)
    with pytest.raises(RuntimeError, match="renderer"):
        write_video(tmp_path / "v.mp4", breaking(), frame_rate=25)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
