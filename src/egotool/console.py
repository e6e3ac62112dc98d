"""What the command line draws with: consoles, and progress as rich bars or as plain lines."""

import contextlib
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

PLAIN_INTERVAL_SECONDS = 10.0


def output_console() -> Console:
    """Return the console for results (standard output)."""
    return Console(emoji=False)  # a path may well have :boom: in it


def message_console() -> Console:
    """Return the console for progress, notes and errors (standard error), so pipes carry results only."""
    return Console(stderr=True, emoji=False)


def _counts(task: Task) -> bool:
    """Whether there is anything to count: some tasks only take a while."""
    return task.total is not None or task.completed > 0


class _CountColumn(MofNCompleteColumn):
    def render(self, task: Task) -> Text:
        """Return how much of the task is done."""
        return super().render(task) if _counts(task) else Text()


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the task's speed in its own unit."""
        if not _counts(task):
            return Text()
        speed = task.finished_speed or task.speed
        unit = task.fields.get("unit", "items")
        return Text(f"{speed:.1f} {unit}/s" if speed else f"– {unit}/s", style="progress.data.speed")


class ConsoleProgress:
    """Draws progress on standard error: rich bars on a terminal, else a plain line now and then.

    Use as a context manager; implements `egotool.progress.Progress`.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or message_console()
        self._bars = RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            _CountColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._printed: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, task: str, *, total: int | None, unit: str) -> None:
        """Show a new line for `task`."""
        self._tasks[task] = self._bars.add_task(task, total=total, unit=unit)
        self._printed[task] = time.monotonic()
        if total is None and not self._console.is_terminal:  # it may take a while without advancing
            self._console.print(f"{task} …", markup=False, highlight=False, soft_wrap=True)

    def advance(self, task: str, amount: int = 1) -> None:
        """Move the bar; without a terminal print a line at most every ten seconds per task."""
        if task not in self._tasks:
            return
        self._bars.advance(self._tasks[task], amount)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._printed[task] > PLAIN_INTERVAL_SECONDS:
            self._printed[task] = now
            self._print_plain(task)

    def _print_plain(self, task: str) -> None:
        state = self._bars.tasks[self._bars.task_ids.index(self._tasks[task])]
        total = "?" if state.total is None else f"{state.total:.0f}"
        unit = state.fields["unit"]
        speed = f", {state.speed:.1f} {unit}/s" if state.speed else ""
        left = f", {state.time_remaining:.0f} s left" if state.time_remaining else ""
        self._console.print(
            f"{task}: {state.completed:.0f}/{total} {unit}{speed}{left}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def finish(self, task: str) -> None:
        """Remove the line of `task`."""
        if task in self._tasks:
            self._bars.remove_task(self._tasks.pop(task))

    def message(self, text: str) -> None:
        """Print one sentence above the bars."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def status(text: str) -> Iterator[None]:
    """Show a spinner with `text` on a terminal, or print it once elsewhere, while the block runs."""
    console = message_console()
    if console.is_terminal:
        with console.status(text):
            yield
    else:
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        yield
