"""Plain implementations of the paper's formulas: loops and separate tensors, one frame at a time."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

RELATIVE = 1e-5


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=RELATIVE, atol=1e-10)


class EightGates(nn.Module):
    """A ConvLSTM cell with one convolution per gate and source, named as in Ego-RNN's checkpoints."""

    def __init__(self, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        for gate in "ifco":
            setattr(self, f"conv_{gate}_xx", nn.Conv2d(in_channels, hidden, 3, padding=1))
            setattr(self, f"conv_{gate}_hh", nn.Conv2d(hidden, hidden, 3, padding=1, bias=False))

    def forward(self, sequence: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        batch, steps, _, height, width = sequence.shape
        hidden = sequence.new_zeros(batch, self.hidden, height, width)
        cell = sequence.new_zeros(batch, self.hidden, height, width)
        hiddens, cells = [], []
        for step in range(steps):
            x = sequence[:, step]
            gate = {
                name: getattr(self, f"conv_{name}_xx")(x) + getattr(self, f"conv_{name}_hh")(hidden)
                for name in "ifco"
            }
            cell = cell * torch.sigmoid(gate["f"]) + torch.sigmoid(gate["i"]) * torch.tanh(gate["c"])
            hidden = torch.sigmoid(gate["o"]) * torch.tanh(cell)
            hiddens.append(hidden)
            cells.append(cell)
        return hiddens, cells


def attend(post: Tensor, pre: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Equations (2) and (3), frame by frame and position by position."""
    attended, maps = [], []
    for one_post, one_pre in zip(post, pre, strict=True):
        scores = weight @ one_post.mean(dim=(1, 2)) + bias
        row = weight[int(torch.argmax(scores))]
        height, width = one_post.shape[1:]
        activation = torch.stack([row @ one_post[:, y, x] for y in range(height) for x in range(width)])
        exponents = torch.exp(activation - activation.max().detach())
        attention = (exponents / exponents.sum()).reshape(height, width)
        maps.append(attention)
        attended.append(one_pre * attention)
    return torch.stack(attended), torch.stack(maps)


def filtered(filters: Tensor, images: Tensor) -> Tensor:
    """Every image convolved with its own filter, image by image."""
    results = []
    for kernel, image in zip(filters, images, strict=True):
        count, side, _ = kernel.shape
        if count == 9:
            result = F.conv2d(image[None], kernel.reshape(3, 3, side, side), padding=side // 2)[0]
        else:
            planes = [
                F.conv2d(image[None, c : c + 1], kernel[None, c : c + 1], padding=side // 2) for c in range(3)
            ]
            result = torch.cat([plane[0] for plane in planes])
        results.append(result)
    return torch.stack(results)
