"""Dynamic filters: a head whose output is a convolution kernel for the frame it looked at.

    features (N,C,7,7) → relu → 3×3 conv C→C → relu → 1×1 conv C→k → filters (N,k,7,7)

The 7×7 grid of positions is the 7×7 kernel: one global filter per image. Applied to frame t it should give
frame t+1 (section 3.3 of the paper).
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

DynamicFilterForm = Literal["full", "depthwise"]

_FILTERS: dict[DynamicFilterForm, int] = {"full": 9, "depthwise": 3}


class DynamicFilterHead(nn.Module):
    """Predict one s×s filter over colour images from features on an s×s grid.

    As run (`full`) there are k = 9 filters, read as (3 out, 3 in, s, s): a full convolution over colour. The
    paper's text says k = t = 3 (`depthwise`): one s×s filter for each colour channel. Neither has a softmax
    or a batch norm.

    The names in the state dict are `conv.1` (3×3) and `conv.3` (1×1).

    Args:
        channels: channels C of the features.
        form: `full` (as run) or `depthwise` (the paper's text).
        start: weights of the last convolution: torch's own `random` ones (as run), or `zero`. Random filters
            add up 49 × 3 products of features that nobody has scaled: their first errors can be thousands.
    """

    def __init__(
        self, channels: int, *, form: DynamicFilterForm = "full", start: Literal["random", "zero"] = "random"
    ) -> None:
        super().__init__()
        if form not in _FILTERS:
            raise ValueError(f"the form of a dynamic filter head is full or depthwise, not {form!r}")
        self.form: DynamicFilterForm = form
        last = nn.Conv2d(channels, _FILTERS[form], 1)
        if start == "zero":
            assert last.bias is not None
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.conv = nn.Sequential(
            nn.ReLU(),  # not in place: the features are used elsewhere too
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            last,
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return filters (N, k, s, s) for features (N, C, s, s)."""
        filters: Tensor = self.conv(features)
        return filters


def apply_dynamic_filters(filters: Tensor, images: Tensor) -> Tensor:
    """Convolve every image with its own filter: zero padding s//2, no bias, size kept.

    Args:
        filters: (..., 9, s, s) for a full convolution over colour, read as (3 out, 3 in), or (..., 3, s, s)
            for one filter per colour; s odd. `...` is any number of leading dimensions, as (N,) or (B, T).
        images: (..., 3, H, W) with the same leading dimensions.

    Returns:
        The predicted images (..., 3, H, W).

    Raises:
        ValueError: if s is even (an even kernel would shift the image by half a pixel and change its size),
            if the filters are not square, or if filters and images do not belong together.
    """
    *leading, count, height, width = filters.shape
    if height != width or height % 2 == 0:
        raise ValueError(f"dynamic filters need a square grid of odd size, not {height}×{width}")
    colours = images.shape[-3]
    if list(images.shape[:-3]) != leading or count not in (colours, colours * colours):
        raise ValueError(f"filters {tuple(filters.shape)} do not fit images {tuple(images.shape)}")
    flat_images = images.reshape(1, -1, *images.shape[-2:])  # every image becomes a group of channels
    kernels = filters.reshape(flat_images.shape[1], count // colours, height, width)
    predicted = F.conv2d(
        flat_images, kernels, padding=height // 2, groups=flat_images.shape[1] // kernels.shape[1]
    )
    return predicted.reshape(images.shape)
