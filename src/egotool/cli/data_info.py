"""`egotool data info`: what a dataset holds."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egotool.cli.data_check import ACTIONS_SHOWN, manifest_or_store
from egotool.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from egotool.inspection import Overview
    from egotool.store import CameraCount

BAR_WIDTH = 30


def info(
    path: Annotated[Path, typer.Argument(help="A manifest, or a store.", metavar="MANIFEST|STORE")],
    *,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos.", show_default="where the manifest lies")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Labels of a store.", show_default="the store's own")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Show sizes, durations, and how long and how frequent the segments of each action are.

    Example: egotool data info store
    """
    from egotool.console import ConsoleProgress, output_console
    from egotool.inspection import is_store, overview_of_manifest, overview_of_store

    path = manifest_or_store(path)
    if is_store(path):
        if videos is not None:
            raise UsageError("--videos belongs to a manifest, not to a store")
        overview = overview_of_store(path, manifest_file=manifest)
    else:
        if manifest is not None:
            raise UsageError("--manifest belongs to a store: name the manifest itself")
        with ConsoleProgress() as progress:
            overview = overview_of_manifest(path, videos=videos, progress=progress)
    if as_json:
        typer.echo(json.dumps(_document(overview), indent=2, ensure_ascii=False))
        return
    _render(overview, output_console())


def _document(overview: "Overview") -> dict[str, object]:
    counts = overview.counts
    return {
        "path": overview.what,
        "videos": [
            {
                "video": each.video,
                "frames": each.frame_count,
                "frame_rate": each.frame_rate,
                "seconds": None if each.seconds is None else round(each.seconds, 3),
                "width": each.width,
                "height": each.height,
                "bytes": each.file_bytes,
                "camera": _camera_document(overview.camera.get(each.video)),
            }
            for each in overview.videos
        ],
        "missing": list(overview.missing),
        "bytes": overview.bytes,
        "frames": overview.frames,
        "seconds": round(overview.seconds, 3),
        "arrays": dict(overview.arrays),
        "segments": None
        if counts is None
        else {
            "number": counts.segments,
            "unlabelled": counts.unlabelled,
            "splits": dict(counts.splits),
            "subjects": {name: dict(splits) for name, splits in counts.subjects.items()},
            "actions": {name: dict(splits) for name, splits in counts.actions.items()},
            "frames": overview.labelled_frames,
            "shortest": overview.shortest,
            "median": overview.median,
            "longest": overview.longest,
            "lengths": [
                {"start": each.start, "stop": each.stop, "segments": each.segments}
                for each in overview.lengths
            ],
        },
    }


def _camera_document(count: "CameraCount | None") -> dict[str, int] | None:
    return None if count is None else asdict(count)


def _render(overview: "Overview", console: "Console") -> None:
    console.print(_facts_table(overview))
    counts = overview.counts
    if counts is None or not counts.segments:
        console.print("\nNo segments: there is no manifest, or it is empty.")
        return
    console.print("\n[bold]Segments by length in frames[/]")
    lengths = {
        str(each.start) if each.stop - each.start == 1 else f"{each.start}–{each.stop - 1}": each.segments
        for each in overview.lengths
    }
    console.print(_bars(lengths))
    ordered = sorted(counts.actions.items(), key=lambda item: -sum(item[1].values()))
    console.print("\n[bold]Segments by action[/]")
    console.print(_bars({name: sum(splits.values()) for name, splits in ordered[:ACTIONS_SHOWN]}))
    if len(ordered) > ACTIONS_SHOWN:
        console.print(f"… and {len(ordered) - ACTIONS_SHOWN} rarer actions; --json lists all.")


def _facts_table(overview: "Overview") -> "Table":
    from rich.filesize import decimal
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")

    def row(name: str, text: str) -> None:
        table.add_row(name, Text(text))

    row("dataset", overview.what)
    known = len(overview.videos)
    missing = f"; {len(overview.missing)} of the manifest missing" if overview.missing else ""
    row(
        "videos",
        f"{known}: {overview.frames:,} frames, {_duration(overview.seconds)}, "
        f"{decimal(overview.bytes)}{missing}",
    )
    sizes = _counted(f"{each.width}×{each.height}" for each in overview.videos)
    rates = _counted(f"{each.frame_rate:.4g}" for each in overview.videos if each.frame_rate)
    if sizes:
        row("pixels", sizes)
        row("frames/second", rates or "unknown")
    if overview.arrays:
        row("arrays", _arrays(overview))
    if any(count.pairs for count in overview.camera.values()):
        row("camera motion", _camera(overview.camera))
    counts = overview.counts
    if counts is None:
        return table
    row(
        "segments",
        f"{counts.segments:,}: {overview.shortest} to {overview.longest} frames, median "
        f"{overview.median:g}; {overview.labelled_frames:,} frames",
    )
    row("splits", ", ".join(f"{number} {split or 'none'}" for split, number in counts.splits.items()))
    row("actions", str(len(counts.actions)))
    named = [name for name in counts.subjects if name]
    row("subjects", f"{len(named)}: {', '.join(named)}" if named else "none named")
    return table


def _arrays(overview: "Overview") -> str:
    known = len(overview.videos)
    return ", ".join(
        name if number == known else f"{name} (of {number} videos)"
        for name, number in overview.arrays.items()
    )


def _camera(counts: "Mapping[str, CameraCount]") -> str:
    """Return for how many frames it was found, and the video where it was found least."""
    pairs = sum(count.pairs for count in counts.values())
    found = sum(count.found for count in counts.values())
    text = f"found for {found:,} of {pairs:,} frames"
    if found == pairs:
        return text
    parts = {video: count.found / count.pairs for video, count in counts.items() if count.pairs}
    least = min(parts, key=parts.__getitem__)
    where = f", least in {least} ({parts[least]:.1%})" if len(parts) > 1 else ""
    return f"{text} ({found / pairs:.1%}){where}"


def _counted(words: Iterable[str]) -> str:
    """Return different words with how often they occur: "640×480 (12), 1280×720 (1)"."""
    counter = Counter(words)
    common = counter.most_common(4)
    if len(counter) <= 1:
        return "".join(counter)
    more = len(counter) - len(common)
    listed = ", ".join(f"{word} ({number})" for word, number in common)
    return listed + (f" and {more} {'other' if more == 1 else 'others'}" if more > 0 else "")


def _bars(numbers: "dict[str, int]") -> "Table":
    """Return a table of names, numbers and bars; the longest bar fills its column."""
    from rich.bar import Bar
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    table.add_column(width=BAR_WIDTH)
    most = max(numbers.values(), default=1) or 1
    for name, number in numbers.items():
        table.add_row(Text(name), str(number), Bar(most, 0, number, width=BAR_WIDTH))
    return table


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
