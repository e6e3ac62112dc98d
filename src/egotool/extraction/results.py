"""What became of an extraction."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from egotool.store import CameraCount


class Status(StrEnum):
    """What was done about a video."""

    EXTRACTED = "extracted"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    NOT_DONE = "not done"


@dataclass(frozen=True)
class VideoResult:
    """What became of one video.

    Attributes:
        video: its name in the store.
        source: the file it was read from.
        status: what was done.
        complete: False if the video broke off midway, so that only its first frames are in the store.
        frames: number of frames in the store.
        bytes: size of the store file.
        seconds: from its first to its last stage.
        store_file: where it is, None if it is not.
        warnings: sentences about it.
        camera: for how many frames its camera motion was found; None if it was not looked for now.
        problem: why it failed or is not complete, one sentence.
    """

    video: str
    source: Path
    status: Status
    complete: bool = True
    frames: int = 0
    bytes: int = 0
    seconds: float = 0.0
    store_file: Path | None = None
    warnings: tuple[str, ...] = ()
    camera: CameraCount | None = None
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the whole video is in the store."""
        return self.complete and self.status in (Status.EXTRACTED, Status.UNCHANGED)


@dataclass(frozen=True)
class LabelResult:
    """What became of the manifest.

    Attributes:
        path: the manifest of the store, None if there is none.
        source: "folders", "kept", or the manifest it was copied from.
        segments: number of segments.
        labelled: how many of them have an action.
        actions: number of actions.
        splits: number of segments of each split.
        notes: sentences worth reading.
        problems: sentences about what is wrong, each of which fails the command.
    """

    path: Path | None = None
    source: str = ""
    segments: int = 0
    labelled: int = 0
    actions: int = 0
    splits: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtractionSummary:
    """What became of all videos and of the manifest, in the order of the videos' names."""

    store: Path
    videos: tuple[VideoResult, ...]
    labels: LabelResult
    seconds: float

    @property
    def failures(self) -> tuple[VideoResult, ...]:
        """The videos that failed, broke off midway or were not done."""
        return tuple(video for video in self.videos if not video.ok)

    @property
    def ok(self) -> bool:
        """Whether everything was done."""
        return not self.failures and not self.labels.problems
