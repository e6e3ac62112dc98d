"""The learning rate as a plain function of the epoch, so that a resumed training cannot miscount."""

import math

from egotool.runs import StageRecipe


def learning_rate_factor(stage: StageRecipe, epoch: int) -> float:
    """Return what every learning rate of `stage` is multiplied by in `epoch` (from 0).

    `steps` is torch's MultiStepLR, `exponential` its ExponentialLR. `cosine` falls from 1 to a hundredth over
    the stage, after `warmup_epochs` in which it rises linearly.
    """
    if stage.schedule == "steps":
        passed = sum(epoch >= milestone for milestone in stage.milestones)
        return stage.decay**passed
    if stage.schedule == "exponential":
        return stage.decay**epoch
    if epoch < stage.warmup_epochs:
        return (epoch + 1) / (stage.warmup_epochs + 1)
    part = (epoch - stage.warmup_epochs) / max(1, stage.epochs - stage.warmup_epochs)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, part))) / 2
