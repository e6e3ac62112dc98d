"""What metrics.csv says of a training, epoch by epoch."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import RunError

_TRAINING = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Losses, and accuracies in percent, of every epoch; NaN where one was not measured."""

    epochs: tuple[int, ...]
    """Counted from 1."""
    training_loss: tuple[float, ...]
    head_loss: tuple[float, ...]
    """Of the self-supervised head, before its weight; empty for a model without one."""
    selection_loss: tuple[float, ...]
    training_accuracy: tuple[float, ...]
    selection_accuracy: tuple[float, ...]
    selection_split: str
    """The split that chose the epoch."""


def read_curves(path: Path) -> Curves | None:
    """Return what the metrics.csv of a run says; None where there is none, or no epoch in it.

    Raises:
        RunError: if it cannot be read.
    """
    if not path.is_file():  # imported weights have none
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows:
            return None
        split = _selection_split(rows[0])
        return Curves(
            epochs=tuple(int(row["epoch"]) + 1 for row in rows),
            training_loss=_column(rows, f"{_TRAINING}/loss"),
            head_loss=_column(rows, f"{_TRAINING}/head_loss") if f"{_TRAINING}/head_loss" in rows[0] else (),
            selection_loss=_column(rows, f"{split}/loss"),
            training_accuracy=_column(rows, f"{_TRAINING}/accuracy", unit=100),
            selection_accuracy=_column(rows, f"{split}/accuracy", unit=100),
            selection_split=split,
        )
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise RunError(f"{path} is damaged ({error}): its curves are left out") from error


def _selection_split(row: Mapping[str, str]) -> str:
    for name in row:
        split, _, what = name.rpartition("/")
        if what == "accuracy" and split != _TRAINING:
            return split
    raise ValueError("no split chose the epoch")


def _column(rows: list[dict[str, str]], name: str, *, unit: float = 1) -> tuple[float, ...]:
    return tuple(unit * float(row.get(name) or math.nan) for row in rows)
