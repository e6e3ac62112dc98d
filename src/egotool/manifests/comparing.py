"""A manifest beside what its dataset's descriptor expects."""

from collections import Counter
from dataclasses import dataclass

from egotool.manifests.descriptors import DatasetDescriptor, OfficialSplit, expected_frames
from egotool.manifests.segments import Manifest

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Count:
    """A number that was found, and the one that a whole copy has.

    Attributes:
        what: what was counted.
        found: how many there are.
        expected: how many there should be, None if nobody could verify it.
    """

    what: str
    found: int
    expected: int | None

    @property
    def fits(self) -> bool:
        """Whether the numbers are the same, or nothing is expected."""
        return self.expected is None or self.found == self.expected


def compare_counts(
    manifest: Manifest, descriptor: DatasetDescriptor | None, split: OfficialSplit | None = None
) -> list[Count]:
    """Count videos, segments, classes, subjects and splits of `manifest` beside what is expected.

    Training and validation segments count together where the official split has no validation.
    """
    segments = manifest.segments
    found = {
        "videos": len({segment.video for segment in segments}),
        "segments": len(segments),
        "subjects": len(manifest.subjects),
        "actions": len(manifest.actions),
        "verbs": len({segment.verb for segment in segments if segment.verb}),
        "nouns": len({segment.noun for segment in segments if segment.noun}),
        "frames": sum(segment.stop_frame - segment.start_frame for segment in segments),
    }
    expected = {} if descriptor is None else descriptor.expected.model_dump()
    if descriptor is not None and descriptor.subjects:
        expected["subjects"] = len(descriptor.subjects)
    counts = [Count(what, number, expected.get(what)) for what, number in found.items()]
    of_split = Counter(segment.split for segment in segments)
    official = {} if split is None else dict(split.segments)
    if "train" in official and "validation" not in official and of_split["validation"]:
        counts.append(
            Count("train + validation", of_split["train"] + of_split["validation"], official["train"])
        )
        official.pop("train")
    return counts + [
        Count(name or "no split", of_split[name], official.get(name))
        for name in ("train", "validation", "test", "")
        if of_split[name] or name in official
    ]


def compare_segments(manifest: Manifest, descriptor: DatasetDescriptor) -> list[str]:
    """Return what differs between the segments and those of a whole copy, as far as these are known.

    Returns:
        sentences that name missing segments, segments that nobody else has, and other numbers of frames;
        none where the dataset has no table of segments.
    """
    expected = expected_frames(descriptor)
    if not expected:
        return []
    found = {segment.segment: segment.stop_frame - segment.start_frame for segment in manifest.segments}
    missing = [name for name in expected if name not in found]
    further = [name for name in found if name not in expected]
    other = [
        f"{name} ({found[name]} frames, not {frames})"
        for name, frames in expected.items()
        if name in found and found[name] != frames
    ]
    sentences = (("missing", missing), ("not known elsewhere", further), ("of another length", other))
    return [
        f"{len(names)} segment{'s' * (len(names) > 1)} {what}: "
        f"{', '.join(names[:_NAMES_SHOWN])}{', …' * (len(names) > _NAMES_SHOWN)}."
        for what, names in sentences
        if names
    ]
