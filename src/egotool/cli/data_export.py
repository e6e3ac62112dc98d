"""`egotool data export`: a store as folders of pictures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from egotool.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from egotool.extraction import ExportedFolder
    from egotool.manifests import Manifest

PROBLEMS_SHOWN = 20


def export_data(
    store: Annotated[Path, typer.Argument(help="The store.", show_default=False)],
    layout: Annotated[
        Literal["ego-rnn", "rawframes"],
        typer.Option(help="ego-rnn: its folders of frames and flow; rawframes: all of a segment together."),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder to write.", show_default="the layout")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Which segments.", show_default="the store's")] = None,
    flow: Annotated[
        Literal["warp-flow", "flow"] | None,
        typer.Option(help="Which flow.", show_default="warp flow if there is any"),
    ] = None,
    quality: Annotated[int, typer.Option(help="Of the JPEG frames, 1 to 100.")] = 95,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write all again; remove what is of another manifest.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write the segments of STORE as JPEG frames and 8-bit flow (-20 to 20 pixels) for other tools.

    Typed again it writes what is missing, and refuses where folders hold something else. `egotool data
    import frames` reads it back.

    Example: egotool data export store --layout ego-rnn --out dataset/gtea_61/split2
    """
    from egotool.console import ConsoleProgress
    from egotool.extraction import MANIFEST_NAME, ExportOptions, Layout, export_store, other_folders
    from egotool.extraction.export_record import refusal
    from egotool.manifests import read_manifest

    options = ExportOptions(
        layout=Layout.EGO_RNN if layout == "ego-rnn" else Layout.RAWFRAMES,
        flow=None if flow is None else ("flow" if flow == "flow" else "warp_flow"),
        quality=quality,
    )
    target = out or Path(layout)
    segments = read_manifest(manifest or store / MANIFEST_NAME)
    if not segments.segments:
        raise ManifestError(
            f"{manifest or store / MANIFEST_NAME} names no segment: there is nothing to export."
        )
    if dry_run:
        others = other_folders(store, segments, target, options)
        if others and not overwrite:
            raise refusal(target, others)
        _say_plan(segments, target, others=others, as_json=as_json)
        return
    with ConsoleProgress() as progress:
        folders = export_store(
            store, segments, target, options=options, overwrite=overwrite, workers=workers, progress=progress
        )
    if as_json:
        typer.echo(json.dumps(_document(folders, target), indent=2, ensure_ascii=False))
    else:
        _render(folders, target)
    if any(folder.problem is not None for folder in folders):
        raise typer.Exit(1)


def _say_plan(manifest: "Manifest", out: Path, *, others: "Sequence[str]", as_json: bool) -> None:
    frames = sum(segment.stop_frame - segment.start_frame for segment in manifest.segments)
    count = len(manifest.segments)
    segments = "1 segment" if count == 1 else f"{count} segments"
    if as_json:
        document = {
            "out": str(out),
            "dry_run": True,
            "segments": count,
            "frames": frames,
            "removed": list(others),
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        folders = "1 folder" if len(others) == 1 else f"{len(others)} folders"
        removed = f", after removing {folders} made of something else" if others else ""
        typer.echo(f"Would write {segments} ({frames} frames) to {out}{removed}.")


def _document(folders: "Sequence[ExportedFolder]", out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "dry_run": False,
        "ok": all(folder.problem is None for folder in folders),
        "segments": [
            {
                "segment": folder.segment.segment,
                "folder": folder.place,
                "frames": folder.frames,
                "written": folder.written and folder.problem is None,
                "problem": folder.problem,
            }
            for folder in folders
        ],
    }


def _render(folders: "Sequence[ExportedFolder]", out: Path) -> None:
    from rich.markup import escape

    from egotool.console import output_console

    console = output_console()
    good = [folder for folder in folders if folder.problem is None]
    new = [folder for folder in good if folder.written]
    there = len(good) - len(new)
    were = "was" if there == 1 else "were"
    segments = "1 segment" if len(new) == 1 else f"{len(new)} segments"
    console.print(
        f"{segments} ({sum(folder.frames for folder in new)} frames) written to {escape(str(out))}"
        f"{f'; {there} {were} there already' if there else ''}.",
        highlight=False,
        soft_wrap=True,
    )
    failed = [folder.problem for folder in folders if folder.problem is not None]
    for problem in failed[:PROBLEMS_SHOWN]:
        console.print(f"[red]Not exported:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if len(failed) > PROBLEMS_SHOWN:
        console.print(f"… and {len(failed) - PROBLEMS_SHOWN} more; --json lists all.", highlight=False)
