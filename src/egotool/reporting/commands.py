"""The command that fills a row of a table."""

import shlex
from collections.abc import Sequence

from egotool.runs.paper import HyperParameters

_RECIPE_LENGTH = 16
"""Frames per clip in the recipe `paper`."""
_EPOCHS_OF_SHORT_CLIPS = 300
"""Epochs of stage 1 with 7 frames, where 16 frames take 200."""
_HEAD_STAGE = 1
"""Index of the stage with the head: stage 2 of the paper."""


def training_command(
    model: str,
    *,
    clip_length: int | None = None,
    settings: HyperParameters | None = None,
    options: Sequence[str] = (),
) -> str:
    """Return the shortest `egotool train` command for a row.

    A row that fixes hyper-parameters or the clip length names the recipe they belong to; others leave
    the choice to `--recipe auto`.

    Args:
        model: name of the model.
        clip_length: frames per clip, where the row names them.
        settings: the row's hyper-parameters, where it names them.
        options: what else to say, such as the recipe of the other rows (`--recipe demo`).
    """
    words = ["egotool", "train", model]
    words += options
    if (clip_length is not None or settings is not None) and "--recipe" not in options:
        words += ["--recipe", "paper"]
    overrides: list[tuple[str, str]] = []
    if clip_length is not None and clip_length != _RECIPE_LENGTH:
        overrides += [("clips.length", str(clip_length)), ("stages.0.epochs", str(_EPOCHS_OF_SHORT_CLIPS))]
    if settings is not None:
        overrides += _overrides(settings)
    for key, value in overrides:
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)


def _overrides(settings: HyperParameters) -> list[tuple[str, str]]:
    stage = f"stages.{_HEAD_STAGE}"
    overrides = [
        (f"{stage}.lr", short_number(settings.learning_rate)),
        (f"{stage}.lr_head", short_number(settings.head_learning_rate)),
        (f"{stage}.lr_backbone", short_number(settings.backbone_learning_rate)),
        (f"{stage}.milestones", "[" + ",".join(map(str, settings.steps)) + "]"),
        ("head.alpha", short_number(settings.head_weight)),
    ]
    if settings.loss is not None:
        form = "classification" if settings.loss == "cross-entropy" else "regression"
        overrides += [("head.form", form), ("head.loss", settings.loss)]
    return overrides


def short_number(value: float) -> str:
    """Return `value` as the paper prints such numbers: 2e-4, 0.5, 1."""
    if value != 0 and abs(value) < 0.01:
        mantissa, exponent = f"{value:e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:g}"
