"""The whole training of a model: its chain of stages, then the test split, once."""

import time
from dataclasses import dataclass
from typing import cast

import torch
from torch.utils.data import default_collate

from egotool.clips import Clip
from egotool.evaluation import evaluate_run
from egotool.progress import Progress, SilentProgress
from egotool.runs import Run, Scores, build_network, choose_device
from egotool.training.devices import is_main_process, one_training
from egotool.training.fitting import datasets, fit_stage
from egotool.training.module import StageModule
from egotool.training.planning import Keep, StagePlan, TrainingPlan, TrainingRequest, plan_training


@dataclass(frozen=True)
class TrainingResult:
    """What a training has come to.

    Attributes:
        plan: what was to be done, as it stood before.
        run: the model's run.
        scores: its scores on the test split; None if they were not asked for.
    """

    plan: TrainingPlan
    run: Run
    scores: Scores | None


def train_model(request: TrainingRequest, *, progress: Progress = SilentProgress()) -> TrainingResult:  # noqa: B008
    """Train a model: every stage that is not there yet, then score the test split if that has not been done.

    Interrupted at any point, the same request goes on from the last whole epoch, and ends with the same
    result (on a CPU to the bit).

    Raises:
        EgotoolError: as `plan_training`; StoreError if the store lacks what the head learns from.
    """
    return run_plan(plan_training(request), progress=progress)


def run_plan(
    plan: TrainingPlan,
    *,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
    score: bool = True,
) -> TrainingResult:
    """Carry out a plan; see `train_model`.

    Args:
        plan: what to do.
        progress: hears of every clip.
        score: score the test split in the end; a search of hyper-parameters must not look at it.
    """
    with one_training(plan.request.devices):
        for stage in plan.stages:
            if stage.state != "reuse":
                datasets(plan, stage)  # a missing target is to be said before hours of training, not after
        if is_main_process(plan.request.devices):
            return _run_stages(plan, progress, score=score)
        runs = [fit_stage(plan, stage, progress=progress) for stage in plan.stages]
        return TrainingResult(plan, runs[-1], None)


def _run_stages(plan: TrainingPlan, progress: Progress, *, score: bool) -> TrainingResult:
    run, scores = None, None
    for stage in plan.stages:
        began = time.monotonic()
        run = fit_stage(plan, stage, progress=progress)
        _tell(run, stage, progress, seconds=time.monotonic() - began)
        if run.record.role == "search" and stage.role == "model":
            run.update(role="model")  # asked for as a model now: to be scored, and shown in tables
        new = stage.state != "reuse"
        if score and stage.role != "stage":
            scores = _final_scores(run)
            if scores is None:
                scores, new = _score(plan, run, progress), True
        if new:  # what an earlier command was asked to keep stays
            tidy(run, plan.request.keep if scores is not None and stage.is_last else "best")
    assert run is not None
    return TrainingResult(plan, run, scores)


def _final_scores(run: Run) -> Scores | None:
    """Return the scores of the weights that the training ended with, on its own data; None without.

    Somebody may have evaluated the run while it was trained, or on other data.
    """
    scores = run.scores("test")
    if scores is None or not run.best_checkpoint.is_file():  # without weights they cannot be made again
        return scores
    return scores if run.ended_with(scores) and run.was_trained_with_data_of(scores) else None


def _score(plan: TrainingPlan, run: Run, progress: Progress) -> Scores:
    return evaluate_run(
        run,
        split="test",
        store=plan.request.store,
        manifest=plan.request.manifest,
        device=choose_device(plan.request.device),
        workers=plan.request.workers,
        progress=progress,
    )


def tidy(run: Run, keep: Keep) -> None:
    """Remove the checkpoints of a finished run that are not to be kept."""
    if not run.finished:
        return
    if keep in ("best", "none"):
        run.last_checkpoint.unlink(missing_ok=True)
    if keep in ("last", "none"):
        run.best_checkpoint.unlink(missing_ok=True)


def _tell(run: Run, stage: StagePlan, progress: Progress, *, seconds: float) -> None:
    if stage.state == "reuse" or run.record.best is None:
        return
    epochs = "1 epoch" if run.record.epochs_done == 1 else f"{run.record.epochs_done} epochs"
    progress.message(
        f"{run.name}: {epochs} in {seconds:.0f} s; {run.record.selection} "
        f"({run.record.best.accuracy:.1%} right)"
    )


_TIMED_ON_CPU = 1 << 22
"""Numbers of a batch that is timed on a CPU: one clip of the recipe `paper`, a whole batch of `small`."""


@dataclass(frozen=True)
class StageEstimate:
    """How long a stage will take.

    Attributes:
        stage: which.
        seconds: zero if it is there already.
    """

    stage: StagePlan
    seconds: float


def estimate(plan: TrainingPlan, *, progress: Progress = SilentProgress()) -> list[StageEstimate]:  # noqa: B008
    """Return how long each stage will take, by timing one training step of it; writes nothing."""
    task = "timing a step of each stage"
    progress.start(task, total=len(plan.stages), unit="stages")
    estimates = []
    for stage in plan.stages:
        seconds = 0.0 if stage.state == "reuse" else _estimate_stage(plan, stage)
        estimates.append(StageEstimate(stage, seconds))
        progress.advance(task)
    progress.finish(task)
    return estimates


def _estimate_stage(plan: TrainingPlan, stage: StagePlan) -> float:
    device, classes = choose_device(plan.request.device), len(plan.data.actions)
    train, selection = datasets(plan, stage)
    network = build_network(stage.recipe, classes)
    module = StageModule(network, stage=stage.stage, head=stage.recipe.head, classes=classes, seed=0)
    module = module.to(device)
    batch_size = min(stage.stage.batch_size // plan.request.accumulate, len(train))
    began = time.monotonic()
    clips = [train[0]]
    if device.type == "cpu":  # its time grows with the batch; a whole one of large frames takes minutes
        pixels = sum(clips[0][name].numel() for name in ("frames", "flow") if name in clips[0])
        batch_size = min(batch_size, max(1, _TIMED_ON_CPU // pixels))
    clips += [train[number] for number in range(1, batch_size)]
    reading = (time.monotonic() - began) * len(train) / batch_size  # later epochs come from memory
    batch = cast(Clip, {name: each.to(device) for name, each in default_collate(clips).items()})
    optimizer = module.configure_optimizers()
    network.train()
    for _ in range(2):  # the first one warms up
        began = time.monotonic()
        torch.autograd.backward(module.training_step(batch, 0))
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        step = time.monotonic() - began
    epoch = step * len(train) / batch_size + step / 3 * len(selection) / batch_size  # forward only: a third
    return reading + epoch * stage.stage.epochs
