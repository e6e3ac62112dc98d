import json
from pathlib import Path

import pytest

from egotool.errors import UsageError
from tests.cli.test_train import SETTINGS, egotool
from tests.training.small_store import make_labelled_store

BRIEF = [*SETTINGS, "--set", "stages.0.epochs=1", "--set", "stages.1.epochs=1", "--device", "cpu"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    make_labelled_store(folder / "store", each=2)
    return folder


def test_rows_are_trained_shown_and_reused(folder: Path) -> None:
    words = ("sweep", "--table", "5", "--rows", "1,4", *BRIEF)
    status, out, err = egotool(folder, *words)
    assert status == 0
    assert "72.41" in out and "75.86" in out and "idt-net-small-" in out
    assert "2 of 2: Table 5, row 4 (idt-net), seed 0" in err
    status, out, _ = egotool(folder, *words, "--json")
    assert [row["state"] for row in json.loads(out)["rows"]] == ["reused", "reused"]
    status, out, _ = egotool(folder, "report", "--table", "5", "--format", "json")
    measured = [row["measured"] is not None for row in json.loads(out)["rows"]]
    assert measured == [True, False, False, True, False]


def test_a_row_that_fails_is_named_and_the_exit_status_is_1(folder: Path) -> None:
    make_labelled_store(folder / "bare", each=1, masks=False)
    status, out, _ = egotool(
        folder,
        "sweep",
        "--table",
        "4",
        "--rows",
        "1,2",
        "--trials",
        "1",
        "--store",
        "bare",
        "--runs",
        "other",
        *BRIEF,
    )
    assert status == 1
    assert "motion_masks" in out or "masks" in out
    assert "failed" in out and "trained" in out


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    status, out, _ = egotool(folder, "sweep", "--table", "2", "--runs", "dry", "--dry-run", *BRIEF)
    assert status == 0 and out.count("to train") == 8
    status, out, _ = egotool(folder, "sweep", "rgb", "--search", "3", "--runs", "dry", "--dry-run", *BRIEF)
    assert status == 0 and "stages.1.lr_backbone" in out
    words = ("sweep", "rgb", "--search", "3", "--runs", "dry", "--dry-run", "--json", *BRIEF)
    assert json.loads(egotool(folder, *words)[1])["ranges"][1]["key"] == "stages.1.lr_backbone"
    assert not (folder / "dry").exists()


def test_a_search_prints_the_command_that_scores_its_best(folder: Path) -> None:
    words = ("sweep", "idt-net", "--search", "2", "--accumulate", "2", *BRIEF)
    status, out, _ = egotool(folder, *words, "--json")
    document = json.loads(out)
    assert status == 0 and len(document["proposals"]) == 2
    command = document["command"].split()
    assert command[:2] == ["egotool", "train"]
    status, out, _ = egotool(folder, *command[1:])
    assert status == 0 and "An identical run is finished" in out
    assert document["best"]["run"] in out
    status, out, _ = egotool(folder, *words)
    assert status == 0 and "validation" in out and "alpha" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a table"),
        (("dynamic-net",), "give a table"),
        (("dynamic-net", "--table", "2"), "give a table"),
        (("--table", "7"), "no Table 7"),
        (("--table", "2", "--rows", "9"), "rows 1 to 8"),
        (("dynamo", "--search", "2"), "no model 'dynamo'"),
        (("rgb", "--search", "2", "--keep", "some"), "--keep is"),
    ],
)
def test_bad_input_is_one_sentence(folder: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        egotool(folder, "sweep", *words)


def test_trials_and_folds(folder: Path) -> None:
    status, out, _ = egotool(folder, "train", "convlstm", "--trials", "2", "--runs", "many", *BRIEF)
    assert status == 0
    assert "convlstm, seed 1:" in out and "Mean over 2 trials:" in out
    assert "Next: egotool report --table 1 --runs many" in out
    status, out, _ = egotool(folder, "report", "--table", "1", "--runs", "many", "--format", "markdown")
    assert status == 0 and "convlstm 2 with clips of 4 frames (" in out
    lines = (folder / "store" / "manifest.csv").read_text().splitlines()
    header, *rows = lines
    place = header.split(",").index("subject")
    with_subjects = [header]
    for row in rows:
        cells = row.split(",")
        cells[place] = f"S{int(cells[1].partition('/')[2][0]) % 2 + 1}"
        with_subjects.append(",".join(cells))
    (folder / "people.csv").write_text("\n".join(with_subjects) + "\n")
    words = ("train", "convlstm", "--folds", "subjects", "--manifest", "people.csv", "--runs", "many", *BRIEF)
    status, out, _ = egotool(folder, *words)
    assert status == 0
    assert "convlstm, seed 0, S1 tests:" in out and "Mean over 2 folds:" in out
    _, out, _ = egotool(folder, *words, "--json")
    assert [each["state"] for each in json.loads(out)["trainings"]] == ["reused", "reused"]


def test_from_a_run_and_what_a_dry_run_says(folder: Path) -> None:
    egotool(folder, "train", "rgb", "--runs", "parents", *BRIEF)
    words = ("train", "dynamic-net", "--from", "convlstm-attention", "--runs", "parents", *BRIEF)
    status, out, _ = egotool(folder, *words, "--dry-run")
    assert status == 0
    for word in ("the weights of convlstm-attention-small-", "adamw, eps 1e-08", "head (lr_head): 4 tensors"):
        assert word in out
    status, out, _ = egotool(folder, *words, "--dry-run", "--json")
    (stage,) = json.loads(out)["stages"]
    assert [group["name"] for group in stage["groups"]] == ["main", "head", "backbone"]
    assert egotool(folder, *words)[0] == 0
