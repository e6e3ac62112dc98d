"""What is wrong with a manifest."""

from egotool.manifests import (
    Manifest,
    Segment,
    check_manifest,
    fits,
    overlap_note,
    similar_actions,
    split_notes,
)


def test_a_fitting_manifest_has_no_problems():
    manifest = Manifest(
        (Segment("a", "x.mp4", 0, 5), Segment("b", "x.mp4", 5, 10), Segment("c", "y.mp4", 2, 7))
    )
    assert check_manifest(manifest, {"x.mp4": 10, "y.mp4": 10, "z.mp4": 3}) == []


def test_unknown_video_and_outside():
    manifest = Manifest(
        (
            Segment("long", "x.mp4", 0, 8),
            Segment("inside", "x.mp4", 1, 2),
            Segment("late", "x.mp4", 7, 11),
            Segment("lost", "w.mp4", 0, 1),
        )
    )
    assert check_manifest(manifest, {"x.mp4": 10}) == [
        "x.mp4: segment late stops at frame 11, but the video has 10 frames.",
        "w.mp4: segment lost names a video that is not there.",
    ]
    assert [fits(segment, {"x.mp4": 10}) for segment in manifest.segments] == [True, True, False, False]


def test_overlaps_are_told_in_one_sentence_and_are_no_problem():
    manifest = Manifest(
        (
            Segment("long", "x.mp4", 0, 8),
            Segment("inside", "x.mp4", 1, 2),
            Segment("late", "x.mp4", 7, 10),
            Segment("elsewhere", "y.mp4", 0, 5),
            Segment("next", "y.mp4", 5, 9),
        )
    )
    assert check_manifest(manifest, {"x.mp4": 10, "y.mp4": 10}) == []
    (note,) = overlap_note(manifest)
    assert note.startswith(
        "2 segments overlap another of the same video (the first: inside starts at frame 1"
    )
    assert overlap_note(Manifest(manifest.segments[3:])) == []


def test_case_only_differences():
    manifest = Manifest(
        (Segment("a", "x", 0, 1, "Take"), Segment("b", "x", 1, 2, "take"), Segment("c", "x", 2, 3, "take"))
    )
    (sentence,) = similar_actions(manifest)
    assert "'Take' and 'take'" in sentence
    assert "all 'take'" in sentence
    assert similar_actions(Manifest(())) == []


def test_unseen_actions_and_seen_frames_are_told():
    train = Segment("a", "v.mp4", 0, 10, "take", split="train")
    test = Segment("b", "v.mp4", 10, 20, "take", split="test")
    assert split_notes(Manifest((train, test))) == []
    leak = Segment("c", "v.mp4", 5, 8, "put", split="test")
    unseen, leaked = split_notes(Manifest((train, test, leak)))
    assert "'put'" in unseen and "never trained on" in unseen
    assert "c (test) and a (train) of v.mp4 overlap" in leaked
    assert split_notes(Manifest((test, leak))) == []  # a test set by itself


def test_actions_that_only_validate_and_test_are_told():
    train = Segment("a", "v.mp4", 0, 10, "take", split="train")
    test = Segment("b", "v.mp4", 10, 20, "put", split="test")
    validation = Segment("c", "v.mp4", 20, 30, "put", split="validation")
    (note,) = split_notes(Manifest((train, test, validation)))
    assert "in no training segment" in note and note.endswith("'put'.")
