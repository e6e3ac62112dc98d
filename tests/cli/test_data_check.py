import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from egotool.cli.data import data
from egotool.errors import ManifestError, UsageError
from egotool.manifests import Manifest, Segment, write_manifest
from egotool.store import Array, store_file
from tests.clips.stores import make_video
from tests.store.samples import contents, write_video


@pytest.fixture
def store(tmp_path: Path) -> Path:
    make_video(tmp_path / "store")
    segments = (
        Segment("one", "a/clip.mp4", 0, 6, "take_[cup]", subject="S1", split="train"),
        Segment("two", "a/clip.mp4", 6, 12, "put_cup", subject="S1", split="train"),
    )
    write_manifest(Manifest(segments), tmp_path / "store" / "manifest.csv")
    return tmp_path / "store"


def run(*arguments: object):
    return CliRunner().invoke(data, [str(each) for each in arguments])


@pytest.mark.parametrize("command", ["check", "info", "show"])
def test_help_has_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"egotool data {command}" in result.output


def test_a_good_store_and_a_read_only_one(store):
    before = sorted(store.rglob("*"))
    result = run("check", store)
    assert result.exit_code == 0, result.output
    assert "take_[cup]" in result.output
    assert "nothing is wrong" in result.output
    assert sorted(store.rglob("*")) == before


def test_something_wrong_is_status_1_and_json_says_what(store):
    (store / "a" / "clip.mp4.h5").write_bytes(b"")
    result = run("check", store, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert not document["ok"]
    assert document["problems"]
    assert document["counts"]["actions"]["put_cup"] == {"train": 1}
    assert run("check", store).output.count("Problem:") == len(document["problems"])


def test_what_cannot_be_checked(store, tmp_path):
    assert isinstance(run("check", tmp_path / "nowhere").exception, ManifestError)
    (tmp_path / "empty").mkdir()
    assert isinstance(run("check", tmp_path / "empty").exception, ManifestError)
    assert isinstance(run("check", store, "--deep", "--quick").exception, UsageError)
    assert isinstance(run("check", store, "--videos", tmp_path).exception, UsageError)
    assert isinstance(run("check", store / "manifest.csv", "--quick").exception, UsageError)


def test_info(store):
    result = run("info", store)
    assert result.exit_code == 0
    assert "take_[cup]" in result.output
    assert "85×64" in result.output
    document = json.loads(run("info", store, "--json").stdout)
    assert document["frames"] == 12
    assert document["segments"]["median"] == 6
    assert "camera motion" not in result.output  # it was not looked for
    assert document["videos"][0]["camera"] is None


def test_info_tells_where_the_cameras_motion_was_not_found(tmp_path):
    for name, found in (("good.mp4", 8), ("bad.mp4", 2)):
        arrays = contents() | {Array.HOMOGRAPHY_VALID: np.arange(8) < found}
        write_video(tmp_path, name, arrays)
    write_video(tmp_path, "one-frame.mp4", contents(1), parts=(0,))
    output = " ".join(run("info", tmp_path).output.split())
    assert "found for 10 of 16 frames (62.5%), least in bad.mp4 (25.0%)" in output
    videos = json.loads(run("info", tmp_path, "--json").stdout)["videos"]
    assert {each["video"]: each["camera"] for each in videos} == {
        "good.mp4": {"pairs": 8, "found": 8},
        "bad.mp4": {"pairs": 8, "found": 2},
        "one-frame.mp4": {"pairs": 0, "found": 0},
    }
    store_file(tmp_path, "good.mp4").write_bytes(b"damaged")
    assert "found for 2 of 8 frames" in run("info", tmp_path).output


def test_show(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("show", store, "two", "--video", "two.mp4", "--dry-run").exit_code == 0
    assert not Path("sheet.png").exists()
    result = run("show", store, "two", "--video", "two.mp4", "--count", "2")
    assert result.exit_code == 0, result.output
    assert Path("sheet.png").is_file()
    assert Path("two.mp4").is_file()
    assert isinstance(run("show", store, "two", "--video", "two.mp4").exception, UsageError)
    assert isinstance(run("show", store, "two", "--video", "two.avi").exception, UsageError)
    assert isinstance(run("show", store, "three").exception, UsageError)
    document = json.loads(run("show", store, "one", "--json").stdout)
    assert (document["start_frame"], document["stop_frame"]) == (0, 6)


def test_a_store_without_flow_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "store", arrays=(Array.RGB,))
    write_manifest(Manifest((Segment("s", "a/clip.mp4", 0, 1, "x"),)), tmp_path / "store" / "manifest.csv")
    assert run("show", "store", "s", "--video", "s.mp4").exit_code == 0
