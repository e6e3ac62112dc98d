"""Writing videos: H.264 in mp4, the form every player and every tool reads."""

import itertools
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from egotool.errors import VideoError
from egotool.files import replacing
from egotool.video._decode import reason

_SAME_EVERYWHERE = "cpu-independent=1"
"""Else x264 takes other algorithms on other processors, and with AVX-512 not always the same under load."""


def write_video(
    path: Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    *,
    frame_rate: float,
    quality: int = 23,
    keyframe_interval: int = 30,
    threads: int = 1,
) -> None:
    """Write `frames` ((H, W, 3) uint8 RGB, all of one size) as an H.264 mp4 file, whole or not at all.

    H.264 with 4:2:0 chroma needs even sizes: an odd last row or column is repeated once.

    Args:
        path: the file to make or replace.
        frames: at least one.
        frame_rate: frames per second.
        quality: constant rate factor; 0 is lossless but for the colours, 18 good, 23 usual, 51 worst.
        keyframe_interval: largest number of frames between key frames.
        threads: encoder threads. One gives the same file on every machine.

    Raises:
        VideoError: if there is no frame, sizes differ, or the file cannot be written.
    """
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        raise VideoError(f"{path} cannot be written: a video needs at least one frame")
    shape = first.shape
    rate = Fraction(frame_rate).limit_denominator(100_000)
    with replacing(path) as temporary:
        try:
            with av.open(str(temporary), mode="w", format="mp4") as container:
                stream = container.add_stream("libx264", rate=rate)
                _configure(
                    stream, shape, quality=quality, keyframe_interval=keyframe_interval, threads=threads
                )
                for number, rgb in enumerate(itertools.chain([first], remaining)):
                    if rgb.shape != shape or rgb.dtype != np.uint8:
                        found = f"{rgb.shape} {rgb.dtype}"
                        raise VideoError(
                            f"{path} cannot be written: frame {number} is {found}, not {shape} uint8"
                        )
                    frame = av.VideoFrame.from_ndarray(_even(rgb), format="rgb24")
                    frame.pts = number
                    frame.time_base = 1 / rate
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
        except av.FFmpegError as error:
            raise VideoError(f"{path} cannot be written ({reason(error)}): check the disk") from error


def _configure(
    stream: VideoStream, shape: tuple[int, ...], *, quality: int, keyframe_interval: int, threads: int
) -> None:
    """Set the encoder's options."""
    height, width = shape[0], shape[1]
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = threads
    stream.codec_context.gop_size = keyframe_interval
    stream.options = {"crf": str(quality), "preset": "veryfast", "x264-params": _SAME_EVERYWHERE}


def _even(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return `rgb` with even sides, an odd last row or column repeated."""
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(rgb)
