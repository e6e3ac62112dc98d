"""`egotool report --figure N`: the paper's figures from your own runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from egotool.errors import RunError, UsageError

if TYPE_CHECKING:
    from egotool.reporting.figures import Figure, FigureRuns
    from egotool.store import Store

_ACTIONS_WITHOUT_A_RUN = 61
"""Of GTEA-61, the paper's data: for the architecture of a model that was not trained."""


def draw_figure(
    figure: int,
    names: Sequence[str],
    *,
    runs: Path,
    recipe: str | None,
    store: Path | None,
    segment: str | None,
    count: int,
    out: Path | None,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Write a figure, by default figureN.png and figureN.pdf; it replaces figures and sheets only."""
    from egotool.reporting.figures import choose_figure_runs
    from egotool.reporting.sheet import is_sheet

    chosen = choose_figure_runs(figure, names, runs=runs, recipe=recipe)
    base = out or Path(f"figure{figure}")
    files = [base] if base.suffix else [base.with_suffix(suffix) for suffix in (".png", ".pdf")]
    for file in files:
        if file.is_file() and not overwrite and not dry_run and not is_sheet(file):
            raise UsageError(
                f"{file} exists and is no figure: give another name with --out, or replace it with "
                "--overwrite"
            )
    if dry_run:
        shown = [run.name for run in chosen.runs] or [f"the recipe of {chosen.model}"]
        where = [str(file) for file in files]
        if as_json:
            plan = {"figure": figure, "files": where, "runs": shown, "written": False}
            typer.echo(json.dumps(plan, indent=2))
        else:
            typer.echo(f"Would draw Figure {figure} from {' and '.join(shown)} into {' and '.join(where)}.")
        return
    if figure == 2:
        drawn = _architecture(chosen, recipe, files)
    else:
        drawn = _pictures(figure, chosen, _store(chosen, store), segment, count, files)
    if as_json:
        document = {
            "figure": figure,
            "files": [str(file) for file in drawn.files],
            "runs": list(drawn.runs),
            "notes": list(drawn.notes),
            "written": True,
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    typer.echo(f"Figure {figure} is in {' and '.join(map(str, drawn.files))}.")
    for note in drawn.notes:
        typer.echo(note)


def _architecture(chosen: "FigureRuns", recipe: str | None, files: Sequence[Path]) -> "Figure":
    from egotool.reporting.figures import write_architecture
    from egotool.runs import load_recipe

    if chosen.runs:
        run = chosen.runs[0]
        return write_architecture(run.recipe, len(run.record.actions), files=files, run=run)
    return write_architecture(
        load_recipe(chosen.model, recipe or "paper"), _ACTIONS_WITHOUT_A_RUN, files=files
    )


def _store(chosen: "FigureRuns", given: Path | None) -> "Store":
    from egotool.store import Store

    recorded = chosen.runs[0].record.data.store
    if given is None and not recorded:
        raise RunError(f"the run {chosen.runs[0].name} was imported without a store: give one with --store")
    return Store(given or Path(recorded))


def _pictures(
    figure: int,
    chosen: "FigureRuns",
    store: "Store",
    segment: str | None,
    count: int,
    files: Sequence[Path],
) -> "Figure":
    from egotool.console import ConsoleProgress
    from egotool.reporting.figures import write_pictures
    from egotool.reporting.sheet_frames import choose_rows

    rows = choose_rows(store, segment=segment, count=count)
    with ConsoleProgress() as progress:
        return write_pictures(figure, chosen.runs, store, rows, files=files, progress=progress)
