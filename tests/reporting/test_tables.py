import math
import shlex
import statistics
from pathlib import Path

import pytest

from egotool.reporting import ComparisonTable, TableRow, collect_outcomes, comparison_table, wilson_interval
from egotool.runs import load_row_recipe
from tests.reporting.fabricated import make_run


def table_of(runs: Path, number: int = 4, *, recipe: str | None = None) -> ComparisonTable:
    return comparison_table(number, collect_outcomes(runs).outcomes, recipe=recipe)


def row_of(table: ComparisonTable, model: str) -> TableRow:
    (row,) = [row for row in table.rows if row.model == model]
    return row


def test_without_runs_every_row_has_a_command(tmp_path: Path) -> None:
    table = table_of(tmp_path / "runs")
    assert [row.command for row in table.rows] == [
        "egotool train idt-net",
        "egotool train dynamic-net",
        "egotool train convlstm-dynamic",
        "egotool train convlstm-idt",
        "egotool train convlstm-attention",
    ]
    assert all(row.measured is None for row in table.rows)
    assert table.cohort is None


def test_trials_give_mean_deviation_interval_and_increase(tmp_path: Path) -> None:
    for seed, correct in enumerate([(8, 7), (9, 9), (6, 8)]):
        make_run(tmp_path, f"d{seed}", model="dynamic-net", seed=seed, correct=correct)
    for seed, correct in enumerate([(5, 5), (6, 6)]):
        make_run(tmp_path, f"a{seed}", model="convlstm-attention", seed=seed, correct=correct)
    table = table_of(tmp_path)
    measured = row_of(table, "dynamic-net").measured
    assert measured is not None
    accuracies = [75.0, 90.0, 70.0]
    assert measured.trials == 3
    assert measured.seeds == (0, 1, 2)
    assert math.isclose(measured.mean, statistics.fmean(accuracies))
    assert math.isclose(measured.standard_deviation or 0, statistics.stdev(accuracies))
    low, high = wilson_interval(47 / 60, 20)  # 20 different segments, however many trials
    assert math.isclose(measured.interval_low, 100 * low)
    assert math.isclose(measured.interval_high, 100 * high)
    assert math.isclose(measured.increase or 0, 235 / 3 - 55.0)
    baseline = row_of(table, "convlstm-attention").measured
    assert baseline is not None
    assert math.isclose(baseline.mean, 55.0)
    assert baseline.increase is None


def test_a_single_trial_has_no_deviation_and_without_rgb_no_increase(tmp_path: Path) -> None:
    make_run(tmp_path, "d", model="dynamic-net")
    measured = row_of(table_of(tmp_path), "dynamic-net").measured
    assert measured is not None
    assert measured.standard_deviation is None
    assert measured.increase is None


@pytest.mark.parametrize(
    "other",
    [{"recipe": "paper"}, {"data": "e" * 64}, {"protocol": "paper"}],
    ids=["recipe", "data", "protocol"],
)
def test_cohorts_are_never_mixed_and_the_other_is_named(tmp_path: Path, other: dict[str, str]) -> None:
    for seed in range(2):
        make_run(tmp_path, f"d{seed}", model="dynamic-net", seed=seed, correct=(5, 5))
    make_run(tmp_path, "other", model="dynamic-net", seed=7, correct=(10, 10), **other)  # type: ignore[arg-type]
    table = table_of(tmp_path)
    measured = row_of(table, "dynamic-net").measured
    assert measured is not None
    assert (measured.trials, measured.mean) == (2, 50.0)
    assert any(note.startswith("Not shown: 1 run") for note in table.footnotes)


def test_the_cohort_that_fills_most_rows_is_shown(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path, f"p{seed}", model="dynamic-net", seed=seed, recipe="paper")
    make_run(tmp_path, "d", model="dynamic-net", recipe="small")
    make_run(tmp_path, "a", model="convlstm-attention", recipe="small")
    table = table_of(tmp_path)
    assert table.cohort is not None
    assert table.cohort.recipe == "small"
    chosen = table_of(tmp_path, recipe="paper")
    assert chosen.cohort is not None
    assert chosen.cohort.recipe == "paper"
    assert row_of(chosen, "convlstm-attention").measured is None


def test_other_hyper_parameters_and_repeated_seeds_are_left_out(tmp_path: Path) -> None:
    make_run(
        tmp_path, "old", model="dynamic-net", seed=0, correct=(1, 1), finished="2026-01-01T00:00:00+00:00"
    )
    make_run(
        tmp_path, "new", model="dynamic-net", seed=0, correct=(5, 5), finished="2026-01-02T00:00:00+00:00"
    )
    make_run(tmp_path, "second", model="dynamic-net", seed=1, correct=(6, 6))
    make_run(tmp_path, "tuned", model="dynamic-net", seed=2, correct=(9, 9), overrides=["head.alpha=0.5"])
    table = table_of(tmp_path)
    measured = row_of(table, "dynamic-net").measured
    assert measured is not None
    assert measured.runs == ("new", "second")
    assert math.isclose(measured.mean, 55.0)
    assert "Left out, an older run with the same seed: old." in table.footnotes
    assert "Left out, trained with other hyper-parameters: tuned (head.alpha=0.5)." in table.footnotes


def test_grid_rows_take_the_runs_with_their_hyper_parameters(tmp_path: Path) -> None:
    make_run(tmp_path, "best", model="dynamic-net", correct=(8, 8))  # the recipe is the second row
    make_run(
        tmp_path,
        "last",
        model="dynamic-net",
        correct=(2, 2),
        overrides=[
            "stages.1.lr=2e-5",
            "stages.1.lr_head=1e-5",
            "stages.1.lr_backbone=4e-5",
            "head.alpha=0.5",
        ],
    )
    means = [row.measured.mean if row.measured else None for row in table_of(tmp_path, 2).rows]
    assert means == [None, 80.0, None, None, None, None, None, 20.0]


@pytest.mark.parametrize("recipe", ["paper", "small"])
@pytest.mark.parametrize("number", [1, 2, 3, 5, 6])
def test_the_command_of_a_row_makes_a_run_that_fills_it(tmp_path: Path, number: int, recipe: str) -> None:
    """Round trip: the row's recipe, as the command loads it, fills that row and no other."""
    for index, row in enumerate(comparison_table(number, []).rows):
        words = shlex.split(row.command)
        if row.clip_length is None and row.settings is None:
            assert words == ["egotool", "train", row.model]
            continue
        assert words == ["egotool", "sweep", "--table", str(number), "--rows", str(index + 1)]
        runs = tmp_path / str(index)
        made = load_row_recipe(number, index + 1, recipe=recipe)
        make_run(runs, "run", model=row.model, recipe=recipe, resolved=made)
        filled = [position for position, each in enumerate(table_of(runs, number).rows) if each.measured]
        assert filled == [index]


def test_table_1_tells_7_from_16_frames(tmp_path: Path) -> None:
    make_run(tmp_path, "seven", model="convlstm", overrides=["clips.length=7"])
    filled = [row.label for row in table_of(tmp_path, 1).rows if row.measured]
    assert filled == ["ConvLSTM, 7 frames"]


def test_footnotes_say_what_the_numbers_are(tmp_path: Path) -> None:
    make_run(tmp_path, "d", model="dynamic-net", seed=4, protocol="paper")
    notes = " ".join(table_of(tmp_path).footnotes)
    for said in (
        "recipe `small` (auto: there is no GPU)",
        "protocol `paper` (the test split picks the epoch",
        "Yours are accuracies of the best epoch on the test split, by trial: Dynamic-net: 4 of 5.",
        "clips of 16 frames",
        "test split of 20 segments with 2 actions",
        "most frequent one: 50.0 %",
        "dddddddddddd",
        "seed 4",
        "not comparable with the published numbers",
        "Wilson",
        "The last epoch's accuracy is in a column of its own",
        "16 frames, adam, lr 1e-4, lr super 1e-4, lr resnet 4e-4, × 0.2 after 30 and 80, α 1e-3",
    ):
        assert said in notes


def test_commands_make_what_was_asked_for(tmp_path: Path) -> None:
    make_run(tmp_path, "one", model="idt-net")
    found = collect_outcomes(tmp_path).outcomes
    table = comparison_table(4, found, recipe="small", protocol="paper", folds=True)
    assert row_of(table, "dynamic-net").command == (
        "egotool train dynamic-net --recipe small --protocol paper --folds subjects"
    )


def test_commands_join_the_runs_that_are_shown(tmp_path: Path) -> None:
    make_run(tmp_path, "d", model="dynamic-net", recipe="demo", protocol="paper", reason="asked for")
    table = comparison_table(4, collect_outcomes(tmp_path).outcomes, runs=Path("demo/my runs"))
    assert row_of(table, "idt-net").command == (
        "egotool train idt-net --recipe demo --protocol paper --runs 'demo/my runs'"
    )


def test_what_was_changed_with_set_is_said(tmp_path: Path) -> None:
    make_run(tmp_path, "d", model="dynamic-net", overrides=["head.alpha=0.5"])
    assert any("--set: Dynamic-net: head.alpha=0.5." in note for note in table_of(tmp_path).footnotes)


def test_honest_runs_do_not_report_validation_accuracy_as_last_epoch(tmp_path: Path) -> None:
    make_run(tmp_path, "d", model="dynamic-net")
    table = table_of(tmp_path)
    assert not any("last epoch" in note for note in table.footnotes)
    assert not table.has_last_epoch
