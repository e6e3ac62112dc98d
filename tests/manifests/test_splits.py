"""Who trains, validates and tests."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.errors import UsageError
from egotool.manifests import Manifest, Segment, assign_splits, natural_order


def manifest_of(*groups: tuple[str, str, int]) -> Manifest:
    return Manifest(
        tuple(
            Segment(f"{subject}/{action}/{number}", "v.mp4", number, number + 1, action, subject=subject)
            for subject, action, count in groups
            for number in range(count)
        )
    )


def test_natural_order():
    assert sorted(["S10", "S9", "S1", "P2b", "P2a"], key=natural_order) == ["P2a", "P2b", "S1", "S9", "S10"]


def test_last_subject_tests():
    manifest = assign_splits(manifest_of(("S9", "a", 5), ("S10", "a", 5), ("S1", "a", 5)))
    assert {segment.subject for segment in manifest.of_split("test")} == {"S10"}
    assert len(manifest.of_split("validation")) == 2


def test_chosen_subject_tests():
    manifest = assign_splits(manifest_of(("S1", "a", 4), ("S2", "a", 4)), test_subjects=("S1",))
    assert {segment.subject for segment in manifest.of_split("test")} == {"S1"}


def test_the_only_subject_cannot_test():
    with pytest.raises(UsageError, match="leave out --test-subject"):
        assign_splits(manifest_of(("S1", "a", 4)), test_subjects=("S1",))


counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 30), min_size=1)


@given(counts=counts, seed=st.integers(0, 99))
def test_stratified_by_action(counts, seed):
    manifest = assign_splits(
        manifest_of(*(("", action, count) for action, count in counts.items())), seed=seed
    )
    splits = Counter((segment.action, segment.split) for segment in manifest.segments)
    for action, count in counts.items():
        assert splits[action, "train"] >= 1
        assert bool(splits[action, "test"]) == (count >= 2)
        assert abs(splits[action, "test"] - 0.2 * count) <= 0.8
        if count - splits[action, "test"] >= 3:
            assert splits[action, "validation"] >= 1


@given(counts=counts, seed=st.integers(0, 99))
def test_validation_exists_where_an_action_can_spare_one(counts, seed):
    manifest = assign_splits(
        manifest_of(*(("", action, count) for action, count in counts.items())), seed=seed
    )
    rest = Counter(segment.action for segment in manifest.segments if segment.split != "test")
    assert bool(manifest.of_split("validation")) == any(count >= 2 for count in rest.values())


def test_the_seed_chooses_and_order_does_not():
    manifest = manifest_of(("", "a", 20))
    chosen = {seed: assign_splits(manifest, seed=seed).of_split("test") for seed in range(5)}
    assert len(set(chosen.values())) > 1
    backwards = assign_splits(Manifest(manifest.segments[::-1]), seed=3)
    assert set(backwards.of_split("test")) == set(chosen[3])


def test_a_further_video_moves_few():
    before = {
        segment.segment: segment.split for segment in assign_splits(manifest_of(("", "a", 20))).segments
    }
    after = {segment.segment: segment.split for segment in assign_splits(manifest_of(("", "a", 21))).segments}
    assert sum(before[segment] != after[segment] for segment in before) <= 2


def test_unlabelled_segments_have_no_split():
    manifest = assign_splits(manifest_of(("S1", "", 3), ("S2", "a", 3)))
    assert {segment.split for segment in manifest.segments if not segment.action} == {""}


def test_several_subjects_can_test():
    manifest = assign_splits(
        manifest_of(("S1", "a", 6), ("S2", "a", 6), ("S3", "a", 6)), test_subjects=("S1", "S3")
    )
    assert {each.subject for each in manifest.of_split("test")} == {"S1", "S3"}
    assert {each.subject for each in (*manifest.of_split("train"), *manifest.of_split("validation"))} == {
        "S2"
    }
