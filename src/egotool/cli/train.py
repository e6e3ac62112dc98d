"""`egotool train`: train a model and score it."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from egotool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from egotool.progress import Progress
    from egotool.runs import Scores
    from egotool.training import StageEstimate, TrainingPlan, TrainingResult

_RECIPE_HELP = "auto (paper with a GPU and ImageNet weights, else small), paper, small, demo, or a TOML file."

_TRAINS = {
    "temporal": ("ConvLSTM, classifier", "backbone, batch norm"),
    "layer4": ("ConvLSTM, classifier, layer4's convolutions, fc", "rest of the backbone, batch norm"),
    "all": ("everything", "nothing"),
}
"""What a stage trains and what it leaves alone, in words."""


def train(
    model: Annotated[str, typer.Argument(help="dynamic-net, rgb, …; a wrong name lists all.")],
    recipe: Annotated[str, typer.Option(help=_RECIPE_HELP)] = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: stages.0.lr=1e-3; repeatable."),
    ] = None,
    store: Annotated[Path, typer.Option(help="Folder that `egotool extract` made.")] = Path("store"),
    manifest: Annotated[Path | None, typer.Option(help="Labels.", show_default="the store's own")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order, augmentation and dropout.")] = 0,
    protocol: Annotated[
        str, typer.Option(help="honest, or paper: the test split picks the epoch.")
    ] = "honest",
    weights: Annotated[Path | None, typer.Option(help="ImageNet weights (.pth), without a network.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many devices.")] = 1,
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed or 16-mixed.")] = "32-true",
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that load clips.", show_default="with a GPU up to 8, else 0"),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Train anew although it is finished.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train MODEL stage by stage, then score it once on the held-out test split.

    Typed again after an interruption it goes on; a finished run is shown, not trained again.

    Example: egotool train dynamic-net
    """
    wait_politely()
    from egotool.console import ConsoleProgress
    from egotool.runs import choose_device, load_recipe, resolve_model
    from egotool.training import (
        TrainingRequest,
        choose_recipe,
        estimate,
        is_main_process,
        plan_training,
        run_plan,
    )

    _check(device, ("auto", "cpu", "gpu"), "--device")
    _check(protocol, ("honest", "paper"), "--protocol")
    _check(precision, ("32-true", "bf16-mixed", "16-mixed"), "--precision")
    model = resolve_model(model)
    on_gpu = choose_device(device).type == "cuda"
    overrides = tuple(settings or ())
    with ConsoleProgress() as progress:
        choice = choose_recipe(recipe, device=device, weights=weights)
        request = TrainingRequest(
            recipe=load_recipe(model, choice.recipe, overrides=overrides),
            recipe_reason=choice.reason,
            overrides=overrides,
            store=store,
            manifest=manifest,
            runs=runs,
            seed=seed,
            protocol=cast(Literal["honest", "paper"], protocol),
            device=device,
            precision=precision,
            devices=devices,
            workers=_loading_processes(on_gpu) if workers is None else workers,
            weights=weights,
            again=again,
            command=shlex.join(["egotool", *sys.argv[1:]]),
        )
        plan = plan_training(request)
        if not is_main_process():  # Lightning starts the command once more for every further device
            run_plan(plan)
            return
        if dry_run:
            estimates = estimate(plan)
        else:
            _announce(plan, progress)
            result = run_plan(plan, progress=progress)
    if dry_run:
        _print_plan(plan, estimates, as_json=as_json)
    else:
        _print_result(result, as_json=as_json)
    if plan.data.skipped:
        raise typer.Exit(1)


def _loading_processes(on_gpu: bool) -> int:
    """A GPU waits for clips of full size; on a CPU the training itself needs the cores."""
    return min(8, os.cpu_count() or 1) if on_gpu else 0


def wait_politely() -> None:
    """Let torch's threads sleep while they wait for each other; call it before torch is imported.

    By default they spin, which on cores shared with other work makes training several times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _check(value: str, allowed: tuple[str, ...], option: str) -> None:
    if value not in allowed:
        raise UsageError(f"{option} is {', '.join(allowed[:-1])} or {allowed[-1]}, not {value!r}")


def _announce(plan: "TrainingPlan", progress: "Progress") -> None:
    request, data = plan.request, plan.data
    for sentence in (*data.skipped, *data.notes):
        progress.message(sentence)
    recipe = request.recipe
    progress.message(f"Recipe {recipe.name} ({request.recipe_reason}): {recipe.description}.")
    counts = ", ".join(f"{len(segments)} {split}" for split, segments in data.segments.items())
    progress.message(
        f"{len(data.actions)} actions; segments: {counts}. Protocol {request.protocol}: "
        f"the {plan.selection_split} split chooses the epoch."
    )
    for stage in plan.stages:
        verb = {"train": "is trained", "resume": "goes on", "reuse": "is finished and reused"}[stage.state]
        progress.message(f"{stage.stage.name}: {stage.folder} {verb}.")


def _print_plan(plan: "TrainingPlan", estimates: "Sequence[StageEstimate]", *, as_json: bool) -> None:
    from rich.text import Text

    from egotool.console import output_console
    from egotool.runs import recipe_to_toml

    request, data = plan.request, plan.data
    if as_json:
        document = {
            "recipe": request.recipe.model_dump(mode="json"),
            "recipe_reason": request.recipe_reason,
            "protocol": request.protocol,
            "actions": data.actions,
            "segments": data.record.segments,
            "skipped": data.skipped,
            "notes": data.notes,
            "stages": [
                {
                    "name": each.stage.stage.name,
                    "run": str(each.stage.folder),
                    "state": each.stage.state,
                    "trainable": each.stage.trainable,
                    "parameters_trainable": each.stage.parameters_trainable,
                    "parameters_total": each.stage.parameters_total,
                    "estimated_seconds": round(each.seconds, 1),
                }
                for each in estimates
            ],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = output_console()
    console.print(Text(recipe_to_toml(request.recipe).rstrip()))
    console.print()
    for each in estimates:
        stage = each.stage
        trains, frozen = _TRAINS[stage.stage.trains]
        head = ", head" if stage.stage.head else ""
        sizes = f"{stage.parameters_trainable:,} of {stage.parameters_total:,} parameters"
        state = {"train": "to train", "resume": "to go on with", "reuse": "finished, reused"}[stage.state]
        time = "" if stage.state == "reuse" else f", about {_duration(each.seconds)}"
        console.print(Text(f"{stage.stage.name}: {state}{time}", style="bold"))
        lines = (f"run     {stage.folder}", f"trains  {trains}{head} ({sizes})", f"frozen  {frozen}")
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)
    chosen = f"Recipe {request.recipe.name} ({request.recipe_reason}). Nothing was written."
    for sentence in (*data.skipped, *data.notes, chosen):
        console.print(Text(sentence), soft_wrap=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _print_result(result: "TrainingResult", *, as_json: bool) -> None:
    from egotool.console import output_console

    run, scores, plan = result.run, result.scores, result.plan
    assert scores is not None  # asked for
    if as_json:
        document = {
            "run": str(run.folder),
            "states": {stage.stage.name: stage.state for stage in plan.stages},
            "record": run.record.model_dump(mode="json"),
            "scores": scores.model_dump(mode="json"),
            "skipped": plan.data.skipped,
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    lines = [
        f"{run.record.model}: {accuracy_sentence(scores)}",
        f"Weights: {run.record.selection}; recipe {run.record.recipe}, protocol {run.record.protocol}, "
        f"seed {run.record.seed}.",
        f"Details:  egotool evaluate {run.folder}",
        "Next:     egotool report --table 4",
    ]
    if plan.stages[-1].state == "reuse":
        lines.insert(0, f"An identical run is finished: {run.folder} (--again trains it anew)")
    for line in lines:
        output_console().print(line, highlight=False, markup=False, soft_wrap=True)


def accuracy_sentence(scores: "Scores") -> str:
    """Return the accuracy with its interval and what chance would reach."""
    return (
        f"{scores.top1:.1%} of {scores.segments} {scores.split} segments right "
        f"(95 % interval {scores.interval_low:.1%} to {scores.interval_high:.1%}, chance {scores.chance:.1%})"
    )
