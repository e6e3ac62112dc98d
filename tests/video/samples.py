"""Small videos for the tests, made with PyAV alone so that they do not rest on the code under test."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

RATE = 25


def pictures(count: int, *, width: int = 96, height: int = 64) -> list[npt.NDArray[np.uint8]]:
    """Frames that differ everywhere: smooth colours that drift, and a square that counts."""
    y, x = np.mgrid[:height, :width]
    found = []
    for t in range(count):
        picture = np.stack(
            [128 + 100 * np.sin((x + 3 * t) / 9), 128 + 100 * np.cos((y - 2 * t) / 7), (x + y + 5 * t) % 256],
            -1,
        )
        picture[:12, :12] = 255 * (t % 2)
        found.append(picture.astype(np.uint8))
    return found


def encode(
    path: Path,
    frames: list[npt.NDArray[np.uint8]],
    *,
    codec: str = "libx264",
    times: list[int] | None = None,
    aspect: Fraction | None = None,
    rotation: int = 0,
    options: Mapping[str, str] | None = None,
    container: Mapping[str, str] | None = None,
    sound_seconds: float = 0,
) -> Path:
    """Write `frames` at 25 frames per second (or at `times`, in 1/25 s) with key frames every 10."""
    with av.open(str(path), "w", options=dict(container or {})) as output:
        stream = output.add_stream(codec, rate=RATE)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 10
        stream.codec_context.thread_count = 1
        stream.options = dict(options or {})
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        sound = output.add_stream("aac", rate=16_000) if sound_seconds else None
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            for number in range(int(sound_seconds * 16_000 / 1024)):
                output.mux(sound.encode(silence(number)))
            output.mux(sound.encode(None))
    return path


def damage(path: Path, number: int, part: float) -> None:
    """Replace the last `part` (of 1) of the bytes of the packet `number` of an MP4 file by zeros.

    What a decoder can do with it depends on whether the header of the slice is left.
    """
    with av.open(str(path)) as video:
        packet = [packet for packet in video.demux(video=0) if packet.size][number]
        size = round(part * packet.size)
        stop = (packet.pos or 0) + packet.size
    data = bytearray(path.read_bytes())
    data[stop - size : stop] = bytes(size)
    path.write_bytes(data)


def silence(number: int) -> av.AudioFrame:
    """The audio frame `number` of a silent track."""
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16_000, number * 1024, Fraction(1, 16_000)
    return frame
