"""`egotool report`: a table of the paper beside your own runs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from egotool.errors import UsageError


class Format(StrEnum):
    """How a table is written."""

    RICH = "rich"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    LATEX = "latex"


def report(
    table: Annotated[int, typer.Option("--table", "-t", help="Number of the paper's table, 1 to 6.")] = 4,
    runs: Annotated[Path, typer.Option(help="Folder that holds the run folders.")] = Path("runs"),
    recipe: Annotated[str | None, typer.Option(help="Show only runs of this recipe, such as small.")] = None,
    split: Annotated[str, typer.Option(help="The split whose scores are shown.")] = "test",
    format_: Annotated[Format, typer.Option("--format", help="How to write the table.")] = Format.RICH,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the screen.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace that file if it exists.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --out: say what would be written.")
    ] = False,
) -> None:
    """Print the paper's rows beside yours; a row without runs shows the command that fills it.

    Accuracies are in percent: mean and standard deviation over trials (runs that
    differ in the seed only), 95 % interval from the number of test segments. Runs
    of different recipes, data or protocols are never averaged.

    Examples:

        egotool report --table 4

        egotool report --table 4 --format latex --out table4.tex
    """
    from egotool.console import message_console, output_console
    from egotool.files import write_text
    from egotool.reporting import DOCUMENTS, collect_outcomes, comparison_table, render_terminal

    wanted = Format.JSON if json_ else format_
    if runs != Path("runs") and not runs.is_dir():
        raise UsageError(f"there is no folder {runs}: give the folder that holds the run folders with --runs")
    if out is not None and wanted is Format.RICH:
        raise UsageError("--out needs --format markdown, csv, json or latex")
    if out is not None and out.exists() and not overwrite and not dry_run:
        raise UsageError(f"{out} exists: give another name with --out, or replace it with --overwrite")
    found = collect_outcomes(runs, split=split)
    if recipe is not None and all(outcome.recipe != recipe for outcome in found.outcomes):
        raise UsageError(
            f"there is no run of recipe {recipe!r} with {split} scores in {runs}: "
            "leave out --recipe to see all"
        )
    notes = [*found.unfinished, *found.problems]
    result = comparison_table(table, found.outcomes, recipe=recipe, problems=notes, runs=runs)
    messages = message_console()
    if wanted is Format.RICH:
        output_console().print(render_terminal(result))
    elif out is None:
        typer.echo(DOCUMENTS[wanted](result), nl=False)
    elif dry_run:
        messages.print(f"Would write Table {table} to {out}.", markup=False, highlight=False, soft_wrap=True)
    else:
        write_text(out, DOCUMENTS[wanted](result))
        messages.print(f"Table {table} is in {out}.", markup=False, highlight=False, soft_wrap=True)
    if wanted is Format.CSV:
        for note in result.footnotes:
            messages.print(note, markup=False, highlight=False, soft_wrap=True)
    if found.problems:
        raise typer.Exit(1)
