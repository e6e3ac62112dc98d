"""What numbers of right answers say about the true rates."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

_ANSWERS_AT_ONCE = 2_000_000


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


def wilson_interval(correct: int, total: int, *, confidence: float = 0.95) -> Interval:
    """Return the Wilson score interval of a rate (Wilson 1927), without continuity correction.

    Unlike the textbook p ± 1.96·s it stays within 0..1 and is right for small numbers of segments too.

    Raises:
        ValueError: if `total` is not positive or `correct` not between 0 and `total`.
    """
    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"no rate: {correct} of {total}")
    interval = binomtest(correct, total).proportion_ci(confidence_level=confidence, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar 1947).

    Only segments that one of two networks gets right and the other wrong tell them apart. If neither is
    better each of these n = only_a + only_b falls to either side like a fair coin, so with k the smaller
    number p = min(1, 2 · Σ_{i=0..k} C(n, i) / 2ⁿ). Without such segments p is 1.

    Args:
        only_a: number of segments that only the first network gets right.
        only_b: number of segments that only the second gets right.

    Raises:
        ValueError: if a number is negative.
    """
    if min(only_a, only_b) < 0:
        raise ValueError(f"no counts: {only_a}, {only_b}")
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(min(only_a, only_b), only_a + only_b, 0.5).pvalue)


def bootstrap_difference(
    right_a: NDArray[np.bool_],
    right_b: NDArray[np.bool_],
    *,
    paired: bool = False,
    seed: int = 0,
    resamples: int = 10_000,
    confidence: float = 0.95,
) -> Interval:
    """Return the bootstrap percentile interval of accuracy A − accuracy B.

    Every resample draws the segments with replacement, the same ones for A and B (they are paired), and
    independently of them trials with replacement: the interval covers the choice of segments and of seeds.
    With one trial on a side that side's seed counts as fixed. With few trials the seeds' part is rough.

    Args:
        right_a: (trials of A, N), whether each trial gets each of the N segments right.
        right_b: (trials of B, N), the same of B.
        paired: trial i of A and trial i of B have the same seed: they are drawn together, so that what a seed
            does to both does not count. Otherwise the trials of A and of B are drawn independently.
        seed: of the resampling.
        resamples: how many.
        confidence: share of resamples inside.

    Raises:
        ValueError: if there are no trials, no segments, or different numbers of segments (paired: of trials).

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; for two crossed
    factors A. B. Owen, "The pigeonhole bootstrap" (2007): slightly too wide rather than too narrow.
    """
    if right_a.ndim != 2 or right_b.ndim != 2 or right_a.shape[1] != right_b.shape[1]:
        raise ValueError(f"no pairs: {right_a.shape} and {right_b.shape}")
    if 0 in right_a.shape or 0 in right_b.shape:
        raise ValueError("no trials or no segments")
    if paired and len(right_a) != len(right_b):
        raise ValueError(f"no pairs of trials: {len(right_a)} and {len(right_b)}")
    random = np.random.default_rng(seed)
    segments = right_a.shape[1]
    at_once = max(1, _ANSWERS_AT_ONCE // segments)
    differences = []
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        chosen = random.integers(0, segments, size=(count, segments))
        drawn_a, drawn_b = (
            random.integers(0, len(right), size=(count, len(right))) for right in (right_a, right_b)
        )
        means = []
        for right, trials in ((right_a, drawn_a), (right_b, drawn_a if paired else drawn_b)):
            by_trial = np.stack([trial[chosen].mean(axis=1) for trial in right], axis=1)
            means.append(np.take_along_axis(by_trial, trials, axis=1).mean(axis=1))
        differences.append(means[0] - means[1])
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(differences), (tail, 1 - tail))
    return Interval(float(low), float(high))
