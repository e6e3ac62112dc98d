"""What a check finds, and what it compares with."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from egotool.manifests import SPLITS, DatasetDescriptor, Manifest, expected_frames, official_split


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing about a dataset.

    Attributes:
        kind: a few words that group findings, such as "missing video".
        text: one sentence: what, where, and what to do.
        serious: whether something is wrong; otherwise it is a warning.
    """

    kind: str
    text: str
    serious: bool = True


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a dataset must consist of, as far as it is known; what is left empty is not compared.

    Attributes:
        name: of the dataset, for the sentences.
        segments: number of segments of each split; under "" of all together.
        segment_frames: id of every segment → number of its frames.
        actions: the class labels, or how many there are.
        subjects: who wore the camera, or how many did.
        frame_rate: frames per second of the videos.
        frame_rates: exceptions from it: regular expression of the whole name of a video without suffix, and
            frames per second.
    """

    name: str = "the dataset"
    segments: Mapping[str, int] = field(default_factory=dict)
    segment_frames: Mapping[str, int] = field(default_factory=dict)
    actions: tuple[str, ...] | int = ()
    subjects: tuple[str, ...] | int = ()
    frame_rate: float | None = None
    frame_rates: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of_dataset(cls, descriptor: DatasetDescriptor, split: str = "1") -> "Expected":
        """Return what a whole copy of a known dataset consists of.

        Args:
            descriptor: what is known of it.
            split: the name of one of its official splits; where there is none of this name, the first.
        """
        official = official_split(descriptor, split)
        numbers = descriptor.expected
        segments = {} if official is None else dict(official.segments)
        if numbers.segments is not None:
            segments[""] = numbers.segments
        return cls(
            name=descriptor.name,
            segments=segments,
            segment_frames=expected_frames(descriptor),
            actions=descriptor.actions or numbers.actions or (),
            subjects=descriptor.subjects or numbers.subjects or (),
            frame_rate=descriptor.frame_rate,
            frame_rates=tuple((each.videos, each.frame_rate) for each in descriptor.frame_rates),
        )

    def frame_rate_of(self, video: str) -> float | None:
        """Return the frame rate of a video, None if it is not known."""
        stem = PurePosixPath(video).with_suffix("").as_posix()
        exceptions = (rate for pattern, rate in self.frame_rates if re.fullmatch(pattern, stem))
        return next(exceptions, self.frame_rate)


@dataclass(frozen=True)
class Counts:
    """How many segments there are: in all, and per split, subject and action.

    Attributes:
        segments: all of them.
        unlabelled: those without an action.
        splits: of each split; "" are those that take no part.
        subjects: subject → split → number; "" where nobody is named.
        actions: action → split → number.
    """

    segments: int
    unlabelled: int
    splits: Mapping[str, int]
    subjects: Mapping[str, Mapping[str, int]]
    actions: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, manifest: Manifest) -> "Counts":
        """Count the segments of a manifest."""
        splits = Counter(segment.split for segment in manifest.segments)
        subjects: dict[str, Counter[str]] = {}
        actions: dict[str, Counter[str]] = {}
        for segment in manifest.segments:
            subjects.setdefault(segment.subject, Counter())[segment.split] += 1
            if segment.action:
                actions.setdefault(segment.action, Counter())[segment.split] += 1
        return cls(
            segments=len(manifest.segments),
            unlabelled=sum(not segment.action for segment in manifest.segments),
            splits={split: splits[split] for split in (*SPLITS, "") if split or splits[""]},
            subjects=dict(sorted(subjects.items())),
            actions=dict(sorted(actions.items())),
        )


@dataclass(frozen=True)
class CheckReport:
    """What a check of a manifest or a store found.

    Attributes:
        what: path of what was checked.
        videos: number of videos looked at.
        counts: of the segments; None if there is no manifest.
        findings: in the order of the checks.
    """

    what: str
    videos: int
    counts: Counts | None
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What is wrong."""
        return tuple(finding for finding in self.findings if finding.serious)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is worth a look."""
        return tuple(finding for finding in self.findings if not finding.serious)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
