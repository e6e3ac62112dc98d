"""Leave-one-subject-out in the tables: what is averaged, and what is not yet."""

import json
import math
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from egotool.manifests import Segment
from egotool.reporting import (
    ComparisonTable,
    Measured,
    Outcome,
    collect_outcomes,
    comparison_table,
    wilson_interval,
)
from egotool.reporting.folds import pool_folds
from egotool.runs import read_labelled_data
from tests.reporting.fabricated import make_labels, make_run, make_store

SIZES = {"S1": (10, 10), "S2": (2, 2), "S9": (5, 7), "S10": (3, 1)}
"""Test segments of each action, by subject: 40 together."""
RIGHT = {"S1": (8, 6), "S2": (2, 0), "S9": (3, 3), "S10": (1, 0)}
"""70 %, 50 %, 50 % and 25 %."""
ALL = sum(map(sum, SIZES.values()))


def make_folds(
    runs: Path,
    subjects: tuple[str, ...] = tuple(SIZES),
    *,
    model: str = "dynamic-net",
    seed: int = 0,
    better: int = 0,
    protocol: Literal["honest", "paper"] = "honest",
) -> None:
    """Write a run for each left-out subject; `better` more answers are right for S1."""
    for subject in subjects:
        one, other = RIGHT[subject]
        make_run(
            runs,
            f"{model}-{subject}-{seed}",
            model=model,
            seed=seed,
            fold=subject,
            totals=SIZES[subject],
            correct=(one, other + (better if subject == "S1" else 0)),
            training_segments=ALL - sum(SIZES[subject]),
            protocol=protocol,
        )


def measured_of(table: ComparisonTable, model: str) -> Measured:
    (measured,) = [row.measured for row in table.rows if row.model == model and row.measured]
    return measured


def table_of(runs: Path, *, folds: bool | None = None) -> ComparisonTable:
    return comparison_table(4, collect_outcomes(runs).outcomes, folds=folds)


def test_the_folds_of_a_seed_are_one_trial(tmp_path: Path) -> None:
    make_folds(tmp_path)
    make_folds(tmp_path, seed=1, better=4)  # 90 % of S1
    table = table_of(tmp_path)
    measured = measured_of(table, "dynamic-net")
    means = [statistics.fmean([70, 50, 50, 25]), statistics.fmean([90, 50, 50, 25])]
    assert measured.trials == 2
    assert math.isclose(measured.mean, statistics.fmean(means))
    assert math.isclose(measured.standard_deviation or 0, statistics.stdev(means))
    right = sum(map(sum, RIGHT.values()))
    low, high = wilson_interval((2 * right + 4) / (2 * ALL), ALL)  # from the answers to all segments
    assert (measured.interval_low, measured.interval_high, measured.segments) == (100 * low, 100 * high, ALL)
    assert [(fold.subject, fold.mean, fold.segments) for fold in measured.folds] == [
        ("S1", 80, 20),
        ("S2", 50, 4),
        ("S9", 50, 12),
        ("S10", 25, 4),
    ]
    assert len(measured.runs) == 8
    assert table.cohort is not None
    assert (table.cohort.folds, table.cohort.data) == (4, "d" * 64)


def test_footnotes_say_how_many_folds_and_each_accuracy(tmp_path: Path) -> None:
    make_folds(tmp_path)
    notes = " ".join(table_of(tmp_path).footnotes)
    assert "Leave-one-subject-out, 4 folds" in notes
    assert "Dynamic-net: S1 70.0 S2 50.0 S9 50.0 S10 25.0." in notes
    assert "tested on all subjects in turn, together 40 segments" in notes
    assert "by trial and fold: Dynamic-net: 4/4/4/4 of 5" in notes


def test_an_incomplete_set_is_named_and_not_averaged(tmp_path: Path) -> None:
    make_folds(tmp_path)
    make_folds(tmp_path, ("S1", "S9"), seed=1)
    table = table_of(tmp_path)
    assert measured_of(table, "dynamic-net").seeds == (0,)
    (note,) = [note for note in table.footnotes if note.startswith("Not averaged")]
    assert "seed 1, has only the runs that leave out S1, S9; runs without S2, S10 are missing." in note


def test_without_any_complete_set_nothing_is_shown(tmp_path: Path) -> None:
    make_folds(tmp_path, ("S1", "S9"))
    table = table_of(tmp_path)
    assert table.cohort is None
    assert all(row.measured is None for row in table.rows)
    assert any("8 of 40 segments are in no fold" in note for note in table.footnotes)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_only_the_test_splits_of_folds_are_averaged(tmp_path: Path, split: str) -> None:
    """Each segment is in the other splits of several folds, of networks that were trained with it."""
    make_folds(tmp_path)
    for file in tmp_path.glob("*/scores/test.json"):
        scores = json.loads(file.read_text())
        file.with_name(f"{split}.json").write_text(json.dumps(scores | {"split": split}))
    table = comparison_table(4, collect_outcomes(tmp_path, split=split).outcomes)
    assert table.cohort is None
    (note,) = [note for note in table.footnotes if note.startswith("Not averaged")]
    assert f"seed 0, is averaged on the test split only: the {split} splits of its folds share" in note


@pytest.mark.parametrize("protocol", ["honest", "paper"])
def test_it_is_said_where_validation_trained_the_runs(tmp_path: Path, protocol) -> None:
    run = make_run(tmp_path, "run", model="dynamic-net", protocol=protocol)
    scores = json.loads(run.scores_file("test").read_text())
    run.scores_file("validation").write_text(json.dumps(scores | {"split": "validation"}))
    table = comparison_table(4, collect_outcomes(tmp_path, split="validation").outcomes)
    (note,) = [note for note in table.footnotes if note.startswith("Yours: ")]
    assert ("2 actions, which trained these runs (" in note) == (protocol == "paper")


def test_folds_are_never_mixed_with_a_fixed_split(tmp_path: Path) -> None:
    make_folds(tmp_path)
    make_run(tmp_path, "fixed", model="dynamic-net", seed=5, correct=(10, 10))
    make_run(tmp_path, "baseline", model="convlstm-attention", seed=5, correct=(1, 1))
    folds, fixed = table_of(tmp_path, folds=True), table_of(tmp_path, folds=False)
    assert measured_of(folds, "dynamic-net").increase is None  # the baseline is of another cohort
    assert measured_of(fixed, "dynamic-net").increase == 90
    assert any("leave-one-subject-out with 4 folds" in note for note in fixed.footnotes)
    assert any("Not shown: 2 runs" in note and "test split" in note for note in folds.footnotes)


def test_each_model_takes_the_baseline_of_the_same_folds(tmp_path: Path) -> None:
    make_folds(tmp_path)
    make_folds(tmp_path, model="convlstm-attention", better=-4)  # 50 % of S1
    measured = measured_of(table_of(tmp_path), "dynamic-net")
    assert measured.increase is not None
    assert math.isclose(measured.increase, 20 / 4)


def test_under_the_paper_protocol_the_last_epoch_is_averaged_over_folds_too(tmp_path: Path) -> None:
    make_folds(tmp_path, protocol="paper")
    assert measured_of(table_of(tmp_path), "dynamic-net").mean_last_epoch == 25.0


def test_the_command_of_an_empty_row_makes_folds_too(tmp_path: Path) -> None:
    make_folds(tmp_path)
    assert "--folds subjects" in table_of(tmp_path).rows[0].command


def test_the_newer_of_two_runs_of_a_fold_counts(tmp_path: Path) -> None:
    make_folds(tmp_path)
    outcomes = list(collect_outcomes(tmp_path).outcomes)
    again = replace(outcomes[0], run="again", trained="2026-06-01T00:00:00+00:00", correct=0)
    (pooled,), incomplete = pool_folds([again, *outcomes])
    assert not incomplete
    assert "again" in pooled.runs
    assert len(pooled.folds) == 4


def test_the_data_itself_says_which_subjects_are_missing(tmp_path: Path) -> None:
    """And segments without a subject, which no fold can test, do not make a set incomplete."""
    videos = [f"{subject}/{action}.mp4" for subject in ("A", "B", "C", "") for action in ("put", "take")]
    store = make_store(tmp_path / "store", [video.lstrip("/") for video in videos])
    make_labels(
        store,
        [
            Segment(
                f"s{number}",
                video.lstrip("/"),
                0,
                6,
                Path(video).stem,
                subject=video.partition("/")[0],
                split="train",
            )
            for number, video in enumerate(videos)
        ],
    )

    def outcomes_of(subjects: str) -> list[Outcome]:
        runs = tmp_path / f"runs-{subjects}"
        made = []
        for subject in subjects:
            data = read_labelled_data(store, fold=subject).record
            make_run(
                runs, subject, model="dynamic-net", fold=subject, data=data.whole_fingerprint,
                totals=(1, 1), correct=(1, 0), training_segments=6,
            )  # fmt: skip
            (outcome,) = [each for each in collect_outcomes(runs).outcomes if each.fold == subject]
            made.append(replace(outcome, store=str(store), manifest=str(store / "manifest.csv")))
        return made

    whole, (incomplete,) = pool_folds(outcomes_of("AC"))
    assert not whole
    assert incomplete.missing == ("B",)
    (pooled,), none = pool_folds(outcomes_of("ABC"))
    assert not none
    assert pooled.segments == 6
    assert pooled.accuracy == 50
