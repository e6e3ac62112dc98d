"""What a number of right answers says about the true rate."""

from typing import NamedTuple

from scipy.stats import binomtest


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
