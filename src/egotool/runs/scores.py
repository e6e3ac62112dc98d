"""What an evaluation leaves behind: one JSON document per run and split."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer


def _nan_for_null(value: object) -> object:
    return math.nan if value is None else value


def _null_for_nan(value: float) -> float | None:
    return value if math.isfinite(value) else None


Loss = Annotated[
    float, BeforeValidator(_nan_for_null), PlainSerializer(_null_for_nan, float | None, when_used="json")
]
"""A mean loss. JSON knows no NaN or infinity: both are written as null, and null is read as NaN."""


class _Document(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class ClassScore(_Document):
    """How one action fared."""

    action: str
    segments: int
    correct: int
    accuracy: float
    """Share of the action's segments recognised (recall), 0..1."""


class PartScores(_Document):
    """How well the verbs, or the nouns, of the actions are told apart; rates are between 0 and 1.

    The score of a verb is the sum of the probabilities of the actions that have it.
    """

    classes: int
    """Number of different verbs or nouns."""
    segments: int
    top1: float
    top5: float
    mean_class_accuracy: float
    """Over the verbs or nouns that the split shows."""


class Scores(_Document):
    """Scores of a run on one split; all rates are between 0 and 1."""

    format_version: int = 1
    run: str
    """Name of the run's folder."""
    model: str
    recipe: str
    protocol: Literal["honest", "paper"]
    selection: str
    """In words: which epoch this is and what chose it."""
    split: str
    segments: int
    top1: float
    top5: float
    mean_class_accuracy: float
    interval_low: float
    """Lower end of the 95 % Wilson interval of `top1`."""
    interval_high: float
    chance: float
    """What always guessing the most frequent action of the split would reach."""
    loss: Loss
    """Mean negative log-likelihood."""
    actions: tuple[str, ...]
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows are the true actions, columns the predicted ones, in the order of `actions`."""
    verbs: PartScores | None = None
    """None where the manifest does not give every action one verb, or all actions share one."""
    nouns: PartScores | None = None
    """The same for nouns."""
    manifest_fingerprint: str
    data_fingerprint: str | None = None
    """Of manifest and videos, as a run records it; None: by a version that did not say."""
    created: str
    """ISO 8601, UTC."""
