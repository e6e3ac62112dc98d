"""`egotool report --page FILE.html`: everything the runs show, as one page."""

import json
from pathlib import Path

import typer

from egotool.errors import UsageError


def write_report_page(
    page: Path,
    *,
    table: int | None,
    runs: Path,
    recipe: str | None,
    protocol: str | None,
    folds: bool | None,
    store: Path | None,
    manifest: Path | None,
    split: str,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write the page; it replaces pages only, unless `overwrite`."""
    from egotool.console import ConsoleProgress
    from egotool.reporting import chosen_runs
    from egotool.reporting.page import is_page, read_page, write_page

    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a page is written as .html, not as {page.name}: give --page another name")
    if page.is_dir():
        raise UsageError(f"{page} is a folder: give --page the name of a file")
    if page.exists() and not (overwrite or dry_run or is_page(page)):
        raise UsageError(
            f"{page} exists and is no such page: give --page another name, or replace it with --overwrite"
        )
    found, data = chosen_runs(runs, split=split, recipe=recipe, store=store, manifest=manifest)
    with ConsoleProgress() as progress:
        content = read_page(
            found, runs=runs, split=split, table=table, recipe=recipe, protocol=protocol, folds=folds,
            data=data, progress=progress,
        )  # fmt: skip
    if not content.tables:
        asked = "" if table is None else f" for Table {table}"
        raise UsageError(
            f"there is no run with {split} scores{asked} in {runs}, or none that was asked for: "
            + (
                "`egotool train dynamic-net`"
                if split == "test"
                else f"`egotool evaluate RUN --split {split}`"
            )
            + " makes one"
        )
    if not dry_run:
        write_page(content, page)
    numbers = [each.table.number for each in content.tables]
    names = sorted({each.run.name for training in content.trainings for each in training.runs})
    if as_json:
        document = {
            "page": str(page),
            "tables": numbers,
            "runs": names,
            "notes": list(content.notes),
            "written": not dry_run,
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        tables = f"{'Table' if len(numbers) == 1 else 'Tables'} {', '.join(map(str, numbers))}"
        what = f"{tables} and the {len(names)} {'run' if len(names) == 1 else 'runs'} behind them"
        typer.echo(f"Would write {what} to {page}." if dry_run else f"{page} shows {what}.")
        for note in content.notes:
            typer.echo(note)
    if found.problems:
        raise typer.Exit(1)
