"""The words of a manifest."""

from dataclasses import replace

from egotool.manifests import Manifest, Segment

ONE = Segment("a", "x.mp4", 0, 5, "take_cup", "take", "cup", "S1", "train")
TWO = Segment("b", "x.mp4", 5, 9, split="test")


def test_labels_and_splits():
    manifest = Manifest((TWO, ONE, replace(ONE, segment="c", action="open_jar")))
    assert manifest.actions == ("open_jar", "take_cup")
    assert manifest.subjects == ("S1",)
    assert manifest.of_split("test") == (TWO,)
    assert manifest.of_split("validation") == ()


def test_fingerprint_changes_with_every_field():
    seen = {
        Manifest((ONE,)).fingerprint(),
        Manifest((ONE, TWO)).fingerprint(),
        Manifest((TWO, ONE)).fingerprint(),
    }
    for field in ("segment", "video", "action", "verb", "noun", "subject", "split"):
        seen.add(Manifest((replace(ONE, **{field: "other"}),)).fingerprint())
    for field in ("start_frame", "stop_frame"):
        seen.add(Manifest((replace(ONE, **{field: 3}),)).fingerprint())
    assert len(seen) == 3 + 7 + 2
    assert Manifest((ONE,)).fingerprint() == Manifest((replace(ONE),)).fingerprint()
