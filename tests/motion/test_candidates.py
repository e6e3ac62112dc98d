import math

import numpy as np
import pytest

from egotool.motion._candidates import vote, voters
from egotool.motion._samples import corner_samples, edge_samples
from tests.motion.scenes import HEIGHT, WIDTH, corner_error, homography_flow, shift, texture, turn

SHAPE = (HEIGHT, WIDTH)
EVERYWHERE = np.full(SHAPE, 255, np.uint8)


def sample_at(x: float, y: float) -> np.ndarray:
    return np.array([[x], [y], [x], [y], [1], [0], [1]], np.float32)


@pytest.mark.parametrize(
    ("x", "y", "hand"),
    [
        (0.5, 0.0, 0.05),
        (0.0, 0.0, 0.05),
        (0.5, 0.1, 0.05),
        (0.5, 0.4, 0.05 + 0.35 / 2),
        (0.5, 0.95, 0.4),
        (0.0, 0.95, 0.05 + 0.35 / 2),
        (1.0, 0.95, 0.05 + 0.35 / 2),
    ],
)
def test_a_vote_weighs_what_a_hand_there_is_unlikely(x: float, y: float, hand: float) -> None:
    weighed = voters(sample_at(x * WIDTH, y * HEIGHT), SHAPE)
    assert weighed[6, 0] == pytest.approx(math.log((1 - hand) / hand) / math.log(0.95 / 0.05), rel=1e-5)


def test_voters_are_the_same_samples() -> None:
    samples = edge_samples(texture(), np.zeros((2, *SHAPE), np.float32), EVERYWHERE)
    before = samples.copy()
    weighed = voters(samples, SHAPE)
    assert np.array_equal(samples, before)
    assert np.array_equal(weighed[:6], samples[:6])
    assert (weighed[6] > 0).all() and (weighed[6] <= samples[6]).all()


def test_votes_come_in_order_and_no_motion_is_among_the_candidates() -> None:
    image, motion = texture(), turn(1, 3, -2)
    flow = homography_flow(motion, HEIGHT, WIDTH)
    samples = corner_samples(image, flow, EVERYWHERE), edge_samples(image, flow, EVERYWHERE)
    candidates, votes = vote(*samples, SHAPE, seed=0)
    assert corner_error(candidates[0], motion, HEIGHT, WIDTH) < 0.02
    assert votes[0] == pytest.approx(samples[0][6].sum() + samples[1][6].sum(), rel=0.01)
    assert (np.diff(votes) <= 0).all()
    assert any(np.array_equal(each, np.eye(3)) for each in candidates)


@pytest.mark.parametrize("swapped", [False, True])
def test_who_moves_above_has_more_votes_than_who_moves_below(swapped: bool) -> None:
    image, motions = texture(), [shift(3, 1), shift(-2, 2)]
    if swapped:
        motions.reverse()
    above, below = (homography_flow(each, HEIGHT, WIDTH) for each in motions)
    flow = np.where(np.arange(HEIGHT)[:, None] < HEIGHT // 2, above, below)
    samples = corner_samples(image, flow, EVERYWHERE), edge_samples(image, flow, EVERYWHERE)
    candidates, _ = vote(*(voters(each, SHAPE) for each in samples), SHAPE, seed=0)
    assert corner_error(candidates[0], motions[0], HEIGHT, WIDTH) < 0.3
