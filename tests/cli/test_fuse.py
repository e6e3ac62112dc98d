import json
from pathlib import Path

import numpy as np
import pytest

from egotool.cli.fuse import sort_out
from egotool.errors import RunError, UsageError
from egotool.evaluation import Predictions, read_predictions, write_predictions
from tests.cli.test_train import egotool
from tests.reporting.fabricated import ACTIONS, make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three scored runs of 20 segments; the first is right where the second is not sure."""
    labels = np.repeat([0, 1], 10)
    for number, model in enumerate(("convlstm-attention", "flow", "convlstm")):
        run = make_run(tmp_path / "runs", f"{model}-x", model=model, seed=number)
        random = np.random.default_rng(number)
        given = np.where(random.random(20) < 0.7, 0.9, 0.3)
        probabilities = np.empty((20, 2))
        probabilities[np.arange(20), labels] = given
        probabilities[np.arange(20), 1 - labels] = 1 - given
        segments = tuple(f"s{each}" for each in range(20))
        write_predictions(Predictions(segments, ACTIONS, labels, probabilities), run.predictions_file("test"))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("convlstm-attention-x", "flow-x", "--weights", "1", "1.5"),
        ("--weights", "1", "1.5", "convlstm-attention-x", "flow-x"),
        ("convlstm-attention-x", "flow-x", "--weights", "1,1.5"),
        ("convlstm-attention-x", "flow-x", "--weights", "1 1.5"),
    ],
)
def test_the_weighted_average_is_kept_and_shown(folder: Path, words: tuple[str, ...]) -> None:
    status, out, _ = egotool(folder, "fuse", *words)
    assert status == 0 and "late-fusion-" in out
    compare = out.rpartition("Compare: egotool ")[2].split()
    assert egotool(folder, *compare)[0] == 0
    (fusion,) = folder.glob("runs/late-fusion-*")
    fused = read_predictions(fusion / "predictions" / "test.csv")
    a, b = (
        read_predictions(folder / "runs" / name / "predictions" / "test.csv")
        for name in ("convlstm-attention-x", "flow-x")
    )
    np.testing.assert_allclose(
        fused.probabilities, (a.probabilities + 1.5 * b.probabilities) / 2.5, rtol=1e-7
    )
    record = json.loads((fusion / "fusion.json").read_text())
    assert [member["weight"] for member in record["members"]] == [1.0, 1.5]


def test_typed_again_it_is_shown_not_made_again(folder: Path) -> None:
    egotool(folder, "fuse", "convlstm-attention-x", "flow-x")
    (record,) = folder.glob("runs/late-fusion-*/fusion.json")
    before = record.read_bytes()
    status, out, _ = egotool(folder, "fuse", "convlstm-attention-x", "flow-x")
    assert status == 0 and "Fused already" in out
    assert record.read_bytes() == before


def test_a_dry_run_writes_nothing_and_json_is_one_document(folder: Path) -> None:
    status, out, _ = egotool(folder, "fuse", "convlstm-attention-x", "flow-x", "--dry-run")
    assert status == 0 and "Would fuse into" in out
    _, out, _ = egotool(
        folder, "fuse", "convlstm-attention-x", "flow-x", "--weights", "1", "3", "--dry-run", "--json"
    )
    assert [member["weight"] for member in json.loads(out)["members"]] == [1, 3]
    assert not list(folder.glob("runs/late-fusion-*"))
    _, out, _ = egotool(
        folder, "fuse", "convlstm-attention-x", "flow-x", "convlstm-x", "--json", "--of", "scores"
    )
    document = json.loads(out)
    assert len(document["members"]) == 3
    assert document["scores"]["segments"] == 20


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("flow-x",), UsageError, "two or more runs"),
        (("flow-x", "flow-x"), UsageError, "named twice"),
        (("flow-x", "convlstm-x", "--weights", "1", "2", "3"), UsageError, "3 numbers for 2 runs"),
        (("flow-x", "convlstm-x", "--weights", "heavy"), UsageError, "not a number"),
        (("flow-x", "convlstm-x", "--of", "ranks"), UsageError, "--of is"),
        (("flow-x", "nothing"), RunError, "no run 'nothing'"),
        (("flow-x", "convlstm-x", "--split", "train"), RunError, "egotool evaluate"),
    ],
)
def test_bad_input_is_one_sentence(folder: Path, words: tuple[str, ...], error, said: str) -> None:
    with pytest.raises(error, match=said):
        egotool(folder, "fuse", *words)
    assert not list(folder.glob("runs/late-fusion-*"))


def test_runs_that_are_called_like_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "7").mkdir()
    assert sort_out(["7", "flow-x", "2"], "1") == (["7", "flow-x"], [1.0, 2.0])
