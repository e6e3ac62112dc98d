"""Which runs fill which rows: by the row of the recipe, by settings, and never a row as Table 4's number."""

from pathlib import Path

import pytest

from egotool.reporting import ComparisonTable, collect_outcomes, comparison_table
from egotool.runs import load_recipe
from egotool.runs.paper import read_paper
from egotool.runs.rows import load_row_recipe
from tests.reporting.fabricated import make_run


def table_of(runs: Path, number: int) -> ComparisonTable:
    return comparison_table(number, collect_outcomes(runs).outcomes)


def filled(table: ComparisonTable) -> dict[str, tuple[str, ...]]:
    return {row.name: row.measured.runs for row in table.rows if row.measured is not None}


def sweep(
    runs: Path, number: int, row: int, *, recipe: str, overrides: tuple[str, ...] = (), **options
) -> str:
    """Write the run that a sweep would make; returns the row's name."""
    resolved = load_row_recipe(number, row, recipe=recipe, overrides=overrides)
    name = f"{resolved.row}-{recipe}-{options.get('seed', 0)}"
    make_run(
        runs, name, model=resolved.model, recipe=recipe, resolved=resolved, overrides=overrides, **options
    )
    return name


ROWS = [(table.number, row) for table in read_paper().tables for row in range(1, len(table.rows) + 1)]


@pytest.mark.parametrize(("number", "row"), [each for each in ROWS if each[0] != 4])
@pytest.mark.parametrize("recipe", ["paper", "small"])
def test_the_recipe_of_a_row_fills_that_row_alone(tmp_path: Path, number: int, row: int, recipe: str) -> None:
    name = sweep(tmp_path, number, row, recipe=recipe)
    assert filled(table_of(tmp_path, number)) == {f"table{number}-row{row}": (name,)}


@pytest.mark.parametrize("overrides", [(), ("stages.1.epochs=1",)], ids=["whole", "shortened"])
def test_rows_of_a_sweep_are_no_number_of_table_4(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    for row in range(1, 9):
        sweep(tmp_path, 2, row, recipe="small", overrides=overrides, seed=row)
    table = table_of(tmp_path, 4)
    assert filled(table) == {}
    assert any("dynamic-net 8 with the settings of rows of Table 2" in note for note in table.footnotes)
    own = load_recipe("dynamic-net", "small", overrides=overrides)
    make_run(
        tmp_path, "own", model="dynamic-net", resolved=own, overrides=overrides,
        finished="2020-01-01T00:00:00+00:00",
    )  # fmt: skip
    assert filled(table_of(tmp_path, 4)) == {"table4-row2": ("own",)}
    assert len(filled(table_of(tmp_path, 2))) == 8


def test_the_row_that_is_the_models_own_recipe_is_its_number_in_table_4(tmp_path: Path) -> None:
    """The paper's dynamic-net has the best hyper-parameters of Table 2: one run, whichever was asked for."""
    own = load_recipe("dynamic-net", "paper")
    same = load_row_recipe(2, 2, recipe="paper")
    assert same.stages == own.stages
    name = sweep(tmp_path, 2, 2, recipe="paper")
    assert filled(table_of(tmp_path, 4)) == {"table4-row2": (name,)}
    make_run(tmp_path / "other", "own", model="dynamic-net", recipe="paper")
    assert filled(table_of(tmp_path / "other", 2)) == {"table2-row2": ("own",)}


@pytest.mark.parametrize("number", [2, 4])
def test_the_recipe_as_it_stands_comes_before_more_trials_of_a_changed_one(
    tmp_path: Path, number: int
) -> None:
    make_run(tmp_path, "own", model="dynamic-net", recipe="paper", finished="2020-01-01T00:00:00+00:00")
    for seed in range(3):
        make_run(
            tmp_path, f"changed{seed}", model="dynamic-net", recipe="paper", seed=seed,
            overrides=["stages.1.epochs=7"],
        )  # fmt: skip
    table = table_of(tmp_path, number)
    assert filled(table) == {f"table{number}-row2": ("own",)}
    (note,) = [note for note in table.footnotes if note.startswith("Left out")]
    assert all(f"changed{seed} (stages.1.epochs=7)" in note for seed in range(3))


def test_of_several_changed_recipes_the_one_with_most_trials_then_the_newest(tmp_path: Path) -> None:
    for day, (name, seed, epochs) in enumerate([("a0", 0, 7), ("a1", 1, 7), ("b0", 0, 8), ("c0", 0, 9)], 1):
        make_run(
            tmp_path, name, model="dynamic-net", seed=seed, overrides=[f"stages.1.epochs={epochs}"],
            finished=f"2026-01-0{day}T00:00:00+00:00",
        )  # fmt: skip
    assert filled(table_of(tmp_path, 4)) == {"table4-row2": ("a0", "a1")}
    make_run(
        tmp_path, "c1", model="dynamic-net", seed=1, overrides=["stages.1.epochs=9"],
        finished="2026-01-05T00:00:00+00:00",
    )  # fmt: skip
    assert filled(table_of(tmp_path, 4)) == {"table4-row2": ("c0", "c1")}


def test_searches_and_stages_are_in_no_table(tmp_path: Path) -> None:
    make_run(tmp_path, "searched", model="dynamic-net", role="search")
    make_run(tmp_path, "stage", model="dynamic-net", role="stage")
    assert collect_outcomes(tmp_path).outcomes == ()


def test_the_streams_of_a_row_of_table_1_are_rows_of_table_1(tmp_path: Path) -> None:
    """A two-stream run on 7 frames trains an RGB run on 7 frames, which is not Table 4's baseline."""
    recipe = load_row_recipe(1, 6, recipe="small")
    assert recipe.streams is not None
    make_run(tmp_path, "rgb", model="convlstm-attention", resolved=recipe.streams.rgb)
    make_run(tmp_path, "flow", model="flow", resolved=recipe.streams.flow)
    make_run(tmp_path, "joint", model="two-stream", resolved=recipe)
    assert filled(table_of(tmp_path, 1)) == {
        "table1-row3": ("rgb",), "table1-row5": ("flow",), "table1-row6": ("joint",),
    }  # fmt: skip
    assert filled(table_of(tmp_path, 4)) == {}


def test_flow_has_one_row_whatever_the_number_of_frames(tmp_path: Path) -> None:
    make_run(tmp_path, "flow", model="flow", resolved=load_recipe("flow", "small"))
    table = table_of(tmp_path, 1)
    assert filled(table) == {"table1-row5": ("flow",)}
    measured = table.rows[4].measured
    assert measured is not None
    assert (measured.clip_length, measured.settings) == (None, None)
    assert not any("clips of" in note for note in table.footnotes)


def test_what_overrides_of_a_two_stream_training_say_is_not_said_of_its_streams(tmp_path: Path) -> None:
    """A stream's run records the command's overrides, also those that changed nothing in it."""
    make_run(
        tmp_path, "rgb", model="convlstm-attention", resolved=load_recipe("convlstm-attention", "small"),
        overrides=["streams.flow.stages.0.epochs=2"],
    )  # fmt: skip
    assert not any("--set" in note for note in table_of(tmp_path, 4).footnotes)


def test_a_run_started_from_another_run_is_no_trial_of_the_others(tmp_path: Path) -> None:
    own = load_recipe("dynamic-net", "small")
    for name, seed in [("first", 0), ("second", 1)]:
        make_run(
            tmp_path, f"stage-{name}", model="dynamic-net", resolved=own.until(0), role="stage", seed=seed
        )
        make_run(
            tmp_path, name, model="dynamic-net", resolved=own, seed=seed, parents=[f"stage-{name}"],
            finished="2026-01-01T00:00:00+00:00",
        )  # fmt: skip
    make_run(tmp_path, "third", model="dynamic-net", resolved=own, seed=2, parents=["stage-first"])
    make_run(tmp_path, "gone", model="dynamic-net", resolved=own, seed=3, parents=["not-there-any-more"])
    table = table_of(tmp_path, 4)
    assert filled(table) == {"table4-row2": ("first", "second", "gone")}
    assert any("third (from stage-first)" in note for note in table.footnotes)


@pytest.mark.parametrize("protocol", ["honest", "paper"])
def test_a_start_that_the_test_split_picked_is_named(tmp_path: Path, protocol) -> None:
    own = load_recipe("dynamic-net", "small")
    make_run(tmp_path, "picked", model="convlstm-attention", protocol="paper")
    make_run(tmp_path, "run", model="dynamic-net", resolved=own, parents=["picked"], protocol=protocol)
    table = comparison_table(4, collect_outcomes(tmp_path).outcomes, protocol=protocol)
    (note,) = [each for each in table.footnotes if "run from picked" in each]
    assert ("picked the epoch of picked (protocol `paper`)" in note) == (protocol == "honest")


def test_imported_weights_are_shown_and_named_and_never_averaged(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(
            tmp_path, name, model="idt-net", epochs=0, reason=f"imported from {name}.pth",
            finished=f"2026-01-0{1 if name == 'one' else 2}T00:00:00+00:00", recipe="paper",
        )  # fmt: skip
    table = table_of(tmp_path, 4)
    assert filled(table) == {"table4-row1": ("two",)}
    notes = " ".join(table.footnotes)
    assert "Not trained here: two (imported from two.pth)" in notes
    assert "one (imported from one.pth)" in notes
    assert "by trial" not in notes  # no epochs were chosen here
    make_run(tmp_path, "trained", model="idt-net", recipe="paper", finished="2020-01-01T00:00:00+00:00")
    assert filled(table_of(tmp_path, 4)) == {"table4-row1": ("trained",)}
