"""`egotool extract`: videos in, store and manifest out."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from egotool.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from egotool.extraction import (
        ExtractionParameters,
        ExtractionPlan,
        ExtractionSummary,
        LabelResult,
        PlannedVideo,
        VideoResult,
    )

VIDEOS_SHOWN = 40
"""Longer lists are cut to the videos that something is wrong with."""

OnError = Literal["skip", "stop"]
WarpFlow = Literal["second", "compensated"]


def extract(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(help="Videos, and folders of videos.", show_default="with --manifest: beside it"),
    ] = None,
    out: Annotated[Path, typer.Option(help="The store to write.")] = Path("store"),
    only: Annotated[str, typer.Option(help="What to make, of these.")] = "rgb,flow,warp-flow,masks",
    size: Annotated[int, typer.Option(help="Pixels of the shorter side; smaller videos stay.")] = 256,
    schedule: Annotated[str, typer.Option(help="Of TV-L1: exact, accurate, fast or turbo.")] = "fast",
    warp_flow: Annotated[
        WarpFlow, typer.Option(help="By a second TV-L1, or the first flow compensated: faster, but noisier.")
    ] = "second",
    codec: Annotated[
        str | None,
        typer.Option(help="A compression; a wrong name lists all.", show_default="fast to read"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="one per core")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make everything anew.")] = False,
    on_error: Annotated[
        OnError, typer.Option(help="When a video fails, go on with the others or not.")
    ] = "skip",
    manifest: Annotated[
        Path | None, typer.Option(help="Labels.", show_default="manifest.csv beside the videos, or folders")
    ] = None,
    segments_only: Annotated[
        bool, typer.Option("--segments-only", help="Only the frames that the manifest's segments need.")
    ] = False,
    hands: Annotated[
        Path | None,
        typer.Option(help="Folder of hand masks: what they cover does not count for the camera's motion."),
    ] = None,
    test_subject: Annotated[
        list[str] | None, typer.Option(help="Who tests; repeatable.", show_default="the last of several")
    ] = None,
    split_seed: Annotated[int, typer.Option(min=0, help="Chooses validation segments.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time and disk, write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Extract frames, flow, warp flow and motion masks of VIDEOS into a store.

    Videos in <action>/ or <subject>/<action>/ folders get these labels; a manifest.csv in the folder wins.
    Typed again it does what is missing: after an interruption, with further videos, with another --only.

    Who has masks of the hands gives them with --hands: for S1/take_cup/1.mp4 a picture per frame in the
    folder HANDS/S1/take_cup/1/.

    With --segments-only, long videos are decoded where the segments of --manifest are, and a bit around them.

    Examples:

        egotool extract videos/

        egotool extract --manifest videos/labels.csv --segments-only
    """
    from egotool.console import ConsoleProgress
    from egotool.extraction import SplitChoice, extract_videos, plan_extraction
    from egotool.video import find_videos

    parameters = _parameters(only=only, size=size, schedule=schedule, warp_flow=warp_flow, codec=codec)
    if not videos and manifest is None:
        raise UsageError("no video was given: name files or folders with videos, or a --manifest beside them")
    if segments_only and manifest is None:
        raise UsageError("--segments-only needs the segments: give them with --manifest FILE")
    if manifest is not None and not manifest.is_file():
        raise UsageError(f"there is no manifest {manifest}: --manifest takes a CSV file of segments")
    found = find_videos(videos or _beside(manifest))
    choice = SplitChoice(seed=split_seed, test_subjects=tuple(test_subject or ()))
    with ConsoleProgress() as progress:
        if dry_run:
            plan = plan_extraction(
                found,
                out=out,
                parameters=parameters,
                workers=workers,
                overwrite=overwrite,
                choice=choice,
                manifest=manifest,
                segments_only=segments_only,
                hands=hands,
                progress=progress,
            )
        else:
            summary = extract_videos(
                found,
                out=out,
                parameters=parameters,
                workers=workers,
                overwrite=overwrite,
                on_error=on_error,
                choice=choice,
                manifest=manifest,
                segments_only=segments_only,
                hands=hands,
                progress=progress,
            )
    if dry_run:
        _print_json(_plan_document(plan, parameters)) if as_json else _render_plan(plan, parameters)
        if any(video.problem is not None for video in plan.videos):
            raise typer.Exit(1)
        return
    _print_json(_summary_document(summary)) if as_json else _render_summary(summary)
    if not summary.ok:
        raise typer.Exit(1)


def _beside(manifest: Path | None) -> list[Path]:
    """Return the folder that a manifest lies in."""
    return [] if manifest is None else [manifest.parent]


def _parameters(
    *, only: str, size: int, schedule: str, warp_flow: WarpFlow, codec: str | None
) -> "ExtractionParameters":
    from egotool.extraction import ExtractionParameters, parse_contents
    from egotool.motion import SCHEDULES
    from egotool.store import DEFAULT_CODEC, Codec

    if schedule not in SCHEDULES:
        raise UsageError(f"--schedule: unknown {schedule!r}; choose from {', '.join(SCHEDULES)}.")
    if codec is not None and codec not in set(Codec):
        raise UsageError(f"--codec: unknown {codec!r}; choose from {', '.join(Codec)}.")
    return ExtractionParameters(
        short_side=size,
        contents=parse_contents(only),
        schedule=schedule,
        warp_flow=warp_flow,
        codec=DEFAULT_CODEC if codec is None else Codec(codec),
    )


def _print_json(document: dict[str, object]) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _plan_document(plan: "ExtractionPlan", parameters: "ExtractionParameters") -> dict[str, object]:
    return {
        "dry_run": True,
        "parameters": parameters.recorded_with_codec(),
        "store": str(plan.store),
        "workers": plan.workers,
        "estimated_seconds": round(plan.seconds, 1),
        "estimated_bytes": plan.bytes,
        "videos": [
            {
                "video": video.video,
                "source": str(video.source),
                "action": video.action,
                "frames": video.frames,
                "width": video.width,
                "height": video.height,
                "estimated_seconds": round(video.seconds, 1),
                "estimated_bytes": video.bytes,
                "problem": video.problem,
            }
            for video in plan.videos
        ],
    }


def _summary_document(summary: "ExtractionSummary") -> dict[str, object]:
    return {
        "store": str(summary.store),
        "ok": summary.ok,
        "seconds": round(summary.seconds, 2),
        "videos": [_video_document(video) for video in summary.videos],
        "manifest": {
            "path": None if summary.labels.path is None else str(summary.labels.path),
            "source": summary.labels.source,
            "segments": summary.labels.segments,
            "labelled": summary.labels.labelled,
            "actions": summary.labels.actions,
            "splits": dict(summary.labels.splits),
            "notes": list(summary.labels.notes),
            "problems": list(summary.labels.problems),
        },
    }


def _video_document(video: "VideoResult") -> dict[str, object]:
    return {
        "video": video.video,
        "source": str(video.source),
        "status": str(video.status),
        "complete": video.complete,
        "frames": video.frames,
        "bytes": video.bytes,
        "seconds": round(video.seconds, 2),
        "store_file": None if video.store_file is None else str(video.store_file),
        "warnings": list(video.warnings),
        "camera": None if video.camera is None else asdict(video.camera),
        "problem": video.problem,
    }


def _table(*columns: str) -> "Table":
    """Return an empty table whose first two columns are text and whose others are numbers."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < 2 else "right", overflow="fold")
    return table


def _render_plan(plan: "ExtractionPlan", parameters: "ExtractionParameters") -> None:
    from rich.filesize import decimal
    from rich.markup import escape

    from egotool.console import output_console

    console = output_console()
    table = _table("video", "to do", "frames", "stored as", "about", "disk")
    for video in plan.videos[:VIDEOS_SHOWN]:
        table.add_row(escape(video.video), video.action, *_plan_cells(video))
    console.print(table)
    if len(plan.videos) > VIDEOS_SHOWN:
        console.print(f"… and {len(plan.videos) - VIDEOS_SHOWN} more videos")
    frames = sum(video.frames or 0 for video in plan.videos)
    processes = "1 process" if plan.workers == 1 else f"{plan.workers} processes"
    console.print(
        f"\n{_counted(len(plan.videos), 'video')}, {frames} frames; estimated {_duration(plan.seconds)} "
        f"with {processes} and {decimal(plan.bytes)} in {escape(str(plan.store))} (both may be off by half).",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"TV-L1 {parameters.schedule}; warp flow: {parameters.warp_flow}; codec {parameters.codec}.",
        highlight=False,
        soft_wrap=True,
    )
    for video in plan.videos:
        if video.problem is not None:
            console.print(f"[red]Problem:[/] {escape(video.problem)}", highlight=False, soft_wrap=True)


def _plan_cells(video: "PlannedVideo") -> tuple[str, str, str, str]:
    from rich.filesize import decimal

    if video.problem is not None:
        return "–", "–", "–", "–"
    frames = "unknown" if video.frames is None else str(video.frames)
    return frames, f"{video.width}×{video.height}", _duration(video.seconds), decimal(video.bytes)


def _render_summary(summary: "ExtractionSummary") -> None:
    from rich.filesize import decimal
    from rich.markup import escape

    from egotool.console import output_console

    console = output_console()
    shown = summary.videos if len(summary.videos) <= VIDEOS_SHOWN else summary.failures[:VIDEOS_SHOWN]
    if shown:
        table = _table("video", "status", "frames", "size", "time")
        for video in shown:
            size = decimal(video.bytes) if video.bytes else "–"
            time = _duration(video.seconds) if video.seconds >= 0.05 else "–"
            table.add_row(escape(video.video), _status(video), str(video.frames or "–"), size, time)
        console.print(table)
    stored = [video for video in summary.videos if video.store_file is not None]
    refused = len(stored) < len(summary.videos)  # it may be there, made otherwise
    console.print(
        f"\n{len(stored)} of {_counted(len(summary.videos), 'video')}{' as asked for' if refused else ''} in "
        f"{escape(str(summary.store))}: "
        f"{sum(video.frames for video in stored)} frames, {decimal(sum(video.bytes for video in stored))}, "
        f"{_duration(summary.seconds)}.",
        highlight=False,
        soft_wrap=True,
    )
    _render_camera(summary)
    for video in summary.failures[:VIDEOS_SHOWN]:
        if video.problem is not None:
            kind = "Failed" if video.store_file is None else "Incomplete"
            console.print(f"[red]{kind}:[/] {escape(video.problem)}", highlight=False, soft_wrap=True)
    if len(summary.failures) > VIDEOS_SHOWN:
        console.print(f"… and {len(summary.failures) - VIDEOS_SHOWN} more; --json lists all.")
    _render_labels(summary.labels, summary.store)


def _render_camera(summary: "ExtractionSummary") -> None:
    """Say for how many frames the camera's motion was not found, if there are any."""
    from egotool.console import output_console

    counts = [video.camera for video in summary.videos if video.camera is not None]
    pairs, found = sum(count.pairs for count in counts), sum(count.found for count in counts)
    if found == pairs:
        return
    output_console().print(
        f"Camera motion: not found for {pairs - found:,} of {pairs:,} frames ({1 - found / pairs:.1%}); "
        "there the warp flow is the flow, and `egotool sheet` says so.",
        highlight=False,
        soft_wrap=True,
    )


def _render_labels(labels: "LabelResult", store: Path) -> None:
    from rich.markup import escape

    from egotool.console import output_console

    console = output_console()
    if labels.path is not None and labels.source:
        splits = ", ".join(f"{count} {split}" for split, count in labels.splits if count)
        console.print(
            f"Manifest {escape(str(labels.path))}: {_counted(labels.segments, 'segment')}, "
            f"{_counted(labels.actions, 'action')}{'; ' + splits if splits else ''}.",
            highlight=False,
            soft_wrap=True,
        )
    for note in labels.notes[:VIDEOS_SHOWN]:
        console.print(f"Note: {escape(note)}", highlight=False, soft_wrap=True)
    for problem in labels.problems[:VIDEOS_SHOWN]:
        console.print(f"[red]Manifest:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    more = max(0, len(labels.notes) - VIDEOS_SHOWN) + max(0, len(labels.problems) - VIDEOS_SHOWN)
    if more:
        console.print(f"… and {more} more; --json lists all.")
    if labels.actions > 1 and all(count for _, count in labels.splits):
        where = "" if store == Path("store") else f" --store {shlex.quote(str(store))}"
        console.print(
            f"\nNext: [bold]egotool train dynamic-net{escape(where)}[/]", highlight=False, soft_wrap=True
        )


def _status(video: "VideoResult") -> str:
    if video.ok:
        return str(video.status)
    return "[red]incomplete[/]" if video.store_file is not None else f"[red]{video.status}[/]"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
