"""The extraction of many videos: which task runs when, and what happens to failures."""

import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from egotool.errors import EgotoolError, StoreError, UsageError
from egotool.extraction.hand_masks import hand_masks_for
from egotool.extraction.job import Key, VideoJob
from egotool.extraction.kernels import compile_kernels, prepare_worker
from egotool.extraction.labels import SplitChoice, check_choice, manifest_lock, update_manifest
from egotool.extraction.order import next_task
from egotool.extraction.parameters import Content, ExtractionParameters, ranges_asked_for, with_segments
from egotool.extraction.pool import (
    POLL_SECONDS,
    Outcome,
    Task,
    WorkerPool,
)
from egotool.extraction.problems import parts_are_good, problem_of
from egotool.extraction.results import ExtractionSummary, Status, VideoResult
from egotool.extraction.stages import declared_frames
from egotool.extraction.work import VideoLock
from egotool.machine import available_cores
from egotool.manifests import FrameRanges
from egotool.motion import FLOW_REVISION
from egotool.progress import Progress, SilentProgress
from egotool.store import Receipt, Store, ranges_of, read_receipt, receipt_file
from egotool.video import FoundVideo

WORKER_MODULES = ("egotool.extraction.preloaded",)
_PROBES_PER_TASK = 32
_TOTAL = "all videos"
_COMPILING = "loading kernels, compiled once per machine"


def extract_videos(
    found: Sequence[FoundVideo],
    *,
    out: Path,
    parameters: ExtractionParameters | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    on_error: Literal["skip", "stop"] = "skip",
    choice: SplitChoice | None = None,
    manifest: Path | None = None,
    segments_only: bool = False,
    hands: Path | None = None,
    progress: Progress | None = None,
) -> ExtractionSummary:
    """Extract videos into a store, and write its manifest.

    Interrupted at any point, the same call goes on where it stopped, with the same result. Several processes
    may extract into one store: each video is done by one of them.

    Args:
        found: the videos, from `egotool.video.find_videos`.
        out: the store; made if it is not there.
        parameters: what to extract and how.
        workers: number of processes; None: as many as there are cores; 0: no further process at all.
        overwrite: extract everything again, whatever is there.
        on_error: "skip": go on with the other videos when one fails; "stop": begin nothing further.
        choice: how to split segments where no manifest says so.
        manifest: the labels; None: the manifest in the folder of the videos, or the names of folders.
        segments_only: extract only the frames that the segments of `manifest` need: they, and as many around
            them as flow and tracks reach. Frames that the store has already stay.
        hands: a folder of masks of hands or people, which the camera's motion leaves out; see
            `egotool.extraction.find_hand_masks`.
        progress: is told how far the work is.

    Returns:
        what became of every video and of the manifest. A video that cannot be extracted raises nothing.

    Raises:
        UsageError: if `choice` names a test subject that there is not, there are to be segments only and
            no manifest says which, or `hands` has none for any video.
        ManifestError: if `manifest` cannot be read.
        StoreError: if `out` cannot be written to, or no video of a store can be called as one of `found`.
    """
    begun = time.monotonic()
    for video in found:
        receipt_file(out, video.name)  # refuses names that no video of a store can have
    choice = choice or SplitChoice()
    roots = list(dict.fromkeys(video.root for video in found))
    if segments_only and manifest is None:
        raise UsageError("--segments-only needs the segments: give them with --manifest FILE")
    given = None if manifest is None else [manifest]
    parameters = parameters or ExtractionParameters()
    ranges = ranges_asked_for(manifest if segments_only else None, parameters)
    if ranges is not None:
        found = with_segments(found, ranges, manifest)
    names = [*_receipts(out), *(video.name for video in found)]
    check_choice(names, roots, choice, given=given)
    hand_folders = hand_masks_for(hands, found, progress)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the store {out} cannot be made ({error.strerror}): choose another with --out."
        ) from error
    workers = available_cores() if workers is None else workers
    with WorkerPool(workers, preload=WORKER_MODULES) as pool:
        extraction = _Extraction(
            found,
            pool,
            out=out,
            parameters=parameters,
            overwrite=overwrite,
            stop_on_error=on_error == "stop",
            progress=progress or SilentProgress(),
            # one long video: nothing else could use the cores before it is indexed
            index_threads=max(1, workers) if len(found) == 1 else 1,
            ranges=ranges,
            hands=hand_folders,
        )
        results = extraction.run()
    with manifest_lock(out):
        receipts = _receipts(out)
        labels = update_manifest(
            out,
            roots,
            {video: receipt.frame_count for video, receipt in receipts.items()},
            choice=choice,
            ranges=ranges_of(receipts),
            given=given,
        )
    if progress is not None:
        _tell_of_older_flow(receipts, progress)
    return ExtractionSummary(out, tuple(results), labels, time.monotonic() - begun)


def _receipts(out: Path) -> dict[str, Receipt]:
    """Return the receipts of all finished videos of a store that this version can read."""
    receipts = {}
    with contextlib.suppress(StoreError):
        store = Store(out)
        for video in store.videos():
            with contextlib.suppress(StoreError):
                receipts[video] = store.receipt(video)
    return receipts


def _tell_of_older_flow(receipts: Mapping[str, Receipt], progress: Progress) -> None:
    """Say so if videos of the store keep the flow of an earlier version."""
    revisions = [receipt.flow_revision for receipt in receipts.values()]
    older = sum(revision is not None and revision < FLOW_REVISION for revision in revisions)
    if older:
        number = "1 video keeps" if older == 1 else f"{older} videos keep"
        progress.message(
            f"{number} flow by the TV-L1 of an earlier version, which differs a little: "
            "with --overwrite it is made anew."
        )


class _Extraction:
    """The state of one call of `extract_videos`."""

    def __init__(
        self,
        found: Sequence[FoundVideo],
        pool: WorkerPool,
        *,
        out: Path,
        parameters: ExtractionParameters,
        overwrite: bool,
        stop_on_error: bool,
        progress: Progress,
        index_threads: int,
        ranges: Mapping[str, FrameRanges] | None,
        hands: Mapping[str, Path],
    ) -> None:
        self._found = found
        self._pool = pool
        self._out = out
        self._parameters = parameters
        self._overwrite = overwrite
        self._stop_on_error = stop_on_error
        self._progress = progress
        self._index_threads = index_threads
        self._ranges = ranges
        self._hands = hands
        self._waiting = deque(found)
        self._locked: deque[FoundVideo] = deque()
        self._told_of_locks = False
        self._jobs: dict[str, VideoJob] = {}
        self._results: dict[str, VideoResult] = {}
        self._declared: dict[str, int] = {}
        self._shown: dict[str, int] = {}

    def run(self) -> list[VideoResult]:
        """Do everything; return the results in the order of the videos."""
        if self._count_frames():
            self._compile_kernels()
        if len(self._found) > 1:
            self._progress.start(_TOTAL, total=sum(self._declared.values()) or None, unit="frames")
        try:
            while self._waiting or self._locked or self._jobs:
                self._submit()
                if self._pool.idle:
                    self._wait_for_locks()
                for outcome in self._pool.wait():
                    self._take(outcome)
                self._show()
                if self._stop_on_error and any(not result.ok for result in self._results.values()):
                    break
        finally:
            for job in self._jobs.values():
                job.lock.release()
        not_done = (VideoResult(v.name, v.path, Status.NOT_DONE, complete=False) for v in self._found)
        return [self._results.get(result.video, result) for result in not_done]

    def _count_frames(self) -> int:
        """Find out how many frames there are, for the total; videos that are finished know it.

        Returns:
            How many videos are not finished: have no receipt that can be read.
        """
        unfinished = 0
        unknown = []
        for video in self._found:
            try:
                receipt = read_receipt(receipt_file(self._out, video.name))
            except StoreError:
                receipt = None
            unfinished += receipt is None
            if receipt is not None:
                self._declared[video.name] = receipt.stored_frames
            elif self._ranges is not None:
                asked_for = self._ranges[video.name]
                self._declared[video.name] = sum(stop - start for start, stop in asked_for)
            else:
                unknown.append(video)
        batches = [unknown[i : i + _PROBES_PER_TASK] for i in range(0, len(unknown), _PROBES_PER_TASK)]
        tasks = [
            Task(("", "probe", number), declared_frames, ([video.path for video in batch],), light=True)
            for number, batch in enumerate(batches)
        ]
        while tasks or not self._pool.idle:
            while tasks and self._pool.free:
                self._pool.submit(tasks.pop())
            for outcome in self._pool.wait():
                if isinstance(outcome.result, list) and isinstance(outcome.key, tuple):
                    batch = batches[outcome.key[2]]
                    self._declared |= dict(zip((video.name for video in batch), outcome.result, strict=True))
        return unfinished

    def _compile_kernels(self) -> None:
        """Let one worker compile what all will need; whoever compiled before only loads it.

        Meanwhile the other workers start.
        """
        if not self._parameters.contents - {Content.RGB}:
            return
        self._progress.start(_COMPILING, total=None, unit="steps")
        self._pool.submit(Task(("", "compile", 0), compile_kernels, (self._parameters,)))
        for number in range(self._pool.free):
            self._pool.submit(Task(("", "start", number), prepare_worker, ()))
        while not self._pool.idle:
            for outcome in self._pool.wait():
                # whatever is wrong, the work itself will say it with the name of a video
                del outcome
        self._progress.finish(_COMPILING)

    def _submit(self) -> None:
        """Give the pool tasks: of videos already begun (`next_task`), of new ones when these have none."""
        while self._pool.free:
            jobs = list(self._jobs.values())
            chosen = next_task(
                [job.ready for job in jobs], workers=self._pool.workers, more_videos=bool(self._waiting)
            )
            if chosen is not None:
                video, place = chosen
                jobs[video].running += 1
                self._pool.submit(jobs[video].ready.pop(place))
            elif not self._waiting:
                return
            else:
                self._open(self._waiting.popleft())

    def _open(self, found: FoundVideo) -> None:
        """Begin a video, or put it back while another process works on it."""
        lock = VideoLock(self._out, found.name)
        try:
            if not lock.acquire():
                self._locked.append(found)
                return
            self._jobs[found.name] = VideoJob(
                found,
                lock,
                store=self._out,
                parameters=self._parameters,
                overwrite=self._overwrite,
                index_threads=self._index_threads,
                ranges=None if self._ranges is None else self._ranges[found.name],
                hands=self._hands.get(found.name),
            )
        except OSError as error:
            lock.release()
            problem = problem_of(error, found, self._out)
            self._end(
                found, VideoResult(found.name, found.path, Status.FAILED, complete=False, problem=problem)
            )
            return
        self._start_line(found.name, self._declared.get(found.name) or None)

    def _wait_for_locks(self) -> None:
        """With nothing else left to do, try again the videos that another process had."""
        if not self._locked or self._jobs or self._waiting:
            return
        if not self._told_of_locks:
            self._told_of_locks = True
            names = "1 video" if len(self._locked) == 1 else f"{len(self._locked)} videos"
            self._progress.message(f"Another process works on {names}: waiting for it.")
        time.sleep(POLL_SECONDS)
        self._waiting, self._locked = self._locked, deque()

    def _take(self, outcome: Outcome) -> None:
        key = _key_of(outcome)
        video, stage, _ = key
        job = self._jobs[video]
        error = outcome.error
        if error is None:
            try:
                job.take(key, outcome.result)
            except (EgotoolError, OSError) as raised:
                job.running += 1
                error = raised
        if error is not None:
            job.fail(problem_of(error, job.found, self._out), keep_work=parts_are_good(error))
        if stage == "index" and job.frame_count is not None:
            self._restart_line(video, job.frame_count)
        if job.result is not None and not job.running:
            job.close()
            self._end(job.found, job.result)
            del self._jobs[video]

    def _end(self, found: FoundVideo, result: VideoResult) -> None:
        self._results[found.name] = result
        self._progress.finish(found.name)
        # whatever was declared and did not come no longer counts as left to do
        missing = self._declared.get(found.name, 0) - self._shown.pop(found.name, 0)
        self._progress.advance(_TOTAL, max(0, missing))
        for warning in result.warnings if result.ok else ():
            self._progress.message(warning)
        if result.problem is not None and (self._waiting or len(self._jobs) > 1):
            # at once, while the others go on; the last one is told by the summary
            kind = "Failed" if result.status is Status.FAILED else "Incomplete"
            self._progress.message(f"{kind}: {result.problem}")

    def _start_line(self, video: str, total: int | None) -> None:
        self._shown[video] = 0
        self._progress.start(video, total=total, unit="frames")

    def _restart_line(self, video: str, frame_count: int) -> None:
        """Correct the total of a video's line once its frames are counted."""
        if frame_count != self._declared.get(video):
            self._progress.finish(video)
            self._progress.start(video, total=frame_count, unit="frames")
            self._progress.advance(video, self._shown[video])

    def _show(self) -> None:
        """Tell how far every video is."""
        running = {key: done for key, done in self._pool.progress().items() if isinstance(key, tuple)}
        for video, job in self._jobs.items():
            before, now = self._shown[video], job.done_frames(running)
            if now > before:
                self._shown[video] = now
                self._progress.advance(video, now - before)
                declared = self._declared.get(video, 0)
                self._progress.advance(_TOTAL, min(now, declared) - min(before, declared))


def _key_of(outcome: Outcome) -> Key:
    if not isinstance(outcome.key, tuple):
        raise TypeError("the key of a task names its video, stage and first frame")
    video, stage, start = outcome.key
    return str(video), str(stage), int(start)
