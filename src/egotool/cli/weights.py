"""`egotool weights`: weights that others trained."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from egotool.errors import UsageError

if TYPE_CHECKING:
    from egotool.runs.importing import WeightsPlan

weights = typer.Typer(
    name="weights",
    help="Use weights that others trained.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@weights.callback()
def _weights() -> None:
    """Keep `import` a subcommand although it is the only one."""


@weights.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A state dict: .pth, .pth.tar, .pt.")],
    model: Annotated[
        str | None, typer.Option(help="Whose weights they are, where the file fits several models.")
    ] = None,
    actions: Annotated[
        Path | None, typer.Option(help="Text file: the actions in the order of the classes, one per line.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Store to evaluate on; its manifest names the actions too.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="What the file does not say: clips.length=7; repeatable."
        ),
    ] = None,
    joint_order: Annotated[
        str, typer.Option(help="Two-stream: flow-rgb or rgb-flow, whose columns come first.")
    ] = "flow-rgb",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make a run of a checkpoint of Ego-RNN or a relative, so that `egotool evaluate` can score it.

    Every tensor is mapped, or nothing is written. Opening the file never runs code from it.

    Example: egotool weights import model_rgb.pth --store store
    """
    from egotool.runs import resolve_model
    from egotool.runs.importing import import_weights, plan_import
    from egotool.training.environment import versions

    if joint_order not in ("flow-rgb", "rgb-flow"):
        raise UsageError(f"--joint-order is flow-rgb or rgb-flow, not {joint_order!r}")
    plan = plan_import(
        file,
        model=resolve_model(model) if model is not None else None,
        actions=_read_actions(actions) if actions is not None else None,
        store=store,
        runs=runs,
        overrides=settings or [],
        joint_order=cast(Literal["flow-rgb", "rgb-flow"], joint_order),
    )
    if not dry_run:
        import_weights(plan, versions=versions(), command=shlex.join(["egotool", *sys.argv[1:]]))
    if as_json:
        typer.echo(json.dumps(_document(plan, dry_run=dry_run), indent=2, ensure_ascii=False))
    else:
        _say(plan, dry_run=dry_run)


def _read_actions(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--actions {path} cannot be read as text") from error
    return [line.strip() for line in lines if line.strip()]


def _document(plan: "WeightsPlan", *, dry_run: bool) -> dict[str, object]:
    return {
        "run": str(plan.folder),
        "dry_run": dry_run,
        "existed": plan.exists,
        "model": plan.model,
        "sha256": plan.digest,
        "actions": list(plan.actions),
        "tensors": len(plan.translation.tensors),
        "duplicates": plan.translation.duplicates,
        "notes": list(plan.notes),
        "recipe": plan.recipe.model_dump(mode="json", exclude_none=True),
    }


def _say(plan: "WeightsPlan", *, dry_run: bool) -> None:
    recipe = plan.recipe
    parts = [f"ResNet-{each.depth}" for each in recipe.backbones]
    if recipe.network.kind != "flow":
        parts.append(f"{recipe.clips.length} frames")
    if recipe.flow is not None:
        parts.append(f"stacks of {recipe.flow.stack} flows")
    if recipe.head is not None:
        parts.append(f"head {recipe.head.kind} ({recipe.head.form}) at the {recipe.head.tap}")
    done = "Imported already:" if plan.exists else "Would import" if dry_run else "Imported"
    typer.echo(f"{done} {plan.model}: {', '.join(parts)}, {plan.classes} classes.")
    for note in plan.notes:
        typer.echo(note)
    if plan.translation.duplicates:
        typer.echo(f"The same as others, and not needed: {', '.join(plan.translation.duplicates)}.")
    typer.echo(f"Run:   {plan.folder}")
    if not dry_run:
        where = "" if plan.data.store else " --store STORE"
        typer.echo(f"Next:  egotool evaluate {shlex.quote(str(plan.folder))}{where}")
