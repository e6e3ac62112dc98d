"""Ranges of frames: sorted, half-open, not touching each other."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from egotool.manifests.segments import Manifest

FrameRanges = tuple[tuple[int, int], ...]
"""(start, stop) pairs: zero-based, half-open, increasing, with at least one frame missing between two."""


def merge_ranges(ranges: Iterable[tuple[int, int]]) -> FrameRanges:
    """Return ranges that hold the same frames as `ranges`, which may overlap, touch or be empty."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if start >= stop:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return tuple(merged)


def clip_ranges(ranges: Iterable[tuple[int, int]], frame_count: int) -> FrameRanges:
    """Return the part of `ranges` that lies in a video of `frame_count` frames."""
    return merge_ranges((max(0, start), min(stop, frame_count)) for start, stop in ranges)


def hold(ranges: Sequence[tuple[int, int]], start: int, stop: int) -> bool:
    """Return whether one of the (sorted) ranges holds all frames from `start` to `stop`."""
    place = bisect_right(ranges, start, key=lambda each: each[0]) - 1
    return place >= 0 and stop <= ranges[place][1]


def labelled_ranges(manifest: Manifest, *, before: int, after: int) -> Mapping[str, FrameRanges]:
    """Return for every video of `manifest` the frames of its segments, with some more around each.

    Args:
        manifest: the segments, labelled or not.
        before: frames before the first of a segment.
        after: frames behind the last.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for segment in manifest.segments:
        reach = (max(0, segment.start_frame - before), segment.stop_frame + after)
        found.setdefault(segment.video, []).append(reach)
    return {video: merge_ranges(ranges) for video, ranges in found.items()}
