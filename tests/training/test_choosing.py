from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from egotool.errors import RunError, UsageError
from egotool.models import Backbone
from egotool.runs import build_network, choose_device, load_recipe
from egotool.training import (
    ImageNetWeights,
    choose_recipe,
    find_imagenet_weights,
    load_imagenet_weights,
    plan_training,
    train_model,
)
from egotool.training import choosing as choosing_module
from egotool.training import weights as weights_module
from tests.training.small_store import make_labelled_store
from tests.training.test_chain import request

PAPER_18 = ("network.backbone.depth=18", "clips.length=2", "network.hidden=8")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, and nothing in torch's cache."""
    monkeypatch.setattr(weights_module, "_reachable", lambda url: False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.fixture(scope="module")
def imagenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(resnet18().state_dict(), file)
    return file


def test_without_a_gpu_auto_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_recipe("auto") == choosing_module.RecipeChoice("small", "auto: there is no GPU")


@pytest.mark.usefixtures("gpu", "offline")
def test_with_a_gpu_auto_depends_on_the_weights(imagenet_file: Path) -> None:
    choice = choose_recipe("auto")
    assert choice.recipe == "small" and "no ImageNet weights" in choice.reason
    assert choose_recipe("auto", weights=imagenet_file).recipe == "paper"
    assert choose_recipe("auto", device="cpu").recipe == "small"
    assert choose_recipe("demo").reason == "asked for"


@pytest.mark.usefixtures("offline")
def test_weights_in_the_cache_count(tmp_path: Path) -> None:
    assert find_imagenet_weights(34) is None
    cached = tmp_path / "hub" / "checkpoints" / "resnet34-b627a593.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"")
    found = find_imagenet_weights(34)
    assert found is not None and (found.file, found.digest) == (cached, "b627a593")


@pytest.mark.usefixtures("offline")
def test_paper_never_falls_back_to_random_weights(tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", each=1)
    recipe = load_recipe("dynamic-net", "paper")
    wanted = request(store, tmp_path / "runs")
    with pytest.raises(RunError, match=r"no network .* --weights FILE"):
        plan_training(type(wanted)(recipe=recipe, store=store, runs=tmp_path / "runs"))
    with pytest.raises(RunError, match="no file"):
        plan_training(type(wanted)(recipe=recipe, store=store, runs=tmp_path, weights=tmp_path / "none.pth"))


@pytest.mark.usefixtures("offline")
def test_a_dry_run_says_which_weights_it_would_need(tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", each=1)
    recipe = load_recipe("two-stream", "paper")
    wanted = replace(request(store, tmp_path / "runs"), recipe=recipe, only_plan=True)
    sources = [stage.imagenet.source for stage in plan_training(wanted).stages if stage.imagenet is not None]
    assert len(sources) == 2  # the first stage on frames, and flow
    assert all("resnet34-b627a593.pth" in source and "--weights FILE" in source for source in sources)


def test_a_file_of_torchvision_goes_into_the_backbone(imagenet_file: Path) -> None:
    network = build_network(load_recipe("convlstm", "paper", overrides=PAPER_18), 3)
    found = find_imagenet_weights(18, file=imagenet_file)
    assert found is not None
    load_imagenet_weights(network, found)
    state = torch.load(imagenet_file, weights_only=True)
    assert torch.equal(network.backbone.state_dict()["layer4.1.conv2.weight"], state["layer4.1.conv2.weight"])
    assert torch.equal(network.backbone.fc.weight, state["fc.weight"])


def test_other_files_are_refused(imagenet_file: Path, tmp_path: Path) -> None:
    network = build_network(load_recipe("convlstm", "paper", overrides=["network.hidden=8"]), 3)
    with pytest.raises(RunError, match="does not hold the ImageNet weights of ResNet-34"):
        load_imagenet_weights(network, ImageNetWeights(34, imagenet_file, "0", "file"))
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(imagenet_file.read_bytes()[:10_000])
    with pytest.raises(RunError, match="damaged"):
        load_imagenet_weights(network, ImageNetWeights(34, damaged, "0", "file"))
    assert isinstance(network.backbone, Backbone)


def test_damaged_weights_leave_no_run_behind(imagenet_file: Path, tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", each=1)
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(imagenet_file.read_bytes()[:10_000])
    recipe = load_recipe("convlstm", "paper", overrides=PAPER_18)
    wanted = replace(request(store, tmp_path / "runs"), recipe=recipe, weights=damaged)
    with pytest.raises(RunError, match="damaged"):
        train_model(wanted)
    assert not list((tmp_path / "runs").glob("*/run.json"))


def test_a_gpu_that_is_not_there_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(UsageError, match="--device gpu"):
        choose_device("gpu")
