import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.errors import RunError, UsageError
from egotool.evaluation import Predictions, fuse_predictions

ACTIONS = ("open", "shut", "take")


def some(seed: int, *, segments: int = 5) -> Predictions:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(3), size=segments)
    names = tuple(f"s{number}" for number in range(segments))
    return Predictions(names, ACTIONS, np.arange(segments) % 3, probabilities)


@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_probabilities_are_averaged_one_by_one(weight_a: float, weight_b: float) -> None:
    a, b = some(1), some(2)
    fused = fuse_predictions([a, b], [weight_a, weight_b])
    for segment in range(5):
        for action in range(3):
            expected = (
                weight_a * a.probabilities[segment, action] + weight_b * b.probabilities[segment, action]
            )
            assert fused.probabilities[segment, action] == pytest.approx(expected / (weight_a + weight_b))


def test_scores_are_averaged_before_the_softmax() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 4, 3))
    exponents = np.exp(logits)
    softmaxed = exponents / exponents.sum(axis=2, keepdims=True)
    segments, labels = tuple("abcd"), np.zeros(4, dtype=np.int64)
    members = [Predictions(segments, ACTIONS, labels, each) for each in softmaxed]
    fused = fuse_predictions(members, [1.0, 1.5], form="scores").probabilities
    mixed = np.exp((logits[0] + 1.5 * logits[1]) / 2.5)
    np.testing.assert_allclose(fused, mixed / mixed.sum(axis=1, keepdims=True), rtol=1e-9)


def test_a_weight_of_zero_leaves_a_member_out() -> None:
    fused = fuse_predictions([some(1), some(2)], [2.0, 0.0])
    np.testing.assert_allclose(fused.probabilities, some(1).probabilities)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0], "1 number for 2 runs"),
        ([1.0, -1.0], "not negative"),
        ([0.0, 0.0], "above zero"),
        ([1.0, float("nan")], "not negative"),
    ],
)
def test_impossible_weights(weights: list[float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fuse_predictions([some(1), some(2)], weights)


def test_other_segments_and_missing_numbers_are_refused() -> None:
    with pytest.raises(RunError, match="different segments"):
        fuse_predictions([some(1), some(2, segments=4)], [1, 1])
    broken = some(2)
    broken.probabilities[0, 0] = np.nan
    with pytest.raises(RunError, match="not numbers"):
        fuse_predictions([some(1), broken], [1, 1])
