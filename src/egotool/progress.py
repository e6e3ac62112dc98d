"""How long work tells its caller where it is: the library reports, only the command line draws."""

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of named tasks; every method must be cheap and must not raise."""

    def start(self, task: str, *, total: int | None, unit: str) -> None:
        """Begin `task`, which will advance by `total` units ("frames", "segments") if that is known."""

    def advance(self, task: str, amount: int = 1) -> None:
        """Count `amount` further units of `task` as done."""

    def finish(self, task: str) -> None:
        """End `task`; its line may disappear."""

    def message(self, text: str) -> None:
        """Tell the user one complete sentence that should stay on the screen."""


class SilentProgress:
    """Ignores everything; the default of library functions."""

    def start(self, task: str, *, total: int | None, unit: str) -> None:
        """Ignore the beginning of a task."""

    def advance(self, task: str, amount: int = 1) -> None:
        """Ignore an advance."""

    def finish(self, task: str) -> None:
        """Ignore the end of a task."""

    def message(self, text: str) -> None:
        """Ignore a message."""
