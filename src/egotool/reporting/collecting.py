"""Reads the run folders and says what each contributes to a table, or why it cannot."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import EgotoolError, UsageError
from egotool.reporting.outcomes import Outcome
from egotool.runs.folder import Run, read_run
from egotool.runs.paper import HyperParameters
from egotool.runs.recipe import Recipe
from egotool.runs.scores import Scores

_NAMES_ONLY = {"name", "description", "source"}
"""Keys of a recipe that change nothing in the training."""


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
            if scores is None:
                unfinished.append(
                    f"Run {run.name} is trained but not scored on the {split} split: "
                    f"`egotool evaluate {run.folder} --split {split}`."
                )
            elif _scored_on_other_data(run, scores):
                problems.append(
                    f"Run {run.name} was scored with another manifest than it was trained with "
                    f"and is left out: `egotool evaluate {run.folder} --split {split}` scores it again."
                )
            else:
                outcomes.append(_outcome(run, scores))
        except EgotoolError as error:
            problems.append(f"Run {folder.name} is left out: {error}.")
    return Collection(tuple(outcomes), tuple(unfinished), tuple(problems))


def head_settings(recipe: Recipe) -> HyperParameters | None:
    """Return the hyper-parameters that Tables 2, 3, 5 and 6 vary, or None for a model without a head."""
    stages = [stage for stage in recipe.stages if stage.head]
    if recipe.head is None or not stages:
        return None
    stage = stages[-1]
    return HyperParameters(
        learning_rate=stage.lr,
        head_learning_rate=stage.lr if stage.lr_head is None else stage.lr_head,
        backbone_learning_rate=stage.lr if stage.lr_backbone is None else stage.lr_backbone,
        head_weight=recipe.head.alpha,
        steps=stage.milestones,
        loss=recipe.head.loss if recipe.head.kind == "motion-segmentation" else None,
    )


def recipe_digest(recipe: Recipe) -> str:
    """Return a digest of all values of the recipe that influence a training."""
    content = recipe.model_dump(mode="json", exclude=_NAMES_ONLY)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _outcome(run: Run, scores: Scores) -> Outcome:
    record = run.record
    # The epochs are compared on the split that selects: under protocol `paper` that is the test split itself.
    selected_on_this_split = record.protocol == "paper" and scores.split == "test"
    return Outcome(
        run=run.name,
        model=record.model,
        recipe=record.recipe,
        recipe_reason=record.recipe_reason,
        recipe_digest=recipe_digest(run.recipe),
        protocol=record.protocol,
        selection_split="test" if record.protocol == "paper" else "validation",
        epoch=record.best.epoch + 1 if record.best else None,
        epochs=record.epochs,
        overrides=record.overrides,
        seed=record.seed,
        data=record.data.fingerprint,
        data_name=_short_path(record.data.store),
        store=record.data.store,
        actions=len(record.actions),
        split=scores.split,
        segments=scores.segments,
        correct=sum(each.correct for each in scores.per_class),
        chance=100 * scores.chance,
        clip_length=run.recipe.clips.length,
        settings=head_settings(run.recipe),
        trained=record.finished or record.started,
        accuracy_last=100 * record.last.accuracy if record.last and selected_on_this_split else None,
    )


def _scored_on_other_data(run: Run, scores: Scores) -> bool:
    return scores.manifest_fingerprint != run.record.data.manifest_fingerprint or scores.segments < 1


def _still_training(run: Run) -> str:
    record = run.record
    return (
        f"Run {run.name} is not finished ({record.epochs_done} of {record.epochs} epochs): "
        f"`{record.command}` goes on where it stopped."
    )


def _short_path(path: str) -> str:
    parts = Path(path).parts
    return path if len(parts) <= 2 else "…/" + "/".join(parts[-2:])
