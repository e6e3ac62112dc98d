"""Loss of the dynamic filters: how far the filtered frame is from the video's next frame."""

from torch import Tensor
from torch.nn import functional as F

from egotool.models.dynamic_filters import apply_dynamic_filters


def dynamic_filter_loss(filters: Tensor, frames: Tensor, next_frames: Tensor) -> Tensor:
    """Return the mean squared error between filtered frames and next frames, over everything (section 3.3).

    Args:
        filters: (..., k, s, s), the output of `DynamicFilterHead`.
        frames: (..., 3, H, W), the normalised frames the filters are applied to.
        next_frames: (..., 3, H, W), the native successor of every frame under the same crop and flip.

    Returns:
        A scalar.

    Raises:
        ValueError: if the shapes do not belong together, or s is even.
    """
    if frames.shape != next_frames.shape:
        raise ValueError(f"frames {tuple(frames.shape)} and next frames {tuple(next_frames.shape)} differ")
    return F.mse_loss(apply_dynamic_filters(filters, frames), next_frames)
