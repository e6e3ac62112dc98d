"""`egotool sheet`: a picture sheet of a store."""

from pathlib import Path
from typing import Annotated

import typer

from egotool.errors import UsageError


def sheet(
    store: Annotated[Path, typer.Argument(help="Folder made by `egotool extract`.")] = Path("store"),
    video: Annotated[str | None, typer.Option(help="Only this video of the store.")] = None,
    segment: Annotated[str | None, typer.Option(help="Only this segment of the manifest.")] = None,
    run: Annotated[
        str | None, typer.Option(help="Also show what this run's network attends to and predicts.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder that holds the run folders.")] = Path("runs"),
    manifest: Annotated[Path | None, typer.Option(help="Manifest to take segments from.")] = None,
    count: Annotated[int, typer.Option(min=1, max=40, help="Number of rows.")] = 8,
    flow_scale: Annotated[
        float | None, typer.Option(help="Pixels per frame in full colour; default: fits each video.")
    ] = None,
    out: Annotated[Path, typer.Option(help="PNG, PDF or SVG file to write.")] = Path("sheet.png"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the rows, write nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a picture sheet: frame, flow, warp flow, motion mask; with --run also attention and predictions.

    Without options it takes the store in `store/` and the middle frame of segments spread over the actions;
    with --video or --segment, frames evenly spaced in it.

    Examples:

        egotool sheet

        egotool sheet store --segment S2/take_cup/clip3 --run dynamic-net --out clip3.png
    """
    import json

    from egotool.console import ConsoleProgress, message_console
    from egotool.reporting.sheet import write_sheet
    from egotool.reporting.sheet_frames import choose_rows
    from egotool.runs import resolve_run
    from egotool.store import Store

    messages = message_console()
    if out.exists() and not overwrite and not dry_run:
        raise UsageError(f"{out} exists: give another name with --out, or replace it with --overwrite")
    rows = choose_rows(Store(store), manifest_file=manifest, video=video, segment=segment, count=count)
    shown = None if run is None else resolve_run(run, runs=runs)
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
