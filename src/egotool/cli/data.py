"""`egotool data`: datasets to bring, to hand on, to look at, to check, to try and to measure with."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egotool.cli.data_check import check
from egotool.cli.data_export import export_data
from egotool.cli.data_import import import_data
from egotool.cli.data_info import info
from egotool.cli.data_show import show
from egotool.errors import UsageError
from egotool.machine import available_cores

if TYPE_CHECKING:
    from egotool.synthetic import SynthSummary

data = typer.Typer(
    name="data",
    help="Bring datasets, check them, look at them, hand them on; make data to try and to measure with.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


data.command("import")(import_data)
data.command("export")(export_data)
data.command()(check)
data.command()(info)
data.command()(show)


@data.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder for the videos; new, empty, or an earlier output.")],
    *,
    seed: Annotated[int, typer.Option(help="Decides everything random.")] = 0,
    subjects: Annotated[int, typer.Option(help="Number of people.")] = 4,
    repetitions: Annotated[int, typer.Option(help="Clips per person and action.")] = 5,
    frames: Annotated[int, typer.Option(help="Frames per clip.")] = 40,
    frame_rate: Annotated[float, typer.Option(help="Frames per second of the videos.")] = 15.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Frame size in pixels.")] = "256x192",
    mode: Annotated[
        str, typer.Option(help="Static scene: planar (one plane), parallax (depth layers), or mixed.")
    ] = "mixed",
    head_motion: Annotated[
        float, typer.Option(metavar="MAX_PX", help="Fastest head motion, pixels per frame; 0 for still.")
    ] = 10.0,
    verbs: Annotated[
        str,
        typer.Option(
            help="From take, put, push-left, push-right, rotate, shake, open, close; comma-separated."
        ),
    ] = "take,put,push-left,push-right",
    objects: Annotated[
        str, typer.Option(help="From cup, box, bowl, jar, board, pan, bottle, plate; comma-separated.")
    ] = "cup,box",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores if not given.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be rendered; write nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Render labelled videos of a kitchen seen by a moving head, with exact ground truth beside each.

    Writes OUT/<subject>/<action>/<clip>.mp4 and <clip>.truth.h5 (flow, homography, moving mask, layers).
    The same options give the same truth, bit by bit; an interrupted command goes on when typed again.

    Example: egotool data synth videos/ --subjects 6 --mode parallax
    """
    from egotool.console import ConsoleProgress
    from egotool.synthetic import ParameterOptions, plan_dataset, render_dataset

    width, height = _parse_size(size)
    options: ParameterOptions = {
        "seed": seed,
        "subjects": subjects,
        "repetitions": repetitions,
        "frames": frames,
        "frame_rate": frame_rate,
        "width": width,
        "height": height,
        "mode": mode,  # type: ignore[typeddict-item]  # checked with the other parameters
        "head_motion": head_motion,
        "verbs": _parse_list(verbs),
        "objects": _parse_list(objects),
    }
    if dry_run:
        summary = plan_dataset(out, **options)
    else:
        with ConsoleProgress() as progress:
            summary = render_dataset(out, workers=workers or available_cores(), progress=progress, **options)
    if as_json:
        typer.echo(json.dumps(_document(summary, dry_run=dry_run), indent=2))
    else:
        _say(summary, dry_run=dry_run)


def _document(summary: "SynthSummary", *, dry_run: bool) -> dict[str, object]:
    parameters = summary.parameters
    return {
        "out": str(summary.out),
        "dry_run": dry_run,
        "parameters": parameters.model_dump(mode="json"),
        "actions": [f"{verb}_{kind}" for verb, kind in parameters.actions],
        "videos": list(summary.videos),
        "rendered": list(summary.rendered),
        "frames": len(summary.rendered) * parameters.frames,
    }


def _say(summary: "SynthSummary", *, dry_run: bool) -> None:
    parameters, new = summary.parameters, len(summary.rendered)
    kept = len(summary.videos) - new
    typer.echo(
        f"{'Would render' if dry_run else 'Rendered'} {_counted(new, 'video')} "
        f"({_counted(new * parameters.frames, 'frame')}) into {summary.out}"
        + (f"; {kept} {'was' if kept == 1 else 'were'} there already" if kept else "")
        + f": {_counted(parameters.subjects, 'subject')}, {_counted(len(parameters.actions), 'action')}, "
        f"{_counted(parameters.repetitions, 'repetition')}."
    )
    left_out = len(parameters.verbs) * len(parameters.objects) - len(parameters.actions)
    if left_out:
        combinations = "combination was" if left_out == 1 else "combinations were"
        typer.echo(f"{left_out} {combinations} left out: only objects with a lid open and close.")
    if not dry_run:
        typer.echo(f"Next: {shlex.join(['egotool', 'extract', str(summary.out)])}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _parse_size(size: str) -> tuple[int, int]:
    width, separator, height = size.lower().partition("x")
    if not (separator and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--size {size!r} is no frame size: write it as WIDTHxHEIGHT, for instance 256x192")
    return int(width), int(height)


def _parse_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
