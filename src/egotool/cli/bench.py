"""`egotool bench`: how fast egotool is on this machine, against OpenCV, in alternation."""

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egotool.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from egotool.extraction.benchmark import VariantSpeed
    from egotool.motion.benchmark import PairResult, ScheduleSummary

bench = typer.Typer(
    name="bench",
    help="Measure speed and accuracy against OpenCV on this machine.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@bench.command()
def flow(
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Folder of folders, each with two pictures and, if known, the true flow (.flo).",
            show_default="frames of the embedded clips",
        ),
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the embedded frames.")] = "340x256",
    count: Annotated[int, typer.Option(min=1, help="Pairs per embedded clip.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="The best time of so many counts.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Compare TV-L1 with OpenCV's: ratio of the times, one thread each, and end-point errors.

    Example: egotool bench flow --pairs middlebury/
    """
    import cv2

    from egotool.console import ConsoleProgress, output_console
    from egotool.motion.benchmark import compare_with_opencv, embedded_pairs, pairs_in, summarise

    chosen = pairs_in(pairs) if pairs is not None else embedded_pairs(*_size(size), per_clip=count)
    with ConsoleProgress() as progress:
        results = compare_with_opencv(chosen, repeats=repeats, progress=progress)
    lines = summarise(results)
    if as_json:
        document = {
            **_machine(),
            "summary": [asdict(line) for line in lines],
            "pairs": [asdict(result) for result in results],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    console = output_console()
    console.print(_flow_table(lines, results))
    typer.echo(
        f"{len(results)} pairs, one thread each, OpenCV {cv2.__version__}; speed: OpenCV's time over ours. "
        f"{_machine_words()}"
    )


@bench.command()
def extract(
    video: Annotated[Path | None, typer.Option(help="Video.", show_default="an embedded clip")] = None,
    frames: Annotated[int, typer.Option(min=2, help="Frames; OpenCV takes seconds for each.")] = 8,
    rounds: Annotated[int, typer.Option(min=1, help="How often all take their turn.")] = 3,
    workers: Annotated[
        int | None,
        typer.Option(min=2, help="Compare so many workers with one instead, in real time."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the whole extraction with one that uses OpenCV's TV-L1: frames per second of one core.

    Example: egotool bench extract --workers 2 --frames 60
    """
    from egotool.console import ConsoleProgress, output_console
    from egotool.extraction.benchmark import compare_variants, compare_workers, ratios
    from egotool.video import embedded_clips

    source = video if video is not None else embedded_clips()[0]
    with tempfile.TemporaryDirectory() as name, ConsoleProgress() as progress:
        if workers is None:
            speeds = compare_variants(source, Path(name), frames=frames, rounds=rounds, progress=progress)
            found = ratios(speeds, to="opencv")
        else:
            speeds = compare_workers(
                source, Path(name), workers=workers, frames=frames, rounds=rounds, progress=progress
            )
            found = ratios(speeds, to="1 worker")
    if as_json:
        document = {
            **_machine(),
            "video": source.name,
            "frames": frames,
            "speeds": [asdict(each) | {"median": each.median, "ratio": found[each.name]} for each in speeds],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    output_console().print(_extract_table(speeds, found))
    clock = "processor time of one core" if workers is None else "real time"
    typer.echo(
        f"{source.name}, {frames} frames, short side 256; frames per second of {clock}. {_machine_words()}"
    )


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0):
        raise UsageError(f"--size is WIDTHxHEIGHT, such as 340x256, not {text!r}")
    return int(width), int(height)


def _machine() -> dict[str, object]:
    import platform

    import cv2

    return {"cores": os.cpu_count(), "machine": platform.machine(), "opencv": cv2.__version__}


def _machine_words() -> str:
    machine = _machine()
    return f"{machine['machine']}, {machine['cores']} cores."


def _flow_table(lines: "list[ScheduleSummary]", results: "list[PairResult]") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("schedule")
    headings = ["speed, median", "worst pair", "px from OpenCV"]
    with_truth = any(result.errors for result in results)
    if with_truth:
        headings += ["error, px", "OpenCV's", "worst pair"]
    for heading in headings:
        table.add_column(heading, justify="right")
    for line in lines:
        cells = [f"{line.median_ratio:.0f} ×", f"{line.worst_ratio:.0f} ×", f"{line.distance:.3f}"]
        if with_truth:
            cells += [f"{line.error:.3f}", f"{line.opencv_error:.3f}", f"× {line.worst_error_ratio:.2f}"]
        table.add_row(line.schedule, *cells)
    return table


def _extract_table(speeds: "list[VariantSpeed]", ratios: dict[str, float]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("")
    for heading in ("by round", "median", "ratio"):
        table.add_column(heading, justify="right")
    for each in speeds:
        rounds = "  ".join(f"{value:.2f}" for value in each.rounds)
        table.add_row(each.name, rounds, f"{each.median:.2f}", f"{ratios[each.name]:.2f} ×")
    return table
