import torch

from egotool.models import ActionNetwork, Backbone, FlowNetwork, TwoStreamNetwork
from tests.models.plain import assert_close
from tests.models.test_backbone import shaken

CLASSES, HIDDEN, WIDTH = 5, 6, 2


def network() -> TwoStreamNetwork:
    torch.manual_seed(0)
    rgb = ActionNetwork(
        CLASSES, backbone=shaken(Backbone(18, classes=4, width=WIDTH, compact=True)), hidden=HIDDEN
    )
    flow = FlowNetwork(
        backbone=shaken(Backbone(18, classes=CLASSES, in_channels=10, width=WIDTH, compact=True))
    )
    return TwoStreamNetwork(CLASSES, rgb=rgb, flow=flow).double().eval()


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    frames = torch.randn(2, 3, 3, 24, 24, dtype=torch.float64)
    return frames, torch.randn(2, 5, 10, 24, 24, dtype=torch.float64)


def test_joint_scores_are_the_mean_over_stacks_with_gradients():
    net, (frames, flow) = network(), inputs()
    # As run, the joint network scores one stack at a time: concatenate, classify, then average the scores.
    seen = net.rgb(frames)
    scores = []
    for stack in range(5):
        post = net.flow.backbone(flow[:, stack]).post
        joined = torch.cat([seen.pooled, post.flatten(2).mean(dim=2)], dim=1)
        scores.append(joined @ net.classifier.weight.T + net.classifier.bias)
    expected = torch.stack(scores).mean(dim=0)
    output = net(frames, flow)
    assert_close(output.logits, expected)
    assert output.pooled.shape == (2, HIDDEN + WIDTH * 8)

    direction = torch.randn_like(expected)
    watched = [net.classifier.weight, net.rgb.convlstm.hidden_gates.weight, net.flow.backbone.conv1.weight]
    wanted = torch.autograd.grad((expected * direction).sum(), watched, retain_graph=True)
    given = torch.autograd.grad((output.logits * direction).sum(), watched)
    for ours, reference in zip(given, wanted, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-12)


def test_the_streams_see_what_they_see_alone():
    net, (frames, flow) = network(), inputs()
    output, rgb = net(frames, flow), net.rgb(frames)
    assert_close(output.pooled, torch.cat([rgb.pooled, net.flow(flow).pooled], dim=1))
    assert output.attention is not None
    assert rgb.attention is not None
    assert_close(output.attention, rgb.attention)


def test_the_classifiers_of_the_streams_are_not_used():
    net, (frames, flow) = network(), inputs()
    net(frames, flow).logits.sum().backward()
    assert net.rgb.classifier.weight.grad is None
    assert net.flow.backbone.fc.weight.grad is None
    assert net.classifier.weight.grad is not None
