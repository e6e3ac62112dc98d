"""From times to frames: which frames of a video lie between two moments."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from egotool.errors import VideoError
from egotool.video._decode import DECODE_ERRORS, OpenVideo, opened, reason

_EARLY_SECONDS = 1e-4  # times in label files are rounded, mostly to 10 ms; frames last 8 ms or longer
_CONSTANT = 1e-3  # relative difference of frame rates that count as equal


@dataclass(frozen=True, eq=False)
class FrameClock:
    """The time base of a video.

    Attributes:
        frame_rate: average frames per second.
        times: presentation time of each frame in seconds since the first, (N,), increasing; None where
            frames follow each other evenly.
    """

    frame_rate: float
    times: npt.NDArray[np.float64] | None = None

    @classmethod
    def of_video(cls, path: Path) -> Self:
        """Read the time base of the video at `path`: from its header if its frame rate is constant.

        Otherwise the times of all packets are read, without decoding any.

        Raises:
            VideoError: if the file cannot be read or tells neither rate nor times.
        """
        with opened(path, threads=1) as video:
            average, lowest = video.stream.average_rate, video.stream.base_rate
            # Only a container with a table of its frames (mp4, mov) knows the average; others repeat the
            # nominal rate, whatever the times are.
            tabled = bool(video.stream.frames and video.stream.duration)
            if tabled and average and lowest and abs(float(average / lowest) - 1) < _CONSTANT:
                return cls(float(average))
            try:
                ticks = np.sort(np.fromiter(_presentation_ticks(video), dtype=np.int64))
            except DECODE_ERRORS as error:
                raise VideoError(f"{path} cannot be read ({reason(error)}): copy it again") from error
            times = np.asarray((ticks - ticks[:1]) * float(video.time_base), dtype=np.float64)
            if times.size < 2 or times[-1] <= 0:
                raise VideoError(f"{path} tells no times of its frames: convert it, or give a frame rate")
            return cls((times.size - 1) / float(times[-1]), times)

    def frames_between(self, start: float, stop: float) -> tuple[int, int]:
        """Return the frames (first, one past the last) shown from `start` up to before `stop`, in seconds.

        At least one frame: an interval between two frames gives the later one.
        """
        if self.times is not None:
            first, end = np.searchsorted(self.times, [start - _EARLY_SECONDS, stop - _EARLY_SECONDS])
        else:
            first, end = np.ceil((np.array([start, stop]) - _EARLY_SECONDS) * self.frame_rate)
        first_frame = max(0, int(first))
        return first_frame, max(first_frame + 1, int(end))


def _presentation_ticks(video: OpenVideo) -> Iterator[int]:
    """Yield the time of every packet that has one, in the order of the file."""
    for packet in video.container.demux(video.stream):
        if packet.pts is not None and not packet.is_discard:
            yield packet.pts
