import json
from pathlib import Path

import pytest
import torch

from egotool.errors import RunError, UsageError
from tests.cli.test_train import egotool
from tests.runs.original import FilterHead, OriginalFlow, OriginalRgb, OriginalTwoStream, shaken
from tests.training.small_store import make_labelled_store

SIZES = ("--set", "clips.length=4", "--set", "clips.short_side=100", "--set", "clips.crop_size=96")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_labelled_store(tmp_path / "store")
    torch.save(shaken(OriginalRgb(4), 0).state_dict(), tmp_path / "rgb.pth")
    return tmp_path


def test_imported_weights_are_evaluated_and_reported(folder: Path) -> None:
    status, out, _ = egotool(folder, "weights", "import", "rgb.pth", "--store", "store", *SIZES)
    assert status == 0
    assert "Imported convlstm-attention: ResNet-18, 4 frames, 4 classes." in out
    assert "weight_softmax" in out and "alphabetical order" in out
    (run,) = folder.glob("runs/convlstm-attention-imported-*")
    status, out, _ = egotool(folder, "evaluate", str(run))
    assert status == 0 and "4 test segments" in out
    status, out, _ = egotool(folder, "report", "--table", "4", "--format", "json")
    measured = [row["measured"] for row in json.loads(out)["rows"] if row["measured"]]
    assert [each["imported"] for each in measured] == [["imported from rgb.pth"]]
    status, out, _ = egotool(folder, "weights", "import", "rgb.pth", "--store", "store", *SIZES)
    assert status == 0 and "Imported already" in out


@pytest.mark.parametrize("model", ["flow", "two-stream", "dynamic-net"])
def test_every_kind_is_evaluated(folder: Path, model: str) -> None:
    networks = {
        "flow": OriginalFlow(4),
        "two-stream": OriginalTwoStream(4),
        "dynamic-net": OriginalRgb(4, head=FilterHead(16, 9), head_name="dinam"),
    }
    torch.save(shaken(networks[model], 1).state_dict(), folder / "theirs.pth")
    with pytest.raises(UsageError, match="cannot be read"):
        egotool(folder, "weights", "import", "theirs.pth", *SIZES, "--actions", "actions.txt")
    (folder / "actions.txt").write_text("lift_up\npush_left\npush_right\nput_down\n")
    status, out, _ = egotool(folder, "weights", "import", "theirs.pth", *SIZES, "--actions", "actions.txt")
    assert status == 0 and "--store STORE" in out
    with pytest.raises(RunError, match="imported without a store"):
        egotool(folder, "evaluate", model)
    status, out, _ = egotool(folder, "evaluate", model, "--store", "store")
    assert status == 0 and "4 test segments" in out
    status, out, err = egotool(folder, "evaluate", model)
    assert status == 0 and "has changed" not in err


def test_a_dry_run_writes_nothing_and_json_is_one_document(folder: Path) -> None:
    status, out, _ = egotool(folder, "weights", "import", "rgb.pth", "--dry-run", "--json")
    document = json.loads(out)
    assert status == 0 and document["dry_run"] and document["model"] == "convlstm-attention"
    assert len(document["sha256"]) == 64 and len(document["actions"]) == 4
    assert not (folder / "runs").exists()


def test_wrong_use_is_named(folder: Path) -> None:
    with pytest.raises(UsageError, match="flow-rgb or rgb-flow"):
        egotool(folder, "weights", "import", "rgb.pth", "--joint-order", "both")
    with pytest.raises(UsageError, match="no model"):
        egotool(folder, "weights", "import", "rgb.pth", "--model", "resnet")
    (folder / "actions.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as text"):
        egotool(folder, "weights", "import", "rgb.pth", "--actions", "actions.txt")
