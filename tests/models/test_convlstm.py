import math

import pytest
import torch

from egotool.models import ConvLSTM, fuse_gates
from tests.models.plain import EightGates, assert_close


@pytest.mark.parametrize("steps", [1, 4])
def test_equals_eight_separate_convolutions_with_gradients(steps):
    torch.manual_seed(steps)
    separate = EightGates(5, 3).double()
    fused = ConvLSTM(5, 3).double()
    fused.load_state_dict(fuse_gates(separate.state_dict()))
    sequence = torch.randn(2, steps, 5, 4, 6, dtype=torch.float64, requires_grad=True)
    copy = sequence.detach().clone().requires_grad_()

    states = fused(sequence)
    hiddens, cells = separate(copy)
    assert states.hidden.shape == states.cell.shape == (2, steps, 3, 4, 6)
    assert_close(states.hidden, torch.stack(hiddens, dim=1))
    assert_close(states.cell, torch.stack(cells, dim=1))

    directions = torch.randn(2, *states.cell.shape, dtype=torch.float64)
    ((states.hidden * directions[0]) + (states.cell * directions[1])).sum().backward()
    (torch.stack(hiddens, 1) * directions[0] + torch.stack(cells, 1) * directions[1]).sum().backward()
    assert_close(sequence.grad, copy.grad)
    gradients = {
        name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in separate.named_parameters()
    }
    expected = fuse_gates(gradients)
    for name, parameter in fused.named_parameters():
        actual = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert_close(actual, expected[name])


def test_later_frames_do_not_change_earlier_states():
    torch.manual_seed(0)
    fused = ConvLSTM(4, 4)
    sequence = torch.randn(1, 5, 4, 3, 3)
    changed = sequence.clone()
    changed[:, 3:] += 1
    before, after = fused(sequence), fused(changed)
    torch.testing.assert_close(before.cell[:, :3], after.cell[:, :3])
    assert not torch.allclose(before.cell[:, 3:], after.cell[:, 3:])


def test_order_of_frames_matters():
    torch.manual_seed(0)
    fused = ConvLSTM(4, 4)
    sequence = torch.randn(1, 5, 4, 3, 3)
    assert not torch.allclose(fused(sequence).cell[:, -1], fused(sequence.flip(1)).cell[:, -1])


def test_weights_are_xavier_normal_per_gate_and_biases_zero():
    torch.manual_seed(0)
    fused = ConvLSTM(32, 64)
    assert fused.input_gates.bias.abs().max() == 0
    assert fused.hidden_gates.bias is None
    for weight, channels in ((fused.input_gates.weight, 32), (fused.hidden_gates.weight, 64)):
        expected = math.sqrt(2 / (channels * 9 + 64 * 9))
        for gate in weight.chunk(4):
            assert float(gate.detach().std()) == pytest.approx(expected, rel=0.05)


def test_fuse_gates_names_a_missing_tensor():
    state = EightGates(2, 2).state_dict()
    del state["conv_c_hh.weight"]
    with pytest.raises(KeyError, match=r"conv_c_hh\.weight"):
        fuse_gates(state)
