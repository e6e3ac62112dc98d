"""Loss of the motion segmentation head against motion masks."""

import torch
from torch import Tensor
from torch.nn import functional as F


def motion_segmentation_loss(output: Tensor, masks: Tensor, *, l1: bool = False) -> Tensor:
    """Return the loss of a motion segmentation head's output against the motion masks (section 3.2).

    The form follows from the output's number of values per position:

    - m = 2, classification: the mask is rounded up to {0, 1} (a position moves if any part of it does), then
      the cross-entropy of every position, averaged.
    - m = 1, regression: sigmoid, then the mean squared error: the paper's form. As run it was the mean
      absolute error without a sigmoid: `l1=True`.

    Args:
        output: (..., m, g, g), the output of `MotionSegmentationHead`.
        masks: (..., 1, g, g) in [0, 1], the part of every position that moves.
        l1: regression only: the as-run form.

    Returns:
        A scalar.

    Raises:
        ValueError: if the shapes do not belong together, or `l1` is asked for a classification.
    """
    values, rows, columns = output.shape[-3:]
    if masks.shape != (*output.shape[:-3], 1, rows, columns) or values not in (1, 2):
        raise ValueError(f"output {tuple(output.shape)} does not fit masks {tuple(masks.shape)}")
    if values == 2:
        if l1:
            raise ValueError("l1 is a form of the regression, not of the classification")
        moving = masks.ceil().long().reshape(-1, rows, columns)
        return F.cross_entropy(output.reshape(-1, 2, rows, columns), moving)
    if l1:
        return F.l1_loss(output, masks)
    return F.mse_loss(torch.sigmoid(output), masks)
