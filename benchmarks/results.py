"""All eight models on the rendered data set, three trials each: makes docs/results.md (`make results`).

Everything is done by the commands that the page shows, in the folder `results/`. Stopped midway, it goes on
when started again: finished videos, runs and scores are reused. Two trainings run side by side, one per core.
"""

import argparse
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.results_page import Variant, write_page

TEST_SUBJECTS = ("S05", "S06", "S07", "S08")
SYNTH = (
    "data", "synth", "videos", "--seed", "1", "--size", "128x96", "--frames", "24", "--subjects", "8",
    "--repetitions", "6", "--verbs", "take,put,push-left,push-right,rotate,shake,open,close",
    "--objects", "cup,box,jar",
)  # fmt: skip
EXTRACT = ("extract", "videos/", *(word for each in TEST_SUBJECTS for word in ("--test-subject", each)))
SEEDS = (0, 1, 2)
RECIPE = ("--recipe", "small")

MODELS = (
    "convlstm-attention", "flow", "convlstm", "dynamic-net", "idt-net", "convlstm-dynamic", "convlstm-idt",
    "two-stream",
)  # fmt: skip
"""In this order: what others start from comes first, so that no training waits for another."""

VARIANTS = (
    Variant("convlstm-attention", ("stages.stage2.epochs=16",), seeds=(0,)),
    Variant("dynamic-net", ("head.alpha=1.0",), seeds=(0,)),
    Variant("convlstm-dynamic", ("head.alpha=1.0",), seeds=SEEDS),
    Variant("convlstm-idt", ("head.alpha=5.0",), seeds=(0,)),
)
"""What was tried to see why a self-supervised task helps or does not."""


def training_command(model: str, *, seed: int, changes: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the arguments of egotool that train and score one trial."""
    settings = (word for change in changes for word in ("--set", change))
    return ("train", model, *RECIPE, *settings, "--seed", str(seed), "--device", "cpu")


def trainings() -> Iterator[tuple[str, ...]]:
    """Return all trainings in an order in which none has to wait for another."""
    for model in MODELS:
        for seed in SEEDS:
            yield training_command(model, seed=seed)
    for variant in VARIANTS:
        for seed in variant.seeds:
            yield training_command(variant.model, seed=seed, changes=variant.changes)


class Runner:
    """Runs egotool in a folder; the first failure stops what has not begun."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed = threading.Event()

    def run(self, arguments: Sequence[str], *, threads: int | None = None) -> None:
        """Run one command and wait for it; says what it runs."""
        if self.failed.is_set():
            return
        print(f"$ egotool {shlex.join(arguments)}", flush=True)
        environment = dict(os.environ)
        if threads is not None:
            environment["OMP_NUM_THREADS"] = str(threads)
        done = subprocess.run(
            [sys.executable, "-m", "egotool", *arguments],
            cwd=self.folder,
            env=environment,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode != 0:
            self.failed.set()
            tail = "\n".join(done.stderr.splitlines()[-3:])
            raise SystemExit(f"egotool {shlex.join(arguments)} failed ({done.returncode}):\n{tail}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("results"), help="keeps data and runs")
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--side-by-side", type=int, default=2, help="trainings at once, a core each")
    parser.add_argument("--page-only", action="store_true", help="only write the page anew")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    runner = Runner(options.folder)
    if not options.page_only:
        runner.run(SYNTH)
        runner.run(EXTRACT)
        with ThreadPoolExecutor(options.side_by_side) as pool:
            futures = [pool.submit(runner.run, command, threads=1) for command in trainings()]
            for future in futures:
                future.result()
    write_page(
        options.folder,
        options.page,
        models=MODELS,
        variants=VARIANTS,
        commands=(
            SYNTH,
            EXTRACT,
            *(("train", model, *RECIPE, "--trials", str(len(SEEDS))) for model in MODELS),
        ),
    )
    print(f"{options.page} is written.")


if __name__ == "__main__":
    main()
