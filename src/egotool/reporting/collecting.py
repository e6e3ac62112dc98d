"""Reads the run folders and says what each contributes to a table, or why it cannot."""

import contextlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import EgotoolError, UsageError
from egotool.reporting.outcomes import Outcome
from egotool.reporting.recipes import (
    OWN_FILE,
    head_settings,
    is_own_recipe,
    is_shipped,
    passes_for_shipped,
    recipe_digest,
    training_in_words,
    trains_the_same,
)
from egotool.runs.folder import Run, RunRecord, read_run
from egotool.runs.recipe import Recipe
from egotool.runs.scores import Scores


@dataclass(frozen=True, slots=True)
class Collection:
    """What a folder of runs holds."""

    outcomes: tuple[Outcome, ...]
    unfinished: tuple[str, ...]
    """Sentences about runs that are still training or not scored yet."""
    problems: tuple[str, ...]
    """Sentences about runs that cannot be used: damaged, or scored on other data."""


def collect_outcomes(runs: Path, *, split: str = "test") -> Collection:
    """Return the trials in the folder `runs`; a folder that does not exist holds none.

    Raises:
        UsageError: if `runs` is a file.
    """
    if runs.exists() and not runs.is_dir():
        raise UsageError(f"{runs} is not a folder: give the folder that holds the run folders with --runs")
    outcomes: list[Outcome] = []
    unfinished: list[str] = []
    problems: list[str] = []
    for folder in sorted(path.parent for path in runs.glob("*/run.json")):
        try:
            run = read_run(folder)
            if run.record.role != "model":
                continue
            if not run.finished:
                unfinished.append(_still_training(run))
                continue
            scores = run.scores(split)
            again = f"egotool evaluate {shlex.quote(str(run.folder))} --split {split}"
            if scores is None:
                unfinished.append(
                    f"Run {run.name} is trained but not scored on the {split} split: `{again}`."
                )
            elif not run.ended_with(scores):
                unfinished.append(
                    f"Run {run.name} was scored on the {split} split before its training ended: "
                    f"`{again}` scores it again."
                )
            elif not run.was_trained_with_data_of(scores):
                problems.append(
                    f"Run {run.name} was scored on other data than it was trained with and is "
                    f"left out: `{again} --overwrite` scores it again."
                )
            else:
                outcomes.append(_outcome(run, scores))
        except EgotoolError as error:
            problems.append(f"Run {folder.name} is left out: {error}.")
    return Collection(tuple(outcomes), tuple(unfinished), tuple(problems))


def chosen_runs(
    runs: Path, *, split: str, recipe: str | None, store: Path | None, manifest: Path | None
) -> tuple[Collection, frozenset[str] | None]:
    """Return the trials in `runs`, and the digests of the data that was chosen, None: all.

    Raises:
        UsageError: if no trial is of the recipe, or on the data.
    """
    found = collect_outcomes(runs, split=split)
    if recipe is not None and all(outcome.recipe != recipe for outcome in found.outcomes):
        raise UsageError(
            f"there is no run of recipe {recipe!r} with {split} scores in {runs}: "
            "leave out --recipe to see all"
        )
    if store is None and manifest is None:
        return found, None

    def same(given: Path | None, recorded: str) -> bool:
        return given is None or given.resolve() == Path(recorded).resolve()

    data = frozenset(
        each.data for each in found.outcomes if same(store, each.store) and same(manifest, each.manifest)
    )
    if not data:
        known = sorted({f"--store {each.store} --manifest {each.manifest}" for each in found.outcomes})
        raise UsageError(f"no run is on that data: there are {'; '.join(known) or 'none at all'}")
    return found, data


_IMPORTED = "imported from "
"""How the reason for the recipe begins in a run whose weights were imported."""
PUBLISHED_WEIGHTS = frozenset({"f37072fd", "b627a593", "0676ba61"})
"""Digests of torchvision's ImageNet weights, as in the names of its files: one's own copy has the same."""
_IMAGENET = re.compile(r"ImageNet, (?P<file>.+ \((?P<digest>[0-9a-f]+)\))")
"""What a record says of its first weights: "ImageNet, resnet34-b627a593.pth (b627a593)"."""


def trained_with(record: RunRecord) -> tuple[str, ...]:
    """Return the options beside the recipe that make it another experiment."""
    return (
        *(("--balance",) if record.balance else ()),
        *((f"--devices {record.devices}",) if record.devices > 1 else ()),
        *((f"--accumulate {record.accumulate}",) if record.accumulate > 1 else ()),
        *((f"--precision {record.precision}",) if record.precision not in ("32", "32-true") else ()),
    )


def _outcome(run: Run, scores: Scores) -> Outcome:
    record, recipe = run.record, run.recipe
    # The epochs are compared on the split that selects: under protocol `paper` that is the test split itself.
    selected_on_this_split = record.protocol == "paper" and scores.split == "test"
    imported = _is_imported(record)
    started_from = started_elsewhere(run)
    return Outcome(
        run=run.name,
        model=record.model,
        recipe=record.recipe,
        recipe_reason="" if imported else record.recipe_reason,
        # a training that draws clips otherwise, or begins with other weights, is another experiment
        recipe_digest=" ".join((recipe_digest(recipe), *trained_with(record), *sorted(_own_weights(run)))),
        row=recipe.row,
        own_recipe=is_own_recipe(recipe, overrides=record.overrides),
        protocol=record.protocol,
        selection_split="test" if record.protocol == "paper" else "validation",
        epoch=record.best.epoch + 1 if record.best else None,
        epochs=record.epochs,
        imported=record.recipe_reason if imported else "",
        started_from=started_from,
        started_from_tested=chosen_by_test(started_from, run),
        overrides=changes_of(run),
        seed=record.seed,
        data=record.data.whole_fingerprint if record.data.fold else record.data.fingerprint,
        data_name=_short_path(record.data.store),
        store=record.data.store,
        manifest=record.data.manifest,
        actions=len(record.actions),
        split=scores.split,
        segments=scores.segments,
        correct=sum(each.correct for each in scores.per_class),
        chance=100 * scores.chance,
        clip_length=None if recipe.network.kind == "flow" else recipe.clips.length,
        settings=None if imported else head_settings(recipe),
        training="" if imported else training_in_words(recipe),
        trained=record.finished or record.started,
        accuracy_last=100 * record.last.accuracy if record.last and selected_on_this_split else None,
        fold=record.data.fold,
        labelled=sum(sum(actions.values()) for actions in record.data.segments.values()),
    )


def _is_imported(record: RunRecord) -> bool:
    return record.epochs == 0 and record.recipe_reason.startswith(_IMPORTED)


def changes_of(run: Run) -> tuple[str, ...]:
    """Return what was changed in the run's recipe and how it was trained."""
    record, recipe = run.record, run.recipe
    if is_shipped(recipe):
        # What a two-stream model starts from was trained with its overrides, which need not have been for it.
        changes: tuple[str, ...] = ()
    elif not _is_imported(record) and passes_for_shipped(recipe, overrides=record.overrides):
        changes = (OWN_FILE, *record.overrides)
    else:
        changes = record.overrides  # the recipe of imported weights is made from the weights
    return (*changes, *trained_with(record), *sorted(_own_weights(run)))


def _own_weights(run: Run, *, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return the files with ImageNet weights, other than the published ones, that the training began with.

    They are those of the first stages of all its parents. A parent that cannot be read any more is passed
    over: it is taken for one that began as the recipe says.
    """
    if not run.record.parents:
        found = _IMAGENET.fullmatch(run.record.weights)
        return {f"weights {found['file']}"} if found and found["digest"] not in PUBLISHED_WEIGHTS else set()
    files: set[str] = set()
    for name in set(run.record.parents) - seen:
        with contextlib.suppress(EgotoolError):
            files |= _own_weights(read_run(run.folder.parent / name), seen=seen | {run.name, name})
    return files


def started_elsewhere(run: Run) -> tuple[str, ...]:
    """Return the runs it started from that its own recipe, data, protocol, seed and options would not train.

    Runs that cannot be read any more are taken for those.
    """
    names = run.record.parents
    pairs = zip(names, _parent_recipes(run.recipe, len(names)), strict=True)
    return tuple(name for name, recipe in pairs if not _would_be_parent(name, run, recipe))


def chosen_by_test(parents: tuple[str, ...], run: Run) -> tuple[str, ...]:
    """Return those of `parents` that are of protocol `paper`, unless `run` is, too."""
    found: list[str] = []
    for name in parents if run.record.protocol == "honest" else ():
        with contextlib.suppress(EgotoolError):
            if read_run(run.folder.parent / name).record.protocol == "paper":
                found.append(name)
    return tuple(found)


def _parent_recipes(recipe: Recipe, number: int) -> list[Recipe | None]:
    """Return what the runs that a training starts from have trained: the stage before, or the two streams."""
    if len(recipe.stages) > 1:
        expected: list[Recipe | None] = [recipe.until(len(recipe.stages) - 2)]
    elif recipe.streams is not None:
        expected = [recipe.streams.rgb, recipe.streams.flow]
    else:
        expected = []
    return expected if len(expected) == number else [None] * number


def _would_be_parent(name: str, run: Run, recipe: Recipe | None) -> bool:
    try:
        parent = read_run(run.folder.parent / name)
    except EgotoolError:
        return True
    one, other = parent.record, run.record
    return (
        recipe is not None
        and trains_the_same(parent.recipe, recipe)
        and (one.seed, one.protocol, one.data.fingerprint)
        == (other.seed, other.protocol, other.data.fingerprint)
        and trained_with(one) == trained_with(other)
        and one.epochs > 0
    )


def _still_training(run: Run) -> str:
    record = run.record
    return (
        f"Run {run.name} is not finished ({record.epochs_done} of {record.epochs} epochs): "
        f"`{record.command}` goes on where it stopped."
    )


def _short_path(path: str) -> str:
    parts = Path(path).parts
    return path if len(parts) <= 2 else "…/" + "/".join(parts[-2:])
