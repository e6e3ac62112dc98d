"""`egotool train`: train a model and score it."""

import json
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from egotool.cli.training_options import (
    AccumulateOption,
    BalanceOption,
    DeviceOption,
    DevicesOption,
    DryRunOption,
    FoldsOption,
    JsonOption,
    KeepOption,
    ManifestOption,
    PrecisionOption,
    ProtocolOption,
    RecipeOption,
    RunsOption,
    SeedOption,
    SettingsOption,
    StoreOption,
    TrainingOptions,
    WeightsOption,
    WorkersOption,
    wait_politely,
)
from egotool.cli.training_plans import (
    accuracy_sentence,
    announce,
    plan_document,
    print_plan,
    summary_lines,
)
from egotool.errors import EgotoolError

if TYPE_CHECKING:
    from egotool.training import Attempt, StageEstimate, TrainingPlan, TrainingResult


def train(
    model: Annotated[str, typer.Argument(help="dynamic-net, rgb, …; a wrong name lists all.")],
    recipe: RecipeOption = "auto",
    settings: SettingsOption = None,
    store: StoreOption = Path("store"),
    manifest: ManifestOption = None,
    runs: RunsOption = Path("runs"),
    seed: SeedOption = 0,
    trials: Annotated[int, typer.Option(min=1, help="Runs, with seeds from --seed on.")] = 1,
    folds: FoldsOption = None,
    start_from: Annotated[
        list[str] | None,
        typer.Option(
            "--from", metavar="RUN", help="Start the last stage from this run; two-stream takes two."
        ),
    ] = None,
    protocol: ProtocolOption = "honest",
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    devices: DevicesOption = 1,
    accumulate: AccumulateOption = 1,
    precision: PrecisionOption = "32-true",
    workers: WorkersOption = None,
    balance: BalanceOption = False,
    keep: KeepOption = "best",
    again: Annotated[bool, typer.Option("--again", help="Train anew although it is finished.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train MODEL stage by stage, then score it once on the held-out test split.

    Typed again after an interruption it goes on; a finished run is shown, not trained again. Models that
    start from others (two-stream from RGB and flow) train these first, or reuse them.

    Example: egotool train dynamic-net --trials 3
    """
    wait_politely()
    options = TrainingOptions(
        recipe=recipe,
        settings=settings or (),
        store=store,
        manifest=manifest,
        runs=runs,
        seed=seed,
        protocol=protocol,
        weights=weights,
        device=device,
        devices=devices,
        precision=precision,
        accumulate=accumulate,
        workers=workers,
        keep=keep,
        balance=balance,
    )
    _train(
        model,
        options,
        trials=trials,
        folds=folds,
        start_from=start_from or (),
        again=again,
        dry_run=dry_run,
        as_json=as_json,
    )


def _train(
    model: str,
    options: TrainingOptions,
    *,
    trials: int,
    folds: str | None,
    start_from: "Sequence[str]",
    again: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from egotool.console import ConsoleProgress
    from egotool.runs import load_recipe, resolve_model, resolve_run
    from egotool.training import (
        Task,
        TrainingRequest,
        estimate,
        is_main_process,
        plan_training,
        run_plan,
        train_all,
    )

    model = resolve_model(model)
    parents = tuple(resolve_run(name, runs=options.runs).folder for name in start_from)
    with ConsoleProgress() as progress:
        choice = options.choose_recipe()
        resolved = load_recipe(model, choice.recipe, overrides=options.settings)
        subjects = options.folds(folds)
        several = [(seed, fold) for seed in range(options.seed, options.seed + trials) for fold in subjects]

        def request(seed: int, fold: str) -> TrainingRequest:
            return options.request(
                resolved, reason=choice.reason, seed=seed, fold=fold, start_from=parents, again=again,
                only_plan=dry_run,
            )  # fmt: skip

        plan = plan_training(request(*several[0]))  # says what is wrong before anything is done
        if dry_run:
            estimates = estimate(plan, progress=progress)
        elif not is_main_process(
            options.devices
        ):  # Lightning starts the command once more for every further device
            train_all([Task(_name(model, *each), partial(request, *each)) for each in several])
            return
        elif len(several) == 1:  # its errors are the command's
            announce(plan, progress)
            result = run_plan(plan, progress=progress)
        else:
            tasks = [Task(_name(model, *each), partial(request, *each)) for each in several]
            attempts = train_all(tasks, progress=progress, announce=lambda each: announce(each, progress))
    if dry_run:
        _print_dry_run(plan, estimates, trials=trials, subjects=subjects, as_json=as_json)
    elif len(several) == 1:
        _print_result(result, as_json=as_json)
    else:
        _print_attempts(attempts, options=options, folds=len(subjects), as_json=as_json)
    if plan.data.skipped or (not dry_run and len(several) > 1 and any(each.error for each in attempts)):
        raise typer.Exit(1)


def _print_dry_run(
    plan: "TrainingPlan",
    estimates: "Sequence[StageEstimate]",
    *,
    trials: int,
    subjects: "Sequence[str]",
    as_json: bool,
) -> None:
    from egotool.console import output_console

    if as_json:
        document = plan_document(plan, estimates) | {"trials": trials, "folds": [*filter(None, subjects)]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    print_plan(plan, estimates, output_console())
    if trials * len(subjects) > 1:
        many = "1 trial" if trials == 1 else f"{trials} trials"
        folds = "1 fold" if len(subjects) == 1 else f"{len(subjects)} folds"
        typer.echo(f"{trials * len(subjects)} such trainings: {many} × {folds}.")


def _name(model: str, seed: int, fold: str) -> str:
    return f"{model}, seed {seed}" + (f", {fold} tests" if fold else "")


def _print_result(result: "TrainingResult", *, as_json: bool) -> None:
    from egotool.console import output_console
    from egotool.reporting.commands import data_options, table_command

    run, scores, plan = result.run, result.scores, result.plan
    if scores is None:
        raise EgotoolError(f"{run.folder} has no scores: `egotool evaluate {shlex.quote(str(run.folder))}`")
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
    where = data_options(plan.request.store, plan.request.manifest)
    lines = [
        f"{run.record.model}: {accuracy_sentence(scores)}",
        f"Weights: {run.record.selection}; recipe {run.record.recipe}, protocol {run.record.protocol}, "
        f"seed {run.record.seed}.",
        f"Details:  egotool evaluate {shlex.quote(str(run.folder))}",
        f"Next:     {table_command(_table_of(run.record.model), plan.request.runs, *where)}",
    ]
    if plan.stages[-1].state == "reuse":
        lines.insert(0, f"An identical run is finished: {run.folder} (--again trains it anew)")
    for line in lines:
        output_console().print(line, highlight=False, markup=False, soft_wrap=True)


def _table_of(model: str) -> int:
    return 1 if model in ("convlstm", "flow", "two-stream") else 4


def _print_attempts(
    attempts: "Sequence[Attempt]", *, options: TrainingOptions, folds: int, as_json: bool
) -> None:
    from egotool.console import output_console
    from egotool.reporting.commands import data_options, table_command

    if as_json:
        document = [
            {
                "name": attempt.task.name,
                "state": attempt.state,
                "error": attempt.error,
                "run": str(attempt.result.run.folder) if attempt.result else None,
                "scores": attempt.result.scores.model_dump(mode="json")
                if attempt.result and attempt.result.scores
                else None,
            }
            for attempt in attempts
        ]
        typer.echo(json.dumps({"trainings": document}, indent=2, ensure_ascii=False))
        return
    average = (
        "folds and trials" if folds > 1 and len(attempts) > folds else "folds" if folds > 1 else "trials"
    )
    model = next((attempt.result.run.record.model for attempt in attempts if attempt.result), "")
    where = data_options(options.store, options.manifest)
    for line in (
        *summary_lines(attempts, average=average),
        f"Next: {table_command(_table_of(model), options.runs, *where)}",
    ):
        output_console().print(line, highlight=False, markup=False, soft_wrap=True)
