"""`egotool report --compare RUN_A RUN_B`: are two runs, or two models, really different?"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from egotool.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Group

    from egotool.reporting.comparing import SidesCompared


def run_comparison(
    run_a: str,
    run_b: str,
    *,
    runs: Path,
    split: str,
    format_: str,
    out: Path | None,
    overwrite: bool = False,
    dry_run: bool = False,
    recipe: str | None = None,
    protocol: str | None = None,
    folds: bool | None = None,
) -> None:
    """Print, or write to `out`, how A and B fare on the same segments; `format_` is one of `report`'s."""
    from egotool.console import message_console, output_console
    from egotool.files import write_text
    from egotool.reporting.comparing import compare_sides
    from egotool.reporting.comparison_documents import to_csv, to_json, to_latex, to_markdown
    from egotool.reporting.experiments import Choice

    documents = {"markdown": to_markdown, "csv": to_csv, "json": to_json, "latex": to_latex}
    if out is not None and format_ not in documents:
        raise UsageError("--out needs --format markdown, csv, json or latex")
    if out is not None and out.exists() and not overwrite and not dry_run:
        raise UsageError(f"{out} exists: give another name with --out, or replace it with --overwrite")
    compared = compare_sides(run_a, run_b, runs=runs, split=split, choice=Choice(recipe, protocol, folds))
    if format_ not in documents:
        output_console().print(_screen(compared))
    elif out is None:
        typer.echo(documents[format_](compared), nl=False)
    elif dry_run:
        message_console().print(f"Would write the comparison to {out}.", markup=False, soft_wrap=True)
    else:
        write_text(out, documents[format_](compared))
        message_console().print(f"The comparison is in {out}.", markup=False, soft_wrap=True)


def _screen(compared: "SidesCompared") -> "Group":
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from egotool.reporting.comparison_documents import ROWS, cells, heading, sentences

    lines = cells(compared)
    # Turned on its side: it fits 80 columns with a handful of trials.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("")
    for line in lines:
        table.add_column(line[0], justify="right")
    for number, name in enumerate(ROWS, start=1):
        style = "bold" if name in ("difference", "interval") else ""
        table.add_row(name, *(line[number] for line in lines), style=style)
    return Group(
        Text(heading(compared), style="bold"),
        Text(),
        table,
        Text(),
        *(Text(sentence) for sentence in sentences(compared)),
    )
