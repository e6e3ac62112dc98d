import pytest
import torch
from torch import Tensor, nn

from egotool.models import (
    ActionNetwork,
    Backbone,
    DynamicFilterHead,
    MotionSegmentationHead,
    NetworkOutput,
    fuse_gates,
)
from tests.models import plain
from tests.models.plain import EightGates, assert_close
from tests.models.test_backbone import shaken

CLASSES, HIDDEN, WIDTH = 5, 6, 2


def network(**options: object) -> ActionNetwork:
    torch.manual_seed(0)
    backbone = shaken(Backbone(18, classes=4, width=WIDTH, compact=True))
    return ActionNetwork(CLASSES, backbone=backbone, hidden=HIDDEN, **options).double().eval()


def plain_forward(
    net: ActionNetwork, separate: EightGates, frames: Tensor
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Logits, attention and cell states, one frame after another, with eight gate convolutions."""
    weight, bias = net.backbone.fc.weight, net.backbone.fc.bias
    attended, maps = [], []
    for step in range(frames.shape[1]):
        post, pre = net.backbone(frames[:, step])
        features, attention = plain.attend(post, pre, weight, bias)
        attended.append(features)
        maps.append(attention)
    _, cells = separate(torch.stack(attended, dim=1))
    pooled = cells[-1].flatten(2).sum(dim=2) / (cells[-1].shape[2] * cells[-1].shape[3])
    logits = pooled @ net.classifier.weight.T + net.classifier.bias
    return logits, torch.stack(maps, dim=1), cells


def test_equals_the_plain_network_with_gradients():
    net = network()
    separate = EightGates(WIDTH * 8, HIDDEN).double()
    net.convlstm.load_state_dict(fuse_gates(separate.state_dict()))
    frames = torch.randn(2, 3, 3, 24, 24, dtype=torch.float64)
    logits, attention, _ = plain_forward(net, separate, frames)
    output = net(frames)
    assert_close(output.logits, logits)
    assert_close(output.attention, attention)

    direction = torch.randn_like(logits)
    names = [name for name, _ in net.backbone.named_parameters() if name not in ("fc.bias",)]
    parameters = dict(net.backbone.named_parameters())
    expected = torch.autograd.grad((logits * direction).sum(), [parameters[n] for n in names])
    actual = torch.autograd.grad((output.logits * direction).sum(), [parameters[n] for n in names])
    for name, ours, reference in zip(names, actual, expected, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-12, msg=name)


def test_head_sees_every_cell_state_or_every_pre():
    frames = torch.randn(2, 3, 3, 24, 24, dtype=torch.float64)
    at_convlstm = network(head=DynamicFilterHead(HIDDEN), tap="convlstm")
    pre = at_convlstm.backbone(frames.flatten(0, 1)).pre
    post = at_convlstm.backbone(frames.flatten(0, 1)).post
    fc = at_convlstm.backbone.fc
    attended, _ = plain.attend(post, pre, fc.weight, fc.bias)
    cells = at_convlstm.convlstm(attended.view(2, 3, *attended.shape[1:])).cell
    expected = torch.stack([at_convlstm.head(cells[:, step]) for step in range(3)], dim=1)
    assert_close(at_convlstm(frames).head_output, expected)

    at_cnn = network(head=MotionSegmentationHead(WIDTH * 8, 3), tap="cnn")
    expected = at_cnn.head(pre).view(2, 3, 1, 3, 3)  # not weighted by attention
    assert_close(at_cnn(frames).head_output, expected)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize(
    ("head", "tap", "shape"),
    [
        (None, "convlstm", None),
        (DynamicFilterHead(HIDDEN), "convlstm", (2, 3, 9, 3, 3)),
        (DynamicFilterHead(WIDTH * 8, form="depthwise"), "cnn", (2, 3, 3, 3, 3)),
        (MotionSegmentationHead(HIDDEN, 3), "convlstm", (2, 3, 1, 3, 3)),
        (MotionSegmentationHead(WIDTH * 8, 3, form="classification"), "cnn", (2, 3, 2, 3, 3)),
    ],
)
def test_shapes_of_every_composition(attention, head, tap, shape):
    output: NetworkOutput = network(attention=attention, head=head, tap=tap)(
        torch.randn(2, 3, 3, 24, 24, dtype=torch.float64)
    )
    assert output.logits.shape == (2, CLASSES)
    assert output.frame_logits.shape == (2, 3, 4)
    assert output.pooled.shape == (2, HIDDEN)
    assert (output.attention is None) is not attention
    if output.attention is not None:
        assert output.attention.shape == (2, 3, 3, 3)
    assert (output.head_output is None) is (shape is None)
    if output.head_output is not None:
        assert output.head_output.shape == shape


def gradients(net: nn.Module, value: Tensor) -> set[str]:
    net.zero_grad()
    value.backward()
    return {name for name, p in net.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}


def test_gradients_reach_what_they_should():
    frames = torch.randn(2, 3, 3, 24, 24, dtype=torch.float64)
    net = network(head=DynamicFilterHead(HIDDEN), tap="convlstm")
    every = {name for name, _ in net.named_parameters()}
    head = {name for name in every if name.startswith("head.")}
    classifier = {"classifier.weight", "classifier.bias"}
    unused = {"backbone.fc.bias"}
    assert gradients(net, net(frames).logits.square().sum()) == every - head - unused
    assert gradients(net, net(frames).head_output.square().sum()) == every - classifier - unused
    assert gradients(net, net(frames).frame_logits.square().sum()) == {
        name for name in every if name.startswith("backbone.")
    }

    tapped = network(head=DynamicFilterHead(WIDTH * 8), tap="cnn")
    reached = gradients(tapped, tapped(frames).head_output.square().sum())
    assert not any(name.startswith(("convlstm.", "classifier.", "backbone.fc.")) for name in reached)
    assert "backbone.conv1.weight" in reached
    assert not any(name.startswith("backbone.layer4.1.bn2") for name in reached)

    without = network(attention=False)
    reached = gradients(without, without(frames).logits.square().sum())
    assert not any(name.startswith("backbone.fc.") for name in reached)


def test_the_papers_literal_form():
    frames = torch.randn(2, 3, 3, 24, 24, dtype=torch.float64)
    net = network(features="post", state="hidden", head=DynamicFilterHead(HIDDEN))
    post = net.backbone(frames.flatten(0, 1)).post
    fc = net.backbone.fc
    attended, _ = plain.attend(post, post, fc.weight, fc.bias)
    hidden = net.convlstm(attended.view(2, 3, *attended.shape[1:])).hidden
    output = net(frames)
    assert_close(output.logits, net.classifier(hidden[:, -1].mean(dim=(2, 3))))
    assert_close(output.head_output, net.head(hidden.flatten(0, 1)).view_as(output.head_output))


def test_dropout_only_in_training():
    net = network(dropout=0.7)
    frames = torch.randn(1, 2, 3, 24, 24, dtype=torch.float64)
    assert torch.equal(net(frames).logits, net(frames).logits)
    net.dropout.train()
    assert not torch.equal(net(frames).logits, net(frames).logits)


def test_clips_of_a_batch_do_not_mix():
    net = network(head=MotionSegmentationHead(HIDDEN, 3))
    frames = torch.randn(3, 2, 3, 24, 24, dtype=torch.float64)
    together = net(frames)
    for number in range(3):
        alone = net(frames[number : number + 1])
        for one, many in zip(alone, together, strict=True):
            assert_close(one, many[number : number + 1])


def test_state_dict_survives_a_file(tmp_path):
    net = network(head=DynamicFilterHead(HIDDEN))
    torch.save(net.state_dict(), tmp_path / "weights.ckpt")
    other = network(head=DynamicFilterHead(HIDDEN))
    nn.init.zeros_(other.classifier.weight)
    other.load_state_dict(torch.load(tmp_path / "weights.ckpt", weights_only=True))
    frames = torch.randn(1, 2, 3, 24, 24, dtype=torch.float64)
    assert torch.equal(net(frames).logits, other(frames).logits)


def test_unknown_tap():
    with pytest.raises(ValueError, match="cnn or convlstm"):
        network(tap="classifier")
