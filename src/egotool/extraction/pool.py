"""Worker processes that report how far they are, that one may kill, and that end with their parent.

Progress travels through a small shared array, not through a queue: a queue has a lock, and a process killed
while it holds a lock stops all others.
"""

import functools
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, MutableSequence, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from multiprocessing.sharedctypes import RawArray
from types import TracebackType
from typing import Self

POLL_SECONDS = 0.25
GRACE_SECONDS = 2.0

Report = Callable[[int], None]
"""Tells how many units of a task are done; raises `StoppedError` when the work is no longer wanted."""


class StoppedError(Exception):
    """The parent no longer wants the result."""


class WorkerLostError(Exception):
    """The process that worked on a task, and on nothing else, was killed."""


@dataclass(frozen=True)
class Task:
    """A call `function(*arguments, report)` for a worker; everything must pickle.

    A light task (reading files, mostly) runs in a thread: when there are only such, no process is started.
    """

    key: Hashable
    function: Callable[..., object]
    arguments: tuple[object, ...]
    light: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a task: a result, or the exception that ended it."""

    key: Hashable
    result: object = None
    error: Exception | None = None


def _start_server() -> None:
    """Return when processes can be made at once: a server has then imported what it has to."""
    if sys.platform == "linux":
        multiprocessing.get_context("forkserver").Process(target=int).start()


def process_context(preload: Sequence[str]) -> BaseContext:
    """Return how processes are started.

    Never as copies of this one: they would have copies of the locks that its threads hold. On Linux a server
    without threads imports `preload` once, and every worker is a copy of it; elsewhere (system libraries of
    macOS do not bear it, Windows cannot) every worker starts anew. A server once started serves all pools of
    this process: what it has not imported, its workers import themselves.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", *preload])
    # The server keeps this mask: Ctrl-C, which reaches all processes, would end it with a traceback. The
    # tracker, which it starts if need be, would undo the mask.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


class WorkerPool:
    """Runs tasks in `workers` processes, or, with 0 workers, at once in this process.

    A context manager; leaving it stops what still runs. When a process is killed (kill -9, out of memory),
    every task that was running is a suspect: each is run again, alone, and only one that then loses its
    process again fails, with `WorkerLostError`.
    """

    def __init__(self, workers: int, *, preload: Sequence[str] = ()) -> None:
        """Prepare the pool; nothing is started before there is work.

        Args:
            workers: how many tasks run side by side.
            preload: names of modules that the tasks need, imported once for all workers where processes can
                be forked.
        """
        self.workers = workers
        self._preload = tuple(preload)
        # slot 0 holds the wish to stop, slot n the progress of the n-th running task
        self._board: MutableSequence[int] = RawArray("q", 1 + max(1, workers)) if workers else [0, 0]
        self._executor: ProcessPoolExecutor | None = None
        self._threads = ThreadPoolExecutor(max(1, workers))
        self._running: dict[Future[object], tuple[Task, int]] = {}
        self._suspects: deque[Task] = deque()
        self._outcomes: list[Outcome] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board[0] = 1
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    @property
    def free(self) -> int:
        """How many further tasks `submit` takes now."""
        if self.workers == 0:
            return 0 if self._outcomes else 1
        return 0 if self._suspects else self.workers - len(self._running)

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits to be returned."""
        return not (self._running or self._suspects or self._outcomes)

    def submit(self, task: Task) -> None:
        """Run a task; only while `free` is positive."""
        if self.workers:
            self._start(task)
        else:
            self._board[1] = 0
            self._outcomes.append(_call_here(task, _Reporter(self._board, 1)))

    def wait(self) -> list[Outcome]:
        """Return the tasks that ended, after a quarter of a second at the latest."""
        if self._running and not self._outcomes:
            done, _ = wait(self._running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            broken = [future for future in done if isinstance(future.exception(), BrokenProcessPool)]
            self._outcomes += [self._collect(future) for future in done if future not in broken]
            if broken:
                self._recover()
        if self._suspects and not self._running:
            self._start(self._suspects[0])
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def progress(self) -> dict[Hashable, int]:
        """Return how many units of each running task are done."""
        return {task.key: self._board[slot] for task, slot in self._running.values()}

    def _start(self, task: Task) -> None:
        slot = min(set(range(1, self.workers + 1)) - {slot for _, slot in self._running.values()})
        self._board[slot] = 0
        if task.light:
            call = functools.partial(task.function, *task.arguments, _Reporter(self._board, slot))
            self._running[self._threads.submit(call)] = (task, slot)
            return
        if self._executor is None:
            context = process_context(self._preload)
            # in a thread, for Ctrl-C must not break off what makes a process; leaving the pool waits for it
            self._threads.submit(_start_server).result()
            self._executor = ProcessPoolExecutor(
                self.workers,
                mp_context=context,
                initializer=_start_worker,
                initargs=(self._board,),
            )
        try:
            future = self._executor.submit(_call, task, slot)
        except BrokenProcessPool:
            self._suspects.append(task)
            self._recover()
            return
        self._running[future] = (task, slot)

    def _collect(self, future: Future[object]) -> Outcome:
        task, _ = self._running.pop(future)
        if task in self._suspects:
            self._suspects.remove(task)
        error = future.exception()
        if error is None:
            return Outcome(task.key, future.result())
        return Outcome(task.key, error=error if isinstance(error, Exception) else WorkerLostError(str(error)))

    def _recover(self) -> None:
        """Replace a broken executor; find out whom to suspect."""
        lost = [task for task, _ in self._running.values() if not task.light]
        self._running = {future: entry for future, entry in self._running.items() if entry[0].light}
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None
        if len(lost) == 1 and lost[0] in self._suspects:
            # it ran alone, for the second time
            self._suspects.remove(lost[0])
            self._outcomes.append(Outcome(lost[0].key, error=WorkerLostError("the process was killed")))
            return
        self._suspects.extend(task for task in lost if task not in self._suspects)


class _Reporter:
    def __init__(self, board: MutableSequence[int], slot: int) -> None:
        self._board = board
        self._slot = slot

    def __call__(self, done: int) -> None:
        self._board[self._slot] = done
        if self._board[0]:
            raise StoppedError


_worker_board: MutableSequence[int] | None = None


def _start_worker(board: MutableSequence[int]) -> None:
    """Prepare a worker process."""
    global _worker_board  # the only way from a pool's initialiser to its tasks
    _worker_board = board
    # Ctrl-C reaches the whole group of processes; the parent decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, args=(board,), daemon=True).start()
    import cv2

    # one process per core: threads within would only compete
    cv2.setNumThreads(1)


def _watch_parent(board: MutableSequence[int]) -> None:
    """End this process soon after its parent died, or wants to stop and waits in vain."""
    parent = multiprocessing.parent_process()
    while parent is not None:
        if multiprocessing.connection.wait([parent.sentinel], timeout=POLL_SECONDS):
            os._exit(1)
        if board[0]:
            time.sleep(GRACE_SECONDS)
            os._exit(1)


def _call(task: Task, slot: int) -> object:
    if _worker_board is None:
        raise RuntimeError("the worker was not started by its pool")
    return task.function(*task.arguments, _Reporter(_worker_board, slot))


def _call_here(task: Task, report: Report) -> Outcome:
    try:
        return Outcome(task.key, task.function(*task.arguments, report))
    except Exception as error:
        return Outcome(task.key, error=error)
