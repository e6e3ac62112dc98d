"""The index of a long video without decoding it: from its packets, checked against its first frames.

A packet holds one frame and says when that is shown. Where this cannot be relied on (no timestamps, two
packets for one time, or the first frames that decode are not the first packets), there is no such index.
"""

from pathlib import Path

from egotool.errors import VideoError
from egotool.video._decode import DECODE_ERRORS, BrokenOff, OtherStreams, decoded_frames, opened, reason
from egotool.video._index import Scan, VideoIndex, missing_at_end

_FRAMES_COMPARED = 24
FEW_FRAMES = 5
"""So many may be missing: containers count frames that are not shown."""


def index_packets(path: Path) -> VideoIndex | None:
    """Return the index of the video at `path` from its packets, or None where only decoding can tell.

    It reads the file but decodes only its first frames. The frame numbers are those of `index_video`, for a
    video whose every frame decodes; a frame that does not counts here, and ends the video there.

    Raises:
        VideoError: if the file cannot be read as a video.
    """
    scan = _scan_packets(path)
    if scan is None or not _begins_as_indexed(path, scan):
        return None
    missing = missing_at_end(path, scan)
    return VideoIndex(
        timestamps=tuple(time for time in scan.timestamps if time is not None),
        time_base=scan.time_base,
        keyframes=tuple(scan.keyframes),
        seekable=True,
        complete=missing is None,
        problem=missing,
        width=scan.width,
        height=scan.height,
        frame_rate=scan.frame_rate,
    )


def packets_missing(path: Path) -> str | None:
    """Return a sentence if a file's packets end before what it declares, or are damaged; decodes nothing.

    For videos whose packets do not name their frames, so that there is no index without decoding.

    Raises:
        VideoError: if the file cannot be read as a video.
    """
    count, why = 0, ""
    with opened(path, threads=1) as video:
        declared = video.stream.frames
        try:
            for packet in video.container.demux(video.stream):
                if packet.size == 0:
                    continue
                if packet.is_corrupt:
                    why = "damaged data"
                    break
                count += 1
        except DECODE_ERRORS as error:
            why = reason(error)
    if why:
        return f"{path} breaks off: {count} of {declared or 'its'} frames can be read, then {why}"
    if declared - count > max(FEW_FRAMES, 0.01 * declared):
        return f"{path} breaks off: {count} of {declared} declared frames are there"
    return None


def _scan_packets(path: Path) -> Scan | None:
    """Read the times of all packets; None where they do not name one frame each."""
    times: list[int] = []
    keys: set[int] = set()
    with opened(path, threads=1) as video:
        scan = Scan(
            timestamps=[],
            keyframes=[],
            time_base=video.time_base,
            frame_rate=video.frame_rate,
            declared_frames=video.stream.frames,
        )
        others = OtherStreams()
        duration = 0
        try:
            for packet in video.container.demux():
                if packet.size == 0 and packet.dts is None:
                    continue
                if packet.stream_index != video.stream.index:
                    if packet.pts is not None and packet.time_base:
                        end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                        others.end_seconds = max(others.end_seconds, end)
                    continue
                if packet.is_discard:  # before or after what an edit list shows
                    continue
                if packet.pts is None or packet.is_corrupt:
                    return None
                times.append(packet.pts)
                duration = packet.duration or duration
                if packet.is_keyframe:
                    keys.add(packet.pts)
        except DECODE_ERRORS:
            return None
        if len(set(times)) != len(times) or not times or min(times) not in keys:
            return None
        times.sort()
        scan.timestamps = [*times]
        scan.keyframes = [place for place, time in enumerate(times) if time in keys]
        scan.end_seconds = max(float((times[-1] + duration) * video.time_base), others.end_seconds)
        scan.declared_end_seconds = video.declared_end_seconds
    return scan


def _begins_as_indexed(path: Path, scan: Scan) -> bool:
    """Decode the first frames; return whether they are the first of the index."""
    with opened(path, threads=1) as video:
        position = 0
        try:
            for frame in decoded_frames(video):
                if position == 0:
                    scan.width, scan.height = video.displayed_size(frame)
                if frame.is_corrupt or frame.pts != scan.timestamps[position]:
                    return False
                position += 1
                if position == min(_FRAMES_COMPARED, len(scan.timestamps)):
                    return True
        except BrokenOff as error:
            if position == 0:
                raise VideoError(
                    f"no frame of {path} decodes ({error}): copy it again from its source"
                ) from error
            return False
    return False
