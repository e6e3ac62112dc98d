"""ImageNet weights into networks; the files are made here, in torchvision's layout."""

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from egotool.errors import RunError
from egotool.models import ActionNetwork, FlowNetwork
from egotool.runs import build_network, load_recipe, read_weights
from egotool.training import TrainingRequest, find_imagenet_weights, load_imagenet_weights, train_model
from tests.training.small_store import MOVES, make_labelled_store

DEPTH = "network.backbone.depth=18"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(7)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    state = resnet18(weights=None).state_dict()
    torch.save(
        {name: each for name, each in state.items() if "num_batches" not in name}, path
    )  # as before 2018
    return path


def loaded(model: str, file: Path) -> ActionNetwork | FlowNetwork:
    network = build_network(load_recipe(model, "paper", overrides=[DEPTH]), 7)
    assert isinstance(network, ActionNetwork | FlowNetwork)
    weights = find_imagenet_weights(18, file=file)
    assert weights is not None
    load_imagenet_weights(network, weights)
    return network


def test_frames_take_all_of_it(file: Path) -> None:
    state, network = torch.load(file, weights_only=True), loaded("convlstm-attention", file)
    ours = network.backbone.state_dict()
    assert all(torch.equal(ours[name], tensor) for name, tensor in state.items())


def test_flow_averages_the_first_convolution_over_colours_and_keeps_its_classifier(file: Path) -> None:
    state = torch.load(file, weights_only=True)
    torch.manual_seed(0)
    fresh = build_network(load_recipe("flow", "paper", overrides=[DEPTH]), 7)
    torch.manual_seed(0)
    network = loaded("flow", file)
    ours = network.backbone.state_dict()
    assert ours["conv1.weight"].shape == (64, 10, 7, 7)
    for channel in range(10):
        mean = (state["conv1.weight"][:, 0] + state["conv1.weight"][:, 1] + state["conv1.weight"][:, 2]) / 3
        torch.testing.assert_close(ours["conv1.weight"][:, channel], mean)
    for name, tensor in state.items():
        if name not in ("conv1.weight", "fc.weight", "fc.bias"):
            assert torch.equal(ours[name], tensor), name
    assert torch.equal(ours["fc.weight"], fresh.state_dict()["backbone.fc.weight"])


def test_a_backbone_that_tells_the_actions_apart_keeps_its_classifier(file: Path, tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", each=1)
    overrides = [
        DEPTH, "network.backbone.classifier=actions", "network.hidden=8", "clips.length=2",
        "clips.short_side=64", "clips.crop_size=64", "stages.0.epochs=1", "stages.1.epochs=1",
        "stages.1.frame_loss_weight=0.5",
    ]  # fmt: skip
    recipe = load_recipe("convlstm-attention", "paper", overrides=overrides)
    wanted = TrainingRequest(recipe=recipe, store=store, runs=tmp_path / "runs", device="cpu", weights=file)
    run = train_model(wanted).run
    state, trained = torch.load(file, weights_only=True), read_weights(run.best_checkpoint)
    assert trained["backbone.fc.weight"].shape == (len(MOVES), 512)
    assert torch.equal(trained["backbone.layer3.0.conv1.weight"], state["layer3.0.conv1.weight"])


def test_weights_of_another_depth_are_refused(file: Path) -> None:
    network = build_network(load_recipe("flow", "paper"), 7)
    weights = find_imagenet_weights(34, file=file)
    assert weights is not None
    assert isinstance(network, FlowNetwork)
    with pytest.raises(RunError, match="does not hold the ImageNet weights of ResNet-34"):
        load_imagenet_weights(network, weights)
