"""What a video says about itself, read from its header and first frame."""

from dataclasses import dataclass
from pathlib import Path

from egotool.errors import VideoError
from egotool.video._decode import CONTAINER_TICKS, BrokenOff, decoded_frames, opened


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A video's properties; sizes are as shown, with rotation and pixel aspect applied.

    Attributes:
        path: the file.
        width: pixels.
        height: pixels.
        frame_count: as the container declares it, or estimated from duration and rate; None if unknown.
            Only `index_video` knows the true number.
        frame_rate: average frames per second, if known.
        duration_seconds: as the container declares it, if it does.
        codec: ffmpeg's name of the decoder's codec, such as "h264".
        rotation: counterclockwise rotation, in degrees, that was applied for display.
    """

    path: Path
    width: int
    height: int
    frame_count: int | None
    frame_rate: float | None
    duration_seconds: float | None
    codec: str
    rotation: int


def probe(path: Path) -> VideoInfo:
    """Read the header and the first frame of the video at `path`.

    Raises:
        VideoError: if the file cannot be read, has no video stream, or its first frame does not decode.
    """
    with opened(path, threads=1) as video:
        frames = decoded_frames(video)
        try:
            first = next(frames, None)
        except BrokenOff as error:
            raise VideoError(f"{path} cannot be decoded ({error}): copy it again from its source") from error
        if first is None:
            raise VideoError(f"{path} contains no frame that decodes: copy it again from its source")
        width, height = video.displayed_size(first)
        duration = video.declared_seconds
        if duration is None and video.container.duration is not None:
            duration = (
                video.container.duration / CONTAINER_TICKS
            )  # perhaps ffmpeg's guess: good for an estimate
        count = video.stream.frames or None
        if count is None and duration is not None and video.frame_rate is not None:
            count = max(1, round(duration * video.frame_rate))
        return VideoInfo(
            path=path,
            width=width,
            height=height,
            frame_count=count,
            frame_rate=video.frame_rate,
            duration_seconds=duration,
            codec=video.stream.codec_context.codec.canonical_name,
            rotation=video.orientation(first).degrees,
        )
