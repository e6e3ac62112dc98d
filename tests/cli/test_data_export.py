"""`egotool data export` as a user types it."""

import json

import pytest
from typer.testing import CliRunner

from egotool.cli.data import data
from egotool.errors import ManifestError, UsageError
from egotool.manifests import Manifest, Segment, write_manifest
from tests.clips.stores import make_video


def run(*arguments: object):
    return CliRunner().invoke(data, ["export", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "store", "S1/take/a.mp4", frames=4)
    segments = (Segment("a", "S1/take/a.mp4", 0, 4, "take", subject="S1", split="train"),)
    write_manifest(Manifest(segments), tmp_path / "store" / "manifest.csv")
    return tmp_path / "store"


def test_help_has_an_example():
    result = run("--help")
    assert result.exit_code == 0
    assert "egotool data export store --layout ego-rnn" in result.output


def test_it_writes_and_then_leaves_alone(store, tmp_path):
    result = run("store", "--layout", "ego-rnn")
    assert result.exit_code == 0, result.output
    assert "1 segment (4 frames) written to ego-rnn" in result.output
    assert (tmp_path / "ego-rnn/train/frames/S1/take/1/image_00004.jpg").is_file()
    assert "1 was there already" in run("store", "--layout", "ego-rnn").output


def test_dry_run_and_json(store, tmp_path):
    assert (
        "Would write 1 segment (4 frames) to out"
        in run("store", "--layout", "rawframes", "--out", "out", "--dry-run").output
    )
    assert not (tmp_path / "out").exists()
    document = json.loads(run("store", "--layout", "rawframes", "--out", "out", "--json").stdout)
    assert document["ok"] is True
    assert document["segments"][0]["folder"] == "S1/take/1"


def test_another_manifest_is_refused_and_with_overwrite_replaces(store, tmp_path):
    other = Segment("a", "S1/take/a.mp4", 1, 4, "put", subject="S1", split="test")
    write_manifest(Manifest((other,)), tmp_path / "mine.csv")
    arguments = ("store", "--layout", "ego-rnn", "--manifest", "mine.csv")
    assert run("store", "--layout", "ego-rnn").exit_code == 0
    for more in ((), ("--dry-run",)):
        refused = run(*arguments, *more)
        assert isinstance(refused.exception, UsageError)
        assert "train/S1/take/1" in str(refused.exception)
        assert "--overwrite" in str(refused.exception)
    said = run(*arguments, "--dry-run", "--overwrite").output
    assert "Would write 1 segment (3 frames) to ego-rnn, after removing 1 folder" in said
    assert (tmp_path / "ego-rnn/train").exists()
    assert run(*arguments, "--overwrite").exit_code == 0
    assert not (tmp_path / "ego-rnn/train").exists()
    assert len(list((tmp_path / "ego-rnn/test/frames/S1/put/1").iterdir())) == 3


def test_a_segment_that_cannot_be_exported_gives_status_1(store, tmp_path):
    segments = (Segment("a", "S1/take/a.mp4", 0, 99, "take"), Segment("b", "S1/take/a.mp4", 0, 2, "take"))
    write_manifest(Manifest(segments), tmp_path / "mine.csv")
    result = run("store", "--layout", "rawframes", "--manifest", "mine.csv")
    assert result.exit_code == 1
    assert "a stops at frame 99" in result.output
    assert "1 segment (2 frames) written" in result.output


def test_no_manifest(store, tmp_path):
    (tmp_path / "store" / "manifest.csv").unlink()
    assert isinstance(run("store", "--layout", "rawframes").exception, ManifestError)
