import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.synthetic.actions import act_out, draw_performance, smooth_step
from egotool.synthetic.parameters import Verb

TIMES = np.linspace(0, 1, 41)


def performance(seed: int):
    rng = np.random.default_rng(seed)
    return draw_performance(rng, speed=rng.uniform(0.3, 2), right_handed=True)


@pytest.mark.parametrize(
    ("verb", "twin"), [(Verb.TAKE, Verb.PUT), (Verb.PUSH_LEFT, Verb.PUSH_RIGHT), (Verb.OPEN, Verb.CLOSE)]
)
@given(seed=st.integers(0, 1000))
def test_twins_are_each_other_played_backwards(verb, twin, seed):
    forwards = act_out(verb, performance(seed), TIMES)
    backwards = act_out(twin, performance(seed), TIMES)
    for field in dataclasses.fields(forwards):
        first, second = getattr(forwards, field.name), getattr(backwards, field.name)
        if isinstance(first, np.ndarray):
            np.testing.assert_allclose(second, first[::-1], atol=1e-9)
        else:
            assert first == second


@given(seed=st.integers(0, 1000), verb=st.sampled_from(list(Verb)))
def test_the_hand_comes_and_goes_within_the_clip(seed, verb):
    motion = act_out(verb, performance(seed), TIMES)
    carries = motion.object_exit > 0.99  # hand and object are outside together
    assert motion.hand_presence[0] < 0.01 or carries[0]
    assert motion.hand_presence[-1] < 0.01 or carries[-1]
    assert motion.hand_presence.max() > 0.95 or motion.object_exit.min() < 0.05


@given(seed=st.integers(0, 1000))
def test_each_verb_does_what_it_says(seed):
    p = performance(seed)
    assert act_out(Verb.TAKE, p, TIMES).object_exit[[0, -1]] == pytest.approx([0, 1])
    assert act_out(Verb.PUT, p, TIMES).object_exit[[0, -1]] == pytest.approx([1, 0])
    left = act_out(Verb.PUSH_LEFT, p, TIMES).object_shift[:, 0]
    assert (np.diff(left) <= 1e-12).all()
    assert left[0] - left[-1] == pytest.approx(2 * p.distance)
    assert abs(act_out(Verb.ROTATE, p, TIMES).object_angle[-1]) > 0.6
    shaken = act_out(Verb.SHAKE, p, TIMES)
    assert shaken.object_shift[[0, -1]] == pytest.approx(0, abs=1e-9)
    assert (np.diff(np.sign(shaken.object_shift[:, 0])) != 0).sum() >= 3
    lid = act_out(Verb.OPEN, p, TIMES).lid_shift
    assert lid[0] == pytest.approx(0)
    assert np.hypot(*lid[-1]) > 0.7


def test_object_moves_only_in_the_hand():
    p = performance(3)
    for verb in Verb:
        motion = act_out(verb, p, TIMES)
        state = np.column_stack(
            [motion.object_shift, motion.object_exit, motion.object_angle, motion.lid_shift]
        )
        moves = np.abs(np.diff(state, axis=0)).max(axis=1) > 1e-6
        held = (motion.grip[1:] > 0) | (motion.grip[:-1] > 0)
        assert (~moves | held).all(), verb


@given(st.floats(-2, 3))
def test_smooth_step_rises_from_0_to_1_and_is_point_symmetric(x):
    value = smooth_step(np.array([x, 1 - x]))
    assert 0 <= value[0] <= 1
    assert value.sum() == pytest.approx(1)
