"""Which frames lie between two moments."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.errors import VideoError
from egotool.video import FrameClock, write_video
from tests.video.samples import encode, pictures


def test_an_even_video_by_its_header(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, [np.zeros((32, 32, 3), np.uint8)] * 30, frame_rate=15)
    clock = FrameClock.of_video(path)
    assert clock.frame_rate == 15
    assert clock.frames_between(1.0, 2.0) == (15, 30)
    assert clock.frames_between(0.01, 0.02) == (1, 2)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_an_uneven_file_by_the_times_of_its_packets(tmp_path, name):
    times = [0, 1, 2, 7, 8, 20, 21, 22, 23, 24, 50, 51]
    clock = FrameClock.of_video(encode(tmp_path / name, pictures(len(times)), times=times))
    assert clock.times is not None
    np.testing.assert_allclose(clock.times, np.array(times) / 25, atol=1e-3)
    assert clock.frames_between(7 / 25, 21 / 25) == (3, 6)
    assert clock.frame_rate == pytest.approx(25 * 11 / 51, rel=0.01)


def test_an_uneven_video_by_its_times():
    clock = FrameClock(2.0, np.array([0.0, 0.1, 0.2, 1.5, 1.6]))
    assert clock.frames_between(0.0, 0.2) == (0, 2)
    assert clock.frames_between(0.15, 1.55) == (2, 4)
    assert clock.frames_between(0.3, 0.4) == (3, 4)


@given(rate=st.floats(1, 120), start=st.integers(0, 5000), length=st.integers(1, 500))
def test_even_and_uneven_agree_on_frames_of_their_own_times(rate, start, length):
    times = np.arange(start + length + 2) / rate
    spans = [
        clock.frames_between(start / rate, (start + length) / rate)
        for clock in (FrameClock(rate), FrameClock(rate, times))
    ]
    assert spans == [(start, start + length)] * 2


def test_what_is_no_video(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        FrameClock.of_video(tmp_path / "a.mp4")
