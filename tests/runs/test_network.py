from pathlib import Path

import pytest
import torch
from torchvision.models import resnet34

from egotool.errors import RunError
from egotool.runs import (
    Recipe,
    build_network,
    freeze,
    load_recipe,
    load_weights,
    save_weights,
    set_training_mode,
    trainable_tensors,
)

SMALL = ("network.hidden=8", "network.backbone.width=8")
MAIN = {
    "convlstm.input_gates.weight",
    "convlstm.input_gates.bias",
    "convlstm.hidden_gates.weight",
    "classifier.weight",
    "classifier.bias",
}
LAYER4 = {f"backbone.layer4.{block}.conv{number}.weight" for block in range(3) for number in (1, 2)} | {
    "backbone.fc.weight",
    "backbone.fc.bias",
}
HEADS = {
    "convlstm": set(),
    "convlstm-attention": set(),
    "dynamic-net": {"head.conv.1.weight", "head.conv.1.bias", "head.conv.3.weight", "head.conv.3.bias"},
    "convlstm-dynamic": {"head.conv.1.weight", "head.conv.1.bias", "head.conv.3.weight", "head.conv.3.bias"},
    "idt-net": {"head.conv.1.weight", "head.conv.1.bias", "head.fc.0.weight", "head.fc.0.bias"},
    "convlstm-idt": {"head.conv.1.weight", "head.conv.1.bias", "head.fc.0.weight", "head.fc.0.bias"},
}


def small(model: str, *overrides: str) -> Recipe:
    return load_recipe(model, "small", overrides=[*SMALL, *overrides])


@pytest.mark.parametrize("model", sorted(HEADS))
def test_as_run_each_stage_trains_just_what_the_paper_trained(model: str) -> None:
    recipe = load_recipe(model, "paper")
    first = recipe.until(0)
    with torch.device("meta"):  # only the names matter
        first_network, network = build_network(first, 61), build_network(recipe, 61)
    assert set(trainable_tensors(first_network, first.stages[0]).names) == MAIN
    tensors = trainable_tensors(network, recipe.stages[1])
    assert (set(tensors.main), set(tensors.head), set(tensors.backbone)) == (MAIN, HEADS[model], LAYER4)


def test_as_run_flow_trains_everything() -> None:
    recipe = load_recipe("flow", "paper")
    with torch.device("meta"):
        network = build_network(recipe, 61)
    tensors = trainable_tensors(network, recipe.stages[0])
    assert set(tensors.names) == {name for name, _ in network.named_parameters()}
    assert set(tensors.main) == {"backbone.fc.weight", "backbone.fc.bias"}
    assert network.backbone.fc.out_features == 61
    assert network.backbone.conv1.in_channels == 10


def test_as_run_two_stream_trains_layer4_of_both_and_no_unused_classifier() -> None:
    recipe = load_recipe("two-stream", "paper")
    with torch.device("meta"):
        network = build_network(recipe, 61)
    tensors = trainable_tensors(network, recipe.stages[0])
    convlstm = {name for name in MAIN if name.startswith("convlstm.")}
    classifier = {"classifier.weight", "classifier.bias"}
    assert set(tensors.main) == classifier | {f"rgb.{name}" for name in convlstm}
    assert set(tensors.backbone) == {f"rgb.{name}" for name in LAYER4}
    with torch.device("meta"):
        layer4 = dict(resnet34().layer4.named_parameters())
    assert set(tensors.flow) == {f"flow.backbone.layer4.{name}" for name in layer4}
    assert tensors.head == ()


def test_only_batch_norms_that_are_trained_keep_counting() -> None:
    recipe = load_recipe("two-stream", "paper")
    with torch.device("meta"):
        network = build_network(recipe, 5)
    set_training_mode(network, recipe.stages[0])
    counting = {
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d) and module.training
    }
    assert counting == {
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d) and name.startswith("flow.backbone.layer4.")
    }


@pytest.mark.parametrize("model", sorted(HEADS))
def test_from_scratch_everything_is_trained(model: str) -> None:
    recipe = small(model)
    network = build_network(recipe, 5)
    names = {name for name, _ in network.named_parameters()}
    assert set(trainable_tensors(network, recipe.stages[-1]).names) == names
    assert (network.head is not None) == bool(HEADS[model])


def test_frozen_batch_norms_keep_their_statistics_and_the_rest_does_not_move() -> None:
    recipe = small("dynamic-net", "stages.1.trains=layer4")
    network = build_network(recipe, 3)
    stage = recipe.stages[1]
    tensors = trainable_tensors(network, stage)
    freeze(network, tensors)
    set_training_mode(network, stage)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    output = network(torch.randn(2, 3, 3, 56, 56))
    assert output.head_output is not None
    # Away from one: the filters start from zero, where a square has no slope.
    (output.logits.square().sum() + (output.head_output - 1).square().sum()).backward()
    optimizer.step()
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved <= set(tensors.names)
    assert {"classifier.weight", "backbone.layer4.1.conv2.weight", "head.conv.3.weight"} <= moved


def test_weights_survive_the_file(tmp_path: Path) -> None:
    network, other = (build_network(small("dynamic-net"), 3) for _ in range(2))
    save_weights(network, tmp_path / "best.ckpt", identity="i", epoch=3)
    load_weights(other, tmp_path / "best.ckpt", identity="i")
    with pytest.raises(RunError, match="of another run"):
        load_weights(other, tmp_path / "best.ckpt", identity="j")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    save_weights(other, tmp_path / "other.ckpt", identity="i", epoch=3)
    assert (tmp_path / "other.ckpt").read_bytes() == (tmp_path / "best.ckpt").read_bytes()


def test_a_head_is_added_to_weights_without_one(tmp_path: Path) -> None:
    recipe = small("dynamic-net")
    first, network = build_network(recipe.until(0), 3), build_network(recipe, 3)
    save_weights(first, tmp_path / "best.ckpt", identity="i", epoch=0)
    head = {name: tensor.clone() for name, tensor in network.state_dict().items() if name.startswith("head.")}
    load_weights(network, tmp_path / "best.ckpt", without_head=True)
    loaded = network.state_dict()
    for name, tensor in {**first.state_dict(), **head}.items():
        assert torch.equal(tensor, loaded[name])
    with pytest.raises(RunError, match="another model: it has no tensor head"):
        load_weights(network, tmp_path / "best.ckpt")


def test_wrong_checkpoints_are_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "best.ckpt"
    network = build_network(small("convlstm"), 3)
    with pytest.raises(RunError, match="missing"):
        load_weights(network, file)
    save_weights(network, file, identity="i", epoch=0)
    with pytest.raises(RunError, match=r"backbone.fc.weight is \(3, 64\), not \(4, 64\)"):
        load_weights(build_network(small("convlstm"), 4), file)
    whole = file.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(RunError, match="damaged"):
            load_weights(network, file)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "ran"),))

    torch.save({"state_dict": {"x": Hostile()}}, tmp_path / "best.ckpt")
    with pytest.raises(RunError, match="damaged"):
        load_weights(build_network(small("convlstm"), 3), tmp_path / "best.ckpt")
    assert not (tmp_path / "ran").exists()
