"""The six tables out of trainings that really ran, in every format."""

import csv
import io
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from egotool.reporting import (
    DOCUMENTS,
    ComparisonTable,
    collect_outcomes,
    comparison_table,
    render_terminal,
)
from egotool.runs import Recipe, load_recipe
from egotool.runs.paper import read_paper
from egotool.runs.rows import load_row_recipe
from egotool.training import TrainingRequest, train_model
from tests.training.small_store import TINY, TINY_FLOW, TINY_TWO_STREAM, make_labelled_store

MODELS = (
    "convlstm", "convlstm-attention", "two-stream",
    "convlstm-idt", "idt-net", "convlstm-dynamic", "dynamic-net",
)  # fmt: skip
"""All but `flow`, which two-stream trains."""
ROWS = ((1, 1), (1, 6), (2, 7), (3, 3), (5, 4), (6, 4))
OWN_OVERRIDES = {"flow": TINY_FLOW, "two-stream": TINY_TWO_STREAM}


def quick(model: str) -> tuple[str, ...]:
    """Return overrides for two epochs a stage of a tiny `model`; clips keep the length of the row."""
    given = OWN_OVERRIDES.get(model, TINY)
    one = (override.rpartition("=") for override in given if ".length=" not in override)
    return tuple(f"{key}=2" if key.endswith(".epochs") else f"{key}={value}" for key, _, value in one)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("finished")
    store = make_labelled_store(folder / "store", actions=("push_left", "lift_up"), each=2)

    def train(recipe: Recipe, overrides: tuple[str, ...], seed: int = 0) -> None:
        train_model(
            TrainingRequest(
                recipe=recipe, overrides=overrides, store=store, runs=folder / "runs", seed=seed,
                protocol="paper", device="cpu", keep="none", command="egotool train",
            )
        )  # fmt: skip

    for model in MODELS:
        train(load_recipe(model, "small", overrides=quick(model)), quick(model))
    train(load_recipe("idt-net", "small", overrides=quick("idt-net")), quick("idt-net"), seed=1)
    for number, row in ROWS:
        table = read_paper().table(number)
        overrides = quick(table.model_of(table.rows[row - 1]))
        train(load_row_recipe(number, row, recipe="small", overrides=overrides), overrides)
    return folder / "runs"


@pytest.fixture(scope="module")
def tables(runs: Path) -> dict[int, ComparisonTable]:
    found = collect_outcomes(runs)
    assert not found.problems
    assert not found.unfinished
    return {number: comparison_table(number, found.outcomes, runs=runs) for number in range(1, 7)}


def share_of_right_answers(predictions: Path) -> float:
    rows = list(csv.DictReader(predictions.open(encoding="utf-8")))
    actions = list(rows[0])[3:]  # after segment, label and prediction
    right = sum(max(actions, key=lambda name: float(row[name])) == row["label"] for row in rows)
    return 100 * right / len(rows)


def test_the_rows_that_were_trained_are_filled_and_no_others(tables: dict[int, ComparisonTable]) -> None:
    filled = {number: [] for number in tables}
    for number, table in tables.items():
        filled[number] = [at for at, row in enumerate(table.rows, start=1) if row.measured is not None]
    # row 3 of Table 1 is what the two-stream run on 7 frames starts from
    assert filled == {1: [1, 3, 5, 6], 2: [7], 3: [3], 4: [1, 2, 3, 4, 5], 5: [4], 6: [4]}


def test_means_are_those_of_the_predictions(tables: dict[int, ComparisonTable], runs: Path) -> None:
    for table in tables.values():
        for row in table.rows:
            if row.measured is None:
                continue
            shares = [
                share_of_right_answers(runs / run / "predictions" / "test.csv") for run in row.measured.runs
            ]
            assert row.measured.mean == pytest.approx(sum(shares) / len(shares))
            assert row.measured.difference == pytest.approx(row.measured.mean - row.published)
    idt_net = tables[4].rows[0].measured
    assert idt_net is not None
    assert idt_net.seeds == (0, 1)
    assert idt_net.standard_deviation is not None


def test_last_epochs_are_those_of_the_metrics(tables: dict[int, ComparisonTable], runs: Path) -> None:
    for table in tables.values():
        for row in table.rows:
            if row.measured is None or row.measured.trials > 1:
                continue
            metrics = (runs / row.measured.runs[0] / "metrics.csv").open(encoding="utf-8")
            *_, last = csv.DictReader(metrics)
            assert row.measured.mean_last_epoch == pytest.approx(100 * float(last["test/accuracy"]), abs=1e-3)


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("name", ["rich", *DOCUMENTS])
def test_every_format_says_what_was_measured_and_how(
    tables: dict[int, ComparisonTable], number: int, name: str
) -> None:
    table = tables[number]
    if name == "rich":
        console = Console(file=io.StringIO(), width=80)
        console.print(render_terminal(table))
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert "…" not in text.partition("Published")[0]
    else:
        text = DOCUMENTS[name](table)
    measured = [row.measured for row in table.rows if row.measured is not None]
    for each in measured:
        assert (f"{each.mean:.1f}" if name != "json" else json.dumps(each.mean)) in text
    said = " ".join(text.replace("`", "").split())
    if name == "csv":
        assert ",small,paper," in text
    else:
        for words in ("Yours: recipe small", "protocol paper (the test split picks the epoch"):
            assert words in said
        assert "best epoch on the test split, by trial" in said
        assert "the test split of 2 segments" in said


def test_rows_of_searches_are_named_below_table_4(tables: dict[int, ComparisonTable]) -> None:
    (note,) = [note for note in tables[4].footnotes if note.startswith("Runs that are in no row")]
    assert "convlstm-attention 1 with the settings of rows of Table 1" in note
    assert "dynamic-net 1 with the settings of rows of Table 2" in note
