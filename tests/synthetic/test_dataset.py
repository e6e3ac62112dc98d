import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from egotool.errors import EgotoolError, UsageError
from egotool.files import sha256_of_file
from egotool.synthetic import (
    ClipPlan,
    Kind,
    Mode,
    ParameterOptions,
    TruthError,
    Verb,
    plan_dataset,
    read_truth,
    render_clip,
    render_dataset,
    truth_path,
)
from egotool.synthetic import dataset as dataset_module
from egotool.video import probe, read_frames

TINY: ParameterOptions = {
    "seed": 5,
    "subjects": 2,
    "repetitions": 1,
    "frames": 5,
    "width": 80,
    "height": 60,
    "verbs": ("take", "open"),
    "objects": ("box",),
    "head_motion": 4.0,
}
VIDEOS = [f"S0{subject}/{action}_box/clip01.mp4" for subject in (1, 2) for action in ("take", "open")]


def digests(out: Path) -> dict[str, str]:
    return {p.relative_to(out).as_posix(): sha256_of_file(p) for p in out.rglob("*.h5")}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "videos"
    render_dataset(out, **TINY)
    return out


def test_layout_is_subject_action_clip(rendered):
    assert sorted(p.relative_to(rendered).as_posix() for p in rendered.rglob("*.mp4")) == sorted(VIDEOS)
    assert all(truth_path(rendered / name).is_file() for name in VIDEOS)
    assert not [p for p in rendered.rglob(".*") if p.name != ".synth.lock"]
    assert json.loads((rendered / "synth.json").read_text())["parameters"]["seed"] == 5


def test_videos_decode_to_what_was_rendered(rendered):
    info = probe(rendered / VIDEOS[0])
    assert (info.width, info.height) == (80, 60)
    assert info.frame_rate == pytest.approx(15)
    frames = [frame.rgb.astype(int) for frame in read_frames(rendered / VIDEOS[0])]
    plan = ClipPlan(
        seed=5,
        verb=Verb.TAKE,
        kind=Kind.BOX,
        mode=Mode.PLANAR,
        width=80,
        height=60,
        frames=5,
        head_motion=4.0,
        distractors=tuple(kind for kind in Kind if kind is not Kind.BOX),
    )
    expected = [frame.rgb.astype(int) for frame in render_clip(plan).frames]
    assert len(frames) == len(expected)
    assert np.abs(np.stack(frames) - np.stack(expected)).mean() < 8  # the encoder's loss


def test_truth_file_holds_the_truth_and_says_what_was_drawn(rendered):
    truth = read_truth(truth_path(rendered / VIDEOS[1]))
    assert truth.flow.shape == (4, 2, 60, 80)
    assert truth.moving_mask.shape == (5, 60, 80)
    attributes = truth.attributes
    assert attributes["action"] == "open_box"
    assert attributes["subject"] == "S01"
    assert attributes["mode"] == "parallax"
    assert attributes["homography_layer"] == "counter"
    assert "lid of box" in truth.layer_names
    with h5py.File(truth_path(rendered / VIDEOS[1])) as file:
        assert file["flow"].dtype == np.float16
        assert file["flow"].chunks == (1, 2, 60, 80)


def test_the_same_seed_gives_the_same_files_with_any_number_of_workers(rendered, tmp_path):
    render_dataset(tmp_path / "again", workers=2, **TINY)
    assert digests(tmp_path / "again") == digests(rendered)
    other: ParameterOptions = {**TINY, "seed": 6}
    render_dataset(tmp_path / "other", **other)
    assert not set(digests(tmp_path / "other").values()) & set(digests(rendered).values())


def test_an_interrupted_call_goes_on_and_keeps_complete_clips(rendered, tmp_path, monkeypatch):
    out = tmp_path / "videos"
    write_clip, calls = dataset_module._write_clip, []

    def stop_after_two(plan, video):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(video)
        write_clip(plan, video)

    monkeypatch.setattr(dataset_module, "_write_clip", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        render_dataset(out, **TINY)
    monkeypatch.undo()
    kept = {path: path.stat().st_mtime_ns for path in calls}
    # What kill -9 leaves: a hidden temporary, and a video whose truth is missing.
    leftover = out / VIDEOS[2]
    leftover.parent.mkdir(parents=True)
    (leftover.parent / ".clip01.123-abc.tmp.mp4").write_bytes(b"half")
    leftover.write_bytes(b"not yet valid")
    summary = render_dataset(out, **TINY)
    assert summary.rendered == tuple(VIDEOS[2:])
    assert {path: path.stat().st_mtime_ns for path in calls} == kept
    assert digests(out) == digests(rendered)
    assert not list(out.rglob("*.tmp.*"))
    assert render_dataset(out, **TINY).rendered == ()


def test_a_failing_write_names_the_video(tmp_path, monkeypatch):
    def full(plan, video):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset_module, "_write_clip", full)
    with pytest.raises(EgotoolError, match=r"clip01\.mp4.*No space"):
        render_dataset(tmp_path / "videos", **TINY)


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX does")
@pytest.mark.parametrize("limit", [3_000, 20_000, 40_000])
def test_a_full_disk_is_one_sentence_and_no_crash(tmp_path, limit):
    script = """
        import resource, signal, sys
        from pathlib import Path
        from egotool.errors import EgotoolError
        from egotool.synthetic import render_dataset
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
        options = dict(subjects=1, repetitions=1, frames=20, width=96, height=64)
        try:
            render_dataset(Path(sys.argv[1]), verbs=("take",), objects=("cup",), **options)
        except EgotoolError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "videos"), str(limit)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr  # HDF5 can crash over what it could not write
    assert re.fullmatch(r"\S+clip01\.mp4 cannot be written \(File too large\): .*\n", done.stdout)
    assert not list(tmp_path.rglob("*.h5"))


def test_a_folder_with_other_content_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="other files"):
        render_dataset(tmp_path, **TINY)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UsageError, match="is a file"):
        render_dataset(tmp_path / "thesis.tex", **TINY)


def test_other_parameters_are_refused_by_name(rendered):
    other: ParameterOptions = {**TINY, "frames": 6, "seed": 1}
    with pytest.raises(UsageError, match=r"other options \(seed and frames\)"):
        plan_dataset(rendered, **other)


def test_a_damaged_record_is_refused(tmp_path):
    (tmp_path / "synth.json").write_text("[1, 2")
    with pytest.raises(UsageError, match="cannot be read"):
        plan_dataset(tmp_path, **TINY)


def test_planning_writes_nothing(tmp_path):
    summary = plan_dataset(tmp_path / "videos", **TINY)
    assert list(summary.videos) == list(summary.rendered) == VIDEOS
    assert not (tmp_path / "videos").exists()


def test_progress_counts_all_frames(tmp_path):
    class Counter:
        total: int | None = None
        done = 0

        def start(self, task, *, total, unit):
            self.total = total

        def advance(self, task, amount=1):
            self.done += amount

        def finish(self, task):
            pass

        def message(self, text):
            pass

    counter = Counter()
    render_dataset(tmp_path / "videos", progress=counter, **TINY)
    assert counter.total == counter.done == 20


def test_unreadable_truth_is_an_error_with_advice(tmp_path):
    path = tmp_path / "clip01.truth.h5"
    with pytest.raises(TruthError, match="data synth"):
        read_truth(path)
    path.write_bytes(b"no HDF5")
    with pytest.raises(TruthError, match="damaged"):
        read_truth(path)
    with h5py.File(path, "w") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(TruthError, match="format 99"):
        read_truth(path)
