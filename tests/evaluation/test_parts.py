import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.evaluation.parts import parts_of_actions, score_parts
from egotool.evaluation.predictions import Predictions
from egotool.manifests import Segment

ACTIONS = ("put cup", "put pan", "take cup", "take pan", "wash pan")
VERBS = {action: action.split()[0] for action in ACTIONS}
NOUNS = {action: action.split()[1] for action in ACTIONS}


def predictions(labels, probabilities) -> Predictions:
    names = tuple(f"s{number}" for number in range(len(labels)))
    return Predictions(names, ACTIONS, np.array(labels), np.array(probabilities, dtype=float))


def test_a_verb_scores_the_sum_of_its_actions():
    """The action is wrong, but the verb has more than half of the probability."""
    given_ = predictions([0, 4], [[0.3, 0.3, 0.4, 0, 0], [0, 0.1, 0, 0.5, 0.4]])
    verbs, nouns = score_parts(given_, VERBS), score_parts(given_, NOUNS)
    assert verbs.classes == 3
    assert verbs.top1 == 0.5  # put 0.6 is right; take 0.5 before wash 0.4 is wrong
    assert verbs.top5 == 1.0
    assert nouns.top1 == 1.0  # cup 0.7, pan 1.0
    assert nouns.segments == 2


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_against_plain_loops(seed, count):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(ACTIONS), count)
    probabilities = rng.dirichlet(np.ones(len(ACTIONS)), count)
    scores = score_parts(predictions(labels, probabilities), VERBS)
    hits: dict[str, list[bool]] = {}
    for label, row in zip(labels, probabilities, strict=True):
        sums = dict.fromkeys(VERBS.values(), 0.0)
        for action, probability in zip(ACTIONS, row, strict=True):
            sums[VERBS[action]] += probability
        true = VERBS[ACTIONS[label]]
        hits.setdefault(true, []).append(max(sums, key=sums.get) == true)
    every = [hit for group in hits.values() for hit in group]
    assert scores.top1 == pytest.approx(sum(every) / count)
    mean = sum(sum(group) / len(group) for group in hits.values()) / len(hits)
    assert scores.mean_class_accuracy == pytest.approx(mean)
    assert scores.top5 == 1.0  # there are three verbs


def test_top5_of_many():
    actions = tuple(f"v{n} x" for n in range(8))
    probabilities = np.array([[0.2, 0.18, 0.16, 0.14, 0.12, 0.1, 0.06, 0.04]] * 2)
    given_ = Predictions(("a", "b"), actions, np.array([4, 5]), probabilities)
    scores = score_parts(given_, {action: action.split()[0] for action in actions})
    assert (scores.top1, scores.top5, scores.mean_class_accuracy) == (0.0, 0.5, 0.0)


def test_without_one_part_for_every_action_there_is_nothing_to_score():
    given_ = predictions([0], [[1, 0, 0, 0, 0]])
    assert score_parts(given_, dict.fromkeys(ACTIONS, "x")) is None
    assert score_parts(given_, {**VERBS} | {}) is not None
    assert score_parts(given_, {action: VERBS[action] for action in ACTIONS[1:]}) is None


def test_parts_come_from_the_manifest():
    segments = [
        Segment("a", "v", 0, 1, "take", "take", "cup"),
        Segment("b", "v", 1, 2, "take", "take", "pan"),
        Segment("c", "v", 2, 3, "wash", "", "pan"),
    ]
    assert parts_of_actions(segments, "verb") == {"take": "take"}
    assert parts_of_actions(segments, "noun") == {"wash": "pan"}
