"""The command that fills a row of a table."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from egotool.runs.paper import PaperRow, PaperTable


def training_command(table: PaperTable, row: PaperRow, *, options: Sequence[str] = ()) -> str:
    """Return the shortest command that trains a row.

    A row that fixes hyper-parameters or the clip length is a row of a sweep; others are their model's own
    recipe.

    Args:
        table: of the paper.
        row: one of its rows.
        options: what else to say, such as the recipe of the other rows (`--recipe demo`).
    """
    if row.clip_length is None and row.settings is None:
        return shlex.join(["egotool", "train", table.model_of(row), *options])
    number = table.rows.index(row) + 1
    return shlex.join(["egotool", "sweep", "--table", str(table.number), "--rows", str(number), *options])


def table_command(number: int, runs: Path | None, *options: str) -> str:
    """Return the command that prints a table with the runs in `runs` (None: the default folder)."""
    return shlex.join(["egotool", "report", "--table", str(number), *_where(runs), *options])


def sweep_command(number: int, runs: Path | None) -> str:
    """Return the command that trains all rows of a table into `runs` (None: the default folder)."""
    return shlex.join(["egotool", "sweep", "--table", str(number), *_where(runs)])


def _where(runs: Path | None) -> list[str]:
    return [] if runs in (None, Path("runs")) else ["--runs", str(runs)]


def data_options(store: Path, manifest: Path | None) -> tuple[str, ...]:
    """Return what a command must say to mean this data, and would not by itself."""
    return (
        *(("--store", str(store)) if store != Path("store") else ()),
        *(("--manifest", str(manifest)) if manifest is not None else ()),
    )


def short_number(value: float) -> str:
    """Return `value` as the paper prints such numbers: 2e-4, 0.5, 1."""
    if value != 0 and abs(value) < 0.01:
        mantissa, exponent = f"{value:e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:g}"
