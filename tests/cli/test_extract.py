"""`egotool extract`: what it prints, and how it exits."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from egotool.cli.main import app
from egotool.errors import ManifestError, UsageError
from egotool.video import write_video

runner = CliRunner()


def make_video(path: Path, *, frames: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    picture = random.integers(0, 255, (36, 52, 3), dtype=np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    write_video(path, [np.roll(picture, 2 * shift, axis=1) for shift in range(frames)], frame_rate=10)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as current folder, and extraction within this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("egotool.extraction.pipeline.available_cores", lambda: 0)
    return tmp_path


@pytest.fixture
def videos(folder: Path) -> Path:
    for subject in ("S1", "S2"):
        for action in ("take_cup", "open_jar"):
            make_video(folder / "videos" / subject / action / "1.mp4")
    return folder / "videos"


def extract(*arguments: str) -> "tuple[int, str, str]":
    result = runner.invoke(app, ["extract", "--schedule", "turbo", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_command_of_the_readme(videos):
    status, text, _ = extract("videos/")
    assert status == 0
    assert "4 of 4 videos in store: 16 frames" in text
    assert "4 segments, 2 actions; 2 train, 2 test." in text
    assert "No segment validates, and training needs that" in text and "Next:" not in text
    status, text, _ = extract("videos/")
    assert status == 0
    assert text.count("unchanged") == 4


def test_json(videos):
    (videos / "empty.mp4").touch()
    status, text, _ = extract("videos/", "--json", "--only", "rgb,flow", "--codec", "gzip", "--size", "32")
    document = json.loads(text)
    assert status == 1
    assert not document["ok"]
    assert document["manifest"]["path"] == "store/manifest.csv"
    assert document["manifest"]["splits"] == {"train": 2, "validation": 0, "test": 2}
    by_name = {video["video"]: video for video in document["videos"]}
    assert by_name["empty.mp4"]["status"] == "failed"
    assert "empty.mp4" in by_name["empty.mp4"]["problem"]
    done = by_name["S1/take_cup/1.mp4"]
    assert (done["status"], done["complete"], done["frames"]) == ("extracted", True, 4)
    assert done["camera"] is None
    receipt = json.loads(Path("store/S1/take_cup/1.mp4.json").read_text())
    assert receipt["arrays"] == ["rgb", "timestamps", "flow"]
    assert receipt["parameters"]["codec"] == "gzip"
    assert receipt["height"] == 32


def test_frames_without_a_camera_motion_are_counted(folder):
    dark = folder / "videos" / "dark.mp4"
    dark.parent.mkdir()
    write_video(dark, [np.zeros((64, 80, 3), np.uint8)] * 5, frame_rate=10)
    status, text, _ = extract("videos/")
    assert status == 0
    assert "Camera motion: not found for 4 of 4 frames (100.0%)" in text
    make_video(folder / "videos" / "seen.mp4", frames=5)
    status, text, _ = extract("videos/", "--overwrite", "--json")
    cameras = {video["video"]: video["camera"] for video in json.loads(text)["videos"]}
    assert cameras["dark.mp4"] == {"pairs": 4, "found": 0}
    assert cameras["seen.mp4"] == {"pairs": 4, "found": 4}


def test_failures_are_named_at_the_end(videos):
    (videos / "S1" / "[bold]odd.mp4").write_text("no video")
    status, text, _ = extract("videos/", "--only", "rgb")
    assert status == 1
    assert "4 of 5 videos" in text
    (line,) = [line for line in text.splitlines() if line.startswith("Failed:")]
    assert "videos/S1/[bold]odd.mp4" in line


def test_dry_run_writes_nothing(videos, folder):
    (videos / "empty.mp4").touch()
    before = sorted(folder.rglob("*"))
    status, text, _ = extract("videos/", "--dry-run", "--workers", "1")
    assert status == 1
    assert "5 videos, 16 frames; estimated" in text
    assert "104×72" in text
    assert "Problem:" in text
    status, text, _ = extract("videos/", "--dry-run", "--json")
    document = json.loads(text)
    assert {video["action"] for video in document["videos"]} == {"extract", "cannot be read"}
    assert document["estimated_bytes"] > 0
    assert document["parameters"]["warp_flow"] == "second"
    assert "warp flow: compensated" in extract("videos/", "--dry-run", "--warp-flow", "compensated")[1]
    assert sorted(folder.rglob("*")) == before


def test_dry_run_knows_what_is_done(videos):
    extract("videos/S1", "--only", "rgb")
    actions = {
        only: [
            video["action"]
            for video in json.loads(extract("videos/S1", "--dry-run", "--json", *only)[1])["videos"]
        ]
        for only in [("--only", "rgb"), ("--only", "flow"), ("--only", "rgb", "--size", "16")]
    }
    assert list(actions.values()) == [["nothing"] * 2, ["extract again"] * 2, ["refuse"] * 2]


def test_what_is_finished_is_not_replaced_unasked(videos):
    extract("videos/S1", "--only", "rgb", "--size", "32")
    before = {path: path.read_bytes() for path in Path("store").rglob("*.h5")}
    status, text, _ = extract("videos/S1", "--only", "rgb")
    assert status == 1 and "made with --size 32, not 256: --overwrite makes it anew" in text
    assert {path: path.read_bytes() for path in Path("store").rglob("*.h5")} == before
    assert extract("videos/S1", "--only", "rgb", "--overwrite")[0] == 0
    assert {path: path.read_bytes() for path in Path("store").rglob("*.h5")} != before


def test_the_next_command_is_one_that_will_work(folder):
    for subject in ("S1", "S2"):
        for action in ("take_cup", "put_cup"):
            for number in range(3):
                make_video(folder / "videos" / subject / action / f"{number}.mp4", frames=3)
    text = extract("videos/", "--only", "rgb", "--out", "my store")[1]
    assert "Next: egotool train dynamic-net --store 'my store'" in text and "No segment" not in text


@pytest.mark.parametrize("where", [("videos/",), ()])
def test_a_manifest_that_is_not_there_is_said_at_once(videos, where):
    with pytest.raises(UsageError, match=r"there is no manifest nope\.csv"):
        extract(*where, "--manifest", "nope.csv")
    assert not Path("store").exists()


def test_a_manifest_that_cannot_be_read_is_said_at_once(videos):
    Path("labels.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ManifestError):
        extract("videos/", "--manifest", "labels.csv")
    assert not Path("store").exists()


def test_a_manifest_problem_fails_the_command(videos):
    (videos / "manifest.csv").write_text(
        "segment,video,start_frame,stop_frame,action\na,S1/take_cup/1.mp4,0,4,x\nb,S9/lost.mp4,0,4,x\n"
    )
    status, text, _ = extract("videos/", "--only", "rgb")
    assert status == 1
    assert "Manifest: S9/lost.mp4: segment b names a video that is not there." in text
    assert "4 of 4 videos" in text


def test_masks_of_hands(videos, folder):
    for action in ("take_cup", "open_jar"):
        for number in range(4):
            path = folder / "hands" / "S1" / action / "1" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), np.zeros((72, 104), np.uint8))
    status, text, messages = extract("videos/", "--hands", "hands")
    assert status == 0 and "4 of 4 videos in store" in text
    assert "2 of 4 videos without hand masks in hands, such as S2/open_jar/1.mp4" in " ".join(
        messages.split()
    )
    status, text, _ = extract("videos/S1", "--hands", "hands/S1", "--dry-run")
    assert status == 0 and text.count("extract") == 2
    (folder / "hands" / "S1" / "take_cup" / "1" / "3.png").unlink()
    status, text, _ = extract("videos/", "--hands", "hands", "--out", "other", "--dry-run")
    assert status == 1 and "has 3 hand masks, but videos/S1/take_cup/1.mp4 says that it has 4 frames" in text
    status, text, _ = extract("videos/", "--hands", "hands", "--out", "other")
    assert status == 1 and "3 of 4 videos as asked for in other" in text
    assert "hands/S1/take_cup/1 has 3 hand masks, but videos/S1/take_cup/1.mp4 has 4 frames" in text


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--hands", "nowhere"], "--hands: nowhere is no folder"),
        (["--only", "rgb,warp"], "unknown 'warp'; choose from rgb, flow, warp-flow, masks"),
        (["--only", ""], "nothing given"),
        (["--codec", "zip"], "unknown 'zip'"),
        (["--schedule", "slow"], "unknown 'slow'"),
        (["--size", "0"], "--size"),
        (["--test-subject", "S3"], "the subjects are S1, S2"),
    ],
)
def test_wrong_usage(videos, options, complaint):
    with pytest.raises(UsageError, match=complaint) as caught:
        extract("videos/", *options)
    assert caught.value.exit_status == 2
    assert not Path("store").exists()


def test_no_videos(folder):
    (folder / "videos").mkdir()
    with pytest.raises(UsageError, match="no video"):
        extract("videos/")


def test_flat_folders_are_unlabelled(folder):
    make_video(folder / "videos" / "a.mp4")
    status, text, _ = extract("videos/", "--only", "rgb")
    assert status == 0
    assert "unlabelled" in text
    assert "egotool train" not in text


def test_segments_of_a_manifest_only(folder, videos):
    """Without VIDEOS, those beside the manifest that it names."""
    make_video(videos / "long.mp4", frames=60)
    row = "one,long.mp4,40,42,take_cup,train"
    (videos / "labels.csv").write_text(f"segment,video,start_frame,stop_frame,action,split\n{row}\n")
    arguments = ("--manifest", "videos/labels.csv", "--segments-only", "--only", "rgb")
    status, text, _ = extract(*arguments, "--dry-run", "--json")
    assert [video["frames"] for video in json.loads(text)["videos"]] == [48]
    status, text, _ = extract(*arguments, "--json")
    document = json.loads(text)
    assert status == 0
    assert [(video["video"], video["frames"]) for video in document["videos"]] == [("long.mp4", 48)]
    assert document["manifest"]["segments"] == 1
    for wrong in (("--segments-only", "videos"), ()):
        with pytest.raises(UsageError, match="--manifest"):
            extract(*wrong)
