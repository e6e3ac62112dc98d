"""Reading frames of a video: streamed, from any frame on, always the same pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from egotool.errors import VideoError
from egotool.video._decode import DECODE_ERRORS, BrokenOff, OpenVideo, decoded_frames, opened, rgb_of
from egotool.video._geometry import working_size
from egotool.video._index import VideoIndex

_SEEK_ATTEMPTS = (
    3  # keyframes tried, each earlier than the one before, until one lies before the wanted frame
)
_SEEK_FROM = 12  # below this frame a seek costs more than decoding from the beginning


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of a video.

    Attributes:
        index: its position in the video, from 0.
        seconds: presentation time since the first frame; exact if read with an index, which knows whether
            the times of the file can be trusted.
        rgb: (H, W, 3) uint8, as shown.
    """

    index: int
    seconds: float
    rgb: npt.NDArray[np.uint8]


def read_frames(
    path: Path,
    *,
    index: VideoIndex | None = None,
    start: int = 0,
    stop: int | None = None,
    short_side: int | None = None,
    threads: int = 0,
) -> Iterator[Frame]:
    """Yield the frames `start` to `stop` (exclusive; None: to the end) of the video at `path`, one at a time.

    Args:
        path: the video.
        index: from `index_video`; with it, reading seeks to the key frame before `start`, and never yields
            more frames than the index has. The frames are the same with and without it.
        start: first frame.
        stop: frame after the last.
        short_side: resize (antialiased) to this short side, see `working_size`; None keeps the size as shown.
        threads: decoder threads; 0: as many as there are cores.

    Raises:
        VideoError: if the file cannot be read; without an index, at the place where the video breaks off;
            with one, if the video does not have, or no longer has, the frames of its index.
    """
    if index is None:
        yield from _read_unindexed(path, start, stop, short_side, threads)
        return
    stop = index.frame_count if stop is None else min(stop, index.frame_count)
    if start >= stop:
        return
    if index.problem is not None:
        threads = 1  # as it was indexed: it breaks off at the same frame, and damage looks the same
    with opened(path, threads=threads) as video:
        size = _output_size(index.width, index.height, short_side)
        position = start
        for frame in _from_keyframe(video, index, start, stop):
            yield Frame(
                index=position,
                seconds=index.second(position),
                rgb=rgb_of(frame, size, video.orientation(frame)),
            )
            position += 1
    if position == stop:
        return
    with opened(path, threads=threads) as video:
        for frame in _from_beginning(video, index, position, stop):
            yield Frame(
                index=position,
                seconds=index.second(position),
                rgb=rgb_of(frame, size, video.orientation(frame)),
            )
            position += 1
    if position < stop:
        raise VideoError(
            f"{path} has only {position} of the {index.frame_count} frames it had when it was indexed: "
            "the file has changed, so extract it again"
        )


def _read_unindexed(
    path: Path, start: int, stop: int | None, short_side: int | None, threads: int
) -> Iterator[Frame]:
    """Yield frames by counting from the beginning."""
    with opened(path, threads=threads) as video:
        first: VideoFrame | None = None
        size = (0, 0)
        position = 0
        try:
            for frame in decoded_frames(video):
                if first is None:
                    first, size = frame, _output_size(*video.displayed_size(frame), short_side)
                if stop is not None and position >= stop:
                    return
                if position >= start:
                    yield Frame(
                        position,
                        _seconds_since(video, first, frame, position),
                        rgb_of(frame, size, video.orientation(frame)),
                    )
                position += 1
        except BrokenOff as error:
            raise VideoError(
                f"{path} breaks off after {position} frames ({error}): index it to keep these"
            ) from error


def _seconds_since(video: OpenVideo, first: VideoFrame, frame: VideoFrame, position: int) -> float:
    """Return the time of `frame` since the first, from the frame rate where the file has no timestamps."""
    if first.pts is not None and frame.pts is not None and frame.pts >= first.pts:
        return float((frame.pts - first.pts) * video.time_base)
    return position / (video.frame_rate or 25.0)


def _output_size(width: int, height: int, short_side: int | None) -> tuple[int, int]:
    return (width, height) if short_side is None else working_size(width, height, short_side)


def _from_beginning(video: OpenVideo, index: VideoIndex, start: int, stop: int) -> Iterator[VideoFrame]:
    """Yield the frames `start` to `stop` by counting; ends early where the file does.

    Raises:
        VideoError: if one of the frames up to `stop` does not decode: all that follow have wrong numbers.
    """
    count = 0
    try:
        for frame in decoded_frames(video):
            if count >= stop:
                return
            if index.seekable and frame.pts != index.timestamps[count]:
                raise VideoError(
                    f"frame {count} of {video.path} does not decode, or the file has changed since it was "
                    "indexed: copy it again from its source"
                )
            if count >= start:
                yield frame
            count += 1
    except BrokenOff as error:
        if count < stop:  # an index made of packets does not know what decodes
            raise VideoError(
                f"{video.path} breaks off: {count} of {index.frame_count} frames decode, then {error}: "
                "copy it again from its source"
            ) from error


def _from_keyframe(video: OpenVideo, index: VideoIndex, start: int, stop: int) -> Iterator[VideoFrame]:
    """Yield the frames `start` to `stop` after a seek, as far as their timestamps are those of the index.

    Packets also call a place a key frame where a whole picture only begins to build up (H.264 with intra
    refresh); the decoder does not. A damaged picture hangs on where decoding began: those are counted, too.
    """
    if not index.seekable or start < _SEEK_FROM:
        yield from _from_beginning(video, index, start, stop)
        return
    before = [keyframe for keyframe in index.keyframes if keyframe <= start]
    for keyframe in reversed(before[-_SEEK_ATTEMPTS:]):
        wanted, whole = start, False
        try:
            video.container.seek(index.timestamps[keyframe], stream=video.stream, backward=True)
            for frame in decoded_frames(video):
                if frame.pts is None or frame.pts > index.timestamps[wanted]:
                    break
                whole |= frame.key_frame and frame.pts == index.timestamps[keyframe]
                if frame.is_corrupt and frame.pts >= index.timestamps[keyframe]:
                    break
                if frame.pts == index.timestamps[wanted]:
                    if not whole:
                        break
                    yield frame
                    wanted += 1
                    if wanted == stop:
                        return
        except (BrokenOff, *DECODE_ERRORS):
            pass
        if wanted > start:
            return  # some frames came, then a mismatch: the caller goes on by counting
