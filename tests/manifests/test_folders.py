"""Labels from folders."""

import pytest

from egotool.errors import UsageError
from egotool.manifests import Segment, folder_notes, manifest_from_folders, verb_and_noun


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("push-left_cup", ("push-left", "cup")),
        ("open cheese", ("open", "cheese")),
        ("take cheese_board", ("take", "cheese_board")),
        ("stir_spoon_cup", ("stir", "spoon_cup")),
        ("wash", ("wash", "")),
        ("", ("", "")),
    ],
)
def test_verb_and_noun(action, expected):
    assert verb_and_noun(action) == expected


def test_subject_action_clip():
    manifest = manifest_from_folders(
        {"S2/take_cup/1.mp4": 30, "S1/take_cup/1.mp4": 20, "S1/take_cup/2.mp4": 0}
    )
    assert manifest.segments == (
        Segment("S1/take_cup/1", "S1/take_cup/1.mp4", 0, 20, "take_cup", "take", "cup", "S1", "train"),
        Segment("S2/take_cup/1", "S2/take_cup/1.mp4", 0, 30, "take_cup", "take", "cup", "S2", "test"),
    )


def test_action_clip_has_no_subject():
    manifest = manifest_from_folders({f"wash/{number}.mp4": 5 for number in range(10)})
    assert manifest.subjects == ()
    assert manifest.actions == ("wash",)
    assert [len(manifest.of_split(split)) for split in ("train", "validation", "test")] == [6, 2, 2]


def test_flat_folder_is_unlabelled():
    manifest = manifest_from_folders({"a.mp4": 5, "a.mkv": 6})
    assert manifest.segments == (Segment("a.mkv", "a.mkv", 0, 6), Segment("a.mp4", "a.mp4", 0, 5))
    assert "unlabelled" in folder_notes(["a.mp4", "a.mkv"])[0]


def test_notes():
    assert folder_notes(["S1/a/1.mp4", "S2/a/1.mp4"]) == []
    assert folder_notes(["a/1.mp4"]) == []
    (deep,) = folder_notes(["set/S1/a/1.mp4"])
    assert "two folders nearest" in deep
    assert manifest_from_folders({"set/S1/a/1.mp4": 3}).segments[0].subject == "S1"
    (mixed,) = folder_notes(["S1/a/1.mp4", "a/1.mp4"])
    assert "no subject" in mixed


def test_unknown_test_subject_lists_the_subjects():
    with pytest.raises(UsageError, match="no subject 'S7'; the subjects are S9, S10"):
        manifest_from_folders({"S10/a/1.mp4": 3, "S9/a/1.mp4": 3}, test_subjects=("S7",))
