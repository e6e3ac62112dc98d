"""One video on its way into the store: which of its tasks can run, and how far it is."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from egotool.errors import ManifestError, StoreError
from egotool.extraction.parameters import ExtractionParameters, arrays_of, depend_on_hands
from egotool.extraction.plan import Description, Source, VideoPlan
from egotool.extraction.pool import Task
from egotool.extraction.results import Status, VideoResult
from egotool.extraction.stages import (
    Joined,
    compute_frames_part,
    compute_masks_part,
    join,
    prepare_index,
    prepare_source,
)
from egotool.extraction.work import PartRange, VideoLock, WorkFolder
from egotool.manifests import FrameRanges, clip_ranges, hold, merge_ranges
from egotool.store import (
    HANDS_PARAMETER,
    NEWEST_FORMAT_VERSION,
    Array,
    CameraCount,
    Receipt,
    read_receipt,
    receipt_file,
    store_file,
)
from egotool.video import FoundVideo, VideoIndex

# Shares of the effort of a video, for its progress; measured, see `egotool bench extract`.
INDEX_SHARE, MASKS_SHARE = 0.02, 0.1

NUMBERS = frozenset({Array.FRAME_NUMBERS})

Key = tuple[str, str, int]
"""Video, stage and first frame of a task."""


class VideoJob:
    """Hands out the tasks of one video in the order they become possible, and takes their results.

    ```text
        source ─ index ─┬─ frames part 0 ─┬─ masks part 0 ─┬─ join
                        ├─ frames part 1 ─┼─ masks part 1 ─┤
                        └─ …              └─ …             ┘
    ```
    """

    def __init__(
        self,
        found: FoundVideo,
        lock: VideoLock,
        *,
        store: Path,
        parameters: ExtractionParameters,
        overwrite: bool,
        index_threads: int,
        ranges: FrameRanges | None = None,
        hands: Path | None = None,
    ) -> None:
        self.found = found
        self.lock = lock
        self.work = WorkFolder(store, found.name)
        self.ready: list[Task] = []
        self.running = 0
        self.result: VideoResult | None = None
        self.frame_count: int | None = None
        self._store = store
        self._parameters = parameters
        self._overwrite = overwrite
        self._index_threads = index_threads
        self._asked_for = ranges
        self._begun = time.monotonic()
        self._keep_work = True
        self._source: Source | None = None
        self._before: Receipt | None = None
        self._plan: VideoPlan | None = None
        self._description: Description | None = None
        self._frames_left: set[PartRange] = set()
        self._masks_left: set[PartRange] = set()
        self._masks_waiting: list[PartRange] = []
        self._frames_done = self._masks_done = self._indexed = 0
        self.work.publish()
        self.ready.append(
            Task((found.name, "source", 0), prepare_source, (found.path, found.name, hands), light=True)
        )

    def take(self, key: Key, value: object) -> None:
        """Take the result of a task; afterwards `ready` and `result` may have changed."""
        self.running -= 1
        if self.result is not None:
            return
        _, stage, start = key
        if isinstance(value, Source):
            self._decide(value)
        elif isinstance(value, VideoIndex):
            self._begin_parts(Description.of_index(value), value.frame_count, self._ranges(value.frame_count))
        elif isinstance(value, Joined):
            self._finish(value.receipt, Status.EXTRACTED, value.camera)
        elif stage == "frames":
            self._frames_done += _remove(self._frames_left, start)
            self._release_masks()
        elif stage == "masks":
            self._masks_done += _remove(self._masks_left, start)
        self._join_when_possible()

    def fail(self, problem: str, *, keep_work: bool) -> None:
        """End the job without a result; what runs still is ignored."""
        self.running -= 1
        if self.result is None:
            self.ready.clear()
            self.result = VideoResult(
                self.found.name,
                self.found.path,
                Status.FAILED,
                complete=False,
                problem=problem,
                seconds=time.monotonic() - self._begun,
            )
            self._keep_work = keep_work

    def close(self) -> None:
        """Remove the work folder unless it is still of use, and let other processes have the video."""
        if self.result is not None and (self.result.status is not Status.FAILED or not self._keep_work):
            self.work.remove()
        self.lock.release()

    def done_frames(self, running: dict[Key, int]) -> int:
        """Return the effort so far, in frames; `running` tells how far the running tasks are."""
        if self.frame_count is None:
            mine = [
                done
                for (video, stage, _), done in running.items()
                if (video, stage) == (self.found.name, "index")
            ]
            return round(INDEX_SHARE * sum(mine))
        if self._plan is None:
            return self.frame_count
        frames, masks = self._frames_done, self._masks_done
        for (video, stage, _), done in running.items():
            if video == self.found.name:
                frames += done if stage == "frames" else 0
                masks += done if stage == "masks" else 0
        if not self._plan.part_arrays:
            return masks
        if not self._plan.computes_masks:
            return frames
        return round((1 - MASKS_SHARE) * frames + MASKS_SHARE * masks)

    def _add(self, stage: str, start: int, function: Callable[..., object], *arguments: object) -> None:
        self.ready.append(Task((self.found.name, stage, start), function, arguments))

    def _decide(self, source: Source) -> None:
        """Find out what is there already, and what is missing.

        Raises:
            StoreError: if what is there would have to be replaced, unasked.
        """
        self._source = source
        self._parameters = self._parameters.with_hands(None if source.hands is None else source.hands.sha256)
        self._before = before = _receipt_before(receipt_file(self._store, self.found.name))
        of_hands = depend_on_hands(arrays_of(self._parameters.contents))
        if before is not None and source.hands is None and not of_hands and not self._overwrite:
            self._parameters = self._parameters.with_hands_of(before)  # what depends on them can stay
        if before is not None and self._up_to_date(before, source):
            self.frame_count = before.stored_frames
            self._finish(before, Status.UNCHANGED)
            return
        if before is not None and not self._overwrite:
            refuse_to_replace(before, self._store, source.path, source.sha256, self._parameters)
        if before is not None:
            ranges = self._ranges(before.frame_count)
            if self._kept_arrays(before, ranges) >= {Array.RGB, Array.TIMESTAMPS}:
                self._begin_parts(Description.of_receipt(before), before.frame_count, ranges)
                return
        asked_for = None if self._keeps_all() else self._asked_for
        self._add("index", 0, prepare_index, source, self.work, self._index_threads, asked_for)

    def _keeps_all(self) -> bool:
        """Whether all frames of this video were stored before and have to stay."""
        return (
            self._before is not None
            and self._source is not None
            and not self._overwrite
            and self._before.ranges is None
            and self._before.source_sha256 == self._source.sha256
        )

    def _ranges(self, frame_count: int) -> FrameRanges | None:
        """Return the frames to store, None for all: those asked for and those that were there before.

        Raises:
            ManifestError: if the video has none of them.
        """
        if self._asked_for is None or self._keeps_all():
            return None
        ranges = clip_ranges(self._asked_for, frame_count)
        if not ranges:
            raise ManifestError(
                f"no segment of the manifest lies within the {frame_count} frames of {self.found.path}: "
                "correct the manifest, or get the whole video"
            )
        before = self._before
        if (
            before is not None
            and self._source is not None
            and not self._overwrite
            and before.source_sha256 == self._source.sha256
        ):
            ranges = merge_ranges((*ranges, *before.stored_ranges))
        return None if ranges == ((0, frame_count),) else ranges

    def _up_to_date(self, before: Receipt, source: Source) -> bool:
        return (
            not self._overwrite
            and before.source_sha256 == source.sha256
            and self._parameters.for_arrays_of(before).fit_as_it_is(before.parameters)
            and arrays_of(self._parameters.contents) <= {Array(name) for name in before.arrays}
            and self._covers(before)
            and store_file(self._store, self.found.name).is_file()
            and store_file(self._store, self.found.name).stat().st_size == before.file_bytes
        )

    def _covers(self, before: Receipt) -> bool:
        """Return whether the frames that are asked for are all there."""
        if self._asked_for is None:
            return before.ranges is None
        wanted = clip_ranges(self._asked_for, before.frame_count)
        return all(hold(before.stored_ranges, start, stop) for start, stop in wanted)

    def _kept_arrays(self, before: Receipt | None, ranges: FrameRanges | None) -> frozenset[Array]:
        """Return what can be taken from the finished store file: the codec may differ, nothing else."""
        if before is None or self._overwrite or self._source is None:
            return frozenset()
        path = store_file(self._store, self.found.name)
        if (
            not self._parameters.for_arrays_of(before).fit(before.parameters)
            or before.source_sha256 != self._source.sha256
            or before.stored_ranges != (ranges or ((0, before.frame_count),))
            or not path.is_file()
            or path.stat().st_size != before.file_bytes
        ):
            return frozenset()
        return frozenset(Array(name) for name in before.arrays)

    def _begin_parts(self, description: Description, frame_count: int, ranges: FrameRanges | None) -> None:
        """Make the plan, and hand out every part that is not there from an interrupted run."""
        if self._source is None:
            raise ValueError("a video is planned before its source is known")
        if self._source.hands is not None:
            self._source.hands.check(self._source.path, frame_count, complete=description.complete)
            description = description.with_warnings(self._source.hands.warnings)
        kept = self._kept_arrays(self._before, ranges)
        # What was stored stays stored, made anew where it no longer fits, unless --overwrite says else.
        had = (
            frozenset()
            if self._before is None or self._overwrite
            else {Array(a) for a in self._before.arrays}
        )
        self._plan = plan = VideoPlan(
            source=self._source,
            work=self.work,
            parameters=self._parameters,
            frame_count=frame_count,
            kept=store_file(self._store, self.found.name) if kept else None,
            kept_arrays=kept,
            wanted=arrays_of(self._parameters.contents) | (had - NUMBERS) | (NUMBERS if ranges else set()),
            ranges=ranges,
        )
        self._check_hands(plan)
        self._description = description
        self.frame_count = plan.stored_frames
        self.work.tidy(plan.fingerprint)
        if plan.part_arrays:
            for part in plan.parts:
                if self.work.frames_part(part).is_file():
                    self._frames_done += part.stop - part.start
                else:
                    self._frames_left.add(part)
                    self._add("frames", part.start, compute_frames_part, plan, part)
        if plan.computes_masks:
            for part in plan.parts:
                if self.work.masks_part(part).is_file():
                    self._masks_done += part.stop - part.start
                else:
                    self._masks_left.add(part)
                    self._masks_waiting.append(part)
        self._release_masks()
        self._join_when_possible()

    def _check_hands(self, plan: VideoPlan) -> None:
        """Make sure that nothing that was made with hand masks is made anew without.

        Raises:
            StoreError: if it would be.
        """
        before = self._before
        if self._overwrite or plan.source.hands is not None or before is None:
            return
        if HANDS_PARAMETER in before.parameters and depend_on_hands(plan.wanted - plan.kept_arrays):
            raise StoreError(
                f"{store_file(self._store, self.found.name)} has to be made anew, and was made with --hands: "
                "give them again, or make it without them with --overwrite"
            )

    def _release_masks(self) -> None:
        """Hand out the masks parts whose neighbours are done, before any further frames part."""
        if self._plan is None:
            return
        for part in list(self._masks_waiting):
            if self._frames_left.isdisjoint(self._plan.parts_for_masks(part)):
                self._masks_waiting.remove(part)
                task = Task((self.found.name, "masks", part.start), compute_masks_part, (self._plan, part))
                self.ready.insert(0, task)

    def _join_when_possible(self) -> None:
        if self._plan is None or self.result is not None or self._frames_left or self._masks_left:
            return
        if self._description is not None and not self.running and not self.ready:
            self._add("join", 0, join, self._plan, self._description)

    def _finish(self, receipt: Receipt, status: Status, camera: CameraCount | None = None) -> None:
        self.result = VideoResult(
            self.found.name,
            self.found.path,
            status,
            complete=receipt.complete,
            frames=receipt.stored_frames,
            bytes=receipt.file_bytes,
            seconds=time.monotonic() - self._begun,
            store_file=store_file(self._store, self.found.name),
            camera=camera,
            warnings=tuple(receipt.warnings),
            problem=None if receipt.complete else " ".join(receipt.warnings),
        )


def _remove(parts: set[PartRange], start: int) -> int:
    """Remove the part that begins at `start`; return how many frames it has."""
    part = next(part for part in parts if part.start == start)
    parts.remove(part)
    return part.stop - part.start


def refuse_to_replace(
    before: Receipt, store: Path, source: Path, sha256: str | None, parameters: ExtractionParameters
) -> None:
    """Make sure that no complete video of a store is replaced by one that is made otherwise.

    Args:
        before: its receipt.
        store: the folder.
        source: the video file.
        sha256: its digest; None if it is not known.
        parameters: how it would be extracted.

    Raises:
        StoreError: if the store file is whole and of other content, or made with other parameters.
    """
    path, receipt = store_file(store, before.video), receipt_file(store, before.video)
    if not before.complete or not path.is_file() or path.stat().st_size != before.file_bytes:
        return
    either = f"--overwrite makes it anew (or remove {receipt}, for this one alone); another --out keeps it"
    other_size = source.stat().st_size != before.source_bytes
    if other_size or sha256 not in (None, before.source_sha256):
        raise StoreError(f"{path} is finished, and {source} is another video than it was made of: {either}")
    conflicts = parameters.conflicts(before.parameters, {Array(name) for name in before.arrays})
    if conflicts:
        raise StoreError(f"{path} is finished, made with {'; '.join(conflicts)}: {either}")


def _receipt_before(path: Path) -> Receipt | None:
    """Read the receipt of the last extraction; a damaged one is as good as none.

    Raises:
        StoreError: if a newer egotool wrote it: what it describes must not be replaced unasked.
    """
    try:
        return read_receipt(path)
    except StoreError:
        try:
            version = json.loads(path.read_text(encoding="utf-8"))["format_version"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if isinstance(version, int) and version > NEWEST_FORMAT_VERSION:
            raise
        return None
