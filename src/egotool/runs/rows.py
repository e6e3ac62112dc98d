"""The recipe of a row of the paper's tables: the row's numbers on the recipe of its model."""

from collections.abc import Sequence

from egotool.errors import UsageError
from egotool.runs.loading import load_recipe
from egotool.runs.paper import HyperParameters, PaperRow, read_paper
from egotool.runs.recipe import MotionSegmentationRecipe, Recipe, StreamsRecipe

PAPER = "paper"
PAPER_CLIP_LENGTH = 16
_EPOCHS_OF_SHORT_CLIPS = 300
"""Epochs of stage 1 with 7 frames, where 16 frames take 200."""


def load_row_recipe(table: int, row: int, *, recipe: str = PAPER, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe that trains a row of Table 1 to 6.

    The row's own numbers (clip length, learning rates, weight of the head's loss, steps, form of the loss)
    go on top of the model's recipe. With another recipe than `paper`, whose stages have another length, the
    steps are taken in proportion to the stage's epochs, so that the rates fall at the same parts of the
    training.

    Args:
        table: number of the table.
        row: number of the row, from 1.
        recipe: name or file of the recipe that the row's numbers go on.
        overrides: further `key=value`s, as `--set`; they win.

    Raises:
        UsageError: if the paper has no such row.
        RecipeError: as `load_recipe`.
    """
    paper_table = read_paper().table(table)
    if not 1 <= row <= len(paper_table.rows):
        raise UsageError(f"Table {table} has the rows 1 to {len(paper_table.rows)}, not {row}")
    chosen = paper_table.rows[row - 1]
    model = paper_table.model_of(chosen)
    plain = load_recipe(model, recipe, overrides=overrides)
    settings = row_overrides(chosen, plain)
    source = f"Table {table}, row {row} ({chosen.accuracy:g} %)"
    made = load_recipe(model, recipe, overrides=(*settings, *overrides))
    update = {"source": source, "row": paper_table.name_of(chosen), "streams": _name_streams(made, chosen)}
    return made.model_copy(update=update)


def _name_streams(recipe: Recipe, row: PaperRow) -> StreamsRecipe | None:
    """Return the streams with the rows of Table 1 that they are: their runs are those rows' runs."""
    if recipe.streams is None:
        return None
    table = read_paper().table(1)
    named = {
        stream: part.model_copy(update={"row": table.name_of(other)})
        for stream, part in (("rgb", recipe.streams.rgb), ("flow", recipe.streams.flow))
        for other in table.rows
        if table.model_of(other) == part.model and other.clip_length in (None, row.clip_length)
    }
    return recipe.streams.model_copy(update=named)


def row_overrides(row: PaperRow, recipe: Recipe) -> tuple[str, ...]:
    """Return what `row` changes in `recipe`, each as `key=value`."""
    changes: list[str] = []
    if row.clip_length is not None and row.clip_length != recipe.clips.length:
        changes += _clip_length(row.clip_length, recipe)
    if row.settings is not None:
        changes += _settings(row.settings, recipe)
    return tuple(changes)


def _clip_length(length: int, recipe: Recipe) -> list[str]:
    prefixes = [""] if recipe.streams is None else ["", "streams.rgb."]
    changes = [f"{prefix}clips.length={length}" for prefix in prefixes]
    if recipe.name == PAPER and length < PAPER_CLIP_LENGTH:
        changes.append(f"{prefixes[-1]}stages.0.epochs={_EPOCHS_OF_SHORT_CLIPS}")
    return changes


def _settings(settings: HyperParameters, recipe: Recipe) -> list[str]:
    number = next(at for at, stage in enumerate(recipe.stages) if stage.head)
    stage, head = recipe.stages[number], recipe.head
    steps = settings.steps
    if recipe.name != PAPER:
        paper_epochs = load_recipe(recipe.model, PAPER).stages[-1].epochs
        steps = tuple(max(1, round(step * stage.epochs / paper_epochs)) for step in steps)
    changes = {
        f"stages.{number}.lr": settings.learning_rate,
        f"stages.{number}.lr_head": settings.head_learning_rate,
        f"stages.{number}.lr_backbone": settings.backbone_learning_rate,
        "head.alpha": settings.head_weight,
    }
    made = [f"{key}={value:.6e}" for key, value in changes.items()]
    made += [f"stages.{number}.schedule=steps", f"stages.{number}.milestones={list(steps)}"]
    if recipe.name != PAPER:
        paper_stage = load_recipe(recipe.model, PAPER).stages[-1]
        made.append(f"stages.{number}.decay={paper_stage.decay}")
    if isinstance(head, MotionSegmentationRecipe) and settings.loss is not None:
        form = "classification" if settings.loss == "cross-entropy" else "regression"
        made += [f"head.form={form}", f"head.loss={settings.loss}"]
    return made
