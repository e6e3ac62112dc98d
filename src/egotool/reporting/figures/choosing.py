"""Which runs a figure is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import RunError, UsageError
from egotool.runs import Run, find_runs, model_names, resolve_run
from egotool.runs.loading import ALIASES

FIGURES = (1, 2, 3, 4)
_WITH_ATTENTION = ("convlstm-attention", "idt-net", "dynamic-net", "convlstm-idt", "convlstm-dynamic")
_SELF_SUPERVISED = ("idt-net", "convlstm-idt", "dynamic-net", "convlstm-dynamic")
"""In this order: the paper's Figure 3 shows motion segmentation."""
_DYNAMIC = ("dynamic-net", "convlstm-dynamic")


@dataclass(frozen=True, slots=True)
class FigureRuns:
    """The runs of a figure.

    Attributes:
        runs: in the order of the figure's columns; empty: Figure 2 of a model without a run.
        model: whose architecture Figure 2 shows.
    """

    runs: tuple[Run, ...]
    model: str = ""


def choose_figure_runs(
    figure: int, names: Sequence[str], *, runs: Path, recipe: str | None = None
) -> FigureRuns:
    """Return the runs for a figure: those that are named, else the newest that fit.

    Args:
        figure: 1 to 4.
        names: runs (folder, name, or the beginning of one) or models (the newest finished run). Figure 3
            takes two, without and with self-supervision; one alone is completed by its counterpart.
        runs: folder of runs.
        recipe: only runs of this recipe.

    Raises:
        UsageError: if there is no such figure, or the number of names does not fit.
        RunError: if a run is missing, or has not what the figure shows.
    """
    if figure not in FIGURES:
        raise UsageError(f"--figure is 1 to 4, not {figure}")
    most = 2 if figure == 3 else 1
    if len(names) > most:
        wanted = "two runs" if most == 2 else "one run"
        raise UsageError(f"Figure {figure} is made from {wanted}, not {len(names)}")
    if figure == 2:
        return _architecture(names, runs, recipe)
    named = [_named(name, runs, recipe) for name in names]
    if figure == 1:
        chosen = named or [_newest(_WITH_ATTENTION, runs, recipe, figure)]
        _need_attention(chosen)
    elif figure == 3:
        chosen = _pair(named, runs, recipe)
        _need_attention(chosen)
    else:
        chosen = named or [_newest(_DYNAMIC, runs, recipe, figure)]
        head = chosen[0].recipe.head
        if head is None or head.kind != "dynamic-filters":
            raise RunError(
                f"Figure 4 shows dynamic filters, and the run {chosen[0].name} has none: name a run of "
                "dynamic-net or convlstm-dynamic with --run"
            )
    return FigureRuns(tuple(chosen))


def _architecture(names: Sequence[str], runs: Path, recipe: str | None) -> FigureRuns:
    model = ALIASES.get(names[0], names[0]) if names else "dynamic-net"
    if model in model_names():
        found = _finished(runs, recipe, model)
        return FigureRuns(tuple(found[-1:]), model)
    run = resolve_run(names[0], runs=runs)
    return FigureRuns((run,), run.record.model)


def _named(name: str, runs: Path, recipe: str | None) -> Run:
    model = ALIASES.get(name, name)
    if model in model_names() and not (runs / name).is_dir() and not Path(name).is_dir():
        return _newest((model,), runs, recipe, 0)
    return resolve_run(name, runs=runs)


def _finished(runs: Path, recipe: str | None, model: str | None = None) -> list[Run]:
    """Return finished runs that still have their weights: changed ones (--set) first, then by age."""
    found = find_runs(runs, model=model)
    fitting = [run for run in found if recipe in (None, run.record.recipe) and run.best_checkpoint.is_file()]
    return sorted(fitting, key=lambda run: (not run.record.overrides, run.record.finished or "", run.name))


def _newest(models: Sequence[str], runs: Path, recipe: str | None, figure: int) -> Run:
    """Return the newest finished run of the first of `models` that has one."""
    found = _finished(runs, recipe)
    for model in models:
        of_model = [run for run in found if run.record.model == model]
        if of_model:
            return of_model[-1]
    what = f"Figure {figure} needs a" if figure else "there is no"
    wanted = f"finished run of {' or '.join(models)}" + (f", recipe {recipe}," if recipe else "")
    raise RunError(f"{what} {wanted} with its weights in {runs}: `egotool train {models[0]}` makes one")


def _pair(named: list[Run], runs: Path, recipe: str | None) -> list[Run]:
    """Return a run without and one with self-supervision that differ in nothing else, as far as possible."""
    if len(named) == 2:
        return named
    if named and named[0].recipe.head is None:
        wanted = [run for run in _finished(runs, recipe) if run.record.model in _SELF_SUPERVISED]
        best = _most_alike(named[0], wanted)
        if best is None:
            raise RunError(
                f"Figure 3 needs a run with self-supervision like {named[0].name}: name it with --run"
            )
        return [named[0], best]
    one = named[0] if named else _newest(_SELF_SUPERVISED, runs, recipe, 3)
    plain = [run for run in _finished(runs, recipe) if run.record.model == "convlstm-attention"]
    best = _most_alike(one, plain)
    if best is None:
        raise RunError(
            f"Figure 3 compares {one.name} with a convlstm-attention on the same data, and there is none in "
            f"{runs}: `egotool train convlstm-attention` makes one"
        )
    return [best, one]


def _most_alike(run: Run, candidates: Sequence[Run]) -> Run | None:
    """Return the candidate on the same data that shares most with `run`; of equals the newest."""

    def likeness(other: Run) -> tuple[bool, bool, bool, bool, int, str]:
        order = _SELF_SUPERVISED.index(other.record.model) if other.record.model in _SELF_SUPERVISED else 0
        return (
            other.record.recipe == run.record.recipe,
            other.record.protocol == run.record.protocol,
            other.record.overrides == run.record.overrides,
            other.record.seed == run.record.seed,
            -order,
            other.record.finished or "",
        )

    same = [each for each in candidates if each.record.data.fingerprint == run.record.data.fingerprint]
    return max(same, key=likeness, default=None)


def _need_attention(runs: Sequence[Run]) -> None:
    for run in runs:
        network = run.recipe.network if run.recipe.streams is None else run.recipe.streams.rgb.network
        if network.kind != "convlstm" or not network.attention:
            raise RunError(
                f"the run {run.name} has no class activation map: name a run of a model with attention, such "
                "as convlstm-attention, with --run"
            )
