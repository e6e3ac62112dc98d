"""Predictions of a run for every segment of a split, as a table that any program reads."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egotool.errors import RunError
from egotool.files import write_text

_FIRST_COLUMNS = ("segment", "label", "prediction")


@dataclass(frozen=True)
class Predictions:
    """Probabilities of every action for every segment.

    Attributes:
        segments: ids of the N segments.
        actions: the K class labels in the order of the classes.
        labels: (N,) int64, the true classes.
        probabilities: (N, K) float64, each row summing to 1.
    """

    segments: tuple[str, ...]
    actions: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) the most probable class of every segment."""
        classes: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return classes


def pooled(parts: Sequence[Predictions], *, name: str) -> Predictions:
    """Return the predictions for the segments of all parts together, as of leave-one-subject-out.

    Args:
        parts: predictions of networks with the same actions, for different segments.
        name: what to call them in errors.

    Raises:
        RunError: if the actions differ or a segment is in two parts.
    """
    segments = tuple(segment for part in parts for segment in part.segments)
    if len({part.actions for part in parts}) > 1:
        raise RunError(f"the runs of {name} were trained on different actions: train all on one manifest")
    if len(parts) > 1 and len(set(segments)) < len(segments):
        raise RunError(f"the runs of {name} were scored on the same segments: name one for each subject")
    return Predictions(
        segments,
        parts[0].actions,
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
    )


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write a CSV: segment, label, prediction, then one column with the probability of each action."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_FIRST_COLUMNS, *predictions.actions])
    rows = zip(
        predictions.segments,
        predictions.labels,
        predictions.predicted,
        predictions.probabilities,
        strict=True,
    )
    for segment, label, predicted, probabilities in rows:
        names = (predictions.actions[label], predictions.actions[predicted])
        writer.writerow([segment, *names, *(f"{value:.9g}" for value in probabilities)])
    write_text(path, text.getvalue())


def read_predictions(path: Path) -> Predictions:
    """Return what `write_predictions` wrote.

    Raises:
        RunError: if the file is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if tuple(header[:3]) != _FIRST_COLUMNS:
            raise ValueError("other columns")
        actions = tuple(header[3:])
        labels = np.array([actions.index(row[1]) for row in rows], dtype=np.int64)
        probabilities = np.array([row[3:] for row in rows], dtype=np.float64).reshape(len(rows), len(actions))
    except FileNotFoundError as error:
        raise RunError(f"there are no predictions {path}: run `egotool evaluate` on the run") from error
    except (OSError, ValueError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(
            f"the predictions {path} are damaged: run `egotool evaluate` on the run again"
        ) from error
    return Predictions(tuple(row[0] for row in rows), actions, labels, probabilities)
