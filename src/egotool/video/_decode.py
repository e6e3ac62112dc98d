"""Opening containers and decoding their frames in order, with every way to fail told apart."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.container import InputContainer
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from egotool.errors import VideoError
from egotool.video._geometry import Orientation, displayed_size

DECODE_ERRORS = (av.FFmpegError, OSError, ValueError, RuntimeError, EOFError)
"""What PyAV raises for bad data; most are subclasses of several of these."""

_EXACT = Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT
# Area averaging is the one that is antialiased at every reduction; it cannot enlarge smoothly, and an axis is
# enlarged only where pixels are not square.
_SHRINK = _EXACT | Interpolation.FULL_CHR_H_INP | Interpolation.AREA
_STRETCH = _EXACT | Interpolation.FULL_CHR_H_INP | Interpolation.BICUBIC


CONTAINER_TICKS = 1_000_000  # per second; ffmpeg's AV_TIME_BASE


@dataclass(slots=True)
class OpenVideo:
    """An open container with the video stream that players would choose."""

    path: Path
    container: InputContainer
    stream: VideoStream
    orientations: dict[int, Orientation] = field(default_factory=dict)

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width of a coded pixel divided by its height, if the file says."""
        return self.stream.sample_aspect_ratio

    @property
    def frame_rate(self) -> float | None:
        """Average frames per second, if known."""
        rate = self.stream.average_rate or self.stream.guessed_rate
        return float(rate) if rate else None

    @property
    def declared_seconds(self) -> float | None:
        """Duration of the video stream as the container declares it; None if it does not, or only guesses."""
        if self.stream.duration is not None:
            return float(self.stream.duration * self.time_base)
        # Matroska: the writer's note about this stream.
        note = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d*)?)", self.stream.metadata.get("DURATION", ""))
        if note is not None:
            return int(note[1]) * 3600 + int(note[2]) * 60 + float(note[3])
        # Of the whole file. Other containers may lack it, and ffmpeg would divide their size by a bit rate.
        if self.container.duration is not None and "matroska" in self.container.format.name:
            return self.container.duration / CONTAINER_TICKS
        return None

    @property
    def declared_end_seconds(self) -> float | None:
        """Time at which the video stream ends as the container declares it; None if it does not."""
        declared = self.declared_seconds
        if declared is None or self.stream.duration is None:
            return declared  # Matroska counts from the beginning of the file, where sound may begin earlier
        return float((self.stream.start_time or 0) * self.time_base) + declared

    @property
    def time_base(self) -> Fraction:
        """Seconds per tick of the timestamps."""
        return self.stream.time_base or Fraction(1, 1000)

    def displayed_size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height) of `frame` as shown."""
        return displayed_size(frame.width, frame.height, self.pixel_aspect, self.orientation(frame))

    def orientation(self, frame: VideoFrame) -> Orientation:
        """Return how `frame` is turned for display.

        Its display matrix is read only when its rotation has not been seen in this video: PyAV ties a frame
        whose side data was looked at into a reference cycle, and a long video would fill the memory.
        """
        rotation = frame.rotation
        if rotation not in self.orientations:
            self.orientations[rotation] = Orientation.of_frame(frame)
        return self.orientations[rotation]


class BrokenOff(Exception):  # noqa: N818 - a signal between modules of this package, not an error of its own
    """Decoding ended before the file did; the text says why, without naming the file."""


@contextlib.contextmanager
def opened(path: Path, *, threads: int = 0) -> Iterator[OpenVideo]:
    """Open the video at `path`; `threads` decode it (0: as many as there are cores).

    Raises:
        VideoError: if the file cannot be read as a video.
    """
    if not path.exists():
        raise VideoError(f"{path} does not exist: name a video file")
    if path.is_dir():
        raise VideoError(f"{path} is a folder, not a video: name a video file")
    try:
        if path.stat().st_size == 0:
            raise VideoError(f"{path} is an empty file: copy it again from its source")
        # An absolute path is never mistaken for a protocol such as "concat:", and a playlist that calls
        # itself a video must not reach the network.
        container = av.open(
            str(path.absolute()),
            mode="r",
            metadata_errors="replace",
            options={"protocol_whitelist": "file"},
        )
    except DECODE_ERRORS as error:
        raise VideoError(
            f"{path} cannot be read as a video ({reason(error)}): copy it again from its source"
        ) from error
    with container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.disposition & av.stream.Disposition.attached_pic:
            raise VideoError(f"{path} has no video stream: remove it from the input")
        if stream.codec_context is None:
            raise VideoError(f"{path} uses a video codec that this PyAV cannot decode: convert it to H.264")
        stream.codec_context.thread_count = threads
        stream.thread_type = "AUTO" if threads != 1 else "NONE"
        yield OpenVideo(path=path, container=container, stream=stream)


def reason(error: BaseException) -> str:
    """Return the short text of an error raised by PyAV, without numbers and addresses."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)[:1].lower() + str(text)[1:]


@dataclass(slots=True)
class OtherStreams:
    """Where the streams that are not decoded end; tells a truncated file from a longer sound track."""

    end_seconds: float = 0.0


def decoded_frames(
    video: OpenVideo, *, others: OtherStreams | None = None, times: set[int] | None = None
) -> Iterator[VideoFrame]:
    """Yield the frames of `video` in presentation order, from where the container stands.

    Args:
        video: what to decode.
        others: is told where other streams end.
        times: gets the times at which the packets say that they are shown.

    Raises:
        BrokenOff: after the last frame before the first packet that cannot be read or decoded. What lies
            behind it is not decoded: frames would be missing between neighbours.
    """
    try:
        for packet in _packets(video, others):
            if times is not None and packet is not None and packet.pts is not None and not packet.is_discard:
                times.add(packet.pts)
            yield from video.stream.decode(packet)
    except DECODE_ERRORS as error:
        # The decoder still holds pictures that wait for their turn in the presentation order; between them
        # the picture that failed is missing, and later ones were predicted from it.
        raise BrokenOff(reason(error)) from error


def _packets(video: OpenVideo, others: OtherStreams | None) -> Iterator["av.Packet[VideoStream] | None"]:
    """Yield the packets of the video stream, then None; a damaged last packet is an error."""
    held: av.Packet[VideoStream] | None = None  # a packet marked damaged, until another one follows it
    streams = video.container.demux() if others is not None else video.container.demux(video.stream)
    for packet in streams:
        if packet.size == 0 and packet.dts is None:
            continue  # PyAV's end marks, one per stream
        if packet.stream_index != video.stream.index:
            if others is not None and packet.pts is not None and packet.time_base:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                others.end_seconds = max(others.end_seconds, end)
            continue
        video_packet = cast("av.Packet[VideoStream]", packet)
        if held is not None:
            yield held
            held = None
        if video_packet.is_corrupt:
            held = video_packet
        else:
            yield video_packet
    if held is not None:
        raise EOFError("the last packet is cut off")
    yield None


def rgb_of(frame: VideoFrame, size: tuple[int, int], orientation: Orientation) -> npt.NDArray[np.uint8]:
    """Return `frame` turned by `orientation`, (height, width, 3) uint8 RGB of `size` = (width, height)."""
    width, height = (size[1], size[0]) if orientation.transposed else size
    enlarges = width > frame.width or height > frame.height
    # One thread: extraction runs one process per core, and slices would only cost switching.
    resized = frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        interpolation=_STRETCH if enlarges else _SHRINK,
        threads=1,
    )
    picture: npt.NDArray[np.uint8] = resized.to_ndarray().astype(np.uint8, copy=False)
    return orientation.apply(picture)
