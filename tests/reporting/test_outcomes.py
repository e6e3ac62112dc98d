import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from egotool import evaluation
from egotool.reporting import wilson_interval


@given(st.integers(1, 2000), st.floats(0, 1))
def test_wilson_interval_holds_the_share_and_stays_within_0_and_1(count: int, share: float) -> None:
    low, high = wilson_interval(share, count)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1


@pytest.mark.parametrize(("share", "count"), [(0.5, 20), (0.9, 116), (0.628, 348), (1.0, 5), (0.0, 5)])
def test_wilson_interval_ends_where_the_score_test_rejects(share: float, count: int) -> None:
    """By definition the ends are the p at which |share − p| is 1.96 standard errors computed with p."""

    def score(p: float) -> float:
        return (share - p) ** 2 - 1.959963984540054**2 * p * (1 - p) / count

    low, high = wilson_interval(share, count)
    if share > 0:
        assert math.isclose(low, brentq(score, 1e-12, share - 1e-9), abs_tol=1e-6)
    if share < 1:
        assert math.isclose(high, brentq(score, share + 1e-9, 1 - 1e-12), abs_tol=1e-6)


@pytest.mark.parametrize(("correct", "total"), [(0, 4), (3, 8), (104, 116)])
def test_one_trial_has_the_interval_of_its_evaluation(correct: int, total: int) -> None:
    assert wilson_interval(correct / total, total) == pytest.approx(
        evaluation.wilson_interval(correct, total)
    )
