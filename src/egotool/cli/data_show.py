"""`egotool data show`: pictures of one segment."""

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from egotool.errors import UsageError


def show(
    store: Annotated[Path, typer.Argument(help="Folder made by `egotool extract`.")],
    segment: Annotated[str, typer.Argument(help="A segment of the manifest.", show_default=False)],
    *,
    out: Annotated[Path, typer.Option(help="The picture sheet: PNG, PDF or SVG.")] = Path("sheet.png"),
    video: Annotated[
        Path | None, typer.Option(help="Also write an overlay video (.mp4) of the whole segment.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Manifest to take the segment from.", show_default="the store's own")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=40, help="Rows of the sheet.")] = 6,
    flow_scale: Annotated[
        float | None, typer.Option(help="Pixels per frame in full colour.", show_default="fits the segment")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Draw SEGMENT as a picture sheet, and with --video as a video: frame, motion mask, flow, warp flow.

    Example: egotool data show store S2/take_cup/clip3 --video clip3.mp4
    """
    from egotool.console import ConsoleProgress
    from egotool.reporting.overlay_video import write_overlay_video
    from egotool.reporting.sheet import is_sheet, write_sheet
    from egotool.reporting.sheet_frames import choose_rows
    from egotool.store import Store

    if flow_scale is not None and not 0 < flow_scale < math.inf:
        raise UsageError(f"--flow-scale is above 0 px, not {flow_scale:g}")
    if video is not None and video.suffix.lower() != ".mp4":
        raise UsageError(f"--video writes .mp4, not {video.name}: give a name that ends in .mp4")
    if not (overwrite or dry_run):
        if out.is_file() and not is_sheet(out):
            raise UsageError(f"{out} exists and is no sheet: choose another --out, or add --overwrite")
        if video is not None and video.exists():
            raise UsageError(f"{video} exists: choose another --video, or add --overwrite")
    opened = Store(store)
    rows = choose_rows(opened, manifest_file=manifest, segment=segment, count=count)
    chosen = rows[0].segment
    document: dict[str, object] = {
        "segment": chosen.segment,
        "video": chosen.video,
        "action": chosen.action,
        "start_frame": chosen.start_frame,
        "stop_frame": chosen.stop_frame,
        "written": not dry_run,
        "sheet": str(out),
        "overlay": None if video is None else str(video),
    }
    frames = f"frames {chosen.start_frame} to {chosen.stop_frame - 1} of {chosen.video}"
    lines = [f"{chosen.segment}: {chosen.action or 'no action'}, {frames}."]
    if dry_run:
        lines.append(f"Would write the sheet {out}" + (f" and the video {video}." if video else "."))
    else:
        with ConsoleProgress() as progress:
            sheet = write_sheet(store, out, rows=rows, flow_scale=flow_scale, progress=progress)
            number = "1 row" if len(rows) == 1 else f"{len(rows)} rows"
            lines.append(f"Sheet: {out} ({number}: {', '.join(sheet.columns)}).")
            if video is not None:
                overlay = write_overlay_video(opened, chosen, video, flow_scale=flow_scale, progress=progress)
                scale = "" if overlay.flow_scale is None else f"; full colour is {overlay.flow_scale:g} px"
                lines.append(f"Video: {video} ({overlay.frames} frames: {', '.join(overlay.panels)}{scale}).")
                document |= {"panels": list(overlay.panels), "flow_scale": overlay.flow_scale}
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines))
