import dataclasses
import io
import json
import math
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from rich.console import Console

from egotool.cli.evaluate import _confusion_table
from egotool.errors import RunError, UsageError
from egotool.manifests import Manifest, read_manifest, write_manifest
from egotool.runs import Scores
from egotool.runs.scores import Loss
from tests.cli.test_train import SETTINGS, egotool
from tests.training.small_store import make_labelled_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    make_labelled_store(folder / "store")
    egotool(folder, "train", "rgb", "--device", "cpu", *SETTINGS)
    return folder


def test_the_screen_shows_every_action_and_the_confusion(folder: Path) -> None:
    status, out, _ = egotool(folder, "evaluate", "convlstm-attention", "--split", "train")
    assert status == 0
    for word in (
        "12 train segments",
        "top-5",
        "mean class accuracy",
        "push_left",
        "rows are true",
        "train.csv",
    ):
        assert word in out
    (run,) = folder.glob("runs/convlstm-attention-*")
    lines = (run / "predictions" / "train.csv").read_text().splitlines()
    assert lines[0] == "segment,label,prediction,lift_up,push_left,push_right,put_down"
    assert len(lines) == 13
    assert (run / "scores" / "train.json").is_file()


def test_actions_may_have_brackets_in_their_names() -> None:
    scores = Scores.model_construct(actions=("close [/] jar", "cut [red] carrot"), confusion=((1, 0), (0, 2)))
    console = Console(file=io.StringIO(), width=80)
    console.print(_confusion_table(scores))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "close [/] jar" in shown and "cut [red] carrot" in shown


def test_a_loss_that_is_no_number_is_null_in_json() -> None:
    loss = TypeAdapter(Loss)
    assert loss.dump_python(math.nan, mode="json") is None and loss.dump_json(math.inf) == b"null"
    assert loss.dump_python(0.5, mode="json") == 0.5 and math.isnan(loss.validate_json("null"))


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    status, out, _ = egotool(folder, "evaluate", "convlstm-attention", "--split", "validation", "--dry-run")
    assert status == 0 and "Would score" in out
    status, out, _ = egotool(
        folder, "evaluate", "convlstm-attention", "--split", "validation", "--dry-run", "--json"
    )
    (run,) = folder.glob("runs/convlstm-attention-*")
    document = json.loads(out)
    assert document["run"] == f"runs/{run.name}" and document["dry_run"] is True
    assert [Path(file).name for file in document["files"]] == ["validation.json", "validation.csv"]
    assert not list(folder.glob("runs/*/scores/validation.json"))


def test_head_needs_a_head(folder: Path) -> None:
    with pytest.raises(UsageError, match="has no self-supervised head"):
        egotool(folder, "evaluate", "convlstm-attention", "--head")


def test_head_says_what_the_head_has_learned(folder: Path) -> None:
    egotool(folder, "train", "dynamic-net", "--device", "cpu", *SETTINGS)
    status, out, _ = egotool(folder, "evaluate", "dynamic-net", "--head")
    assert status == 0 and "next frame, squared error" in out
    status, out, _ = egotool(folder, "evaluate", "dynamic-net", "--head", "--json")
    assert json.loads(out)["head"]["clips"] == 4


def test_verbs_and_nouns_are_scored_where_the_manifest_names_them(folder: Path) -> None:
    status, out, _ = egotool(folder, "evaluate", "convlstm-attention", "--json")
    assert status == 0 and json.loads(out)["verbs"] is None
    manifest = read_manifest(folder / "store" / "manifest.csv")
    named = tuple(
        dataclasses.replace(each, verb=each.action.split("_")[0], noun=each.action.split("_")[1])
        for each in manifest.segments
    )
    write_manifest(Manifest(named), folder / "named.csv")
    arguments = ("evaluate", "convlstm-attention", "--manifest", "named.csv")
    (scores,) = folder.glob("runs/convlstm-attention-*/scores/test.json")
    before = scores.read_bytes()
    with pytest.raises(RunError, match="--overwrite replaces it"):
        egotool(folder, *arguments)
    assert scores.read_bytes() == before
    arguments = (*arguments, "--overwrite")
    status, out, _ = egotool(folder, *arguments, "--json")
    document = json.loads(out)
    assert document["verbs"]["classes"] == 3  # push, lift, put
    assert document["nouns"]["classes"] == 4
    assert document["nouns"]["top1"] == document["top1"]
    assert document["verbs"]["segments"] == 4
    status, out, _ = egotool(folder, *arguments)
    assert "verb" in out and "noun" in out and "mean class" in out


def test_unknown_actions_and_damaged_checkpoints_are_named(folder: Path) -> None:
    manifest = read_manifest(folder / "store" / "manifest.csv")
    foreign = [
        dataclasses.replace(segment, action=segment.action + "_slowly") for segment in manifest.segments
    ]
    write_manifest(Manifest(tuple(foreign)), folder / "foreign.csv")
    with pytest.raises(RunError, match="does not know the action 'lift_up_slowly'"):
        egotool(folder, "evaluate", "convlstm-attention", "--manifest", "foreign.csv")
    (best,) = folder.glob("runs/convlstm-attention-*/checkpoints/best.ckpt")
    best.write_bytes(best.read_bytes()[:5000])
    with pytest.raises(RunError, match="damaged"):
        egotool(folder, "evaluate", "convlstm-attention")


def test_a_models_name_is_its_only_run(folder: Path) -> None:
    egotool(folder, "train", "convlstm", "--runs", "two", "--device", "cpu", *SETTINGS)
    egotool(folder, "train", "rgb", "--runs", "two", "--device", "cpu", *SETTINGS)
    for name in ("convlstm", "rgb"):
        assert egotool(folder, "evaluate", name, "--runs", "two", "--dry-run")[0] == 0
    egotool(folder, "train", "rgb", "--runs", "two", "--device", "cpu", "--seed", "1", *SETTINGS)
    with pytest.raises(RunError, match="'rgb' fits several runs: convlstm-attention-small-"):
        egotool(folder, "evaluate", "rgb", "--runs", "two", "--dry-run")
