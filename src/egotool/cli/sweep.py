"""`egotool sweep`: the rows of a table, or a search for hyper-parameters."""

import json
import shlex
from collections.abc import Sequence
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
from egotool.cli.training_plans import announce
from egotool.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from egotool.training import Attempt, RowTask, TrainingPlan
    from egotool.training.search import SearchResult


def sweep(
    model: Annotated[str | None, typer.Argument(help="With --search: the model.")] = None,
    table: Annotated[int | None, typer.Option("--table", "-t", help="Train the rows of this table.")] = None,
    rows: Annotated[str | None, typer.Option(help="Only these, such as 1,3-5.", show_default="all")] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Runs per row.", show_default="as many as the paper made")
    ] = None,
    folds: FoldsOption = None,
    search: Annotated[
        int | None, typer.Option(min=1, help="Try so many proposals of hyper-parameters, in total.")
    ] = None,
    recipe: RecipeOption = "auto",
    settings: SettingsOption = None,
    store: StoreOption = Path("store"),
    manifest: ManifestOption = None,
    runs: RunsOption = Path("runs"),
    seed: SeedOption = 0,
    protocol: ProtocolOption = "honest",
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    devices: DevicesOption = 1,
    accumulate: AccumulateOption = 1,
    precision: PrecisionOption = "32-true",
    workers: WorkersOption = None,
    balance: BalanceOption = False,
    keep: KeepOption = "best",
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train every row of a table of the paper, or search hyper-parameters of a model.

    Typed again after an interruption it goes on; finished rows are not trained again. A row that fails
    is named, and the others are trained. A search is decided by the validation split; under protocol honest
    the test split is not looked at.

    Examples:

        egotool sweep --table 2

        egotool sweep dynamic-net --search 20
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
    if search is not None and table is None and model is not None:
        _search(model, options, count=search, dry_run=dry_run, as_json=as_json)
    elif table is not None and search is None and model is None:
        _sweep_table(table, options, rows=rows, trials=trials, folds=folds, dry_run=dry_run, as_json=as_json)
    else:
        raise UsageError(
            "give a table, `egotool sweep --table 2`, or a model, `egotool sweep dynamic-net --search 20`"
        )


def _sweep_table(
    table: int,
    options: TrainingOptions,
    *,
    rows: str | None,
    trials: int | None,
    folds: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    from egotool.console import ConsoleProgress, output_console
    from egotool.reporting.commands import data_options, table_command
    from egotool.training import is_main_process, plan_training, row_tasks, train_all

    with ConsoleProgress() as progress:
        choice = options.choose_recipe()
        tasks = row_tasks(
            table,
            rows=rows,
            trials=trials,
            seed=options.seed,
            recipe=choice.recipe,
            overrides=options.settings,
            folds=options.folds(folds),
            make_request=lambda made, seed, fold: options.request(
                made, reason=choice.reason, seed=seed, fold=fold, only_plan=dry_run
            ),
        )
        if dry_run:
            plans = [plan_training(each.task.make_request()) for each in tasks]
        elif not is_main_process(
            options.devices
        ):  # Lightning starts the command once more for every further device
            train_all([each.task for each in tasks])
            return
        else:
            told: list[TrainingPlan] = []

            def tell(plan: "TrainingPlan") -> None:
                if not told:  # recipe and data are the same for all rows
                    announce(plan, progress)
                told.append(plan)

            attempts = train_all([each.task for each in tasks], progress=progress, announce=tell)
    if dry_run:
        lines = [_planned(each, plan) for each, plan in zip(tasks, plans, strict=True)]
        title = f"Table {table}: would train"
    else:
        lines = [_attempted(each, attempt) for each, attempt in zip(tasks, attempts, strict=True)]
        title = f"Table {table}"
    if as_json:
        typer.echo(json.dumps({"table": table, "rows": lines}, indent=2, ensure_ascii=False))
    else:
        output_console().print(_screen(title, tasks, lines))
        for each in lines:
            if each.get("error"):
                typer.echo(f"Row {each['row']}, seed {each['seed']}{_left_out(each)} failed: {each['error']}")
        if not dry_run:
            where = data_options(options.store, options.manifest)
            typer.echo(f"Next: {table_command(table, options.runs, *where)}")
    if not dry_run and any(attempt.error for attempt in attempts):
        raise typer.Exit(1)


def _left_out(line: dict[str, object]) -> str:
    return f", {line['fold']} tests," if line["fold"] else ""


def _planned(each: "RowTask", plan: "TrainingPlan") -> dict[str, object]:
    return {
        "row": each.number,
        "seed": each.seed,
        "fold": each.fold,
        "state": {"train": "to train", "resume": "to go on", "reuse": "finished"}[plan.stages[-1].state],
        "run": str(plan.stages[-1].folder),
        "recipe": plan.request.recipe.model_dump(mode="json"),
    }


def _attempted(each: "RowTask", attempt: "Attempt") -> dict[str, object]:
    scores = attempt.result.scores if attempt.result else None
    return {
        "row": each.number,
        "seed": each.seed,
        "fold": each.fold,
        "state": attempt.state,
        "error": attempt.error,
        "run": str(attempt.result.run.folder) if attempt.result else None,
        "accuracy": scores.top1 if scores else None,
        "published": each.row.accuracy,
    }


def _screen(title: str, tasks: "Sequence[RowTask]", lines: Sequence[dict[str, object]]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    screen = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title=title, title_justify="left")
    folds = any(each.fold for each in tasks)
    for heading in ("row", "seed", *(["tests"] if folds else []), "published", "yours"):
        screen.add_column(heading, justify="right")
    for heading in ("state", "run"):
        screen.add_column(heading, overflow="fold")
    for each, line in zip(tasks, lines, strict=True):
        accuracy = line.get("accuracy")
        run = line["run"]
        screen.add_row(
            f"{each.number}",
            f"{each.seed}",
            *([Text(each.fold)] if folds else []),
            f"{each.row.accuracy}",
            f"{100 * accuracy:.1f}" if isinstance(accuracy, float) else "–",
            str(line["state"]),
            Text(Path(str(run)).name if run else "–"),
        )
    return screen


def _search(model: str, options: TrainingOptions, *, count: int, dry_run: bool, as_json: bool) -> None:
    from egotool.console import ConsoleProgress
    from egotool.runs import load_recipe, resolve_model
    from egotool.training import TrainingRequest
    from egotool.training.search import search, search_folder, search_ranges

    model = resolve_model(model)
    with ConsoleProgress() as progress:
        choice = options.choose_recipe()

        def request(proposed: Sequence[str]) -> TrainingRequest:
            from dataclasses import replace

            changed = replace(options, settings=(*options.settings, *proposed))
            recipe = load_recipe(model, choice.recipe, overrides=changed.settings)
            return changed.request(
                recipe, reason=choice.reason, seed=options.seed, role="search", only_plan=dry_run
            )

        if dry_run:
            ranges, folder = search_ranges(request(()).recipe), search_folder(request(()))
        else:
            found = search(request, count=count, seed=options.seed, progress=progress)
    if dry_run and as_json:
        document = {"search": str(folder), "proposals": count, "ranges": [vars(each) for each in ranges]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    if dry_run:
        typer.echo(f"Would search until {count} proposals are finished, keeping them in {folder}:")
        for each in ranges:
            scale = " (logarithmic)" if each.logarithmic else ""
            typer.echo(f"  {each.key}  {each.low:g} to {each.high:g}{scale}")
        return
    command = _best_command(model, options, choice.recipe, found)
    if as_json:
        document = {
            "search": str(found.folder),
            "proposals": [vars(each) for each in found.proposals],
            "best": vars(found.best) if found.best else None,
            "command": command,
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print_search(found, options, command)
    if any(each.accuracy is None for each in found.proposals):
        raise typer.Exit(1)


def _best_command(model: str, options: TrainingOptions, recipe: str, found: "SearchResult") -> str:
    """Return the command that reuses the best run as a model, and scores it on the test split."""
    if found.best is None:
        return ""
    words = ["egotool", "train", model, "--recipe", recipe]
    for setting in (*options.settings, *found.best.settings):
        words += ["--set", setting]
    plain = TrainingOptions(
        recipe="auto", settings=(), store=Path("store"), manifest=None, runs=Path("runs"), seed=0,
        protocol="honest", weights=None, device="auto", devices=1, precision="32-true", workers=None,
        keep="best",
    )  # fmt: skip
    names = ("store", "manifest", "runs", "seed", "protocol", "weights", "device", "precision", "accumulate")
    for name in names:
        value = getattr(options, name)
        if value != getattr(plain, name):
            words += [f"--{name}", str(value)]
    words += ["--balance"] if options.balance else []
    return shlex.join(words)


def _print_search(found: "SearchResult", options: TrainingOptions, command: str) -> None:
    from rich import box
    from rich.table import Table

    from egotool.console import output_console

    console = output_console()
    split = "test" if options.protocol == "paper" else "validation"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("", justify="right")
    table.add_column(split, justify="right")
    keys = [setting.partition("=")[0] for setting in found.proposals[0].settings] if found.proposals else []
    for key in keys:
        table.add_column(key.rpartition(".")[2], justify="right")
    for each in found.proposals:
        values = [f"{float(setting.partition('=')[2]):.2e}" for setting in each.settings]
        accuracy = "failed" if each.accuracy is None else f"{each.accuracy:.1%}"
        best = found.best is not None and each.number == found.best.number
        table.add_row(str(each.number), accuracy, *values, style="bold green" if best else "")
    console.print(table)
    if command:
        lines = (
            f"The best of {len(found.proposals)} on the {split} split. To score it on the test split:",
            command,
        )
        for line in lines:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
