"""From recipe to network: composition, what a stage trains, and weights in and out of checkpoints."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from zipfile import BadZipFile

import torch
from torch import Tensor, nn

from egotool.errors import RunError
from egotool.files import replacing
from egotool.models import ActionNetwork, Backbone, DynamicFilterHead, MotionSegmentationHead
from egotool.runs.recipe import HeadRecipe, Recipe, StageRecipe

IMAGENET_CLASSES = 1000
_DAMAGE = (OSError, RuntimeError, UnpicklingError, BadZipFile, EOFError, KeyError, TypeError, ValueError)


def build_network(recipe: Recipe, classes: int) -> ActionNetwork:
    """Return the network of `recipe` for `classes` actions, with fresh random weights.

    The head is present if a stage of the recipe trains it: `recipe.until(0)` gives stage 1's network.
    """
    parts = recipe.network
    backbone = Backbone(
        depth=parts.backbone.depth,
        classes=IMAGENET_CLASSES if parts.backbone.classifier == "imagenet" else classes,
        width=parts.backbone.width,
        compact=parts.backbone.compact,
        stride=parts.backbone.stride,
    )
    tap = recipe.head.tap if recipe.head is not None else "convlstm"
    channels = parts.hidden if tap == "convlstm" else backbone.feature_channels
    return ActionNetwork(
        classes,
        backbone=backbone,
        attention=parts.attention,
        hidden=parts.hidden,
        dropout=parts.dropout,
        head=_build_head(recipe.head, channels=channels, grid=recipe.grid),
        tap=tap,
        features=parts.features,
        state=parts.state,
    )


def _build_head(
    head: HeadRecipe | None, *, channels: int, grid: int
) -> DynamicFilterHead | MotionSegmentationHead | None:
    if head is None:
        return None
    if head.kind == "dynamic-filters":
        return DynamicFilterHead(channels, form=head.form)
    return MotionSegmentationHead(channels, grid, form=head.form)


@dataclass(frozen=True)
class TrainableTensors:
    """What a stage trains: names of parameters, by the learning rate they get."""

    main: tuple[str, ...]
    """ConvLSTM and classifier: `lr`."""
    head: tuple[str, ...]
    """Self-supervised head: `lr_head`, the paper's "lr super"."""
    backbone: tuple[str, ...]
    """`lr_backbone`, the paper's "lr resnet"."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.main + self.head + self.backbone


def trainable_tensors(network: ActionNetwork, stage: StageRecipe) -> TrainableTensors:
    """Return which parameters `stage` trains.

    `temporal` is the paper's stage 1, `layer4` its stage 2: of the backbone the convolutions of layer4's
    blocks (neither batch norms nor the downsample branch) and its own classifier; `all` is everything.
    """
    main: list[str] = []
    head: list[str] = []
    backbone: list[str] = []
    for name, _ in network.named_parameters():
        part, _, rest = name.partition(".")
        if part == "backbone":
            in_layer4 = rest.startswith("layer4.") and rest.split(".")[2].startswith("conv")
            if stage.trains == "all" or (stage.trains == "layer4" and (in_layer4 or rest.startswith("fc."))):
                backbone.append(name)
        elif part == "head":
            if stage.head:
                head.append(name)
        else:
            main.append(name)
    return TrainableTensors(tuple(main), tuple(head), tuple(backbone))


def freeze(network: ActionNetwork, trainable: TrainableTensors) -> None:
    """Let gradients reach the trainable tensors only."""
    names = set(trainable.names)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in names)


def set_training_mode(network: ActionNetwork, stage: StageRecipe) -> None:
    """Put `network` into training mode, frozen batch norms (running statistics too) excepted."""
    network.train()
    if stage.trains != "all":
        for module in network.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def save_weights(network: nn.Module, path: Path, *, identity: str, epoch: int) -> None:
    """Write the weights of `network` to `path`: tensors and plain values only; equal weights, equal bytes."""
    content = {"identity": identity, "epoch": epoch, "state_dict": network.state_dict()}
    buffer = io.BytesIO()  # given a path, torch would write the temporary file's random name into the file
    torch.save(content, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors that `save_weights` wrote; never runs code from the file.

    Raises:
        RunError: if the file is missing or damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = content["state_dict"]
        if not isinstance(state, Mapping) or not all(isinstance(each, Tensor) for each in state.values()):
            raise TypeError("no tensors")
    except FileNotFoundError as error:
        raise RunError(f"the checkpoint {path} is missing: train again with --again") from error
    except (
        OSError,
        RuntimeError,
        UnpicklingError,
        BadZipFile,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise RunError(f"the checkpoint {path} is damaged: train again with --again") from error
    return dict(state)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a plain state dict, as torchvision publishes them; never runs code from the file.

    Raises:
        RunError: if the file is damaged or something else.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, Mapping) or not all(isinstance(each, Tensor) for each in state.values()):
            raise TypeError("no tensors")
    except _DAMAGE as error:
        raise RunError(f"{path} is not a file of weights, or is damaged: fetch it again") from error
    return dict(state)


def load_weights(network: ActionNetwork, path: Path, *, without_head: bool = False) -> None:
    """Load a checkpoint's weights into `network`, all of them.

    Args:
        network: receives the weights.
        path: a file `save_weights` wrote.
        without_head: the checkpoint comes from a stage without the network's head, which is left as it is.

    Raises:
        RunError: if the file is damaged, or of another model or number of classes; names the first tensor.
    """
    state = read_weights(path)
    wanted = network.state_dict()
    if without_head:
        wanted = {name: tensor for name, tensor in wanted.items() if not name.startswith("head.")}
    for name, tensor in wanted.items():
        if name not in state:
            raise RunError(f"the checkpoint {path} is of another model: it has no tensor {name}")
        if state[name].shape != tensor.shape:
            raise RunError(
                f"the checkpoint {path} is of another model or number of classes: {name} is "
                f"{tuple(state[name].shape)}, not {tuple(tensor.shape)}"
            )
    extra = sorted(state.keys() - wanted.keys())
    if extra:
        raise RunError(f"the checkpoint {path} is of another model: it also has the tensor {extra[0]}")
    network.load_state_dict(state, strict=not without_head)
