"""Motion segmentation: a head that says at which positions of the grid something moves.

features (N,C,7,7) → relu → 1×1 conv C→100 → flatten 4900 → linear → (N,m,7,7)
"""

from typing import Literal

from torch import Tensor, nn

MotionSegmentationForm = Literal["classification", "regression"]

_OUTPUTS: dict[MotionSegmentationForm, int] = {"classification": 2, "regression": 1}
_HIDDEN_CHANNELS = 100


class MotionSegmentationHead(nn.Module):
    """Predict the motion mask of a frame on the grid of its features (section 3.2 of the paper).

    No batch norm, and no final activation: the losses apply softmax or sigmoid themselves. The names in the
    state dict are `conv.1` (1×1) and `fc.0` (linear).

    Args:
        channels: channels C of the features.
        grid: positions g along a side of the (square) grid.
        form: `classification` gives m = 2 values per position (still, moving), `regression` m = 1.
    """

    def __init__(self, channels: int, grid: int = 7, *, form: MotionSegmentationForm = "regression") -> None:
        super().__init__()
        if form not in _OUTPUTS:
            raise ValueError(
                f"the form of a motion segmentation head is classification or regression, not {form!r}"
            )
        self.form: MotionSegmentationForm = form
        self.grid = grid
        # The first relu is not in place: the features are used elsewhere too.
        self.conv = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, _HIDDEN_CHANNELS, 1))
        self.fc = nn.Sequential(nn.Linear(_HIDDEN_CHANNELS * grid * grid, _OUTPUTS[form] * grid * grid))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, m, g, g) for features (N, C, g, g)."""
        values: Tensor = self.fc(self.conv(features).flatten(1))
        return values.view(-1, _OUTPUTS[self.form], self.grid, self.grid)
