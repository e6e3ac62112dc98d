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

    from egotool.extraction.benchmark import MemoryUse, VariantSpeed
    from egotool.motion.benchmark import PairResult, ScheduleSummary

bench = typer.Typer(
    name="bench",
    help="Measure speed and accuracy against OpenCV on this machine.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EXTRACT_PARTS = ("speed", "workers", "memory")
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
    many = "1 pair" if len(results) == 1 else f"{len(results)} pairs"
    typer.echo(f"{many}, one thread each; speed: OpenCV's time over ours. {_machine_words()}")


@bench.command()
def extract(
    video: Annotated[Path | None, typer.Option(help="Video.", show_default="an embedded clip")] = None,
    only: Annotated[str, typer.Option(help="What to measure, of these.")] = ",".join(EXTRACT_PARTS),
    frames: Annotated[int, typer.Option(min=2, help="Frames, for the speed.")] = 60,
    opencv_frames: Annotated[int, typer.Option(min=2, help="With OpenCV: it takes seconds for each.")] = 8,
    rounds: Annotated[int, typer.Option(min=1, help="How often all take their turn.")] = 3,
    workers: Annotated[int, typer.Option(min=2, help="So many workers beside one, in real time.")] = 2,
    long_frames: Annotated[int, typer.Option(min=2, help="Frames, for workers and memory.")] = 120,
    as_json: JsonOption = False,
) -> None:
    """Measure the whole extraction: speed beside OpenCV's TV-L1, workers beside one, memory of a worker.

    Example: egotool bench extract --only speed,memory
    """
    from egotool.console import ConsoleProgress
    from egotool.extraction import benchmark
    from egotool.video import embedded_clips

    source = video if video is not None else embedded_clips()[0]
    wanted = {word.strip() for word in only.split(",")}
    if not wanted <= set(EXTRACT_PARTS):
        raise UsageError(f"--only is {only!r}; choose from {', '.join(EXTRACT_PARTS)}, separated by commas.")
    found: dict[str, list[VariantSpeed]] = {}
    memory: list[MemoryUse] = []
    with tempfile.TemporaryDirectory() as name, ConsoleProgress() as progress:
        folder = Path(name)
        if "speed" in wanted:
            found["opencv"] = benchmark.compare_variants(
                source,
                folder / "speed",
                frames=frames,
                opencv_frames=opencv_frames,
                rounds=rounds,
                progress=progress,
            )
        if "workers" in wanted:
            found["1 worker"] = benchmark.compare_workers(
                source,
                folder / "workers",
                workers=workers,
                frames=benchmark.WORKER_TIMES * long_frames,
                rounds=rounds,
                progress=progress,
            )
        if "memory" in wanted:
            memory = benchmark.measure_memory(
                source, folder / "memory", frames=long_frames, progress=progress
            )
    ratios = {to: benchmark.ratios(speeds, to=to) for to, speeds in found.items()}
    if as_json:
        document = {
            **_machine(),
            "threads": 1,
            "video": source.name,
            "frames": frames,
            "opencv_frames": opencv_frames,
            "long_frames": long_frames,
            "speeds": [
                asdict(each) | {"median": each.median, "ratio": ratios[to][each.name], "ratio_to": to}
                for to, speeds in found.items()
                for each in speeds
            ],
            "memory": [asdict(each) for each in memory],
        }
        typer.echo(json.dumps(document, indent=2))
        return
    _show_extraction(source.name, found, ratios, memory)


def _show_extraction(
    video: str,
    found: "dict[str, list[VariantSpeed]]",
    ratios: dict[str, dict[str, float]],
    memory: "list[MemoryUse]",
) -> None:
    from egotool.console import output_console

    console = output_console()
    for to, speeds in found.items():
        console.print(_extract_table(speeds, ratios[to]))
        clock = "processor time, one thread" if to == "opencv" else "real time"
        typer.echo(f"Frames per second of {clock}; ratio to {to}.\n")
    for use in memory:
        size = "unknown" if use.bytes is None else f"{use.bytes / 2**20:.0f} MiB"
        typer.echo(f"Peak memory of a worker, video of {use.frames} frames: {size}.")
    typer.echo(f"{video}, short side 256, at most 456 wide. {_machine_words()}")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0):
        raise UsageError(f"--size is WIDTHxHEIGHT, such as 340x256, not {text!r}")
    return int(width), int(height)


def _machine() -> dict[str, object]:
    import cv2

    from egotool.machine import processor_name

    return {"processor": processor_name(), "cores": os.cpu_count(), "opencv": cv2.__version__}


def _machine_words() -> str:
    machine = _machine()
    return f"{machine['processor']}, {machine['cores']} cores, OpenCV {machine['opencv']}."


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
