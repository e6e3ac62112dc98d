"""The sizes of a network, read off the shapes of its tensors."""

import math
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from egotool.errors import RunError
from egotool.runs.network import IMAGENET_CLASSES

_DEPTHS = {(2, False): 18, (6, False): 34, (6, True): 50}
"""Depth of a ResNet by the number of blocks in layer3 and whether they are bottlenecks."""
_HIDDEN_OF_MASK_HEAD = 100


class ForeignShapes:
    """Sizes of the network, read off the shapes of its tensors."""

    def __init__(self, tensors: Mapping[str, Tensor], file: Path) -> None:
        self._tensors = tensors
        self._file = file

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        """Return the shape of a tensor that every such network has."""
        tensor = self._tensors.get(name)
        if tensor is None:
            raise RunError(f"{self._file} is incomplete: nothing in it becomes {name}")
        if tensor.dim() != dimensions or 0 in tensor.shape:
            raise RunError(f"{self._file}: {name} has the shape {tuple(tensor.shape)}, which fits no network")
        return tuple(tensor.shape)

    def rows(self, name: str) -> int:
        """Return the outputs of a linear layer."""
        return self.shape(name, 2)[0]

    def has(self, name: str) -> bool:
        """Whether there is such a tensor."""
        return name in self._tensors

    def backbone(self, prefix: str, recipe_prefix: str, *, flow: bool) -> list[str]:
        """Return the overrides that give a ResNet its depth, width and classifier."""
        width = self.shape(f"{prefix}conv1.weight", 4)[0]
        blocks = {
            name.removeprefix(f"{prefix}layer3.").split(".")[0] for name in self._under(f"{prefix}layer3.")
        }
        bottleneck = self.has(f"{prefix}layer3.0.conv3.weight")
        depth = _DEPTHS.get((len(blocks), bottleneck))
        if depth is None:
            raise RunError(
                f"{self._file}: {prefix}layer3 has {len(blocks)} blocks, which is no ResNet-18, 34 or 50"
            )
        if width % 8:
            raise RunError(f"{self._file}: a ResNet of width {width} cannot be imported, only multiples of 8")
        imagenet = not flow and self.rows(f"{prefix}fc.weight") == IMAGENET_CLASSES
        key = f"{recipe_prefix}network.backbone"
        return [
            f"{key}.depth={depth}",
            f"{key}.width={width}",
            f"{key}.classifier={'imagenet' if imagenet else 'actions'}",
            f"{key}.weights={'imagenet' if (imagenet or flow) and width == 64 else 'random'}",
        ]

    def _under(self, prefix: str) -> list[str]:
        return [name for name in self._tensors if name.startswith(prefix)]

    def hidden(self, prefix: str) -> int:
        """Return the channels of the ConvLSTM."""
        return self.shape(f"{prefix}convlstm.hidden_gates.weight", 4)[1]

    def stack(self, prefix: str) -> int:
        """Return the number of flows of a stack."""
        channels = self.shape(f"{prefix}conv1.weight", 4)[1]
        if channels % 2:
            raise RunError(
                f"{self._file}: {prefix}conv1 has {channels} input channels; flow has two per frame"
            )
        return channels // 2

    def head(self) -> list[str]:
        """Return the overrides that give a self-supervised head its form, and the clips its grid."""
        if self.has("head.conv.3.weight"):
            filters = self.shape("head.conv.3.weight", 4)[0]
            if filters not in (3, 9):
                raise RunError(f"{self._file}: a dynamic-filter head has 9 or 3 filters, not {filters}")
            return [f"head.form={'full' if filters == 9 else 'depthwise'}"]
        rows, columns = self.shape("head.fc.0.weight", 2)
        cells = columns // _HIDDEN_OF_MASK_HEAD
        grid = math.isqrt(cells)
        if grid * grid * _HIDDEN_OF_MASK_HEAD != columns or rows not in (cells, 2 * cells):
            raise RunError(
                f"{self._file}: a motion segmentation head of shape ({rows}, {columns}) fits no grid"
            )
        form, loss = ("classification", "cross-entropy") if rows == 2 * cells else ("regression", "l1")
        sizes = [] if grid == 7 else [f"clips.crop_size={32 * grid}", f"clips.short_side={32 * grid}"]
        return [f"head.form={form}", f"head.loss={loss}", *sizes]
