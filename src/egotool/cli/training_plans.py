"""What `train` and `sweep` print about plans and results."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from egotool.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console

    from egotool.runs import Scores, StageRecipe
    from egotool.training import Attempt, StageEstimate, StagePlan, TrainingPlan

_TRAINS = {
    ("convlstm", "temporal"): ("ConvLSTM, classifier", "backbone, batch norm"),
    ("convlstm", "layer4"): (
        "ConvLSTM, classifier, layer4's convolutions, fc",
        "rest of the backbone, batch norm",
    ),
    ("flow", "temporal"): ("classifier", "backbone, batch norm"),
    ("flow", "layer4"): ("classifier, layer4", "rest of the backbone"),
    ("two-stream", "temporal"): ("ConvLSTM, classifier", "both backbones, batch norm"),
    ("two-stream", "layer4"): (
        "ConvLSTM, classifier, layer4's convolutions and fc of RGB, layer4 of flow",
        "rest of both backbones, batch norm of RGB",
    ),
}
"""What a stage trains and what it leaves alone, in words."""

_GROUPS = {
    "main": "ConvLSTM, classifier (lr)",
    "head": "head (lr_head)",
    "backbone": "backbone (lr_backbone)",
    "flow": "flow stream (lr_flow)",
}


def announce(plan: "TrainingPlan", progress: Progress) -> None:
    """Say what is going to be trained, before it is."""
    request, data = plan.request, plan.data
    for sentence in (*data.skipped, *data.notes, *plan.notes):
        progress.message(sentence)
    recipe = request.recipe
    progress.message(f"Recipe {recipe.name} ({request.recipe_reason}): {recipe.description}.")
    counts = ", ".join(f"{len(segments)} {split}" for split, segments in data.segments.items())
    fold = f" Fold: subject {request.fold} tests." if request.fold else ""
    balance = " Every action is drawn equally often (--balance)." if request.balance else ""
    progress.message(
        f"{len(data.actions)} actions; segments: {counts}. Protocol {request.protocol}: "
        f"the {plan.selection_split} split chooses the epoch.{fold}{balance}"
    )
    becomes = {"train": "will be trained", "resume": "goes on", "reuse": "is finished and reused"}
    for stage in plan.stages:
        progress.message(f"{stage.stage.name}: {stage.folder} {becomes[stage.state]}.")


def plan_document(plan: "TrainingPlan", estimates: "Sequence[StageEstimate]") -> dict[str, object]:
    """Return a plan as plain values, for `--json`."""
    request, data = plan.request, plan.data
    return {
        "recipe": request.recipe.model_dump(mode="json"),
        "recipe_reason": request.recipe_reason,
        "protocol": request.protocol,
        "seed": request.seed,
        "fold": request.fold,
        "balance": request.balance,
        "actions": data.actions,
        "segments": data.record.segments,
        "skipped": data.skipped,
        "notes": (*data.notes, *plan.notes),
        "stages": [
            {
                "name": each.stage.stage.name,
                "run": str(each.stage.folder),
                "state": each.stage.state,
                "starts_from": [str(parent) for parent in each.stage.parents],
                "groups": [
                    {"name": group.name, "lr": group.lr, "tensors": group.tensors}
                    for group in each.stage.groups
                ],
                "trainable": each.stage.trainable,
                "parameters_trainable": each.stage.parameters_trainable,
                "parameters_total": each.stage.parameters_total,
                "estimated_seconds": round(each.seconds, 1),
            }
            for each in estimates
        ],
    }


def print_plan(plan: "TrainingPlan", estimates: "Sequence[StageEstimate]", console: "Console") -> None:
    """Print the whole recipe, and stage by stage what is trained, how, and how long that takes."""
    from rich.text import Text

    from egotool.runs import recipe_to_toml

    request, data = plan.request, plan.data
    console.print(Text(recipe_to_toml(request.recipe).rstrip()))
    console.print()
    for each in estimates:
        stage = each.stage
        state = {"train": "to train", "resume": "to go on with", "reuse": "finished, reused"}[stage.state]
        time = "" if stage.state == "reuse" else f", about {_duration(each.seconds)}"
        console.print(Text(f"{stage.stage.name}: {state}{time}", style="bold"))
        for line in _stage_lines(stage):
            console.print(Text(f"  {line}"), soft_wrap=True)
    chosen = f"Recipe {request.recipe.name} ({request.recipe_reason}). Nothing was written."
    for sentence in (*data.skipped, *data.notes, *plan.notes, chosen):
        console.print(Text(sentence), soft_wrap=True)


def _stage_lines(stage: "StagePlan") -> list[str]:
    recipe = stage.stage
    everything = ("everything", "nothing")
    trains, frozen = _TRAINS.get((stage.recipe.network.kind, recipe.trains), everything)
    head = ", head" if recipe.head else ""
    sizes = f"{stage.parameters_trainable:,} of {stage.parameters_total:,} parameters"
    if stage.parents:
        begins = "the weights of " + " and ".join(parent.name for parent in stage.parents)
    else:
        begins = stage.imagenet.source if stage.imagenet else "random weights"
    lines = [
        f"run     {stage.folder}",
        f"from    {begins}",
        f"trains  {trains}{head} ({sizes})",
        f"frozen  {frozen}",
        f"with    {_optimiser(recipe)}; batch {recipe.batch_size}, {_epochs(recipe.epochs)}",
        f"lr      {_schedule(recipe)}",
    ]
    for group in stage.groups:
        count = sum(stage.sizes[name] for name in group.tensors)
        name = "classifier (lr)" if stage.recipe.network.kind == "flow" and group.name == "main" else ""
        lines.append(
            f"        {group.lr:g} for {name or _GROUPS[group.name]}: {len(group.tensors)} tensors, "
            f"{count:,} parameters"
        )
    return lines


def _optimiser(stage: "StageRecipe") -> str:
    own = f"momentum {stage.momentum:g}" if stage.optimizer == "sgd" else f"eps {stage.eps:g}"
    return f"{stage.optimizer}, {own}, weight decay {stage.weight_decay:g}"


def _schedule(stage: "StageRecipe") -> str:
    if stage.schedule == "steps":
        steps = ", ".join(map(str, stage.milestones))
        return f"× {stage.decay:g} after epoch {steps}" if steps else "constant"
    if stage.schedule == "exponential":
        return f"× {stage.decay:g} after every epoch"
    warm = f" after {_epochs(stage.warmup_epochs)} of warm-up" if stage.warmup_epochs else ""
    return f"falls along a cosine to a hundredth{warm}"


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def accuracy_sentence(scores: "Scores") -> str:
    """Return the accuracy with its interval and what chance would reach."""
    return (
        f"{scores.top1:.1%} of {scores.segments} {scores.split} segments right "
        f"(95 % interval {scores.interval_low:.1%} to {scores.interval_high:.1%}, chance {scores.chance:.1%})"
    )


def summary_lines(attempts: "Sequence[Attempt]", *, average: str) -> list[str]:
    """Return a line per training, and mean and standard deviation over them; `average` says over what."""
    lines = []
    for attempt in attempts:
        if attempt.result is None or attempt.result.scores is None:
            lines.append(f"{attempt.task.name}: failed: {attempt.error}")
        else:
            reused = " (finished before)" if attempt.state == "reused" else ""
            lines.append(
                f"{attempt.task.name}: {accuracy_sentence(attempt.result.scores)}{reused}  "
                f"{attempt.result.run.folder}"
            )
    accuracies = [100 * attempt.accuracy for attempt in attempts if attempt.accuracy is not None]
    if len(accuracies) > 1:
        deviation = statistics.stdev(accuracies)
        lines.append(
            f"Mean over {len(accuracies)} {average}: {statistics.fmean(accuracies):.1f} ± {deviation:.1f} %"
        )
    return lines
