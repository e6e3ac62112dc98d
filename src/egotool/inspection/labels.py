"""What is wrong with the labels themselves, without a look at any video."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from egotool.inspection.findings import Counts, Expected, Finding
from egotool.manifests import Manifest, Segment, natural_order, similar_actions


def check_labels(manifest: Manifest, counts: Counts, expected: Expected | None) -> Iterator[Finding]:
    """Yield what is wrong with actions, splits and repeated segments, and what differs from `expected`."""
    if not manifest.segments:
        yield Finding("no segments", "the manifest has no segment: import or extract the dataset again.")
        return
    yield from _repeated(manifest)
    yield from _only_tested(counts)
    for sentence in similar_actions(manifest):
        yield Finding("similar actions", sentence, serious=False)
    if counts.unlabelled:
        yield Finding(
            "no action",
            f"{_segments(counts.unlabelled)} without an action, and so without a part in training: fill in "
            "the column `action` or delete the lines.",
            serious=False,
        )
    if expected is not None:
        yield from _unexpected(manifest, counts, expected)


def _repeated(manifest: Manifest) -> Iterator[Finding]:
    """Find the same frames listed under two ids."""
    seen: dict[tuple[str, int, int], Segment] = {}
    for segment in manifest.segments:
        first = seen.setdefault((segment.video, segment.start_frame, segment.stop_frame), segment)
        if first is segment:
            continue
        same = first.action == segment.action
        labels = f"both {first.action!r}" if same else f"{first.action!r} and {segment.action!r}"
        splits = {first.split, segment.split}
        across = (
            f", in {first.split or 'no split'} and {segment.split or 'no split'}" if len(splits) > 1 else ""
        )
        yield Finding(
            "repeated segment",
            f"{segment.video}: segments {first.segment} and {segment.segment} are the same frames "
            f"({labels}{across}): delete one.",
            # two labels for the same frames are meant in some datasets; the same label, or a leak, never is
            serious=same or bool(across),
        )


def _only_tested(counts: Counts) -> Iterator[Finding]:
    if not any(splits.get("train", 0) for splits in counts.actions.values()):
        return  # nothing trains at all: a test set by itself
    for action, splits in counts.actions.items():
        tested = splits.get("test", 0)
        if tested and not splits.get("train", 0) + splits.get("validation", 0):
            yield Finding(
                "tested only",
                f"{action!r} is tested ({_segments(tested, verb=False)}) but never trained on, so it cannot "
                "be recognised: give some of its segments to train, or leave the action out.",
            )
        elif tested and not splits.get("train", 0):
            yield Finding(
                "tested only",
                f"{action!r} is tested ({_segments(tested, verb=False)}), and of the other splits only in "
                "validation, which protocol honest does not train on: give some of its segments to train.",
                serious=False,
            )


def _unexpected(manifest: Manifest, counts: Counts, expected: Expected) -> Iterator[Finding]:
    """Compare with what is known of the dataset."""
    name = expected.name
    for split, number in expected.segments.items():
        found = counts.splits.get(split, 0) if split else counts.segments
        what = f"split {split} has" if split else "the manifest has"
        if split == "train" and "validation" not in expected.segments:
            found += counts.splits.get("validation", 0)  # carved from the training segments
            what = "the splits train and validation have"
        if found != number:
            remedy = "get what is missing and import it again" if found < number else "delete the surplus"
            yield Finding(
                "other number of segments",
                f"{what} {_segments(found, verb=False)}, {name} has {number}: {remedy}.",
            )
    yield from _unexpected_segments(manifest, expected)
    named_subjects = {subject: splits for subject, splits in counts.subjects.items() if subject}
    yield from _unexpected_names("action", expected.actions, counts.actions, name)
    yield from _unexpected_names("subject", expected.subjects, named_subjects, name)


def _unexpected_segments(manifest: Manifest, expected: Expected) -> Iterator[Finding]:
    """Name the segments that are missing or have another length."""
    lengths = {segment.segment: segment.stop_frame - segment.start_frame for segment in manifest.segments}
    for segment, frames in expected.segment_frames.items():
        if segment not in lengths:
            yield Finding(
                "missing segment",
                f"segment {segment} of {expected.name} is not there: get it and import it again.",
            )
        elif lengths[segment] != frames:
            yield Finding(
                "other length",
                f"segment {segment} has {lengths[segment]} frames, in {expected.name} it has {frames}: copy "
                "it again from its source.",
            )


def _unexpected_names(
    what: str, known: tuple[str, ...] | int, present: Mapping[str, Mapping[str, int]], name: str
) -> Iterator[Finding]:
    """Name the actions or subjects that are missing or unknown; where only their number is known, count."""
    if isinstance(known, int):
        if len(present) != known:
            yield Finding(
                f"other number of {what}s",
                f"there are {len(present)} {what}s, {name} has {known}: get what is missing, or correct "
                "spellings.",
            )
        return
    if not known:
        return
    for missing in sorted(set(known) - set(present), key=natural_order):
        yield Finding(
            f"missing {what}",
            f"no segment has the {what} {missing!r} of {name}: get what is missing and import it again.",
        )
    for unknown in sorted(set(present) - set(known), key=natural_order):
        number = _segments(sum(present[unknown].values()), verb=False)
        yield Finding(
            f"unknown {what}",
            f"{name} has no {what} {unknown!r} ({number} here): correct the spelling, or leave these out.",
        )


def named(segments: list[Segment]) -> str:
    """Return the ids of segments, cut after a few: "a, b, c and 4 more"."""
    shown = ", ".join(segment.segment for segment in segments[:3])
    return shown + (f" and {len(segments) - 3} more" if len(segments) > 3 else "")


def by_video(manifest: Manifest) -> dict[str, list[Segment]]:
    """Return the segments of every video, in the order of the manifest."""
    grouped: dict[str, list[Segment]] = defaultdict(list)
    for segment in manifest.segments:
        grouped[segment.video].append(segment)
    return grouped


def _segments(number: int, *, verb: bool = True) -> str:
    if number == 1:
        return "1 segment is" if verb else "1 segment"
    return f"{number} segments are" if verb else f"{number} segments"
