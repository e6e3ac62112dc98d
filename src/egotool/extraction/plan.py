"""What is to be made of one video, and of which parts it consists."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from egotool.errors import VideoError
from egotool.extraction.hand_masks import HandMasks
from egotool.extraction.parameters import CAMERA_ARRAYS, ExtractionParameters
from egotool.extraction.work import PartRange, WorkFolder, overlapping, part_ranges
from egotool.manifests import FrameRanges
from egotool.store import Array, Receipt
from egotool.video import VideoIndex


@dataclass(frozen=True)
class Source:
    """A video file as it was found: enough to know it again.

    Attributes:
        path: the file.
        video: its name in the store.
        size: bytes.
        sha256: digest of its content.
        modified: when its content last changed, in nanoseconds as the file system tells it.
        hands: masks of hands in it, if there are.
    """

    path: Path
    video: str
    size: int
    sha256: str
    modified: int
    hands: HandMasks | None = None

    def check_unchanged(self) -> None:
        """Make sure that the file is what it was, as far as size and time tell.

        Raises:
            VideoError: if not; a store file must not be made of two videos.
        """
        now = self.path.stat()
        if (now.st_size, now.st_mtime_ns) != (self.size, self.modified):
            raise VideoError(f"{self.path} was changed while it was read: type the same command again")


@dataclass(frozen=True)
class Description:
    """What a receipt says of the video: from its index, or from the receipt before.

    Attributes:
        width: of a frame as shown, before it is scaled.
        height: of a frame as shown, before it is scaled.
        frame_rate: average frames per second, if known.
        complete: False if the video breaks off.
        warnings: sentences about it.
    """

    width: int
    height: int
    frame_rate: float | None
    complete: bool
    warnings: tuple[str, ...]

    @classmethod
    def of_index(cls, index: VideoIndex) -> "Description":
        """Describe a video that was indexed."""
        return cls(
            width=index.width,
            height=index.height,
            frame_rate=index.frame_rate,
            complete=index.complete,
            warnings=(index.problem,) if index.problem else (),
        )

    @classmethod
    def of_receipt(cls, receipt: Receipt) -> "Description":
        """Describe a video whose frames are in the store."""
        return cls(
            width=receipt.width,
            height=receipt.height,
            frame_rate=receipt.frame_rate,
            complete=receipt.complete,
            warnings=tuple(receipt.warnings),
        )

    def with_warnings(self, warnings: tuple[str, ...]) -> "Description":
        """Return the same with further warnings."""
        return replace(self, warnings=tuple(dict.fromkeys((*self.warnings, *warnings))))


@dataclass(frozen=True)
class VideoPlan:
    """What is to be made of one video.

    Attributes:
        source: the video.
        work: where its parts grow.
        parameters: how.
        frame_count: frames of the video.
        ranges: the frames to store, if not all of them.
        kept: a finished store file whose arrays are still good, if there is one.
        kept_arrays: the arrays to take from it.
        wanted: the arrays that the new store file shall have.
    """

    source: Source
    work: WorkFolder
    parameters: ExtractionParameters
    frame_count: int
    kept: Path | None
    kept_arrays: frozenset[Array]
    wanted: frozenset[Array]
    ranges: FrameRanges | None = None

    @property
    def spans(self) -> FrameRanges:
        """The ranges of frames that are stored; between two of them there is no flow."""
        return ((0, self.frame_count),) if self.ranges is None else self.ranges

    @property
    def stored_frames(self) -> int:
        """Number of frames that are stored."""
        return sum(stop - start for start, stop in self.spans)

    @property
    def parts(self) -> list[PartRange]:
        """The ranges of frames that are computed one by one; none reaches over a gap."""
        return [
            PartRange(start + part.start, start + part.stop)
            for start, stop in self.spans
            for part in part_ranges(stop - start, self.parameters.part_frames)
        ]

    def span_of(self, part: PartRange) -> tuple[int, int]:
        """Return the stored range that `part` belongs to."""
        return next(span for span in self.spans if span[0] <= part.start < span[1])

    def ends_before_gap(self, part: PartRange) -> bool:
        """Return whether stored frames follow `part`, but not its next frame."""
        return part.stop == self.span_of(part)[1] != self.spans[-1][1]

    def position(self, frame: int) -> int:
        """Return how many stored frames come before `frame`, which is stored itself or ends a range."""
        return sum(min(stop, frame) - start for start, stop in self.spans if start < frame)

    @property
    def decodes(self) -> bool:
        """Whether frames have to come from the video, because the kept file lacks them."""
        return not {Array.RGB, Array.TIMESTAMPS} <= self.kept_arrays

    @property
    def computes_masks(self) -> bool:
        """Whether there are masks to make."""
        return Array.MASKS in self.wanted - self.kept_arrays

    @property
    def part_arrays(self) -> frozenset[Array]:
        """What the frames parts hold: what is missing, and what missing masks are made of."""
        of_masks = frozenset({Array.RGB, Array.WARP_FLOW}) | CAMERA_ARRAYS
        wanted = self.wanted - {Array.MASKS} | (of_masks if self.computes_masks else frozenset())
        return wanted - self.kept_arrays

    @property
    def fingerprint(self) -> str:
        """Text that is equal where the parts are."""
        return json.dumps(
            [
                self.source.sha256,
                self.parameters.fingerprint,
                self.parameters.codec,
                sorted(self.part_arrays),
                self.computes_masks,
                *([] if self.ranges is None else [self.ranges]),
            ]
        )

    def parts_for_masks(self, part: PartRange) -> list[PartRange]:
        """Return the frames parts that the masks of `part` are made of."""
        start, stop = self.mask_reach(part)
        return overlapping(self.parts, start, stop)

    def mask_reach(self, part: PartRange) -> tuple[int, int]:
        """Return the range of frames over which tracks are followed for the masks of `part`."""
        first, last = self.span_of(part)
        return (
            max(first, part.start - self.parameters.warm_up_frames),
            min(last, part.stop + self.parameters.run_out_frames),
        )
