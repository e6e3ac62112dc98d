"""Which frames a picture sheet shows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from egotool.errors import UsageError
from egotool.manifests import Segment, fits, read_manifest
from egotool.store import Store, ranges_of

MANIFEST_NAME = "manifest.csv"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of a sheet: a frame of a segment.

    Attributes:
        segment: the segment the frame belongs to; one without an id stands for a whole video.
        position: where in the segment, 0 (first frame) to 1 (last).
    """

    segment: Segment
    position: float

    @property
    def frame(self) -> int:
        """Number of the frame in its video: one that has a successor, where the segment has two frames."""
        last = max(self.segment.stop_frame - self.segment.start_frame - 2, 0)
        return self.segment.start_frame + round(self.position * last)


def choose_rows(
    store: Store,
    *,
    manifest_file: Path | None = None,
    video: str | None = None,
    segment: str | None = None,
    count: int = 8,
) -> list[SheetRow]:
    """Choose the rows of a sheet; the same store always gives the same rows.

    One segment or video: `count` frames evenly spaced in it. Otherwise the middle frame of `count` segments,
    spread over actions and subjects, those of the test split first (a network has not seen them).

    Args:
        store: the store.
        manifest_file: says which segments there are; None: the store's own, if it has one.
        video: take this video only.
        segment: take this segment of the manifest only.
        count: number of rows.

    Raises:
        UsageError: if the video or segment does not exist, or both are given and do not belong together.
    """
    if count < 1:
        raise UsageError(f"--count is at least 1, not {count}")
    videos = store.videos()
    if video is not None and video not in videos:
        raise UsageError(f"the store {store.path} has no video {video!r}: it has {_some(videos)}")
    segments = _segments(store, manifest_file)
    if segment is not None:
        found = [each for each in segments if each.segment == segment and video in (None, each.video)]
        if not found:
            known = _some([each.segment for each in segments if each.segment and video in (None, each.video)])
            raise UsageError(f"no segment is called {segment!r}: there are {known}")
        return _along(found[0], count)
    if video is not None:
        return _along_stored(store, video, count)
    if len(segments) == 1:
        return _along(segments[0], count)
    return [SheetRow(each, 0.5) for each in _spread(segments, count)]


def _segments(store: Store, manifest_file: Path | None) -> list[Segment]:
    """Return the segments that lie within the store's videos; without a manifest every video is one."""
    videos = store.videos()
    path = manifest_file or store.path / MANIFEST_NAME
    if manifest_file is not None or path.is_file():
        wanted = [each for each in read_manifest(path).segments if each.video in set(videos)]
        receipts = {name: store.receipt(name) for name in {each.video for each in wanted}}
        frame_counts = {name: receipt.frame_count for name, receipt in receipts.items()}
        usable = [each for each in wanted if fits(each, frame_counts, ranges=ranges_of(receipts))]
        if usable:
            return usable
    return [_whole(store, name) for name in videos]


def _whole(store: Store, video: str) -> Segment:
    """Return the whole video, or the longest range of its frames that the store has."""
    ranges = store.receipt(video).stored_ranges
    start, stop = max(ranges, key=lambda each: each[1] - each[0])
    return Segment(segment="", video=video, start_frame=start, stop_frame=stop)


def _along_stored(store: Store, video: str, count: int) -> list[SheetRow]:
    """Return rows evenly spaced among the frames that the store has of a video, those with a successor."""
    ranges = store.receipt(video).stored_ranges
    counts = np.array([max(stop - start - 1, 1) for start, stop in ranges])
    ends = np.cumsum(counts)
    rows = []
    for place in np.unique(np.round((np.arange(count) + 0.5) / count * (ends[-1] - 1)).astype(int)):
        number = int(np.searchsorted(ends, place, side="right"))
        within = place - (ends[number] - counts[number])
        start, stop = ranges[number]
        segment = Segment(segment="", video=video, start_frame=start, stop_frame=stop)
        rows.append(SheetRow(segment, float(within) / max(counts[number] - 1, 1)))
    return rows


def _along(segment: Segment, count: int) -> list[SheetRow]:
    """Return rows evenly spaced in `segment`, not more than it has frames."""
    frames = segment.stop_frame - segment.start_frame
    rows = [SheetRow(segment, float(position)) for position in (np.arange(count) + 0.5) / count]
    unique = {row.frame: row for row in rows}
    return list(unique.values())[: max(frames, 1)]


def _spread(segments: Sequence[Segment], count: int) -> list[Segment]:
    """Return at most `count` segments: the actions in turn, and in turn the subjects of each."""
    actions: dict[str, list[Segment]] = {}
    for segment in sorted(segments, key=lambda each: (each.split != "test", each.video, each.start_frame)):
        actions.setdefault(segment.action, []).append(segment)
    names = sorted(actions)
    if len(names) >= count:
        names = [names[int(place)] for place in np.linspace(0, len(names) - 1, count)]
        subjects: dict[str, int] = {}
        chosen = []
        for name in names:
            pick = min(actions[name], key=lambda each: (each.split != "test", subjects.get(each.subject, 0)))
            subjects[pick.subject] = subjects.get(pick.subject, 0) + 1
            chosen.append(pick)
        return chosen
    rounds = max(len(members) for members in actions.values())
    in_turn = [actions[name][turn] for turn in range(rounds) for name in names if turn < len(actions[name])]
    if (
        len(names) == 1
    ):  # unlabelled, or a single action: spread over the list instead of taking its beginning
        in_turn = [
            in_turn[int(place)] for place in np.linspace(0, len(in_turn) - 1, min(count, len(in_turn)))
        ]
    return sorted(in_turn[:count], key=lambda each: (each.action, each.video, each.start_frame))


def without_label(segment: Segment) -> Segment:
    """Return the segment without its action, so that a network of other actions can look at it."""
    return replace(segment, action="")


def _some(names: Sequence[str], *, at_most: int = 5) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
