"""What is wrong with a manifest, in sentences: against its videos, and in itself."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from egotool.manifests.ranges import FrameRanges, hold
from egotool.manifests.segments import Manifest, Segment

_NAMES_SHOWN = 5


def check_manifest(
    manifest: Manifest,
    frame_counts: Mapping[str, int],
    *,
    ranges: Mapping[str, FrameRanges] | None = None,
) -> list[str]:
    """Return what does not fit between a manifest and the videos it names, one sentence each.

    Args:
        manifest: the segments.
        frame_counts: number of frames of each video that there is.
        ranges: the frames that a store has of a video, for those of which it does not have all.

    Returns:
        sentences: unknown videos, segments outside their video, or of frames that the store lacks. Overlaps
        are no problem: `overlap_note`.
    """
    segments_of: dict[str, list[Segment]] = defaultdict(list)
    for segment in manifest.segments:
        segments_of[segment.video].append(segment)
    problems = []
    for video, segments in segments_of.items():
        if video not in frame_counts:
            problems.append(f"{video}: {_names(segments)} a video that is not there.")
            continue
        problems += _outside(video, segments, frame_counts[video])
        if ranges is not None and video in ranges:
            problems += _left_out(video, segments, frame_counts[video], ranges[video])
    return problems


def fits(
    segment: Segment,
    frame_counts: Mapping[str, int],
    *,
    ranges: Mapping[str, FrameRanges] | None = None,
) -> bool:
    """Return whether the segment's video is there and holds all of its frames; see `check_manifest`."""
    if segment.stop_frame > frame_counts.get(segment.video, -1):
        return False
    there = None if ranges is None else ranges.get(segment.video)
    return there is None or hold(there, segment.start_frame, segment.stop_frame)


def overlap_note(manifest: Manifest) -> list[str]:
    """Return one sentence if segments of one video overlap; right where two actions go on at once."""
    segments_of: dict[str, list[Segment]] = defaultdict(list)
    for segment in manifest.segments:
        segments_of[segment.video].append(segment)
    found = [pair for segments in segments_of.values() for pair in _overlaps(segments)]
    if not found:
        return []
    later, earlier = found[0]
    count = "1 segment overlaps" if len(found) == 1 else f"{len(found)} segments overlap"
    return [
        f"{count} another of the same video (the first: {later.segment} starts at frame {later.start_frame} "
        f"of {later.video}, before {earlier.segment} stops at frame {earlier.stop_frame})."
    ]


def split_notes(manifest: Manifest) -> list[str]:
    """Return sentences about what makes a test say less than it seems: unseen actions, seen frames."""
    notes = []
    trained, validated, tested = (
        {segment.action for segment in manifest.of_split(split) if segment.action}
        for split in ("train", "validation", "test")
    )
    unseen = tested - trained - validated
    if unseen and trained | validated:
        notes.append(f"Tested but never trained on, so they cannot be recognised: {_quoted(unseen)}.")
    held_back = (tested & validated) - trained
    if held_back and trained:
        notes.append(
            "Tested and in the validation split, but in no training segment, so only protocol paper, which "
            f"trains on both, can recognise them: {_quoted(held_back)}."
        )
    segments_of: dict[str, list[Segment]] = defaultdict(list)
    for segment in manifest.segments:
        segments_of[segment.video].append(segment)
    leaks = [
        pair
        for segments in segments_of.values()
        for pair in _overlaps(segments)
        if (pair[0].split == "test") != (pair[1].split == "test") and pair[0].split and pair[1].split
    ]
    if leaks:
        one, other = leaks[0]
        more = f", and {len(leaks) - 1} more pairs" if len(leaks) > 1 else ""
        notes.append(
            f"Frames that test also train: {one.segment} ({one.split}) and {other.segment} ({other.split}) "
            f"of {one.video} overlap{more}; correct the manifest's split column."
        )
    return notes


def similar_actions(manifest: Manifest) -> list[str]:
    """Return one sentence for each group of actions that differ only in upper and lower case."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for action in manifest.actions:
        spellings[action.casefold()].append(action)
    counts: dict[str, int] = defaultdict(int)
    for segment in manifest.segments:
        counts[segment.action] += 1
    sentences = []
    for group in spellings.values():
        if len(group) > 1:
            common = max(group, key=lambda action: counts[action])
            quoted = " and ".join(repr(action) for action in group)
            sentences.append(
                f"The actions {quoted} differ only in case and count as different: all {common!r}?"
            )
    return sentences


def _quoted(actions: Collection[str]) -> str:
    shown = ", ".join(map(repr, sorted(actions)[:_NAMES_SHOWN]))
    return shown + (", …" if len(actions) > _NAMES_SHOWN else "")


def _names(segments: Sequence[Segment]) -> str:
    if len(segments) == 1:
        return f"segment {segments[0].segment} names"
    return f"{len(segments)} segments ({segments[0].segment}, …) name"


def _outside(video: str, segments: Sequence[Segment], frame_count: int) -> list[str]:
    return [
        f"{video}: segment {segment.segment} stops at frame {segment.stop_frame}, "
        f"but the video has {frame_count} frames."
        for segment in segments
        if segment.stop_frame > frame_count
    ]


def _left_out(video: str, segments: Sequence[Segment], frame_count: int, there: FrameRanges) -> list[str]:
    return [
        f"{video}: segment {segment.segment} (frames {segment.start_frame} to {segment.stop_frame - 1}) was "
        "left out of the store: extract it with `egotool extract --manifest MANIFEST --segments-only`."
        for segment in segments
        if segment.stop_frame <= frame_count and not hold(there, segment.start_frame, segment.stop_frame)
    ]


def _overlaps(segments: Sequence[Segment]) -> Iterator[tuple[Segment, Segment]]:
    """Yield the segments of one video that start before another one has stopped, with that one."""
    furthest: Segment | None = None
    for segment in sorted(segments, key=lambda segment: (segment.start_frame, segment.stop_frame)):
        if furthest is not None and segment.start_frame < furthest.stop_frame:
            yield segment, furthest
        if furthest is None or segment.stop_frame > furthest.stop_frame:
            furthest = segment
