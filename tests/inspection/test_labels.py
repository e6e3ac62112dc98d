from dataclasses import replace

import pytest

from egotool.inspection import Counts, Expected
from egotool.inspection.labels import check_labels
from egotool.manifests import Manifest, Segment, read_descriptor

GOOD = (
    Segment("a", "x.mp4", 0, 10, "take cup", subject="S1", split="train"),
    Segment("b", "x.mp4", 10, 20, "put cup", subject="S1", split="train"),
    Segment("c", "y.mp4", 0, 10, "take cup", subject="S2", split="test"),
)


def findings(*segments: Segment, expected: Expected | None = None):
    manifest = Manifest(segments)
    return list(check_labels(manifest, Counts.of(manifest), expected))


def test_nothing_is_wrong_with_a_good_manifest():
    assert findings(*GOOD) == []
    exact = Expected(segments={"train": 2, "test": 1}, actions=("put cup", "take cup"), subjects=("S1", "S2"))
    assert findings(*GOOD, expected=exact) == []


def test_what_is_expected_and_differs_is_named():
    expected = Expected(
        name="GTEA", segments={"train": 3}, actions=("take cup", "stir cup"), subjects=("S1", "S2", "S10")
    )
    texts = [finding.text for finding in findings(*GOOD, expected=expected)]
    assert [text for text in texts if "2 segments, GTEA has 3" in text]
    assert [text for text in texts if "'stir cup'" in text and "no segment" in text]
    assert [text for text in texts if "no action 'put cup' (1 segment here)" in text]
    assert [text for text in texts if "'S10'" in text]
    assert len(texts) == 4


def test_an_action_that_is_only_tested_is_wrong_unless_nothing_trains():
    only = replace(GOOD[2], action="cut bread")
    (finding,) = findings(GOOD[0], GOOD[1], only)
    assert finding.serious
    assert "'cut bread'" in finding.text
    assert findings(only) == []


def test_an_action_that_only_validates_and_tests_is_a_warning():
    test = replace(GOOD[2], action="cut bread")
    validation = replace(test, segment="d", start_frame=30, stop_frame=40, split="validation")
    found = findings(GOOD[0], GOOD[1], test, validation)
    (finding,) = [each for each in found if each.kind == "tested only"]
    assert not finding.serious and "only in validation" in finding.text


@pytest.mark.parametrize(
    ("change", "serious"),
    [({}, True), ({"action": "put cup"}, False), ({"action": "put cup", "split": "train"}, True)],
)
def test_the_same_frames_twice(change, serious):
    again = replace(GOOD[2], segment="d", **change)
    (finding,) = findings(*GOOD, again)
    assert finding.kind == "repeated segment"
    assert finding.serious == serious
    assert "c and d" in finding.text


def test_case_and_missing_actions_are_warnings():
    found = findings(*GOOD, replace(GOOD[0], segment="d", start_frame=30, stop_frame=40, action="Take Cup"))
    assert [(finding.kind, finding.serious) for finding in found] == [("similar actions", False)]
    assert "'take cup'" in found[0].text
    found = findings(*GOOD, replace(GOOD[0], segment="d", start_frame=30, stop_frame=40, action=""))
    assert [(finding.kind, finding.serious) for finding in found] == [("no action", False)]


def test_a_manifest_without_segments():
    assert [finding.kind for finding in findings()] == ["no segments"]


def test_counts():
    counts = Counts.of(Manifest((*GOOD, Segment("d", "z.mp4", 0, 3))))
    assert counts.segments == 4
    assert counts.unlabelled == 1
    assert counts.splits == {"train": 2, "validation": 0, "test": 1, "": 1}
    assert counts.subjects["S1"] == {"train": 2}
    assert counts.actions == {"put cup": {"train": 1}, "take cup": {"train": 1, "test": 1}}


def test_segments_that_are_missing_or_shorter_are_named():
    expected = Expected(name="GTEA", segments={"": 4}, segment_frames={"a": 10, "b": 12, "z": 5})
    texts = [finding.text for finding in findings(*GOOD, expected=expected)]
    assert ["the manifest has 3 segments" in texts[0], "segment b has 10" in texts[1]] == [True, True]
    assert "segment z of GTEA" in texts[2]
    assert len(texts) == 3


def test_numbers_where_names_are_not_known():
    assert findings(*GOOD, expected=Expected(actions=2, subjects=2)) == []
    kinds = [finding.kind for finding in findings(*GOOD, expected=Expected(actions=3, subjects=1))]
    assert kinds == ["other number of actions", "other number of subjects"]


def test_frame_rates_of_single_videos():
    expected = Expected(frame_rate=60, frame_rates=((r"P09/P09_0[78]", 50),))
    assert expected.frame_rate_of("P09/P09_07.MP4") == 50
    assert expected.frame_rate_of("P09/P09_070.MP4") == 60
    assert Expected().frame_rate_of("x.mp4") is None


def test_a_descriptor_says_what_a_whole_copy_has() -> None:
    descriptor = read_descriptor("gtea-61")
    expected = Expected.of_dataset(descriptor)
    whole = [
        Segment(
            name, f"{name}.mp4", 0, frames,
            action=name.split("/")[1], subject=name.split("/")[0],
            split="test" if name.startswith("S2/") else "validation" if number % 5 == 0 else "train",
        )
        for number, (name, frames) in enumerate(expected.segment_frames.items())
    ]  # fmt: skip
    assert not [each for each in findings(*whole, expected=expected) if each.serious]
    kinds = {each.kind for each in findings(*whole[1:], expected=expected) if each.serious}
    assert {"missing segment", "other number of segments"} <= kinds


def test_training_segments_may_validate() -> None:
    expected = Expected(segments={"train": 2, "test": 1})
    segments = [
        Segment(str(n), "v.mp4", n, n + 1, action="a", split=split)
        for n, split in enumerate(("train", "validation", "test"))
    ]
    assert findings(*segments, expected=expected) == []
    assert [each.kind for each in findings(*segments[1:], expected=expected)][
        -1
    ] == "other number of segments"
