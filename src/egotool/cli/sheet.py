"""`egotool sheet`: a picture sheet of a store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egotool.cli.damaged import tell_of_damaged_runs
from egotool.errors import RunError, UsageError

if TYPE_CHECKING:
    from egotool.runs import Run


def sheet(
    store: Annotated[Path, typer.Argument(help="Folder made by `egotool extract`.")] = Path("store"),
    video: Annotated[str | None, typer.Option(help="Only this video of the store.")] = None,
    segment: Annotated[str | None, typer.Option(help="Only this segment of the manifest.")] = None,
    run: Annotated[
        str | None, typer.Option(help="Also show what this run's network attends to and predicts.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The same for the newest finished run of this model.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder that holds the run folders.")] = Path("runs"),
    manifest: Annotated[Path | None, typer.Option(help="Manifest to take segments from.")] = None,
    count: Annotated[int, typer.Option(min=1, max=40, help="Number of rows.")] = 8,
    flow_scale: Annotated[
        float | None, typer.Option(help="Pixels per frame in full colour; default: fits each video.")
    ] = None,
    out: Annotated[Path, typer.Option(help="PNG, PDF or SVG file to write.")] = Path("sheet.png"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file even if it is no sheet.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the rows, write nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a picture sheet: frame, flow, warp flow, motion mask; with --run also attention and predictions.

    Without options it takes the store in `store/` and the middle frame of segments
    spread over the actions; with --video or --segment, frames evenly spaced in it.
    A sheet of the same name is replaced.

    Examples:

        egotool sheet

        egotool sheet store --segment S2/take_cup/clip3 --run dynamic-net --out clip3.png
    """
    import json

    from egotool.console import ConsoleProgress, message_console
    from egotool.reporting.sheet import is_sheet, write_sheet
    from egotool.reporting.sheet_frames import choose_rows
    from egotool.store import Store

    messages = message_console()
    if out.is_file() and not overwrite and not dry_run and not is_sheet(out):
        raise UsageError(
            f"{out} exists and is no sheet: give another name with --out, or replace it with --overwrite"
        )
    rows = choose_rows(Store(store), manifest_file=manifest, video=video, segment=segment, count=count)
    shown = _chosen_run(run, model=model, runs=runs)
    if not dry_run:
        with ConsoleProgress() as progress:
            written = write_sheet(store, out, run=shown, rows=rows, flow_scale=flow_scale, progress=progress)
        columns = list(written.columns)
    else:
        columns = []
    listed = [
        {
            "video": row.segment.video,
            "segment": row.segment.segment,
            "action": row.segment.action,
            "frame": row.frame,
        }
        for row in rows
    ]
    if json_:
        document = {"sheet": str(out), "written": not dry_run, "columns": columns, "rows": listed}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    if dry_run:
        for entry in listed:
            typer.echo(f"{entry['video']}  frame {entry['frame']}  {entry['action']}".rstrip())
        return
    text = f"The sheet {out} shows {len(rows)} {'row' if len(rows) == 1 else 'rows'}: {', '.join(columns)}."
    messages.print(text, markup=False, highlight=False, soft_wrap=True)


def _chosen_run(name: str | None, *, model: str | None, runs: Path) -> "Run | None":
    """Return the run that --run names, or the newest one of --model, or None."""
    from egotool.runs import find_runs, resolve_model, resolve_run

    if name is not None and model is not None:
        raise UsageError("--run names one run and --model takes the newest: give only one of them")
    if name is not None:
        return resolve_run(name, runs=runs)
    if model is None:
        return None
    tell_of_damaged_runs(runs)
    found = find_runs(runs, model=resolve_model(model))
    if not found:
        raise RunError(
            f"there is no finished run of {model} in {runs}: train one with `egotool train {model}`"
        )
    return max(found, key=lambda run: (run.record.finished or "", run.name))
