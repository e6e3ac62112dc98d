"""Counts of a manifest beside those that its dataset has."""

import pytest

from egotool.manifests import Manifest, OfficialSplit, Segment, compare_counts


def manifest_of(*splits):
    return Manifest(
        tuple(
            Segment(str(number), f"{number}.mp4", 0, 9, "take", split=split)
            for number, split in enumerate(splits)
        )
    )


def split_counts(manifest, official):
    split = None if official is None else OfficialSplit(segments=official)
    return [
        (count.what, count.found, count.expected)
        for count in compare_counts(manifest, None, split)
        if count.what.split()[0] in ("train", "validation", "test", "no")
    ]


@pytest.mark.parametrize(
    ("official", "told"),
    [
        (None, [("train", 2, None), ("validation", 1, None), ("test", 1, None)]),
        (
            {"train": 3, "test": 2},
            [("train + validation", 3, 3), ("train", 2, None), ("validation", 1, None), ("test", 1, 2)],
        ),
        (
            {"train": 3, "validation": 1, "test": 2},
            [("train", 2, 3), ("validation", 1, 1), ("test", 1, 2)],
        ),
    ],
)
def test_training_and_validation_count_together_where_nobody_else_validates(official, told):
    assert split_counts(manifest_of("train", "train", "validation", "test"), official) == told


def test_splits_that_are_missing_and_segments_of_none():
    assert split_counts(manifest_of("train", ""), {"train": 1, "test": 4}) == [
        ("train", 1, 1),
        ("test", 0, 4),
        ("no split", 1, None),
    ]
