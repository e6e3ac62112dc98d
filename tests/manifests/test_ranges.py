import itertools

from hypothesis import given
from hypothesis import strategies as st

from egotool.manifests import Manifest, Segment, clip_ranges, hold, labelled_ranges, merge_ranges

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def frames_of(ranges) -> set[int]:
    return {frame for start, stop in ranges for frame in range(start, stop)}


@given(RANGES)
def test_merged_ranges_hold_the_same_frames_and_lie_apart(ranges):
    merged = merge_ranges(ranges)
    assert frames_of(merged) == frames_of(ranges)
    assert all(start < stop for start, stop in merged)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(merged))


@given(RANGES, st.integers(0, 41), st.integers(1, 5))
def test_hold_is_what_the_sets_say(ranges, start, length):
    wanted = set(range(start, start + length))
    assert hold(merge_ranges(ranges), start, start + length) == (wanted <= frames_of(ranges))


@given(RANGES, st.integers(0, 50))
def test_clipped_ranges_lie_in_the_video(ranges, count):
    assert frames_of(clip_ranges(ranges, count)) == {f for f in frames_of(ranges) if f < count}


def test_ranges_of_a_manifest():
    places = (("x", 10, 20), ("x", 24, 30), ("x", 2, 3), ("y", 0, 1))
    manifest = Manifest(tuple(Segment(str(place), *place) for place in places))
    assert labelled_ranges(manifest, before=3, after=2) == {"x": ((0, 5), (7, 32)), "y": ((0, 3),)}
