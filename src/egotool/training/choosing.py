"""Which recipe `auto` means on this machine, and why."""

from dataclasses import dataclass
from pathlib import Path

import torch

from egotool.training.weights import find_imagenet_weights

AUTO = "auto"
_PAPER_DEPTH = 34


@dataclass(frozen=True)
class RecipeChoice:
    """A recipe's name, or file, and the reason for it in words."""

    recipe: str
    reason: str


def choose_recipe(wanted: str, *, device: str = "auto", weights: Path | None = None) -> RecipeChoice:
    """Return `wanted`, or for `auto`: `paper` where there is a GPU and ImageNet weights, else `small`.

    Args:
        wanted: a recipe's name or file, or `auto`.
        device: `auto`, `cpu` or `gpu` as given by the user.
        weights: a file with ImageNet weights, if the user has given one.
    """
    if wanted != AUTO:
        return RecipeChoice(wanted, "asked for")
    if device == "cpu":
        return RecipeChoice("small", "auto: --device cpu was asked for")
    if not torch.cuda.is_available():
        return RecipeChoice("small", "auto: there is no GPU")
    if find_imagenet_weights(_PAPER_DEPTH, file=weights) is None:
        return RecipeChoice(
            "small",
            "auto: there is a GPU, but no ImageNet weights (none in torch's cache, no network, no --weights)",
        )
    return RecipeChoice("paper", "auto: there is a GPU, and ImageNet weights can be had")
