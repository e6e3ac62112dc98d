"""The index of a video: which frames decode, when they are shown, and whether the file is whole."""

import bisect
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from egotool.errors import VideoError
from egotool.video._decode import BrokenOff, OtherStreams, decoded_frames, opened

_ASSUMED_FRAME_RATE = Fraction(25)  # ffmpeg's own assumption for streams that tell neither time nor rate


@dataclass(frozen=True, slots=True)
class VideoIndex:
    """Every frame of a video that decodes, in presentation order.

    Attributes:
        timestamps: presentation time of each frame in ticks of `time_base`; without usable
            timestamps in the file, the frame numbers.
        time_base: seconds per tick.
        keyframes: the positions of frames at which decoding can start, increasing.
        seekable: whether `timestamps` are those of the file, each larger than the one before, and no frame is
            damaged: a timestamp then names one frame, wherever decoding begins.
        complete: False if the file breaks off or declares clearly more than decodes.
        problem: one sentence about that, or about damaged frames inside a complete video; else None.
        width: pixels, as shown.
        height: pixels, as shown.
        frame_rate: average frames per second, if known.
    """

    timestamps: tuple[int, ...]
    time_base: Fraction
    keyframes: tuple[int, ...]
    seekable: bool
    complete: bool
    problem: str | None
    width: int
    height: int
    frame_rate: float | None

    @property
    def frame_count(self) -> int:
        """Number of frames that decode."""
        return len(self.timestamps)

    @property
    def seconds(self) -> npt.NDArray[np.float64]:
        """Presentation times (N,) in seconds since the first frame."""
        # Integer differences first: a camera's clock may start anywhere, and a float would lose microseconds.
        ticks = np.asarray(self.timestamps, dtype=np.int64) - self.timestamps[0]
        return ticks * self.time_base.numerator / self.time_base.denominator

    def second(self, position: int) -> float:
        """Return the presentation time of one frame in seconds since the first."""
        return float((self.timestamps[position] - self.timestamps[0]) * self.time_base)

    def to_json(self) -> str:
        """Return the index as one JSON object."""
        return json.dumps(
            {
                "timestamps": self.timestamps,
                "time_base": str(self.time_base),
                "keyframes": self.keyframes,
                "seekable": self.seekable,
                "complete": self.complete,
                "problem": self.problem,
                "width": self.width,
                "height": self.height,
                "frame_rate": self.frame_rate,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            VideoError: if the text is something else.
        """
        try:
            fields = json.loads(text)
            return cls(
                timestamps=tuple(int(t) for t in fields.pop("timestamps")),
                time_base=Fraction(fields.pop("time_base")),
                keyframes=tuple(int(k) for k in fields.pop("keyframes")),
                **fields,
            )
        except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError) as error:
            raise VideoError("a video index is damaged: delete it, and it will be made again") from error


def index_video(path: Path, *, on_frame: Callable[[int], None] | None = None, threads: int = 0) -> VideoIndex:
    """Decode all frames of the video at `path`, without converting any, and return their index.

    A video that breaks off midway gives the frames that decode, `complete=False` and a `problem`.

    Args:
        path: the video.
        on_frame: is told the number of frames decoded so far.
        threads: decoder threads; 0: as many as there are cores.

    Raises:
        VideoError: if the file cannot be read or no frame decodes.
    """
    scan = _scan(path, on_frame, threads)
    if (scan.broken_off is not None or scan.damaged or scan.lost) and threads != 1:
        # Where an error surfaces, and how the decoder patches a damaged frame, depends on how many threads
        # run ahead; with one it is fixed.
        scan = _scan(path, None, 1)
    if not scan.timestamps:
        why = f" ({scan.broken_off})" if scan.broken_off else ""
        raise VideoError(f"no frame of {path} decodes{why}: copy it again from its source")
    missing = missing_at_end(path, scan)
    problem = missing or _damage(path, scan)
    timestamps, time_base, exact = _timestamps(scan)
    return VideoIndex(
        timestamps=timestamps,
        time_base=time_base,
        keyframes=tuple(scan.keyframes),
        seekable=exact and not scan.damaged,
        complete=missing is None,
        problem=problem,
        width=scan.width,
        height=scan.height,
        frame_rate=scan.frame_rate,
    )


@dataclass(slots=True)
class Scan:
    """What one pass over a video found."""

    timestamps: list[int | None]
    keyframes: list[int]
    time_base: Fraction
    frame_rate: float | None
    width: int = 0
    height: int = 0
    damaged: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    broken_off: str | None = None
    end_seconds: float = 0.0
    declared_end_seconds: float | None = None
    declared_frames: int = 0


def _scan(path: Path, on_frame: Callable[[int], None] | None, threads: int) -> Scan:
    """Decode the whole video once."""
    with opened(path, threads=threads) as video:
        scan = Scan(
            timestamps=[],
            keyframes=[],
            time_base=video.time_base,
            frame_rate=video.frame_rate,
            declared_frames=video.stream.frames,
        )
        others, times = OtherStreams(), set[int]()
        last: VideoFrame | None = None
        try:
            for frame in decoded_frames(video, others=others, times=times):
                if last is None:
                    scan.width, scan.height = video.displayed_size(frame)
                last = frame
                if frame.key_frame:
                    scan.keyframes.append(len(scan.timestamps))
                if frame.is_corrupt:
                    scan.damaged.append(len(scan.timestamps))
                scan.timestamps.append(frame.pts)
                if on_frame is not None:
                    on_frame(len(scan.timestamps))
        except BrokenOff as error:
            scan.broken_off = str(error)
        if video.stream.codec_context.name == "hevc":
            scan.lost = _lost(scan.timestamps, times)
        if last is not None and last.pts is not None:
            scan.end_seconds = max(
                float((last.pts + (last.duration or 0)) * video.time_base), others.end_seconds
            )
            scan.declared_end_seconds = video.declared_end_seconds
        return scan


def _lost(shown: list[int | None], times: set[int]) -> list[int]:
    """Return the positions of the frames before which other ones are missing that have packets.

    The decoder of H.265 leaves out what it cannot decode, up to the next key frame, and says nothing.
    """
    known = [time for time in shown if time is not None]
    if len(known) < max(2, len(shown)):
        return []
    missing = [time for time in times.difference(known) if known[0] < time < known[-1]]
    return sorted(bisect.bisect(known, time) for time in missing)


def missing_at_end(path: Path, scan: Scan) -> str | None:
    """Return a sentence about what is missing at the end of a video, None if it is all there."""
    count = len(scan.timestamps)
    declared = f" of {scan.declared_frames} declared" if scan.declared_frames > count else ""
    if scan.broken_off is not None:
        return f"{path} breaks off: {count}{declared} frames decode, then {scan.broken_off}"
    if scan.declared_end_seconds is None:
        return None
    missing = scan.declared_end_seconds - scan.end_seconds
    # Half a second, or five frames of slow videos: containers round durations, and count the time of a last
    # frame, of trimmed frames and of sound differently. Of a short clip half a second would be much.
    frames = 5 / scan.frame_rate if scan.frame_rate else 0.5
    tolerance = max(frames, min(0.5, 0.1 * scan.declared_end_seconds))
    if missing <= tolerance:
        return None
    return (
        f"{path} breaks off: {count}{declared} frames decode, which end {missing:.1f} seconds before the end "
        "that the file declares"
    )


def _damage(path: Path, scan: Scan) -> str | None:
    """Return a sentence about frames whose data is damaged, None if there is none."""
    if scan.lost:
        frames = "1 frame is" if len(scan.lost) == 1 else f"{len(scan.lost)} frames are"
        return (
            f"{path} is damaged: {frames} missing, the first before frame {scan.lost[0]}, where data does "
            "not decode, so later frames have lower numbers than they should: copy it again from its source"
        )
    if not scan.damaged:
        return None
    places = f"frame {scan.damaged[0]}"
    if len(scan.damaged) > 1:
        places = f"{len(scan.damaged)} frames from {scan.damaged[0]} to {scan.damaged[-1]}"
    return (
        f"{path} is damaged at {places}, where the decoder patched the picture: copy it again from its source"
    )


def _timestamps(scan: Scan) -> tuple[tuple[int, ...], Fraction, bool]:
    """Return timestamps, time base, and whether the former are the file's own and increase."""
    known = [t for t in scan.timestamps if t is not None]
    # AVI keeps no presentation times: with B frames ffmpeg's run backwards, though the frames are in order.
    if len(known) == len(scan.timestamps) and all(a <= b for a, b in itertools.pairwise(known)):
        return tuple(known), scan.time_base, all(a < b for a, b in itertools.pairwise(known))
    rate = Fraction(scan.frame_rate).limit_denominator(100_000) if scan.frame_rate else _ASSUMED_FRAME_RATE
    return tuple(range(len(scan.timestamps))), 1 / rate, False
