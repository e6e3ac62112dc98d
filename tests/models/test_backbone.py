from itertools import pairwise

import pytest
import torch
import torchvision
from torch import Tensor, nn

from egotool.models import Backbone
from tests.models.plain import assert_close

BUILDERS = {
    18: torchvision.models.resnet18,
    34: torchvision.models.resnet34,
    50: torchvision.models.resnet50,
}


def torchvision_features(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Outputs of torchvision's own forward pass, and what passed through its last block."""
    seen: dict[str, Tensor] = {}
    last = network.layer4[-1]
    convolution = last.conv3 if hasattr(last, "conv3") else last.conv2
    last.register_forward_hook(lambda _m, inputs, output: seen.update(residual=inputs[0], post=output))
    convolution.register_forward_hook(lambda _m, _i, output: seen.update(raw=output.clone()))
    seen["logits"] = network(images)
    return seen


def shaken(network: nn.Module) -> nn.Module:
    """The network in float64 with batch norms that are no identity."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.double().eval()


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_state_dict_is_torchvisions(depth):
    with torch.device("meta"):
        expected = {name: value.shape for name, value in BUILDERS[depth]().state_dict().items()}
        actual = {name: value.shape for name, value in Backbone(depth).state_dict().items()}
    assert actual == expected


@pytest.mark.parametrize("depth", [18, 50])
def test_features_logits_and_gradients_equal_torchvisions(depth):
    torch.manual_seed(depth)
    theirs = shaken(BUILDERS[depth](num_classes=7))
    ours = Backbone(depth, classes=7).double().eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 40, 64, dtype=torch.float64)

    expected = torchvision_features(theirs, images)
    features = ours(images)
    logits = ours.classify(features.post)
    assert_close(features.post, expected["post"])
    assert_close(features.pre, expected["raw"] + expected["residual"])
    assert_close(logits, expected["logits"])

    weights = torch.randn_like(logits)
    (expected["logits"] * weights).sum().backward()
    (logits * weights).sum().backward()
    for (name, ours_p), (_, theirs_p) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert ours_p.grad is not None, name
        torch.testing.assert_close(ours_p.grad, theirs_p.grad, rtol=1e-5, atol=1e-9)


def test_pre_lets_no_gradient_into_the_last_batch_norm():
    backbone = Backbone(18, classes=3, width=8, compact=True)
    backbone(torch.randn(2, 3, 56, 56)).pre.sum().backward()
    last = backbone.layer4[-1]
    assert last.bn2.weight.grad is None
    assert last.conv2.weight.grad is not None
    assert backbone.conv1.weight.grad is not None
    assert backbone.fc.weight.grad is None


@pytest.mark.parametrize(
    ("compact", "stride", "size", "grid"),
    [(False, 8, 224, 7), (True, 8, 56, 7), (True, 8, 64, 8), (True, 16, 112, 7)],
)
def test_grid_and_channels(compact, stride, size, grid):
    backbone = Backbone(18, classes=5, width=8, compact=compact, stride=stride).eval()
    features = backbone(torch.randn(1, 3, size, size))
    assert backbone.feature_channels == 64
    assert features.post.shape == features.pre.shape == (1, 64, grid, grid)
    assert backbone.stride == (stride if compact else 32)
    assert backbone.classify(features.post).shape == (1, 5)


def test_compact_is_a_torchvision_network_with_other_strides_and_stem():
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=4)
    theirs.conv1 = nn.Conv2d(3, 64, 3, 2, 1, bias=False)
    theirs.maxpool = nn.Identity()
    theirs.layer4[0].conv1.stride = theirs.layer4[0].downsample[0].stride = (1, 1)
    theirs = shaken(theirs)
    ours = Backbone(18, classes=4, compact=True).double().eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 40, 40, dtype=torch.float64)
    assert_close(ours.classify(ours(images).post), theirs(images))


def test_flow_network_takes_ten_channels():
    backbone = Backbone(18, classes=4, in_channels=10, width=8).eval()
    assert backbone(torch.randn(1, 10, 64, 64)).post.shape == (1, 64, 2, 2)
    assert backbone.conv1.weight.shape == (8, 10, 7, 7)


def test_features_have_the_expected_spread_at_first():
    """Fan-out initialisation: activations neither vanish nor explode through the layers."""
    torch.manual_seed(0)
    backbone = Backbone(34, classes=4, width=16, compact=True)
    x = backbone.relu(backbone.bn1(backbone.conv1(torch.randn(8, 3, 56, 56))))
    spreads = []
    for layer in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
        x = layer(x)
        spreads.append(float(x.detach().std()))
    assert all(0.3 < later / earlier < 3 for earlier, later in pairwise(spreads))


@pytest.mark.parametrize("options", [{"depth": 20}, {"depth": 18, "compact": True, "stride": 4}])
def test_impossible_options(options):
    with pytest.raises(ValueError, match=r"18, 34 or 50|8 or 16"):
        Backbone(**options)
