"""Folders of an earlier export never pass for those of this one."""

from dataclasses import replace

import pytest

from egotool.errors import UsageError
from egotool.extraction import ExportOptions, Layout, export, export_store
from egotool.extraction.export_record import RECORD_NAME
from egotool.manifests import Manifest, Segment
from tests.clips.stores import make_video

A = Segment("s1", "a.mp4", 0, 3, "x", subject="P", split="train")
B = Segment("s2", "a.mp4", 4, 6, "x", subject="P", split="train")
EGO_RNN = ExportOptions(layout=Layout.EGO_RNN)
RAWFRAMES = ExportOptions(layout=Layout.RAWFRAMES)


@pytest.fixture
def store(tmp_path):
    make_video(tmp_path / "store", "a.mp4", frames=8)
    return tmp_path / "store"


def exported(store, *segments, options=EGO_RNN, **more):
    folders = export_store(
        store, Manifest(segments), store.parent / "out", options=options, workers=1, **more
    )
    assert [folder.problem for folder in folders] == [None] * len(segments)
    return [folder.written for folder in folders]


def pictures(store):
    """Return folder → number of pictures."""
    files = [path.relative_to(store.parent / "out") for path in (store.parent / "out").rglob("*.jpg")]
    folders = [path.parent.as_posix() for path in files if "flow" not in path.as_posix()]
    return {folder: folders.count(folder) for folder in folders}


def test_a_segment_that_changed_its_split_does_not_stay_in_the_old_one(store):
    exported(store, A, B)
    with pytest.raises(UsageError, match=r"1 folder .*train/P/x/2.*--overwrite"):
        exported(store, A, replace(B, split="test"))
    assert pictures(store) == {"train/frames/P/x/1": 3, "train/frames/P/x/2": 2}
    exported(store, A, replace(B, split="test"), overwrite=True)
    assert pictures(store) == {"train/frames/P/x/1": 3, "test/frames/P/x/1": 2}
    assert exported(store, A, replace(B, split="test")) == [False, False]


def test_a_folder_that_another_segment_moves_into_is_written_anew(store):
    exported(store, A, B)
    with pytest.raises(UsageError, match=r"2 folders .*train/P/x/1, train/P/x/2"):
        exported(store, B)
    assert exported(store, B, overwrite=True) == [True]
    assert pictures(store) == {"train/frames/P/x/1": 2}


@pytest.mark.parametrize("options", [replace(EGO_RNN, quality=50), replace(EGO_RNN, flow="flow"), RAWFRAMES])
def test_other_options_are_something_else(store, options):
    exported(store, A)
    with pytest.raises(UsageError, match="--overwrite"):
        exported(store, A, options=options)
    assert exported(store, A, options=options, overwrite=True) == [True]
    assert exported(store, A, options=options) == [False]
    assert len(pictures(store)) == 1


def test_a_video_that_was_extracted_again_is_something_else(store):
    exported(store, A)
    make_video(store, "a.mp4", frames=9)
    with pytest.raises(UsageError, match="--overwrite"):
        exported(store, A)


@pytest.mark.parametrize("with_list", [True, False])
def test_an_export_of_an_older_version_is_something_else(store, with_list):
    exported(store, A, B)
    out = store.parent / "out"
    (out / RECORD_NAME).unlink()
    if not with_list:
        (out / "segments.csv").unlink()
    with pytest.raises(UsageError, match="older version"):
        exported(store, A)
    exported(store, A, overwrite=True)
    kept = {} if with_list else {"train/frames/P/x/2": 2}  # nothing says that the tool made it
    assert pictures(store) == {"train/frames/P/x/1": 3, **kept}


def test_what_somebody_else_put_there_stays(store):
    exported(store, A, B)
    mine = store.parent / "out" / "train" / "frames" / "P" / "x" / "mine.txt"
    mine.write_text("mine")
    exported(store, replace(A, split="test"), overwrite=True)
    assert mine.read_text() == "mine"


def test_lists_of_splits_that_nobody_is_in_any_more_go(store):
    exported(store, A, B, options=RAWFRAMES)
    assert (
        exported(store, replace(A, split="test"), replace(B, split="test"), options=RAWFRAMES) == [False] * 2
    )
    out = store.parent / "out"
    assert {path.name for path in out.glob("*.txt")} == {"classes.txt", "test.txt"}


def test_killed_while_it_replaces_it_goes_on_when_typed_again(store, monkeypatch):
    exported(store, A, B)
    swapped = (replace(B, subject="Q"), replace(A, split="test"), A)
    save, saved = export._save, []

    def killed(path, *arguments):
        saved.append(path)
        if len(saved) > 12:  # within the second segment
            raise KeyboardInterrupt
        save(path, *arguments)

    monkeypatch.setattr(export, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        exported(store, *swapped, overwrite=True)
    monkeypatch.setattr(export, "_save", save)
    with (store.parent / "out" / RECORD_NAME).open("a") as file:
        file.write('{"folder": "train/P')  # a line that the power cut off
    written = exported(store, *swapped)
    assert written[0] is False
    assert written[1] is True
    assert pictures(store) == {"train/frames/Q/x/1": 2, "test/frames/P/x/1": 3, "train/frames/P/x/1": 3}


def test_a_record_that_leaves_its_folder_is_refused(store):
    exported(store, A)
    (store.parent / "out" / RECORD_NAME).write_text('{"folder": "../store", "made": null}\n')
    with pytest.raises(UsageError, match="leave the folder"):
        exported(store, A, overwrite=True)
    assert (store / "a.mp4.h5").exists()
