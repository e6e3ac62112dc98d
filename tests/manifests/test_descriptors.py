"""Every shipped descriptor is read, and says what it must."""

from collections import Counter

import pytest

from egotool.errors import UsageError
from egotool.manifests import descriptor_names, expected_frames, read_descriptor

NAMES = ("egtea-gaze-plus", "epic-kitchens-100", "epic-kitchens-55", "gtea-61", "gtea-71", "gtea-gaze")


def test_there_is_one_for_every_dataset():
    assert descriptor_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_descriptor_is_valid_and_complete(name):
    descriptor = read_descriptor(name)
    assert descriptor.name == name
    assert descriptor.title and descriptor.reference and descriptor.licence
    assert descriptor.page.startswith("https://")
    for names in (descriptor.actions, descriptor.verbs, descriptor.nouns, descriptor.subjects):
        assert len(set(names)) == len(names)
    for kind in ("actions", "verbs", "nouns", "subjects"):
        listed, expected = getattr(descriptor, kind), getattr(descriptor.expected, kind)
        assert not listed or expected is None or len(listed) == expected
    for split in descriptor.splits.values():
        assert set(split.files) | set(split.segments) <= {"train", "validation", "test"}
        assert split.test_subjects or split.files
        assert set(split.test_subjects) <= set(descriptor.subjects)


def test_the_segments_of_gtea_61_add_up():
    descriptor = read_descriptor("gtea-61")
    frames = expected_frames(descriptor)
    assert len(frames) == descriptor.expected.segments == 457
    assert sum(frames.values()) == descriptor.expected.frames == 22708
    assert {segment.split("/")[1] for segment in frames} == set(descriptor.actions)
    of_subject = Counter(segment.split("/")[0] for segment in frames)
    split = descriptor.splits["fixed"]
    tested = sum(of_subject[subject] for subject in split.test_subjects)
    assert (457 - tested, tested) == (split.segments["train"], split.segments["test"])
    assert expected_frames(read_descriptor("gtea-71")) == {}


def test_label_changes():
    gtea61, gtea71 = read_descriptor("gtea-61"), read_descriptor("gtea-71")
    assert gtea61.change_label("stir_cup", "S3") == "stir_spoon,cup"
    assert gtea61.change_label("put_tea", "S1") is None
    assert gtea61.change_label("put_tea", "S3") == "put_tea"
    assert gtea71.change_label("stir_cup", "S3") is None
    assert gtea71.change_label("take_cup", "S3") == "take_cup"


def test_frame_rates_of_epic_kitchens_100():
    descriptor = read_descriptor("epic-kitchens-100")
    assert descriptor.frame_rate_of("P01_101") == 50
    assert descriptor.frame_rate_of("P01_11") == pytest.approx(60000 / 1001)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UsageError, match="gtea-61, gtea-71"):
        read_descriptor("../gtea-61")
