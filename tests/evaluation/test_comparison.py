import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.errors import RunError
from egotool.evaluation import Predictions, compare_predictions
from egotool.evaluation.statistics import bootstrap_difference, mcnemar

ACTIONS = ("open", "shut", "take")


def predictions(right: list[bool], *, order: list[int] | None = None, actions=ACTIONS) -> Predictions:
    """Segment s shows action s mod 3; where it is not right, the next action is answered."""
    numbers = order or list(range(len(right)))
    labels = np.array([actions.index(ACTIONS[number % 3]) for number in numbers])
    answers = [actions.index(ACTIONS[(number + (not right[number])) % 3]) for number in numbers]
    probabilities = np.full((len(numbers), 3), 0.1)
    probabilities[np.arange(len(numbers)), answers] = 0.8
    return Predictions(tuple(f"s{number}" for number in numbers), actions, labels, probabilities)


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_the_sum_of_binomial_probabilities(only_a: int, only_b: int) -> None:
    n, k = only_a + only_b, min(only_a, only_b)
    expected = min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)
    assert mcnemar(only_a, only_b) == pytest.approx(expected)
    assert mcnemar(only_a, only_b) == mcnemar(only_b, only_a)


def test_mcnemar_by_hand() -> None:
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 1024)
    assert mcnemar(0, 0) == 1


def test_the_two_by_two_table_and_the_difference() -> None:
    a = predictions([True, True, True, False, False, True])
    b = predictions([True, False, False, True, False, False])
    comparison = compare_predictions([a], [b])
    (pair,) = comparison.pairs
    assert (pair.both_right, pair.only_a, pair.only_b, pair.both_wrong) == (1, 3, 1, 1)
    assert pair.p_value == pytest.approx(2 * (1 + 4) / 16)
    assert comparison.difference == pytest.approx(2 / 6)
    assert comparison.interval.low <= comparison.difference <= comparison.interval.high


def test_the_order_of_segments_and_actions_does_not_matter() -> None:
    right_a, right_b = [True, True, False, True], [False, True, False, True]
    plain = compare_predictions([predictions(right_a)], [predictions(right_b)])
    shuffled = predictions(right_b, order=[2, 0, 3, 1], actions=("take", "open", "shut"))
    assert compare_predictions([predictions(right_a)], [shuffled]) == plain


def test_other_segments_labels_or_actions_are_refused() -> None:
    a = predictions([True] * 6)
    with pytest.raises(
        RunError, match="different segments: 0 only in the first, 1 only in the second, such as s5"
    ):
        compare_predictions([a], [predictions([True] * 5)])
    moved = Predictions(a.segments, a.actions, (a.labels + 1) % 3, a.probabilities)
    with pytest.raises(RunError, match="different labels: 6 of 6"):
        compare_predictions([a], [moved])
    renamed = Predictions(a.segments, ("open", "shut", "lift"), a.labels, a.probabilities)
    with pytest.raises(RunError, match="different actions"):
        compare_predictions([a], [renamed])


def test_the_interval_against_resampling_in_a_plain_loop() -> None:
    random = np.random.default_rng(5)
    right_a, right_b = random.random((2, 40)) < 0.8, random.random((3, 40)) < 0.6
    differences = []
    for _ in range(4000):
        segments = [random.integers(40) for _ in range(40)]
        rows_a = [right_a[random.integers(2)] for _ in range(2)]
        rows_b = [right_b[random.integers(3)] for _ in range(3)]
        mean_a = np.mean([[row[s] for s in segments] for row in rows_a])
        mean_b = np.mean([[row[s] for s in segments] for row in rows_b])
        differences.append(mean_a - mean_b)
    low, high = np.quantile(differences, (0.025, 0.975))
    interval = bootstrap_difference(right_a, right_b)
    assert interval.low == pytest.approx(low, abs=0.02)
    assert interval.high == pytest.approx(high, abs=0.02)


def test_pairs_of_trials_against_resampling_in_a_plain_loop() -> None:
    random = np.random.default_rng(6)
    rates = np.array([[0.9], [0.6], [0.3]])  # what the seed does, to both
    right_a, right_b = random.random((3, 60)) < rates, random.random((3, 60)) < rates - 0.1
    differences = []
    for _ in range(4000):
        segments = [random.integers(60) for _ in range(60)]
        trials = [random.integers(3) for _ in range(3)]
        differences.append(
            np.mean([[float(right_a[t][s]) - float(right_b[t][s]) for s in segments] for t in trials])
        )
    low, high = np.quantile(differences, (0.025, 0.975))
    paired = bootstrap_difference(right_a, right_b, paired=True)
    assert paired.low == pytest.approx(low, abs=0.02)
    assert paired.high == pytest.approx(high, abs=0.02)
    alone = bootstrap_difference(right_a, right_b)
    assert alone.high - alone.low > 1.5 * (paired.high - paired.low)


def test_trials_are_drawn_in_pairs_only_where_every_one_has_its_counterpart() -> None:
    random = np.random.default_rng(7)
    a = [predictions(list(random.random(12) < 0.7)) for _ in range(2)]
    b = [predictions(list(random.random(12) < 0.7)) for _ in range(2)]
    assert compare_predictions(a, b, pairs=[(0, 1), (1, 0)]).paired_trials
    crossed = compare_predictions(a, b, pairs=[(0, 1), (1, 0)])
    assert crossed.interval == compare_predictions(a, b[::-1], pairs=[(0, 0), (1, 1)]).interval
    assert not compare_predictions(a, b, pairs=[(0, 1)]).paired_trials
    assert not compare_predictions(a[:1], b[:1]).paired_trials
    with pytest.raises(ValueError, match="no pairs of trials"):
        bootstrap_difference(np.ones((2, 3), dtype=bool), np.ones((1, 3), dtype=bool), paired=True)


def test_the_interval_contains_zero_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        right = random.random((2, 150)) < 0.7  # two networks of equal rate
        interval = bootstrap_difference(right[:1], right[1:], resamples=500)
        covered += interval.low <= 0 <= interval.high
    assert 0.90 <= covered / 200 <= 0.99


def test_equal_networks_are_not_separated() -> None:
    same = predictions([True, False, True])
    comparison = compare_predictions([same], [same])
    assert comparison.difference == 0
    assert not comparison.separated
