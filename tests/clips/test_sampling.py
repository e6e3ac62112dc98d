import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.clips import sample_frames
from egotool.clips.sampling import next_frames, random_stack_start, spaced_stack_starts, stack_flows

COUNTS = st.integers(1, 2000)
LENGTHS = st.integers(1, 64)


@given(COUNTS, LENGTHS)
def test_sample_frames_is_the_plain_loop(frame_count, clip_length):
    step = (frame_count - 1) / clip_length
    expected = [math.floor(1 + number * step) - 1 for number in range(clip_length)]
    actual = sample_frames(frame_count, clip_length)
    assert actual.dtype == np.int64
    assert actual.tolist() == expected


@given(COUNTS, LENGTHS)
def test_samples_lie_in_the_segment_in_order_and_begin_with_its_first_frame(frame_count, clip_length):
    frames = sample_frames(frame_count, clip_length)
    assert frames[0] == 0
    assert (np.diff(frames) >= 0).all()
    assert frames[-1] <= max(frame_count - 2, 0)
    if frame_count > clip_length:
        assert len(set(frames.tolist())) == clip_length


@pytest.mark.parametrize(
    ("frame_count", "clip_length", "expected"),
    [
        (1, 4, [0, 0, 0, 0]),
        (3, 6, [0, 0, 0, 1, 1, 1]),  # shorter than the clip: frames repeat
        (8, 7, [0, 1, 2, 3, 4, 5, 6]),
        (71, 7, [0, 10, 20, 30, 40, 50, 60]),
    ],
)
def test_known_samples(frame_count, clip_length, expected):
    assert sample_frames(frame_count, clip_length).tolist() == expected


@pytest.mark.parametrize(("frame_count", "clip_length"), [(0, 7), (7, 0)])
def test_nothing_to_sample(frame_count, clip_length):
    with pytest.raises(ValueError, match="at least one frame"):
        sample_frames(frame_count, clip_length)


def test_the_last_frame_is_its_own_successor():
    assert next_frames(np.array([0, 3, 4]), 5).tolist() == [1, 4, 4]


@given(st.integers(0, 400), st.integers(1, 10), st.integers(1, 10), st.integers(0, 1000))
def test_stacks_lie_in_the_segment(flow_count, stack, stacks, seed):
    spaced = spaced_stack_starts(flow_count, stack, stacks)
    assert len(spaced) == stacks
    drawn = random_stack_start(flow_count, stack, np.random.default_rng(seed))
    assert len(drawn) == 1
    for starts in (spaced, drawn):
        flows = stack_flows(starts, stack, flow_count)
        assert flows.shape == (len(starts), stack)
        assert flows.min() >= 0
        assert flows.max() <= max(flow_count - 1, 0)
        if flow_count >= stack:
            assert (np.diff(flows, axis=1) == 1).all()


def test_random_stacks_reach_both_ends():
    rng = np.random.default_rng(0)
    starts = {int(random_stack_start(8, 5, rng)[0]) for _ in range(200)}
    assert starts == {0, 1, 2, 3}
