import json
from pathlib import Path

import numpy as np
import pytest

from egotool.cli.compare import run_comparison
from egotool.errors import RunError, UsageError
from egotool.evaluation import Predictions, write_predictions
from egotool.runs import load_recipe, read_run
from egotool.runs.rows import load_row_recipe
from tests.reporting.fabricated import ACTIONS, make_run


def scored(runs: Path, name: str, right: list[bool], **options) -> None:
    run = make_run(runs, name, **options)
    labels = np.array([number % 2 for number in range(len(right))])
    answers = np.where(right, labels, 1 - labels)
    probabilities = np.where(np.arange(2)[None] == answers[:, None], 0.8, 0.2)
    segments = tuple(f"s{number}" for number in range(len(right)))
    write_predictions(Predictions(segments, ACTIONS, labels, probabilities), run.predictions_file("test"))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    runs = tmp_path / "runs"
    for seed in (0, 1):
        scored(runs, f"rgb-{seed}", [True] * 10 + [False] * 10, model="convlstm-attention", seed=seed)
        scored(runs, f"dynamic-{seed}", [True] * 18 + [False] * 2, model="dynamic-net", seed=seed)
    scored(runs, "swept", [False] * 20, model="dynamic-net", seed=0, overrides=("head.alpha=1.0",))
    scored(runs, "paper", [True] * 20, model="idt-net", protocol="paper")
    return runs


def compared(runs: Path, a: str, b: str, capsys: pytest.CaptureFixture, format_: str = "json") -> str:
    run_comparison(a, b, runs=runs, split="test", format_=format_, out=None)
    return capsys.readouterr().out


def test_two_runs(runs: Path, capsys: pytest.CaptureFixture) -> None:
    document = json.loads(compared(runs, "dynamic-0", "rgb-0", capsys))
    (pair,) = document["comparison"]["pairs"]
    assert (pair["both_right"], pair["only_a"], pair["only_b"], pair["both_wrong"]) == (10, 8, 0, 2)
    assert pair["p_value"] == pytest.approx(2 / 2**8)
    assert document["comparison"]["difference"] == pytest.approx(0.4)
    assert document["comparison"]["separated"] is True


def test_models_are_all_trials_of_their_own_recipe(runs: Path, capsys: pytest.CaptureFixture) -> None:
    document = json.loads(compared(runs, "dynamic-net", "rgb", capsys))
    assert document["a"]["runs"] == ["dynamic-0", "dynamic-1"]  # not the one that --set changed
    assert document["b"]["seeds"] == [0, 1]
    assert len(document["comparison"]["pairs"]) == 2


def test_a_side_that_started_elsewhere_is_told(runs: Path, capsys: pytest.CaptureFixture) -> None:
    scored(runs, "warm", [True] * 20, model="dynamic-net", seed=3, parents=("paper",))
    notes = json.loads(compared(runs, "warm", "rgb-0", capsys))["notes"]
    assert [note for note in notes if note.startswith("warm started from paper")] != []
    assert "The test split may have picked the epoch of paper." in " ".join(notes)
    assert json.loads(compared(runs, "dynamic-0", "rgb-0", capsys))["notes"] == []


def runs_of(runs: Path, model: str, capsys: pytest.CaptureFixture, **choice) -> list[str]:
    """Return the runs that stand for `model` against convlstm-attention."""
    run_comparison(model, "rgb", runs=runs, split="test", format_="json", out=None, **choice)
    return json.loads(capsys.readouterr().out)["a"]["runs"]


def test_runs_that_are_no_trials_in_the_tables_are_none_here(
    runs: Path, capsys: pytest.CaptureFixture
) -> None:
    scored(runs, "began-elsewhere", [True] * 20, model="dynamic-net", parents=("other",), finished="2027")
    make_run(runs, "other", model="dynamic-net", role="stage", seed=7)
    scored(
        runs, "author", [True] * 20, model="dynamic-net", epochs=0, reason="imported from a file",
        finished="2027",
    )  # fmt: skip
    assert runs_of(runs, "dynamic-net", capsys) == ["dynamic-0", "dynamic-1"]


def test_imported_weights_count_where_there_is_nothing_else(
    runs: Path, capsys: pytest.CaptureFixture
) -> None:
    scored(runs, "author", [True] * 20, model="flow", epochs=0, reason="imported from a file")
    assert runs_of(runs, "flow", capsys) == ["author"]


def test_the_row_that_is_the_models_own_recipe_counts(runs: Path, capsys: pytest.CaptureFixture) -> None:
    scored(
        runs, "row", [True] * 20, model="dynamic-net", seed=2, resolved=load_row_recipe(2, 2, recipe="paper")
    )
    assert runs_of(runs, "dynamic-net", capsys) == ["dynamic-0", "dynamic-1", "row"]


def test_a_recipe_that_both_sides_have_is_compared(runs: Path, capsys: pytest.CaptureFixture) -> None:
    demo = load_recipe("dynamic-net", "small")
    for seed in range(3):  # more trials, and newer, but of a recipe that the other side lacks
        scored(
            runs, f"more-{seed}", [True] * 20, model="dynamic-net", seed=seed, recipe="demo", resolved=demo,
            finished="2027",
        )  # fmt: skip
    assert runs_of(runs, "dynamic-net", capsys) == ["dynamic-0", "dynamic-1"]
    run_comparison("dynamic-net", "rgb-0", runs=runs, split="test", format_="json", out=None, recipe="demo")
    assert json.loads(capsys.readouterr().out)["a"]["runs"] == ["more-0", "more-1", "more-2"]
    assert "recipes differ" in compared(runs, "more-0,more-1", "rgb", capsys, "markdown")


def test_a_run_that_is_named_says_which_recipe_of_a_model(runs: Path, capsys: pytest.CaptureFixture) -> None:
    scored(runs, "other", [True] * 20, model="convlstm-attention", recipe="demo", protocol="paper")
    document = json.loads(compared(runs, "dynamic-net", "other", capsys))
    assert document["a"]["runs"] == ["dynamic-0", "dynamic-1"]
    scored(runs, "fitting", [True] * 20, model="dynamic-net", recipe="demo", protocol="paper")
    document = json.loads(compared(runs, "dynamic-net", "other", capsys))
    assert document["a"]["runs"] == ["fitting"]


def test_protocol_and_folds_choose_among_a_models_runs(runs: Path, capsys: pytest.CaptureFixture) -> None:
    for model in ("dynamic-net", "convlstm-attention"):
        scored(runs, f"{model}-paper", [True] * 20, model=model, protocol="paper")
        folds(runs, model, {"S1": 9, "S2": 8})
    assert runs_of(runs, "dynamic-net", capsys, folds=False, protocol="paper") == ["dynamic-net-paper"]
    assert len(runs_of(runs, "dynamic-net", capsys, folds=True)) == 2
    with pytest.raises(UsageError, match="no run of dynamic-net scored on the test split as asked"):
        runs_of(runs, "dynamic-net", capsys, recipe="large")
    with pytest.raises(UsageError, match="choose among the runs of a model"):
        run_comparison("rgb-0", "dynamic-0", runs=runs, split="test", format_="json", out=None, folds=False)


def test_a_run_with_damaged_scores_is_left_out_and_named(runs: Path, capsys: pytest.CaptureFixture) -> None:
    (runs / "dynamic-1" / "scores" / "test.json").write_text("[]")
    document = json.loads(compared(runs, "dynamic-net", "rgb", capsys))
    assert document["a"]["runs"] == ["dynamic-0"]
    assert len(document["notes"]) == 1 and "Run dynamic-1 is left out" in document["notes"][0]


def test_several_runs_by_name(runs: Path, capsys: pytest.CaptureFixture) -> None:
    document = json.loads(compared(runs, "dynamic-0,dynamic-1", "rgb-1", capsys))
    assert [pair["trial_a"] for pair in document["comparison"]["pairs"]] == [1]


@pytest.mark.parametrize("format_", ["rich", "markdown", "csv", "latex"])
def test_every_format_says_the_same(runs: Path, capsys: pytest.CaptureFixture, format_: str) -> None:
    text = compared(runs, "dynamic-0", "rgb-0", capsys, format_)
    assert ("0.4" if format_ == "csv" else "+40.0") in text
    assert "0.0078" in text
    if format_ != "csv":
        assert "protocol honest" in text and "epoch 1, the best of 5" in text.replace("\n", " ")


def test_what_was_changed_in_the_training_is_named(runs: Path, capsys: pytest.CaptureFixture) -> None:
    read_run(runs / "rgb-0").update(balance=True, precision="bf16-mixed")
    text = compared(runs, "swept", "rgb-0", capsys, "markdown")
    assert "recipe small changed by head.alpha=1.0, protocol" in text
    assert "recipe small changed by --balance, --precision bf16-mixed, protocol" in text
    assert "changed" not in compared(runs, "dynamic-0", "rgb-1", capsys, "markdown")
    text = compared(runs, "swept,dynamic-1", "rgb-1", capsys, "markdown")
    assert "swept,dynamic-1: runs of different recipes are averaged" in text


def test_scores_on_other_data_are_noted(runs: Path, capsys: pytest.CaptureFixture) -> None:
    assert "other data" not in compared(runs, "dynamic-0", "rgb-0", capsys)
    run = read_run(runs / "dynamic-0")
    scores = run.scores()
    assert scores is not None
    run.write_scores(scores.model_copy(update={"data_fingerprint": "f" * 64}))
    notes = json.loads(compared(runs, "dynamic-0", "rgb-0", capsys))["notes"]
    assert notes == ["dynamic-0 was scored on other data than it was trained with."]


def test_scores_of_an_unfinished_training_are_not_compared(runs: Path, capsys: pytest.CaptureFixture) -> None:
    run = read_run(runs / "dynamic-0")
    scores = run.scores()
    assert scores is not None
    run.write_scores(scores.model_copy(update={"selection": "epoch 2, the best of 2 of 5 epochs so far"}))
    with pytest.raises(RunError, match="was scored on the test split before its training ended"):
        compared(runs, "dynamic-0", "rgb-0", capsys)
    assert json.loads(compared(runs, "dynamic-net", "rgb", capsys))["a"]["runs"] == ["dynamic-1"]


def test_different_protocols_are_noted(runs: Path, capsys: pytest.CaptureFixture) -> None:
    assert "protocols differ" in compared(runs, "paper", "rgb-0", capsys, "markdown")


@pytest.mark.parametrize(
    ("a", "b", "error", "said"),
    [
        ("rgb-0", "rgb-0", UsageError, "both sides"),
        ("rgb-0,dynamic-0", "dynamic-0", UsageError, "both sides"),
        ("flow", "rgb", UsageError, "no run of flow"),
        ("nothing", "rgb-0", RunError, "no run 'nothing'"),
        (",", "rgb-0", UsageError, "takes two runs"),
        ("dynamic-0,dynamic-0", "rgb-0", UsageError, "dynamic-0 is in dynamic-0,dynamic-0 twice"),
    ],
)
def test_bad_input_is_one_sentence(runs: Path, a: str, b: str, error, said: str) -> None:
    with pytest.raises(error, match=said):
        run_comparison(a, b, runs=runs, split="test", format_="json", out=None)


def test_a_file_is_not_replaced_unasked(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "difference.csv"
    run_comparison("dynamic-0", "rgb-0", runs=runs, split="test", format_="csv", out=out)
    before = out.read_text()
    with pytest.raises(UsageError, match="--overwrite"):
        run_comparison("dynamic-1", "rgb-0", runs=runs, split="test", format_="csv", out=out)
    assert out.read_text() == before
    with pytest.raises(UsageError, match="--format"):
        run_comparison("dynamic-1", "rgb-0", runs=runs, split="test", format_="rich", out=tmp_path / "x")


def folds(runs: Path, model: str, right: dict[str, int], *, seed: int = 0) -> None:
    """One run for each subject, `right` of whose ten segments are right."""
    for subject, count in right.items():
        name = f"{model}-{subject}-{seed}"
        run = make_run(runs, name, model=model, seed=seed, fold=subject)
        labels = np.array([number % 2 for number in range(10)])
        answers = np.where(np.arange(10) < count, labels, 1 - labels)
        probabilities = np.where(np.arange(2)[None] == answers[:, None], 0.8, 0.2)
        segments = tuple(f"{subject}/{number}" for number in range(10))
        write_predictions(Predictions(segments, ACTIONS, labels, probabilities), run.predictions_file("test"))


def test_folds_of_one_seed_are_one_trial_on_all_subjects(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for seed in (0, 1):
        folds(tmp_path, "dynamic-net", {"S1": 9, "S2": 8, "S3": 10}, seed=seed)
        folds(tmp_path, "convlstm-attention", {"S1": 5, "S2": 6, "S3": 7}, seed=seed)
    folds(tmp_path, "dynamic-net", {"S1": 0}, seed=2)  # not complete
    document = json.loads(compared(tmp_path, "dynamic-net", "rgb", capsys))
    comparison = document["comparison"]
    assert comparison["segments"] == 30
    assert comparison["accuracies_a"] == pytest.approx([0.9, 0.9])
    assert comparison["difference"] == pytest.approx(0.3)
    assert [(pair["both_right"], pair["only_a"]) for pair in comparison["pairs"]] == [(18, 9), (18, 9)]
    assert document["a"]["folds"] == ["S1", "S2", "S3"]
    assert len(document["a"]["runs"]) == 6 and document["a"]["seeds"] == [0, 1]
    assert document["notes"] == ["dynamic-net: seed 2 is left out, tested on 1 of 3 subjects."]
    text = " ".join(compared(tmp_path, "dynamic-net", "rgb", capsys, "rich").split())
    assert "leaving out S1, S2, S3 in turn" in text and "on 30 test segments" in text


def test_subjects_of_different_size_make_other_accuracies_than_the_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for model in ("dynamic-net", "convlstm-attention"):
        folds(tmp_path, model, {"S1": 9, "S2": 8})
        run = read_run(tmp_path / f"{model}-S1-0")
        scores = run.scores("test")
        assert scores is not None
        run.write_scores(scores.model_copy(update={"segments": 4}))
    document = json.loads(compared(tmp_path, "dynamic-net", "rgb", capsys))
    (note,) = document["notes"]
    assert "tables average over the subjects" in note


def test_other_splits_of_folds_share_segments_and_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for model in ("dynamic-net", "convlstm-attention"):
        folds(tmp_path, model, {"S1": 9, "S2": 8})
    for file in tmp_path.glob("*/scores/test.json"):
        scores = json.loads(file.read_text())
        file.with_name("train.json").write_text(json.dumps(scores | {"split": "train"}))
    with pytest.raises(UsageError, match="the train splits of the folds of dynamic-net share segments"):
        run_comparison("dynamic-net", "rgb", runs=tmp_path, split="train", format_="json", out=None)


def test_folds_by_name_are_one_trial_too(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folds(tmp_path, "dynamic-net", {"S1": 9, "S2": 8})
    folds(tmp_path, "convlstm-attention", {"S1": 5, "S2": 6})
    a, b = ("dynamic-net-S1-0,dynamic-net-S2-0", "convlstm-attention-S2-0,convlstm-attention-S1-0")
    document = json.loads(compared(tmp_path, a, b, capsys))
    assert document["comparison"]["difference"] == pytest.approx(0.3)
    assert len(document["comparison"]["pairs"]) == 1


def test_sides_that_leave_out_other_subjects_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folds(tmp_path, "dynamic-net", {"S1": 9, "S2": 8})
    folds(tmp_path, "convlstm-attention", {"S1": 5})
    scored(tmp_path, "idt", [True] * 10, model="idt-net")
    with pytest.raises(
        UsageError, match="on the folds S1, S2 and rgb on the folds S1: train what is missing"
    ):
        compared(tmp_path, "dynamic-net", "rgb", capsys)
    with pytest.raises(UsageError, match="the manifest's own split"):
        compared(tmp_path, "dynamic-net", "idt-net", capsys)
    with pytest.raises(UsageError, match="of different folds"):
        compared(tmp_path, "dynamic-net-S1-0,idt", "rgb", capsys)
