"""The trainings behind a row of a table: which runs, how they went, what they confuse."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError
from egotool.files import sha256_of_file
from egotool.reporting.collecting import changes_of
from egotool.reporting.page.curves import Curves, read_curves
from egotool.runs import Run, Scores, read_run

MOST_CONFUSED = 10
"""How many pairs of actions are named that are taken for each other most often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """One run of a training."""

    run: Run
    scores: Scores
    curves: Curves | None
    checkpoint: str
    """SHA-256 of the weights that were scored; "" if they were not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionScore:
    """How one action fared in all runs together."""

    action: str
    segments: int
    """Scored segments, of all runs."""
    correct: int

    @property
    def recall(self) -> float:
        """Share of the segments that were recognised, in percent."""
        return 100 * self.correct / self.segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Confused:
    """An action that was taken for another."""

    action: str
    taken_for: str
    segments: int
    """How often, in all runs together."""
    of: int
    """Scored segments of the action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The runs whose mean stands in a row, seen together."""

    label: str
    """As in the table."""
    anchor: str
    """Where it stands on the page."""
    runs: tuple[TrainedRun, ...]
    actions: tuple[str, ...]
    confusion: NDArray[np.int64]
    """(actions, actions): rows are the true ones, columns the predicted ones; all runs together."""
    changes: tuple[str, ...]
    """What `--set` and options changed."""
    notes: tuple[str, ...] = ()

    @property
    def per_action(self) -> tuple[ActionScore, ...]:
        """The actions that the split shows, the worst first."""
        shown = [
            ActionScore(action=action, segments=int(row.sum()), correct=int(row[place]))
            for place, (action, row) in enumerate(zip(self.actions, self.confusion, strict=True))
            if row.sum()
        ]
        return tuple(sorted(shown, key=lambda each: (each.recall, each.action)))

    @property
    def most_confused(self) -> tuple[Confused, ...]:
        """The pairs of actions that are taken for each other most often."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSED]
        places = [divmod(int(place), len(self.actions)) for place in order]
        return tuple(
            Confused(
                action=self.actions[true],
                taken_for=self.actions[predicted],
                segments=int(wrong[true, predicted]),
                of=int(self.confusion[true].sum()),
            )
            for true, predicted in places
            if wrong[true, predicted]
        )


def read_training(
    label: str, names: Sequence[str], *, folder: Path, split: str, anchor: str
) -> Training | None:
    """Return the runs `names` in `folder`, which share one row of a table; None if none can be read.

    Args:
        label: of the row.
        names: run folders; those that cannot be read any more are named in a note.
        folder: of the runs.
        split: whose scores are shown.
        anchor: where it stands on the page.
    """
    found: list[TrainedRun] = []
    notes: list[str] = []
    for name in names:
        try:
            run = read_run(folder / name)
            scores = run.scores(split)
            if scores is None:
                continue
            curves = None
            try:
                curves = read_curves(run.folder / "metrics.csv")
            except EgotoolError as error:
                notes.append(f"{error}.")
            found.append(TrainedRun(run=run, scores=scores, curves=curves, checkpoint=_digest(run)))
        except EgotoolError as error:
            notes.append(f"Run {name} is left out: {error}.")
    if not found:
        return None
    actions = found[0].scores.actions
    alike = [each for each in found if each.scores.actions == actions]
    if len(alike) < len(found):
        notes.append("Runs with another list of actions are left out of what is said by action.")
    return Training(
        label=label,
        anchor=anchor,
        runs=tuple(found),
        actions=actions,
        confusion=np.sum([np.array(each.scores.confusion, np.int64) for each in alike], axis=0),
        changes=changes_of(found[0].run),
        notes=tuple(notes),
    )


def _digest(run: Run) -> str:
    return sha256_of_file(run.best_checkpoint) if run.best_checkpoint.is_file() else ""
