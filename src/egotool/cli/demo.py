"""`egotool demo`: the whole thread on embedded input, by typing the real commands one after another."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from egotool.errors import EgotoolError

Command = tuple[str, ...]

DATA_SET = ("--size", "128x96", "--frames", "24", "--repetitions", "4")
"""Small enough for two processor cores in a few minutes; the networks see 56×56 pixels anyway."""


def demo_commands(sample_videos: list[str], *, seed: int) -> list[tuple[str, Command]]:
    """Return the demonstration as (what it shows, arguments of egotool) in order."""
    return [
        (
            "Render a labelled data set: four subjects in four kitchens, with exact ground truth",
            ("data", "synth", "videos", *DATA_SET, "--seed", str(seed)),
        ),
        ("Frames, TV-L1 flow, warp flow and motion masks", ("extract", "videos/")),
        ("The same for two real clips", ("extract", *sample_videos, "--out", "samples")),
        ("Train the RGB baseline", ("train", "convlstm-attention", "--recipe", "demo")),
        ("Train with dynamic filters (stage 1 is reused)", ("train", "dynamic-net", "--recipe", "demo")),
        ("What the store and the network see", ("sheet", "--model", "dynamic-net", "--out", "sheet.png")),
        ("The same sheet for the real clips", ("sheet", "samples", "--out", "samples.png")),
        ("All of it on one page", ("report", "--page", "report.html")),
        ("Table 4 of the paper beside these runs", ("report", "--table", "4")),
    ]


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder that receives everything.")] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the synthetic data set.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the commands without running them.")
    ] = False,
) -> None:
    """Run the whole thread on embedded input: extract, train, evaluate, report.

    Takes a few minutes on two processor cores. Stopped midway, it goes on when typed again.

    Example: egotool demo --out demo
    """
    from egotool.video import embedded_clips

    sample_videos = [str(path) for path in embedded_clips()]
    if not dry_run:
        out.mkdir(parents=True, exist_ok=True)
    for caption, arguments in demo_commands(sample_videos, seed=seed):
        typer.secho(f"\n# {caption}", fg="cyan")
        typer.secho(f"$ egotool {shlex.join(arguments)}", bold=True)
        if dry_run:
            continue
        status = subprocess.run(
            [sys.executable, "-m", "egotool", *arguments], cwd=out, check=False
        ).returncode
        if status != 0:
            raise EgotoolError(
                f"the demonstration stopped in {out} at `egotool {shlex.join(arguments)}` "
                f"(exit status {status}): see the message above, then type the same command again to go on"
            )
    if not dry_run:
        typer.echo(
            f"\nPictures: {out / 'sheet.png'} and {out / 'samples.png'}; to read in a browser: "
            f"{out / 'report.html'}. The rest is in {out}/."
        )
