import pytest
import torch
from torch.nn import functional as F

from egotool.models import Backbone, FlowNetwork
from tests.models.plain import assert_close
from tests.models.test_backbone import shaken

CLASSES, WIDTH = 5, 2


def network(dropout: float = 0.5) -> FlowNetwork:
    torch.manual_seed(0)
    backbone = shaken(Backbone(18, classes=CLASSES, in_channels=10, width=WIDTH, compact=True))
    return FlowNetwork(backbone=backbone, dropout=dropout).double().eval()


def test_scores_are_the_mean_over_stacks_with_gradients():
    net = network()
    flow = torch.randn(2, 5, 10, 24, 24, dtype=torch.float64)
    scores = []
    for stack in range(5):  # every stack on its own, classified, then averaged
        post = net.backbone(flow[:, stack]).post
        pooled = post.flatten(2).sum(dim=2) / (post.shape[2] * post.shape[3])
        scores.append(F.linear(pooled, net.backbone.fc.weight, net.backbone.fc.bias))
    expected = sum(scores) / 5
    actual = net(flow).logits
    assert_close(actual, expected)

    direction = torch.randn_like(expected)
    parameters = dict(net.named_parameters())
    wanted = torch.autograd.grad((expected * direction).sum(), list(parameters.values()))
    given = torch.autograd.grad((actual * direction).sum(), list(parameters.values()))
    for name, ours, reference in zip(parameters, given, wanted, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-12, msg=name)


def test_what_does_not_belong_to_a_flow_network_is_absent():
    output = network()(torch.randn(1, 2, 10, 24, 24, dtype=torch.float64))
    assert output.pooled.shape == (1, WIDTH * 8)
    assert output.attention is output.head_output is output.frame_logits is None


def test_dropout_acts_on_the_pooled_features_in_training_only():
    net = network(dropout=0.9)
    flow = torch.randn(3, 1, 10, 24, 24, dtype=torch.float64)
    calm = net(flow)
    net.dropout.train()  # batch norms stay as they are
    torch.manual_seed(1)
    dropped = net(flow)
    assert_close(dropped.pooled, calm.pooled)
    assert not torch.allclose(dropped.logits, calm.logits)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_depths_and_stacks(depth):
    backbone = Backbone(depth, classes=3, in_channels=6, width=8, compact=True)
    assert FlowNetwork(backbone=backbone)(torch.randn(1, 2, 6, 24, 24)).logits.shape == (1, 3)
