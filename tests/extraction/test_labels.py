"""The manifest of a store."""

import json
import threading

import pytest

from egotool.errors import UsageError
from egotool.extraction import SplitChoice, update_manifest
from egotool.extraction.labels import check_choice, manifest_lock
from egotool.manifests import read_manifest

COUNTS = {"S1/take_cup/1.mp4": 10, "S1/open_jar/1.mp4": 12, "S2/take_cup/1.mp4": 9}
HEADER = "segment,video,start_frame,stop_frame,action,verb,noun,subject,split\n"


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    return folder


def test_from_folders(store, root):
    labels = update_manifest(store, [root], COUNTS, choice=SplitChoice(seed=3))
    assert (labels.source, labels.segments, labels.labelled, labels.actions) == ("folders", 3, 3, 2)
    assert dict(labels.splits) == {"train": 2, "validation": 0, "test": 1}
    assert labels.problems == ()
    assert [note.partition(",")[0] for note in labels.notes] == ["No segment validates"]
    assert len(read_manifest(store / "manifest.csv").segments) == 3
    sidecar = json.loads((store / "manifest.json").read_text())
    assert (sidecar["source"], sidecar["split_seed"], sidecar["test_subjects"]) == ("folders", 3, [])


def test_an_unchanged_manifest_is_not_written(store, root):
    update_manifest(store, [root], COUNTS, choice=SplitChoice())
    before = [(store / name).stat().st_mtime_ns for name in ("manifest.csv", "manifest.json")]
    update_manifest(store, [root], COUNTS, choice=SplitChoice())
    assert [(store / name).stat().st_mtime_ns for name in ("manifest.csv", "manifest.json")] == before


def test_further_videos_and_another_subject(store, root):
    update_manifest(store, [root], COUNTS, choice=SplitChoice())
    labels = update_manifest(
        store, [root], {**COUNTS, "S3/take_cup/1.mp4": 5}, choice=SplitChoice(test_subjects=("S1",))
    )
    assert labels.segments == 4
    tests = read_manifest(store / "manifest.csv").of_split("test")
    assert {segment.subject for segment in tests} == {"S1"}


def test_an_edited_manifest_is_kept(store, root):
    update_manifest(store, [root], COUNTS, choice=SplitChoice())
    path = store / "manifest.csv"
    path.write_text(path.read_text().replace("take_cup,take,cup", "grab_cup,grab,cup"))
    edited = path.read_text()
    (root / "manifest.csv").write_text(HEADER)
    labels = update_manifest(store, [root], {**COUNTS, "S3/x/1.mp4": 5}, choice=SplitChoice())
    assert path.read_text() == edited
    assert labels.source == "kept"
    assert "is kept as it is" in labels.notes[0]
    assert "1 video has no segment in the manifest: S3/x/1.mp4." in labels.notes
    path.unlink()
    (root / "manifest.csv").unlink()
    assert update_manifest(store, [root], COUNTS, choice=SplitChoice()).source == "folders"


def test_a_manifest_without_sidecar_is_somebodys(store, root):
    text = HEADER + "a,S1/take_cup/1.mp4,0,5,x,,,,train\n"
    (store / "manifest.csv").write_text(text)
    assert update_manifest(store, [root], COUNTS, choice=SplitChoice()).source == "kept"
    assert (store / "manifest.csv").read_text() == text


def test_the_manifest_of_the_videos_wins(store, root):
    for video in COUNTS:
        (root / video).parent.mkdir(parents=True)
        (root / video).touch()
    update_manifest(store, [root], COUNTS, choice=SplitChoice())
    (root / "manifest.csv").write_text(
        HEADER + "a,S1/take_cup/1.mp4,0,5,x,,,,train\nb,S1/take_cup/1.mp4,5,10,y,,,,test\n"
    )
    labels = update_manifest(store, [root], COUNTS, choice=SplitChoice())
    assert labels.source == str(root / "manifest.csv")
    assert labels.problems == ()
    assert "2 videos have no segment" in labels.notes[0]
    assert read_manifest(store / "manifest.csv") == read_manifest(root / "manifest.csv")
    # …also when only other videos are extracted later
    assert update_manifest(store, [root / "elsewhere"], COUNTS, choice=SplitChoice()).source == "kept"


def two_folders(tmp_path, columns=HEADER, splits=(",,,,train", ",,,,test")):
    """Two folders with a video and a manifest each, and the frame counts of both videos."""
    folders = []
    for name, rest in zip("ab", splits, strict=True):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.mp4").touch()
        (folder / "manifest.csv").write_text(columns + f"{name},{name}.mp4,0,5,{name}{rest}\n")
        folders.append(folder)
    return *folders, {"a.mp4": 10, "b.mp4": 10}


def stored_ids(store):
    return [segment.segment for segment in read_manifest(store / "manifest.csv").segments]


def test_a_second_folder_with_its_manifest_keeps_the_labels_of_the_first(store, tmp_path):
    one, two, counts = two_folders(tmp_path)
    update_manifest(store, [one], {"a.mp4": 10}, choice=SplitChoice())
    labels = update_manifest(store, [two], counts, choice=SplitChoice())
    assert labels.problems == ()
    assert "1 segment of other videos of the store kept." in labels.notes
    assert stored_ids(store) == ["a", "b"]
    before = (store / "manifest.json").read_bytes()
    for folder in (one, two):  # again, in any order
        update_manifest(store, [folder], counts, choice=SplitChoice())
        assert stored_ids(store) == ["a", "b"]
    assert (store / "manifest.json").read_bytes() == before
    # a video that is gone from the store goes from its manifest
    update_manifest(store, [two], {"b.mp4": 10}, choice=SplitChoice())
    assert stored_ids(store) == ["b"]


def test_labels_of_folder_names_stay_beside_a_manifest(store, tmp_path, root):
    two = two_folders(tmp_path)[1]
    update_manifest(store, [root], COUNTS, choice=SplitChoice())
    labels = update_manifest(store, [two], {**COUNTS, "b.mp4": 10}, choice=SplitChoice())
    assert labels.segments == 4
    assert labels.source == f"folders, {two / 'manifest.csv'}"


def test_what_a_manifest_says_no_more_of_its_videos_goes(store, tmp_path):
    one, two, counts = two_folders(tmp_path)
    update_manifest(store, [one], {"a.mp4": 10}, choice=SplitChoice())
    update_manifest(store, [two], counts, choice=SplitChoice())
    (one / "manifest.csv").write_text(HEADER)  # beside its video
    update_manifest(store, [one], counts, choice=SplitChoice())
    assert stored_ids(store) == ["b"]
    (two / "manifest.csv").write_text(HEADER + "new,b.mp4,5,9,x,,,,train\n")
    update_manifest(store, [two], counts, choice=SplitChoice())
    assert stored_ids(store) == ["new"]
    # given with --manifest, from wherever
    elsewhere = tmp_path / "labels.csv"
    elsewhere.write_text(HEADER)
    update_manifest(store, [two], counts, choice=SplitChoice(), given=[elsewhere])
    assert stored_ids(store) == []


def test_a_segment_id_that_the_store_has_for_another_video(store, tmp_path):
    one, two, counts = two_folders(tmp_path)
    update_manifest(store, [one], {"a.mp4": 10}, choice=SplitChoice())
    text = (two / "manifest.csv").read_text()
    (two / "manifest.csv").write_text(text.replace("b,b.mp4", "a,b.mp4"))
    (problem,) = update_manifest(store, [two], counts, choice=SplitChoice()).problems
    assert "segment id 'a'" in problem
    assert "for a.mp4" in problem
    assert stored_ids(store) == ["a"]


def test_splits_are_chosen_together_where_nobody_wrote_one(store, tmp_path):
    columns = "segment,video,start_frame,stop_frame,action,subject\n"
    one, two, counts = two_folders(tmp_path, columns, (",S1", ",S2"))
    update_manifest(store, [one], {"a.mp4": 10}, choice=SplitChoice())
    update_manifest(store, [two], counts, choice=SplitChoice())
    assert [each.split for each in read_manifest(store / "manifest.csv").segments] == ["train", "test"]
    # …but not those that somebody wrote
    (one / "manifest.csv").write_text(columns.replace("subject", "split") + "a,a.mp4,0,5,a,test\n")
    update_manifest(store, [one], counts, choice=SplitChoice())
    update_manifest(store, [two], counts, choice=SplitChoice())
    assert read_manifest(store / "manifest.csv").segments[0].split == "test"


def test_what_does_not_fit_is_named_and_left_out(store, root):
    (root / "later.mp4").touch()
    (root / "manifest.csv").write_text(
        HEADER
        + "fits,S1/take_cup/1.mp4,0,6,x,,,,train\n"
        + "overlaps,S1/take_cup/1.mp4,5,8,x,,,,train\n"
        + "outside,S2/take_cup/1.mp4,0,99,x,,,,test\n"
        + "lost,S9/take_cup/1.mp4,0,5,x,,,,test\n"
        + "later,later.mp4,0,5,X,,,,test\n"
    )
    labels = update_manifest(store, [root], COUNTS, choice=SplitChoice(test_subjects=("S1",)))
    assert len(labels.problems) == 2
    assert [p.split("segment ")[1].split()[0] for p in labels.problems] == ["outside", "lost"]
    kept = read_manifest(store / "manifest.csv").segments
    assert [segment.segment for segment in kept] == ["fits", "overlaps"]
    notes = " ".join(labels.notes)
    assert "1 segments" not in notes
    assert "1 segment of" in notes
    assert "differ only in case" in notes
    assert "1 segment overlaps another" in notes
    assert "--test-subject has no effect" in notes


def test_videos_are_found_however_their_names_are_written(store, root):
    (root / "S1").mkdir()
    (root / "S1/a.mp4").touch()
    (root / "manifest.csv").write_text(HEADER + "a,./S1//a.mp4,0,5,x,,,,train\n")
    labels = update_manifest(store, [root], {"S1/a.mp4": 10}, choice=SplitChoice())
    assert not any("left out" in note for note in labels.notes)
    (segment,) = read_manifest(store / "manifest.csv").segments
    assert segment.video == "S1/a.mp4"


def test_splits_are_chosen_where_a_manifest_has_none(store, root):
    lines = [f"{n},S1/take_cup/1.mp4,{n},{n + 1},{'xy'[n % 2]}\n" for n in range(10)]
    (root / "manifest.csv").write_text("segment,video,start_frame,stop_frame,action\n" + "".join(lines))
    labels = update_manifest(store, [root], COUNTS, choice=SplitChoice())
    assert dict(labels.splits) == {"train": 6, "validation": 2, "test": 2}
    assert any("splits" in note for note in labels.notes)


def test_a_broken_manifest_is_a_problem_and_writes_nothing(store, root):
    (root / "manifest.csv").write_text("segment,video\n")
    labels = update_manifest(store, [root], COUNTS, choice=SplitChoice())
    assert "lacks the columns" in labels.problems[0]
    assert list(store.iterdir()) == []


def test_the_same_segment_in_two_manifests(store, tmp_path):
    roots = [tmp_path / "a", tmp_path / "b"]
    for root in roots:
        root.mkdir()
        (root / "manifest.csv").write_text(HEADER + "one,S1/take_cup/1.mp4,0,5,x,,,,train\n")
    assert "segment id 'one'" in update_manifest(store, roots, COUNTS, choice=SplitChoice()).problems[0]


def test_nothing_finished_means_no_manifest(store, root):
    assert update_manifest(store, [root], {}, choice=SplitChoice()).path is None
    assert list(store.iterdir()) == []


def test_the_test_subject_is_checked_against_the_manifest_too(root):
    with pytest.raises(UsageError, match="no subject 'S9'"):
        check_choice(COUNTS, [root], SplitChoice(test_subjects=("S9",)))
    (root / "manifest.csv").write_text(
        "segment,video,start_frame,stop_frame,action,subject\na,x.mp4,0,5,x,P1\nb,x.mp4,5,9,x,P2\n"
    )
    check_choice(COUNTS, [root], SplitChoice(test_subjects=("P1",)))
    with pytest.raises(UsageError, match="the subjects are P1, P2"):
        check_choice(COUNTS, [root], SplitChoice(test_subjects=("S1",)))


def test_what_a_killed_command_was_writing_goes(store):
    for name in (".manifest.7-0a1b2c3d.tmp.csv", ".manifest.7-0a1b2c3d.tmp.json"):
        (store / name).write_text("half")
    with manifest_lock(store):
        assert not list(store.glob(".manifest*"))


def test_one_process_at_a_time_works_on_the_manifest(store):
    entered = threading.Event()

    def second():
        with manifest_lock(store):
            entered.set()

    with manifest_lock(store):
        other = threading.Thread(target=second)
        other.start()
        assert not entered.wait(0.3)
    other.join(10)
    assert entered.is_set()
