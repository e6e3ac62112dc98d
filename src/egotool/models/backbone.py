"""The image network: a ResNet that also hands out the features before its last batch norm.

    images (N,3,224,224) → conv1 → layer1 → layer2 → layer3 → layer4 ─┬─ pre  (N,512,7,7)
                                                                      └─ post (N,512,7,7) → mean → fc

The blocks are torchvision's and so are the names in the state dict: its ImageNet weights load as they are.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck

Depth = Literal[18, 34, 50]
CompactStride = Literal[8, 16]

_BLOCKS: dict[int, tuple[int, int, int, int]] = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}

# Strides of the first convolution and the four layers; the paper's form has a max-pool (×2) between them.
_STRIDES = (2, 1, 2, 2, 2)
_COMPACT_STRIDES: dict[int, tuple[int, int, int, int, int]] = {8: (2, 1, 2, 2, 1), 16: (2, 1, 2, 2, 2)}


class BackboneFeatures(NamedTuple):
    """The two feature maps of the last block, both (N, C, h, w)."""

    post: Tensor
    """relu(bn2(conv2(·)) + residual): the ordinary output of a ResNet."""
    pre: Tensor
    """conv2(·) + residual, without the last batch norm and relu: what Ego-RNN feeds onwards."""


class Backbone(nn.Module):
    """ResNet-18, -34 or -50 giving `post` and `pre` features and the logits of its own classifier.

    With the default options the state dict has exactly torchvision's names and shapes (`conv1`, `bn1`,
    `layer1` … `layer4`, `fc`), so `load_state_dict(torchvision_weights)` is all that pre-training needs.

    Args:
        depth: 18, 34 (the paper's) or 50.
        classes: outputs of the backbone's own classifier `fc`: 1000 for ImageNet weights; a network trained
            from scratch uses the number of actions, so that the class activation map means something.
        in_channels: channels of the input; 3 for frames, 10 for five stacked flows.
        width: channels of layer1; layer4 has 8 times as many (32 times with depth 50).
        compact: the form for small frames: a 3×3 first convolution and no max-pool.
        stride: total stride of the compact form. 8 turns 56×56 into 7×7 (layer4 keeps layer3's grid), 16
            turns 112×112 into 7×7. The ordinary form has stride 32.
    """

    def __init__(
        self,
        depth: Depth = 34,
        *,
        classes: int = 1000,
        in_channels: int = 3,
        width: int = 64,
        compact: bool = False,
        stride: CompactStride = 8,
    ) -> None:
        super().__init__()
        if depth not in _BLOCKS:
            raise ValueError(f"depth is 18, 34 or 50, not {depth}")
        if compact and stride not in _COMPACT_STRIDES:
            raise ValueError(f"the stride of a compact backbone is 8 or 16, not {stride}")
        self._block: type[BasicBlock | Bottleneck] = Bottleneck if depth == 50 else BasicBlock
        self.feature_channels = width * 8 * self._block.expansion
        strides = _COMPACT_STRIDES[stride] if compact else _STRIDES
        self.stride = stride if compact else 32

        kernel = 3 if compact else 7
        self.conv1 = nn.Conv2d(in_channels, width, kernel, strides[0], kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool: nn.Module = nn.Identity() if compact else nn.MaxPool2d(3, 2, 1)
        self._channels = width
        counts = _BLOCKS[depth]
        self.layer1 = self._layer(width, counts[0], strides[1])
        self.layer2 = self._layer(width * 2, counts[1], strides[2])
        self.layer3 = self._layer(width * 4, counts[2], strides[3])
        self.layer4 = self._layer(width * 8, counts[3], strides[4])
        self.fc = nn.Linear(self.feature_channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        # Channels-last weights meet channels-last images: about a sixth faster on a CPU, more on a GPU.
        self.to(memory_format=torch.channels_last)

    def _layer(self, channels: int, count: int, stride: int) -> nn.Sequential:
        out_channels = channels * self._block.expansion
        downsample: nn.Sequential | None = None
        if stride != 1 or self._channels != out_channels:
            downsample = nn.Sequential(
                nn.Conv2d(self._channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )
        blocks = [self._block(self._channels, channels, stride, downsample)]
        self._channels = out_channels
        blocks += [self._block(out_channels, channels) for _ in range(count - 1)]
        return nn.Sequential(*blocks)

    @property
    def classifier(self) -> nn.Linear:
        """The backbone's own classifier, `fc` in the state dict."""
        return self.fc

    def forward(self, images: Tensor) -> BackboneFeatures:
        """Return both feature maps of images (N, in_channels, H, W), each (N, feature_channels, h, w)."""
        x = images.contiguous(memory_format=torch.channels_last)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        *first, last = self.layer4
        for block in first:
            x = block(x)
        return _both_features(last, x)

    def classify(self, post: Tensor) -> Tensor:
        """Return the logits (N, classes) of the classifier on average-pooled `post` features."""
        logits: Tensor = self.fc(post.mean(dim=(2, 3)))
        return logits


def _both_features(block: nn.Module, x: Tensor) -> BackboneFeatures:
    """Run the last residual block and return its output with and without the last batch norm and relu."""
    if isinstance(block, Bottleneck):
        inner = block.relu(block.bn1(block.conv1(x)))
        inner = block.relu(block.bn2(block.conv2(inner)))
        raw, normalised = block.conv3(inner), block.bn3
    elif isinstance(block, BasicBlock):
        inner = block.relu(block.bn1(block.conv1(x)))
        raw, normalised = block.conv2(inner), block.bn2
    else:
        raise TypeError(f"not a residual block: {type(block).__name__}")
    residual = x if block.downsample is None else block.downsample(x)
    return BackboneFeatures(post=F.relu(normalised(raw) + residual), pre=raw + residual)
