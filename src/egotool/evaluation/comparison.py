"""Two networks, or the trials of two experiments, compared on the same segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egotool.evaluation.alignment import align
from egotool.evaluation.predictions import Predictions
from egotool.evaluation.statistics import Interval, bootstrap_difference, mcnemar

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """How one trial of A and one of B fared on the same segments, and McNemar's test of the two."""

    trial_a: int
    """Which trial of A, counted from 0."""
    trial_b: int
    both_right: int
    only_a: int
    """Segments that A gets right and B wrong."""
    only_b: int
    both_wrong: int
    p_value: float
    """Two-sided, exact; see `egotool.evaluation.statistics.mcnemar`."""

    @property
    def discordant(self) -> int:
        """Number of segments that exactly one of the two gets right: all that McNemar's test counts."""
        return self.only_a + self.only_b


@dataclass(frozen=True, slots=True)
class Comparison:
    """A against B on the same segments; rates and differences are between −1 and 1."""

    segments: int
    actions: int
    accuracies_a: tuple[float, ...]
    """Accuracy of every trial of A."""
    accuracies_b: tuple[float, ...]
    difference: float
    """Mean accuracy of A minus mean accuracy of B."""
    interval: Interval
    """Bootstrap percentile interval of the difference."""
    paired_trials: bool
    """Whether the interval draws trials of A and B in pairs: each has its counterpart of equal seed."""
    confidence: float
    resamples: int
    seed: int
    """Of the resampling."""
    pairs: tuple[PairedCounts, ...]
    """The pairs of trials that were asked for."""

    @property
    def accuracy_a(self) -> float:
        """Mean accuracy of A's trials."""
        return float(np.mean(self.accuracies_a))

    @property
    def accuracy_b(self) -> float:
        """Mean accuracy of B's trials."""
        return float(np.mean(self.accuracies_b))

    @property
    def separated(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.interval.low > 0 or self.interval.high < 0


def compare_predictions(
    a: Sequence[Predictions],
    b: Sequence[Predictions],
    *,
    pairs: Sequence[tuple[int, int]] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    names: tuple[str, str] = ("A", "B"),
) -> Comparison:
    """Compare the trials `a` with the trials `b`.

    The interval of the difference resamples segments and, where there are several, trials, in pairs if each
    has its counterpart (`egotool.evaluation.statistics.bootstrap_difference`). McNemar's test is of one trial
    against one.

    Args:
        a: predictions of one network, or of the trials of one experiment (they differ in the seed only).
        b: the same of the other; the order of segments and actions may differ.
        pairs: which trial of A is tested against which of B, by position, such as those of equal seed;
            default: first against first, second against second, as far as both go.
        seed: of the resampling.
        resamples: how many.
        names: what to call the two in errors.

    Raises:
        RunError: if not all were made for the same segments with the same labels and actions.
        ValueError: if a side has no trial or the predictions no segments.
    """
    if not a or not b or not a[0].segments:
        raise ValueError("no trials or no segments")
    right_a, right_b = (
        np.stack([_right(each, a[0], names=(name, names[0])) for each in trials])
        for name, trials in zip(names, (a, b), strict=True)
    )
    if pairs is None:
        pairs = [(number, number) for number in range(min(len(a), len(b)))]
    of_a, of_b = ([pair[side] for pair in pairs] for side in (0, 1))
    paired = len(a) > 1 and sorted(of_a) == list(range(len(a))) and sorted(of_b) == list(range(len(b)))
    accuracies_a = tuple(float(accuracy) for accuracy in right_a.mean(axis=1))
    accuracies_b = tuple(float(accuracy) for accuracy in right_b.mean(axis=1))
    return Comparison(
        segments=len(a[0].segments),
        actions=len(a[0].actions),
        accuracies_a=accuracies_a,
        accuracies_b=accuracies_b,
        difference=float(np.mean(accuracies_a) - np.mean(accuracies_b)),
        interval=bootstrap_difference(
            right_a[of_a] if paired else right_a,
            right_b[of_b] if paired else right_b,
            paired=paired,
            seed=seed,
            resamples=resamples,
            confidence=CONFIDENCE,
        ),
        paired_trials=paired,
        confidence=CONFIDENCE,
        resamples=resamples,
        seed=seed,
        pairs=tuple(_counts(right_a, right_b, one, other) for one, other in pairs),
    )


def _right(predictions: Predictions, reference: Predictions, *, names: tuple[str, str]) -> NDArray[np.bool_]:
    aligned = align(predictions, reference, names=names)
    right: NDArray[np.bool_] = aligned.predicted == aligned.labels
    return right


def _counts(
    right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], trial_a: int, trial_b: int
) -> PairedCounts:
    one, other = right_a[trial_a], right_b[trial_b]
    only_a, only_b = int((one & ~other).sum()), int((~one & other).sum())
    return PairedCounts(
        trial_a=trial_a,
        trial_b=trial_b,
        both_right=int((one & other).sum()),
        only_a=only_a,
        only_b=only_b,
        both_wrong=int((~one & ~other).sum()),
        p_value=mcnemar(only_a, only_b),
    )
