"""Plain re-creations of the original networks: the same names in the state dict, the same computation.

Written from the description of the layout (docs/weights.md), with torchvision's ResNet and separate gates.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import ResNet, resnet18, resnet34, resnet50

from tests.models.plain import EightGates, attend

RESNETS = {18: resnet18, 34: resnet34, 50: resnet50}


def shaken(network: nn.Module, seed: int) -> nn.Module:
    """Make batch norms differ from the identity, and classifiers decisive."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(0.1 * torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
            with torch.no_grad():
                module.weight.copy_(0.5 + 0.5 * torch.rand(module.num_features, generator=generator))
                module.bias.copy_(0.1 * torch.randn(module.num_features, generator=generator))
    return network.eval()


def both_features(resnet: ResNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """Ordinary features, and those without the last batch norm and relu."""
    x = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(images))))
    x = resnet.layer3(resnet.layer2(resnet.layer1(x)))
    for block in resnet.layer4[:-1]:
        x = block(x)
    block = resnet.layer4[-1]
    raw = block.conv2(F.relu(block.bn1(block.conv1(x))))
    return F.relu(block.bn2(raw) + x), raw + x


class MotionHead(nn.Module):
    def __init__(self, channels: int, grid: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, 100, 1))
        self.fc = nn.Sequential(nn.Linear(100 * grid * grid, outputs * grid * grid))
        self.shape = (outputs, grid, grid)

    def forward(self, features: Tensor) -> Tensor:
        return self.fc(self.conv(features).flatten(1)).unflatten(1, self.shape)


class FilterHead(nn.Module):
    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, filters, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features)


class OriginalRgb(nn.Module):
    """Ego-RNN's network on frames, with or without attention, with one head or none."""

    def __init__(
        self,
        classes: int,
        *,
        depth: int = 18,
        hidden: int = 16,
        attention: bool = True,
        head: nn.Module | None = None,
        head_name: str = "sup_head",
        tap: str = "convlstm",
    ) -> None:
        super().__init__()
        self.resNet = RESNETS[depth]()
        if attention:
            self.weight_softmax = self.resNet.fc.weight
        self.lstm_cell = EightGates(self.resNet.fc.in_features, hidden)
        self.dropout = nn.Dropout(0.7)
        self.fc = nn.Linear(hidden, classes)
        self.classifier = nn.Sequential(self.dropout, self.fc)
        self.attention, self.tap, self.head_name = attention, tap, head_name
        if head is not None:
            setattr(self, head_name, head)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Logits, pooled state, attention (B, T, h, w) and head output (B, T, …)."""
        inputs, maps, pres = [], [], []
        for step in range(frames.shape[1]):
            post, pre = both_features(self.resNet, frames[:, step])
            pres.append(pre)
            if self.attention:
                pre, attention = attend(post, pre, self.weight_softmax, self.resNet.fc.bias)
                maps.append(attention)
            inputs.append(pre)
        _, cells = self.lstm_cell(torch.stack(inputs, dim=1))
        pooled = F.adaptive_avg_pool2d(cells[-1], 1).flatten(1)
        head = getattr(self, self.head_name, None)
        tapped = cells if self.tap == "convlstm" else pres
        outputs = None if head is None else torch.stack([head(each) for each in tapped], dim=1)
        return self.classifier(pooled), pooled, torch.stack(maps, dim=1) if maps else None, outputs


class OriginalFlow(nn.Module):
    """The network on a stack of five flows."""

    def __init__(self, classes: int, *, depth: int = 18) -> None:
        super().__init__()
        resnet = RESNETS[depth]()
        self.conv1 = nn.Conv2d(10, 64, 7, 2, 3, bias=False)
        for name in ("bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool"):
            setattr(self, name, getattr(resnet, name))
        self.dp = nn.Dropout(0.5)
        self.fc_action = nn.Linear(resnet.fc.in_features, classes)

    def forward(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        x = self.maxpool(self.relu(self.bn1(self.conv1(stack))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        pooled = self.avgpool(x).flatten(1)
        return self.fc_action(self.dp(pooled)), pooled


class OriginalTwoStream(nn.Module):
    """Both networks and a joint classifier: flow comes first."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.flowModel = OriginalFlow(classes)
        self.frameModel = OriginalRgb(classes)
        self.fc2 = nn.Linear(512 + 16, classes)
        self.classifier = nn.Sequential(nn.Dropout(0.5), self.fc2)

    def forward(self, frames: Tensor, stack: Tensor) -> Tensor:
        return self.classifier(torch.cat([self.flowModel(stack)[1], self.frameModel(frames)[1]], dim=1))
