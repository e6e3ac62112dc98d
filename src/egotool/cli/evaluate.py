"""`egotool evaluate`: score a run on a split."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egotool.cli.training_options import wait_politely
from egotool.cli.training_plans import accuracy_sentence
from egotool.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from egotool.runs import Run, Scores


def evaluate(
    run: Annotated[str, typer.Argument(help="A run folder, its name, or the beginning of its name.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    store: Annotated[Path | None, typer.Option(help="Store.", show_default="the one trained on")] = None,
    manifest: Annotated[Path | None, typer.Option(help="Labels.", show_default="those trained on")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Extra processes that load clips.")] = 0,
    head: Annotated[
        bool, typer.Option("--head", help="Also say whether the self-supervised head has learned its task.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace scores on the run's own data by those on other data.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score RUN: top-1, top-5, every class, confusion matrix, and each segment's predictions as CSV.

    Example: egotool evaluate runs/dynamic-net-small-1f2e3d4c
    """
    wait_politely()
    from egotool.console import ConsoleProgress
    from egotool.evaluation import evaluate_run
    from egotool.evaluation.heads import head_skill
    from egotool.runs import choose_device, resolve_run

    if split not in ("train", "validation", "test"):
        raise UsageError(f"--split is train, validation or test, not {split!r}")
    if device not in ("auto", "cpu", "gpu"):
        raise UsageError(f"--device is auto, cpu or gpu, not {device!r}")
    chosen = resolve_run(run, runs=runs)
    if head and chosen.recipe.head is None:
        raise UsageError(f"--head: the run {chosen.name} has no self-supervised head: leave it out")
    if dry_run:
        _print_plan(chosen, split, as_json=as_json)
        return
    with ConsoleProgress() as progress:
        scores = evaluate_run(
            chosen,
            split=split,
            store=store,
            manifest=manifest,
            device=choose_device(device),
            workers=workers,
            overwrite=overwrite,
            progress=progress,
        )
        skill = (
            head_skill(chosen, split=split, store=store, manifest=manifest, progress=progress)
            if head
            else None
        )
    if as_json:
        document = scores.model_dump(mode="json") | ({"head": asdict(skill)} if skill else {})
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    _print_scores(chosen, scores)
    if skill:
        typer.echo(
            f"Head:         {skill.task}, squared error {skill.error:.4g}; without a network it would be "
            f"{skill.plain_error:.4g} (skill {skill.skill:.2f}: 1 is perfect, 0 has learned nothing)"
        )


def _print_plan(run: "Run", split: str, *, as_json: bool) -> None:
    files = (run.scores_file(split), run.predictions_file(split))
    if as_json:
        document = {
            "run": str(run.folder),
            "dry_run": True,
            "split": split,
            "weights": str(run.best_checkpoint),
            "files": [str(file) for file in files],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    typer.echo(f"Would score {run.best_checkpoint} on {split}, and write")
    for file in files:
        typer.echo(f"  {file}")


def _print_scores(run: "Run", scores: "Scores") -> None:
    from egotool.console import output_console

    console = output_console()
    lines = (
        f"{scores.model}: {accuracy_sentence(scores)}",
        f"top-5 {scores.top5:.1%}, mean class accuracy {scores.mean_class_accuracy:.1%}",
        f"Weights: {scores.selection}; recipe {scores.recipe}, protocol {scores.protocol}.",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if scores.verbs is not None or scores.nouns is not None:
        console.print(_parts_table(scores))
        console.print("A verb or noun scores the sum of the probabilities of its actions.", highlight=False)
    console.print(_class_table(scores))
    if len(scores.actions) * 4 + 24 <= console.width:
        console.print("Confusion: rows are true, columns predicted, numbered as above", highlight=False)
        console.print(_confusion_table(scores))
    else:
        console.print("The confusion matrix is too wide for this terminal; it is in the scores file.")
    console.print(
        f"Scores:       {run.scores_file(scores.split)}", highlight=False, markup=False, soft_wrap=True
    )
    console.print(
        f"Predictions:  {run.predictions_file(scores.split)}", highlight=False, markup=False, soft_wrap=True
    )


def _parts_table(scores: "Scores") -> "Table":
    """Return verbs, nouns and actions as the datasets' tables have them."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    table.add_column("")
    for column in ("classes", "top-1", "top-5", "mean class"):
        table.add_column(column, justify="right")
    for name, part in (("verb", scores.verbs), ("noun", scores.nouns)):
        if part is not None:
            rates = (part.top1, part.top5, part.mean_class_accuracy)
            table.add_row(name, str(part.classes), *(f"{rate:.1%}" for rate in rates))
    rates = (scores.top1, scores.top5, scores.mean_class_accuracy)
    table.add_row("action", str(len(scores.actions)), *(f"{rate:.1%}" for rate in rates))
    return table


def _class_table(scores: "Scores") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE)
    table.add_column("")
    table.add_column("action")
    for column in ("segments", "right", "accuracy", "mostly taken for"):
        table.add_column(column, justify="left" if column.startswith("mostly") else "right")
    for number, each in enumerate(scores.per_class):
        row = list(scores.confusion[number])
        row[number] = 0
        wrong = max(row)
        taken_for = f"{scores.actions[row.index(wrong)]} ({wrong})" if wrong else ""
        rate = f"{each.accuracy:.0%}" if each.segments else "–"
        table.add_row(
            str(number + 1), Text(each.action), str(each.segments), str(each.correct), rate, Text(taken_for)
        )
    return table


def _confusion_table(scores: "Scores") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    table.add_column("")
    for number in range(len(scores.actions)):
        table.add_column(str(number + 1), justify="right")
    for number, row in enumerate(scores.confusion):
        cells = [
            Text(str(count) if count else "·", style="bold green" if place == number and count else "")
            for place, count in enumerate(row)
        ]
        table.add_row(Text(f"{number + 1} {scores.actions[number]}"[:20]), *cells)
    return table
