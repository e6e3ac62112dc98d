import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only
from typer.testing import CliRunner

from egotool.cli.main import app, run
from egotool.errors import EgotoolError
from tests.training.small_store import TINY, make_labelled_store

SETTINGS = [part for each in TINY for part in ("--set", each)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    make_labelled_store(folder / "store")
    return folder


def egotool(folder: Path, *arguments: str) -> tuple[int, str, str]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_three_words_train_score_and_name_the_next_command(folder: Path) -> None:
    status, out, err = egotool(folder, "train", "dynamic-net", "--device", "cpu", *SETTINGS)
    assert status == 0
    assert "Recipe small (auto: --device cpu was asked for)" in err
    assert "of 4 test segments right (95 % interval" in out
    assert "egotool report --table 4" in out
    status, out, err = egotool(folder, "train", "dynamic-net", "--device", "cpu", *SETTINGS)
    assert status == 0 and "is finished" in out and "reused" in err


def test_json_is_one_document_and_nothing_else(folder: Path) -> None:
    arguments = ("train", "rgb", "--device", "cpu", "--json", *SETTINGS)
    status, out, _ = egotool(folder, *arguments)
    document = json.loads(out)
    assert status == 0
    assert document["record"]["model"] == "convlstm-attention"
    assert document["scores"]["segments"] == 4
    scored = egotool(folder, "evaluate", document["run"], "--split", "validation", "--json")
    assert json.loads(scored[1])["split"] == "validation"


def test_the_next_commands_can_be_typed_whatever_the_folder_is_called(folder: Path) -> None:
    short = ("--set", "stages.0.epochs=1")
    words = ("train", "convlstm", "--runs", "my runs", "--device", "cpu", *SETTINGS, *short)
    status, out, err = egotool(folder, *words)
    assert status == 0
    assert "Details:  egotool evaluate 'my runs/convlstm-small-" in out
    assert "egotool report --table 1 --runs 'my runs'" in out
    assert ": 1 epoch in" in err


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    arguments = ("train", "convlstm", "--dry-run", "--runs", "elsewhere", "--device", "cpu", *SETTINGS)
    status, out, _ = egotool(folder, *arguments)
    assert status == 0
    for word in ("stage1: to train, about", "trains  everything", "parameters", "frozen  nothing", "[clips]"):
        assert word in out
    document = json.loads(egotool(folder, *arguments, "--json")[1])
    assert [stage["state"] for stage in document["stages"]] == ["train", "train"]
    assert not (folder / "elsewhere").exists()


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (("train", "dynamicnet"), "did you mean 'dynamic-net'", 2),
        (("train", "rgb", "--set", "clips.lenght=3"), "clips.lenght is not known; did you mean length", 2),
        (("train", "rgb", "--recipe", "large"), "there is no recipe 'large'", 2),
        (("train", "rgb", "--device", "tpu"), "--device is auto, cpu or gpu", 2),
        (("train", "rgb", "--protocol", "nice"), "--protocol", 2),
        (("train", "rgb", "--precision", "8"), "--precision", 2),
        (("train", "rgb", "--store", "none"), "none", 1),
        (("train", "rgb", "--manifest", "none.csv"), "there is no manifest none.csv", 1),
        (("evaluate", "nothing"), "there is no run 'nothing'", 1),
        (("evaluate", "nothing", "--split", "all"), "--split", 2),
    ],
)
def test_wrong_input_is_one_sentence(
    folder: Path, arguments: tuple[str, ...], said: str, status: int
) -> None:
    with pytest.raises(EgotoolError) as error:
        egotool(folder, *arguments)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert error.value.exit_status == status


def test_segments_left_out_are_named_and_give_exit_status_1(folder: Path) -> None:
    lines = (folder / "store" / "manifest.csv").read_text().splitlines()
    lines.append(lines[1].replace("push_left-0", "lost").replace("push_left/0", "push_left/9"))
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    options = ("--manifest", "labels.csv", "--runs", "other", "--device", "cpu")
    status, out, err = egotool(folder, "train", "rgb", *options, *SETTINGS)
    assert status == 1
    assert "push_left/9.mp4" in err and "test segments right" in out


def test_nothing_of_lightning_reaches_the_screen(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(
            sys, "argv", ["egotool", "train", "rgb", "--runs", "quiet", "--device", "cpu", *SETTINGS]
        )
        with contextlib.suppress(SystemExit):
            run()
    screen = "".join(capfd.readouterr()).lower()
    assert "test segments right" in screen
    for noise in ("warning", "lightning", "tpu", "litlogger", "💡", "num_workers", "seed set"):
        assert noise not in screen


def test_balance_is_said_and_recorded(folder: Path) -> None:
    status, out, err = egotool(
        folder, "train", "convlstm", "--device", "cpu", "--balance", "--json", *SETTINGS
    )
    assert status == 0
    assert "equally often" in err
    assert json.loads(out)["record"]["balance"] is True
    status, out, _ = egotool(folder, "train", "convlstm", "--device", "cpu", "--json", *SETTINGS)
    assert json.loads(out)["record"]["balance"] is False  # a run of its own


def test_batches_in_parts_are_recorded(folder: Path) -> None:
    words = ("train", "convlstm", "--device", "cpu", "--json", *SETTINGS)
    status, out, _ = egotool(folder, *words, "--accumulate", "2")
    assert status == 0 and json.loads(out)["record"]["accumulate"] == 2


def test_a_task_of_a_cluster_that_has_one_device_is_on_its_own(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rank_zero_only, "rank", 1, raising=False)  # as srun numbers it
        words = ("train", "convlstm", "--device", "cpu", "--seed", "1", "--json", *SETTINGS)
        status, out, _ = egotool(folder, *words)
    document = json.loads(out)
    run = folder / document["run"]
    assert status == 0 and document["record"]["status"] == "finished"
    assert document["scores"]["segments"] == 4
    assert list(run.glob("tensorboard/events*")) and (run / "recipe.toml").is_file()


def start_on_two_devices(folder: Path, *words: str, matter: str = "") -> subprocess.Popen[str]:
    """Train with two processes; see on_one_device.py for what can be the matter."""
    make_labelled_store(folder / "store", actions=("push_left", "push_right", "lift_up"), each=2)
    script = Path(__file__).with_name("on_one_device.py")
    settings = [*SETTINGS, "--set", "stages.0.epochs=1", "--set", "stages.1.epochs=2"]
    return subprocess.Popen(
        [sys.executable, script, "train", "rgb", "--device", "cpu", "--devices", "2", *settings, *words],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1", "ON_ONE_DEVICE": matter},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_two_devices_choose_the_epoch_on_every_segment_once(tmp_path: Path) -> None:
    training = start_on_two_devices(tmp_path, "--json", matter="0:slow")  # the second must wait for it
    out, err = training.communicate(timeout=180)
    assert training.returncode == 0, err
    document = json.loads(out)
    best = document["record"]["best"]  # three segments: shares that were filled up would be of four
    scored = egotool(tmp_path, "evaluate", document["run"], "--split", "validation", "--json")
    scores = json.loads(scored[1])
    assert (best["accuracy"], best["loss"]) == pytest.approx((scores["top1"], scores["loss"]), abs=1e-6)


@pytest.mark.slow
def test_one_of_two_devices_that_fails_says_why_and_ends_both(tmp_path: Path) -> None:
    training = start_on_two_devices(tmp_path, "--trials", "2", matter="1:memory")
    _, err = training.communicate(timeout=180)
    assert training.returncode != 0
    assert "on device 2 of 2: the memory of CPU is too small for stage1" in err
    assert "GLHF" not in err and "2 of 2: convlstm" not in err


@pytest.mark.slow
def test_two_devices_stop_when_the_first_is_told_to(tmp_path: Path) -> None:
    training = start_on_two_devices(tmp_path, "--set", "stages.1.epochs=2000")
    until = time.monotonic() + 150
    while not list(tmp_path.glob("runs/convlstm-*/checkpoints/last.ckpt")) and time.monotonic() < until:
        time.sleep(0.2)
    training.terminate()
    _, err = training.communicate(timeout=120)  # not before the second has closed its end, too
    assert training.returncode == 130, err
    assert err.count("Stopped; the same command goes on from here.") == 1
