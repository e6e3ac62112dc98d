"""`egotool fuse`: late fusion of several runs."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from egotool.errors import UsageError

if TYPE_CHECKING:
    from egotool.evaluation.fusion import FusionPlan, FusionResult


def fuse(
    members: Annotated[
        list[str], typer.Argument(metavar="RUN_A RUN_B …", help="Runs that were scored on the split.")
    ],
    weights: Annotated[
        str | None,
        typer.Option(metavar="W_A W_B …", help="A weight per run.", show_default="1 for each"),
    ] = None,
    of: Annotated[
        str, typer.Option(help="What is averaged: probabilities, or scores (before the softmax).")
    ] = "probabilities",
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    runs: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Average the class scores of several runs, segment by segment, and score the result.

    The fusion is kept beside the runs like one of them: `egotool report --compare` takes it too.

    Example: egotool fuse convlstm-attention-paper-1f2e flow-paper-3d4c --weights 1 1.5
    """
    from egotool.evaluation.fusion import fuse_runs, plan_fusion
    from egotool.runs import resolve_run

    if of not in ("probabilities", "scores"):
        raise UsageError(f"--of is probabilities or scores, not {of!r}")
    if split not in ("train", "validation", "test"):
        raise UsageError(f"--split is train, validation or test, not {split!r}")
    names, numbers = sort_out(members, weights)
    plan = plan_fusion(
        [resolve_run(name, runs=runs) for name in names],
        numbers or [1.0] * len(names),
        form=cast(Literal["probabilities", "scores"], of),
        split=split,
        runs=runs,
    )
    if dry_run:
        _print_plan(plan, as_json=as_json)
        return
    result = fuse_runs(plan, command=shlex.join(["egotool", *sys.argv[1:]]))
    if as_json:
        document = {
            "fusion": str(result.fusion.folder),
            "record": result.fusion.record.model_dump(mode="json"),
            "scores": result.scores.model_dump(mode="json"),
            "members": [each.model_dump(mode="json") for each in result.member_scores],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print_result(plan, result)


def sort_out(members: list[str], weights: str | None) -> tuple[list[str], list[float]]:
    """Tell runs from weights: of `--weights 1 1.5` the parser takes the 1 and leaves the 1.5 among the runs.

    The weights may stand before, between or after the runs, or with commas in one word.
    """
    if weights is None:
        return members, []
    names = [member for member in members if _number(member) is None]
    others = [number for member in members if (number := _number(member)) is not None]
    return names, [_weight(part) for part in weights.replace(",", " ").split()] + others


def _number(text: str) -> float | None:
    """The number that `text` is; a folder of that name is a run, though."""
    try:
        return None if Path(text).is_dir() else float(text)
    except ValueError:
        return None


def _weight(text: str) -> float:
    number = _number(text)
    if number is None:
        raise UsageError(f"--weights: {text!r} is not a number: write --weights 1 1.5")
    return number


def _print_plan(plan: "FusionPlan", *, as_json: bool) -> None:
    if as_json:
        members = [
            {"run": run.name, "weight": weight} for run, weight in zip(plan.runs, plan.weights, strict=True)
        ]
        document = {"fusion": str(plan.folder), "state": plan.state, "members": members}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    states = {
        "new": "Would fuse into",
        "finished": "Fused already in",
        "changed": "The runs were scored anew: would fuse again into",
    }
    typer.echo(f"{states[plan.state]} {plan.folder}:")
    for run, weight in zip(plan.runs, plan.weights, strict=True):
        typer.echo(f"  {weight:g} × {run.name}")


def _print_result(plan: "FusionPlan", result: "FusionResult") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from egotool.console import output_console

    console = output_console()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("weight", justify="right")
    table.add_column("run", overflow="fold")
    for column in ("accuracy", "95 %", "top-5", "mean class"):
        table.add_column(column, justify="right", no_wrap=True)
    rows = [
        (f"{weight:g}", run.name, scores)
        for run, weight, scores in zip(plan.runs, plan.weights, result.member_scores, strict=True)
    ]
    for weight, name, scores in (*rows, ("", result.fusion.name, result.scores)):
        table.add_row(
            weight,
            Text(name),
            f"{scores.top1:.1%}",
            f"{100 * scores.interval_low:.1f}–{100 * scores.interval_high:.1f}",
            f"{scores.top5:.1%}",
            f"{scores.mean_class_accuracy:.1%}",
            style="" if weight else "bold",
        )
    console.print(table)
    console.print()
    scores = result.scores
    runs = result.fusion.folder.parent
    where = [] if runs == Path("runs") else ["--runs", str(runs)]
    done = "Fused already; " if plan.state == "finished" else ""
    lines = (
        f"{done}{scores.segments} {scores.split} segments, weighted average of {plan.form}, protocol "
        f"{scores.protocol}.",
        f"Predictions and scores: {result.fusion.folder}",
        f"Compare: egotool report --compare {shlex.join([result.fusion.name, plan.runs[0].name, *where])}",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
