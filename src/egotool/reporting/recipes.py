"""What a table wants to know of a recipe: its hyper-parameters, and whether two train the same."""

import functools
import hashlib
import json

from egotool.errors import EgotoolError
from egotool.reporting.commands import short_number
from egotool.runs.loading import load_recipe, recipe_names
from egotool.runs.paper import HyperParameters
from egotool.runs.recipe import DynamicFilterRecipe, Recipe

_NAMES_ONLY = {"name", "description", "source", "row"}
"""Keys of a recipe that change nothing in the training."""


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


def training_in_words(recipe: Recipe) -> str:
    """Return the hyper-parameters of the last stage: "16 frames, adam, lr 1e-4, lr super 5e-5, …"."""
    stage = recipe.stages[-1]
    rates = [
        f"{name} {short_number(value)}"
        for name, value in (
            ("lr", stage.lr),
            ("lr super", stage.lr_head),
            ("lr resnet", stage.lr_backbone),
            ("lr flow", stage.lr_flow),
        )
        if value is not None
    ]
    schedules = {
        "steps": f"× {short_number(stage.decay)} after {_listed(stage.milestones)}",
        "exponential": f"× {short_number(stage.decay)} every epoch",
        "cosine": "cosine",
    }
    if stage.schedule == "steps" and not stage.milestones:
        schedules["steps"] = "constant"
    if recipe.network.kind == "flow":
        frames = f"{recipe.flow.stack} flows" if recipe.flow else "flow"
    else:
        frames = f"{recipe.clips.length} frames"
    words = [frames, stage.optimizer, *rates, schedules[stage.schedule]]
    if recipe.head is not None:
        words.append(f"α {short_number(recipe.head.alpha)}")
        filters = isinstance(recipe.head, DynamicFilterRecipe)
        words.append(f"{recipe.head.form} filters" if filters else f"loss {head_loss(recipe)}")
    return ", ".join(words)


def head_loss(recipe: Recipe) -> str:
    """Return the form of the motion segmentation loss; "" for other heads and without one."""
    head = recipe.head
    return "" if head is None or isinstance(head, DynamicFilterRecipe) else head.loss


def _listed(steps: tuple[int, ...]) -> str:
    return " and ".join(", ".join(map(str, steps)).rsplit(", ", 1))


def recipe_digest(recipe: Recipe) -> str:
    """Return a digest of all values of the recipe that influence a training."""
    content = _without_names(recipe)
    if recipe.streams is not None:
        content["streams"] = [_without_names(recipe.streams.rgb), _without_names(recipe.streams.flow)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _without_names(recipe: Recipe) -> dict[str, object]:
    return recipe.model_dump(mode="json", exclude=_NAMES_ONLY)


def is_shipped(recipe: Recipe) -> bool:
    """Tell whether the recipe is its model's shipped one to the last value."""
    return _own_digest(recipe.model, recipe.name, ()) == recipe_digest(recipe)


def is_own_recipe(recipe: Recipe, *, overrides: tuple[str, ...]) -> bool:
    """Tell whether the recipe is its model's own with `overrides`, not that of a row of a grid search.

    The two may be the same: the paper's best hyper-parameters are a row, and the recipe `paper`.
    """
    if not recipe.row:
        return True
    return _own_digest(recipe.model, recipe.name, overrides) == recipe_digest(recipe)


OWN_FILE = "own recipe file"
"""Among what was changed: the recipe has a shipped one's name, but not its values."""


def passes_for_shipped(recipe: Recipe, *, overrides: tuple[str, ...]) -> bool:
    """Tell whether the recipe has a shipped one's name, but is not that one with `overrides`.

    Recipe files could once be called `paper`. A stream of a two-stream model keeps that model's overrides,
    which need not make sense for it: nothing is known of such a recipe then.
    """
    return not recipe.row and _own_digest(recipe.model, recipe.name, overrides) not in (
        "",
        recipe_digest(recipe),
    )


@functools.cache
def _own_digest(model: str, recipe: str, overrides: tuple[str, ...]) -> str:
    """Return the digest of a shipped recipe with `overrides`; "" where there is none."""
    if recipe not in recipe_names():
        return ""
    try:
        return recipe_digest(load_recipe(model, recipe, overrides=overrides))
    except EgotoolError:
        return ""


def trains_the_same(one: Recipe, other: Recipe) -> bool:
    """Tell whether the last stages of two recipes do the same, apart from what they start from."""
    parts = {"clips", "flow", "network", "head"}
    return one.stages[-1] == other.stages[-1] and one.model_dump(include=parts) == other.model_dump(
        include=parts
    )
