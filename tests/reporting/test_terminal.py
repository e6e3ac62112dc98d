import io
from pathlib import Path

import pytest
from rich.console import Console

from egotool.reporting import ComparisonTable, collect_outcomes, comparison_table, render_terminal
from egotool.runs.rows import load_row_recipe
from tests.reporting.fabricated import make_run


def screen(table: ComparisonTable, *, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(render_terminal(table))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


@pytest.mark.parametrize("number", range(1, 7))
def test_an_empty_table_fits_80_columns_uncut(number: int) -> None:
    table = comparison_table(number, [])
    text = screen(table)
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    for row in table.rows:
        assert str(row.published) in text
    if any(row.settings or row.clip_length for row in table.rows):
        assert f"egotool sweep --table {number}" in text
    else:
        assert "egotool train" in text


def test_a_screen_that_is_too_narrow_says_how_to_see_the_whole_table() -> None:
    table = comparison_table(4, [])
    words = " ".join(screen(table, width=50).split())
    assert "Cut off: the table needs " in words and "egotool report --table 4 --format markdown" in words
    assert "Cut off" not in screen(table)


def test_a_filled_table_fits_80_columns_uncut(tmp_path: Path) -> None:
    for model in ("idt-net", "dynamic-net", "convlstm-dynamic", "convlstm-attention"):
        for seed in range(3):
            make_run(tmp_path, f"{model}{seed}", model=model, seed=seed, correct=(seed * 5, 9))
    text = screen(comparison_table(4, collect_outcomes(tmp_path).outcomes))
    assert "…" not in text
    assert "70.0 ± 25.0" in text
    assert "egotool train convlstm-idt" in text
    assert "egotool train idt-net" not in text


@pytest.mark.parametrize(("number", "model"), [(3, "convlstm-idt"), (2, "dynamic-net")])
def test_a_grid_with_trials_fits_80_columns_uncut(tmp_path: Path, number: int, model: str) -> None:
    for seed in range(3):
        make_run(tmp_path, f"run{seed}", model=model, recipe="paper", seed=seed, correct=(seed * 5, 9))
    text = screen(comparison_table(number, collect_outcomes(tmp_path).outcomes))
    assert "…" not in text
    assert "70.0 ± 25.0" in text


def test_names_from_files_are_no_markup(tmp_path: Path) -> None:
    make_run(tmp_path, "run", model="dynamic-net", reason="[red]asked[/red] for")
    assert "[red]asked[/red] for" in screen(
        comparison_table(4, collect_outcomes(tmp_path).outcomes), width=200
    )


@pytest.fixture
def grid(tmp_path: Path) -> ComparisonTable:
    """Table 3 with three trials of its first row (cross-entropy) and of its last (mse)."""
    for row in (1, 10):
        recipe = load_row_recipe(3, row, recipe="small")
        for seed in range(3):
            make_run(
                tmp_path, f"{row}-{seed}", model="convlstm-idt", resolved=recipe, protocol="paper",
                seed=seed, correct=(seed * 5, 9),
            )  # fmt: skip
    return comparison_table(3, collect_outcomes(tmp_path).outcomes)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_grid_of_another_recipe_has_its_own_steps_below_the_papers(
    grid: ComparisonTable, width: int
) -> None:
    lines = [line.split() for line in screen(grid, width=width).splitlines()]
    loss = "CE" if width == 80 else "cross-entropy"
    published = ["2e-4", "2e-4", "2e-4", "1", "45", "90", loss, "65.5"]
    row = lines.index([*published, "70.0", "±", "25.0", "3", "48.1–85.5", "+4.5", "25.0"])
    assert lines[row + 1] == ["4", "7"]
    assert all("…" not in word for line in lines for word in line)
    assert ("CE: cross-entropy." in screen(grid, width=width)) == (width == 80)


def test_the_widest_table_fits_80_columns_uncut(tmp_path: Path) -> None:
    for model in ("idt-net", "dynamic-net", "convlstm-dynamic", "convlstm-idt", "convlstm-attention"):
        for seed in range(3):
            make_run(
                tmp_path, f"{model}{seed}", model=model, seed=seed, correct=(seed * 5, 9), protocol="paper"
            )
    text = screen(comparison_table(4, collect_outcomes(tmp_path).outcomes))
    assert "…" not in text
    first = next(line for line in text.splitlines() if line.startswith("IDT-net"))
    numbers = ["70.39", "+7.4", "70.0", "±", "25.0", "3", "48.1–85.5", "−0.4", "0.0", "25.0"]
    assert first.split() == ["IDT-net", *numbers]
