"""`egotool data import` as a user types it."""

import json

import pytest
from typer.testing import CliRunner

from egotool.cli.data import data
from egotool.errors import EgotoolError, ManifestError, UsageError
from egotool.manifests import read_manifest
from tests.extraction.frame_copies import ego_rnn, gtea61_copy

LABELS = "<take><cup> (1-9) [1]\r\n<put><cup> (10-12)\r\n<cup> (3-4)\r\n"
EPIC = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,"
    "stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
    "P01_11_0,P01,P01_11,,00:00:00.00,00:00:01.89,1,113,take plate,take,0,plate,2,['plate'],[2]\n"
    "P02_11_1,P02,P02_11,,00:00:01.56,00:00:02.45,93,147,put plate,put-down,1,plate,2,['plate'],[2]\n"
)


def run(*arguments: object):
    return CliRunner().invoke(data, ["import", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture
def labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "labels"
    folder.mkdir()
    for subject in range(1, 5):
        (folder / f"S{subject}_Tea_C1.txt").write_text(LABELS)
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "readme.txt").write_text("<a><b> this is not read\n")
    return folder


def test_help_has_an_example():
    result = run("--help")
    assert result.exit_code == 0
    assert "egotool data import gtea-61" in result.output


def test_label_files_become_a_manifest(labels, tmp_path):
    result = run("gtea-61", labels)
    assert result.exit_code == 0, result.output
    for words in ("Georgia Tech", "457", "4 lines without an action", "453 segments missing"):
        assert words in result.output
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert len(manifest.segments) == 8
    assert {s.subject for s in manifest.of_split("test")} == {"S2"}
    assert manifest.of_split("validation")
    assert not read_manifest(tmp_path / "manifest.csv").of_split("")


def test_lines_that_do_not_parse_are_named_and_the_status_is_1(labels, tmp_path):
    (labels / "S3_Tea_C1.txt").write_text(LABELS + "<take><cup> 5\n")
    result = run("gtea-61", labels, "--no-validation")
    assert result.exit_code == 1
    assert "S3_Tea_C1.txt, line 4" in result.output
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert len(manifest.segments) == 8
    assert not manifest.of_split("validation")


def test_an_edited_manifest_is_not_replaced_unless_asked(labels, tmp_path):
    path = tmp_path / "manifest.csv"
    assert run("gtea-61", labels).exit_code == 0
    assert run("gtea-61", labels, "--test-subject", "S4").exit_code == 0
    assert {s.subject for s in read_manifest(path).of_split("test")} == {"S4"}
    path.write_text(path.read_text().replace("take_cup", "grab_cup"))
    refused = run("gtea-61", labels)
    assert isinstance(refused.exception, ManifestError)
    assert "--overwrite" in str(refused.exception)
    assert "grab_cup" in path.read_text()
    assert run("gtea-61", labels, "--overwrite").exit_code == 0
    assert "grab_cup" not in path.read_text()


def test_dry_run_and_json(labels, tmp_path):
    result = run("gtea-71", labels, "--dry-run", "--json")
    document = json.loads(result.stdout)
    assert document["dry_run"] is True
    assert document["ok"] is True
    assert document["counts"]["segments"] == {"found": 8, "expected": None}
    assert document["counts"]["actions"] == {"found": 2, "expected": 71}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels"]
    assert "Would write 8 segments" in run("gtea-71", labels, "--dry-run").output


def test_epic_kitchens_from_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EPIC_100_train.csv").write_text(EPIC)
    (tmp_path / "EPIC_100_validation.csv").write_text(
        EPIC.replace("P02_11_1", "P02_11_2").replace("P01_11_0", "x")
    )
    (tmp_path / "EPIC_100_video_info.csv").write_text("video_id,duration,fps,resolution\nP01_11,9,50.0,1x1\n")
    result = run("epic-kitchens-100", tmp_path, "--label", "verb", "--validation-as-test")
    assert result.exit_code == 0, result.output
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert manifest.actions == ("put", "take")
    assert [len(manifest.of_split(split)) for split in ("train", "validation", "test")] == [2, 0, 2]
    assert manifest.segments[0].stop_frame == 95
    assert "the table of videos" in result.output
    assert "the usual frame rate" in result.output


def test_egtea_from_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = "OP01-R0{n}-PastaSalad-66680-68130-F001597-F001639 1 1 1\n"
    (tmp_path / "train_split2.txt").write_text(line.format(n=1))
    (tmp_path / "test_split2.txt").write_text(line.format(n=2))
    (tmp_path / "action_idx.txt").write_text("Take cup 1\n")
    result = run("egtea-gaze-plus", tmp_path, "--split", "2")
    assert result.exit_code == 0, result.output
    assert [s.split for s in read_manifest(tmp_path / "manifest.csv").segments] == ["train", "test"]
    assert "verb_idx.txt was not found" in result.output
    for arguments in (["--split", "1"], ["--split", "4"]):
        assert isinstance(run("egtea-gaze-plus", tmp_path, *arguments).exception, UsageError)
    raw = tmp_path / "raw" / "raw_annotations"
    raw.mkdir(parents=True)
    (raw / "action_labels.csv").write_text(
        "# a\n1; OP01-R01-X-0-500; OP01-R01-X; 0; 500; Take cup; Take; cup\n"
    )
    assert run("egtea-gaze-plus", tmp_path / "raw", "--out", "raw.csv").exit_code == 0
    assert read_manifest(tmp_path / "raw.csv").segments[0].stop_frame == 12


def test_any_csv(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("path,what,a,b\nx.mp4,stir,1,5\nx.mp4,stir,6,9\n")
    result = run(
        "csv", "mine.csv", "--map", "video=path,action=what,start_frame=a,stop_frame=b",
        "--first-frame", 1, "--inclusive",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [(s.start_frame, s.stop_frame) for s in read_manifest(tmp_path / "manifest.csv").segments] == [
        (0, 5),
        (5, 9),
    ]
    assert "--map" in str(run("csv", "mine.csv").exception)


def test_frames_of_gtea_become_a_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gtea61_copy(
        tmp_path / "in", {"S1/take_cup/1": 3, "S2/take_cup/1": 3}, without_first_map=("S1/take_cup/1",)
    )
    dry = run("gtea-61", "in", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "Would write 2 videos to store" in dry.output
    assert not (tmp_path / "store").exists()
    result = run("gtea-61", "in")
    assert result.exit_code == 0, result.output
    for words in ("2 videos written to store", "1 motion map is missing", "The last flow of 2 videos"):
        assert words in result.output
    assert "2 were there already" in run("gtea-61", "in").output
    (tmp_path / "in/GTEA61/processed_frames2/S1/take_cup/1/rgb/rgb0002.png").write_bytes(b"")
    damaged = run("gtea-61", "in", "--json")
    assert damaged.exit_code == 1
    assert "rgb0002.png" in json.loads(damaged.stdout)["problems"][0]


def test_frames_of_anybody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ego_rnn(tmp_path / "in", {"train/S1/take_cup/1": 3, "test/S2/take_cup/1": 3}, split_first=True)
    result = run("frames", "in", "--out", "mine", "--frame-rate", 30, "--flow", "flow")
    assert result.exit_code == 0, result.output
    assert "layout ego-rnn" in result.output
    assert [s.split for s in read_manifest(tmp_path / "mine" / "manifest.csv").segments] == ["train", "test"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gtea-61", "nowhere"], "does not exist"),
        (["frames", "labels", "labels"], "one folder"),
        (["frames", "labels"], "numbered pictures"),
        (["epic-kitchens-55", "labels"], "no label file"),
        (["gtea-61", "labels", "--test-subject", "S9"], "S9"),
        (["gtea-61", "labels", "--out", "labels"], "is a folder"),
    ],
)
def test_wrong_usage_is_one_sentence(labels, arguments, words):
    result = run(*arguments)
    assert isinstance(result.exception, EgotoolError)
    assert words in str(result.exception)
    assert result.exception.exit_status == 2
    assert "\n" not in str(result.exception)


def test_an_unknown_dataset_is_wrong_usage(labels):
    assert run("kinetics", labels).exit_code == 2
