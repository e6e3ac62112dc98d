"""Convolutional LSTM over the frames of a clip."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

GATES = ("i", "f", "c", "o")
"""Order of the gates in the fused convolutions: input, forget, candidate, output."""


class ConvLSTMStates(NamedTuple):
    """The states after every step, both (B, T, C, h, w)."""

    hidden: Tensor
    cell: Tensor


class ConvLSTM(nn.Module):
    """ConvLSTM as in Ego-RNN: 3×3 convolutions, four gates, no peepholes, zero initial state.

        i, f, o = σ(W_x ∗ x_t + b + W_h ∗ h_{t-1})      c̃ = tanh(W_x ∗ x_t + b + W_h ∗ h_{t-1})
        c_t = f · c_{t-1} + i · c̃                       h_t = o · tanh(c_t)

    Bias is on the input convolutions only. Weights are Xavier-normal per gate, biases zero.

    Two fused convolutions hold the four gates one after another along the output channels, in the order of
    `GATES` (i, f, c, o); with C hidden channels:

        input_gates.weight   (4C, in_channels, 3, 3)    rows 0:C = i, C:2C = f, 2C:3C = c, 3C:4C = o
        input_gates.bias     (4C,)
        hidden_gates.weight  (4C, C, 3, 3)

    Eight separate convolutions `conv_{i,f,c,o}_xx` (weight, bias) and `conv_{i,f,c,o}_hh` (weight) of other
    people's checkpoints therefore map by concatenation: see `fuse_gates`.

    Args:
        in_channels: channels of the features of a frame.
        hidden_channels: channels C of the hidden and the cell state.
    """

    def __init__(self, in_channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.input_gates = nn.Conv2d(in_channels, 4 * hidden_channels, 3, padding=1)
        self.hidden_gates = nn.Conv2d(hidden_channels, 4 * hidden_channels, 3, padding=1, bias=False)
        for convolution in (self.input_gates, self.hidden_gates):
            for gate_weight in convolution.weight.detach().chunk(4):
                nn.init.xavier_normal_(gate_weight)
        assert self.input_gates.bias is not None
        nn.init.zeros_(self.input_gates.bias)

    def forward(self, sequence: Tensor) -> ConvLSTMStates:
        """Return the states after every step of a sequence (B, T, in_channels, h, w)."""
        batch, steps = sequence.shape[:2]
        # The inputs of all steps are known beforehand: one large convolution instead of T small ones.
        frames = sequence.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        from_input = self.input_gates(frames).unflatten(0, (batch, steps))
        hidden_states: list[Tensor] = []
        cell_states: list[Tensor] = []
        hidden: Tensor | None = None
        cell: Tensor | None = None
        for step in range(steps):
            gates = from_input[:, step]
            if hidden is not None:  # the zero initial state adds nothing, and has no bias to add
                gates = gates + self.hidden_gates(hidden)
            input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
            update = torch.sigmoid(input_gate) * torch.tanh(candidate)
            cell = update if cell is None else torch.sigmoid(forget_gate) * cell + update
            hidden = torch.sigmoid(output_gate) * torch.tanh(cell)
            hidden_states.append(hidden)
            cell_states.append(cell)
        return ConvLSTMStates(hidden=torch.stack(hidden_states, dim=1), cell=torch.stack(cell_states, dim=1))


def fuse_gates(separate: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn the tensors of eight separate gate convolutions into a state dict of `ConvLSTM`.

    Args:
        separate: `conv_{i,f,c,o}_xx.weight`, `conv_{i,f,c,o}_xx.bias` and `conv_{i,f,c,o}_hh.weight`.

    Raises:
        KeyError: if one of the twelve tensors is missing.
    """
    return {
        "input_gates.weight": torch.cat([separate[f"conv_{gate}_xx.weight"] for gate in GATES]),
        "input_gates.bias": torch.cat([separate[f"conv_{gate}_xx.bias"] for gate in GATES]),
        "hidden_gates.weight": torch.cat([separate[f"conv_{gate}_hh.weight"] for gate in GATES]),
    }
