"""The words of a manifest: segments of videos, each with one action label."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

SPLITS = ("train", "validation", "test")
"""The values of a split; an empty split takes no part in training or evaluation."""

LARGEST_FRAME = 2**53
"""The largest number of a frame: more is no video, and no longer exact in other programs."""


def frame_number(text: str) -> int | None:
    """Return the whole number from 0 to `LARGEST_FRAME` that `text` is, None if it is none."""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(LARGEST_FRAME)):  # int() itself refuses thousands of digits
        return None
    return int(digits) if int(digits) <= LARGEST_FRAME else None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a video that shows one action.

    Attributes:
        segment: unique id within its manifest.
        video: name of the video: its path below the folder given to `egotool extract`, with `/` and suffix.
        start_frame: first frame, counted from 0.
        stop_frame: one past the last frame (half-open).
        action: the class label; empty when unlabelled.
        verb: the action's verb, empty when unknown.
        noun: the action's noun, empty when unknown.
        subject: who wore the camera, empty when unknown.
        split: "train", "validation", "test", or empty.
    """

    segment: str
    video: str
    start_frame: int
    stop_frame: int
    action: str = ""
    verb: str = ""
    noun: str = ""
    subject: str = ""
    split: str = ""


@dataclass(frozen=True)
class Manifest:
    """Which segment of which video shows what action."""

    segments: tuple[Segment, ...]

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The distinct action labels, sorted; their order numbers the classes of a network."""
        return tuple(sorted({segment.action for segment in self.segments if segment.action}))

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """The distinct subjects, sorted."""
        return tuple(sorted({segment.subject for segment in self.segments if segment.subject}))

    def of_split(self, split: str) -> tuple[Segment, ...]:
        """Return the segments of one split, in the order of the manifest."""
        return tuple(segment for segment in self.segments if segment.split == split)

    def fingerprint(self) -> str:
        """Return a SHA-256 digest of all that the manifest says, whatever the format of its file."""
        digest = hashlib.sha256()
        for segment in self.segments:
            digest.update(repr(values_of(segment)).encode())
        return digest.hexdigest()


def values_of(segment: Segment) -> tuple[str, str, int, int, str, str, str, str, str]:
    """Return the fields of a segment in the order of the manifest's columns."""
    return (
        segment.segment,
        segment.video,
        segment.start_frame,
        segment.stop_frame,
        segment.action,
        segment.verb,
        segment.noun,
        segment.subject,
        segment.split,
    )
