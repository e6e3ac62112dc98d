"""`egotool report`: a table or figure of the paper from your own runs, or two runs compared."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from egotool.cli.damaged import tell_of_damaged_runs
from egotool.errors import UsageError

_FIGURES = "Figures"


class Format(StrEnum):
    """How a table is written."""

    RICH = "rich"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    LATEX = "latex"


def report(
    table: Annotated[
        int | None,
        typer.Option("--table", "-t", help="Number of the paper's table, 1 to 6.", show_default="4"),
    ] = None,
    figure: Annotated[
        int | None, typer.Option("--figure", "-f", help="Draw this figure of the paper instead, 1 to 4.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="RUN_A RUN_B", help="Compare two runs, or models, on the same segments instead."
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write an HTML page instead: all tables, or --table, and the trainings behind them.",
        ),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder that holds the run folders.")] = Path("runs"),
    recipe: Annotated[str | None, typer.Option(help="Show only runs of this recipe, such as small.")] = None,
    protocol: Annotated[
        str | None, typer.Option(help="Show only runs of this protocol: honest or paper.")
    ] = None,
    folds: Annotated[
        bool | None,
        typer.Option("--folds/--no-folds", help="Show only leave-one-subject-out, or only fixed splits."),
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Show only runs on these labels.", show_default="all")
    ] = None,
    split: Annotated[str, typer.Option(help="The split whose scores are shown.")] = "test",
    format_: Annotated[Format, typer.Option("--format", help="How to write the table.")] = Format.RICH,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the screen.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace that file if it exists.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --out, --page or --figure: say what would be written.")
    ] = False,
    run: Annotated[
        list[str] | None,
        typer.Option(
            help="Run to draw, or a model: its newest run. Figure 3 takes two: without and with the head.",
            show_default="newest that fits",
            rich_help_panel=_FIGURES,
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Store; of a table: show only runs on it.", show_default="the run's, all"),
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option(
            help="Frames of this segment.", show_default="several segments", rich_help_panel=_FIGURES
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, max=40, help="Number of frames.", show_default="4", rich_help_panel=_FIGURES),
    ] = None,
) -> None:
    """Print the paper's rows beside yours; a row without runs shows the command that fills it.

    Accuracies are in percent: mean and standard deviation over trials (runs that
    differ in the seed only), 95 % interval from the number of test segments. Runs
    of different recipes, data or protocols are never averaged.

    Examples:

        egotool report --table 4

        egotool report --table 4 --format latex --out table4.tex

        egotool report --figure 3

        egotool report --compare dynamic-net rgb

        egotool report --page report.html
    """
    if sum(each is not None for each in (table, figure, compare)) > 1:
        raise UsageError("--table, --figure and --compare are three different things: give one of them")
    if page is not None and (figure is not None or compare is not None):
        raise UsageError("--page shows tables and compares them with RGB: leave out --figure and --compare")
    if split not in ("train", "validation", "test"):
        raise UsageError(f"--split is train, validation or test, not {split!r}")
    if protocol not in (None, "honest", "paper"):
        raise UsageError(f"--protocol is honest or paper, not {protocol!r}")
    if figure is None and (run or segment or count is not None):
        raise UsageError("--run, --segment and --count belong to --figure: add it, or leave them out")
    if figure == 2 and segment:
        raise UsageError("--segment chooses frames, and Figure 2 has none: leave it out")
    if (manifest is not None and figure is not None) or (compare is not None and (store or manifest)):
        raise UsageError("--store and --manifest choose the runs of a table: leave them out")
    if figure is not None and (protocol is not None or folds is not None or split != "test"):
        raise UsageError(
            "--protocol, --folds and --split belong to tables and --compare: name a figure's runs with --run"
        )
    if runs != Path("runs") and not runs.is_dir():
        raise UsageError(f"there is no folder {runs}: give the folder that holds the run folders with --runs")
    if figure is not None or compare is not None:
        tell_of_damaged_runs(runs)
    if figure is not None:
        from egotool.cli.figures import draw_figure

        if format_ is not Format.RICH:
            raise UsageError("--figure writes PNG and PDF: leave out --format, or choose with --out FILE.svg")
        draw_figure(
            figure, run or [], runs=runs, recipe=recipe, store=store, segment=segment, count=count or 4,
            out=out, overwrite=overwrite, dry_run=dry_run, as_json=json_,
        )  # fmt: skip
        return
    if page is not None:
        from egotool.cli.report_page import write_report_page

        if out is not None or format_ is not Format.RICH:
            raise UsageError("--page FILE.html names the file and its format: leave out --out and --format")
        write_report_page(
            page, table=table, runs=runs, recipe=recipe, protocol=protocol, folds=folds, store=store,
            manifest=manifest, split=split, overwrite=overwrite, dry_run=dry_run, as_json=json_,
        )  # fmt: skip
        return
    wanted = Format.JSON if json_ else format_
    if compare is not None:
        from egotool.cli.compare import run_comparison

        run_comparison(
            *compare, runs=runs, split=split, format_=wanted, out=out, overwrite=overwrite, dry_run=dry_run,
            recipe=recipe, protocol=protocol, folds=folds,
        )  # fmt: skip
        return
    print_table(
        table if table is not None else 4, runs=runs, recipe=recipe, protocol=protocol, folds=folds,
        store=store, manifest=manifest, split=split, wanted=wanted, out=out,
        overwrite=overwrite, dry_run=dry_run,
    )  # fmt: skip


def print_table(
    table: int,
    *,
    runs: Path,
    recipe: str | None,
    protocol: str | None,
    folds: bool | None,
    store: Path | None,
    manifest: Path | None,
    split: str,
    wanted: Format,
    out: Path | None,
    overwrite: bool,
    dry_run: bool,
) -> None:
    """Print a table, or write it to `out`."""
    from egotool.console import message_console, output_console
    from egotool.files import write_text
    from egotool.reporting import DOCUMENTS, chosen_runs, comparison_table, render_terminal

    if out is not None and wanted is Format.RICH:
        raise UsageError("--out needs --format markdown, csv, json or latex")
    if out is not None and out.exists() and not overwrite and not dry_run:
        raise UsageError(f"{out} exists: give another name with --out, or replace it with --overwrite")
    found, data = chosen_runs(runs, split=split, recipe=recipe, store=store, manifest=manifest)
    notes = [*found.unfinished, *found.problems]
    result = comparison_table(
        table, found.outcomes, recipe=recipe, protocol=protocol, folds=folds,
        data=data, problems=notes, runs=runs,
    )  # fmt: skip
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
