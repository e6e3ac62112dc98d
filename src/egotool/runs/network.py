"""From recipe to network: composition, what a stage trains, and weights in and out of checkpoints."""

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal, TypeAlias
from zipfile import BadZipFile

import torch
from torch import Tensor, nn

from egotool.clips import Clip
from egotool.errors import RunError
from egotool.files import replacing
from egotool.models import (
    ActionNetwork,
    Backbone,
    DynamicFilterHead,
    FlowNetwork,
    MotionSegmentationHead,
    NetworkOutput,
    TwoStreamNetwork,
)
from egotool.runs.folder import Run
from egotool.runs.recipe import (
    BackboneRecipe,
    FlowNetworkRecipe,
    HeadRecipe,
    Recipe,
    StageRecipe,
    TwoStreamNetworkRecipe,
)

IMAGENET_CLASSES = 1000
_DAMAGE = (OSError, RuntimeError, UnpicklingError, BadZipFile, EOFError, KeyError, TypeError, ValueError)


Network: TypeAlias = ActionNetwork | FlowNetwork | TwoStreamNetwork


def build_network(recipe: Recipe, classes: int) -> Network:
    """Return the network of `recipe` for `classes` actions, with fresh random weights.

    The head is present if a stage of the recipe trains it: `recipe.until(0)` gives stage 1's network. The
    streams of a two-stream network have none: in the joint training nothing would look at it.
    """
    parts = recipe.network
    if isinstance(parts, TwoStreamNetworkRecipe):
        assert recipe.streams is not None  # a recipe without them is refused
        rgb = build_network(without_head(recipe.streams.rgb), classes)
        flow = build_network(recipe.streams.flow, classes)
        assert isinstance(rgb, ActionNetwork)
        assert isinstance(flow, FlowNetwork)
        return TwoStreamNetwork(classes, rgb=rgb, flow=flow, dropout=parts.dropout)
    if isinstance(parts, FlowNetworkRecipe):
        assert recipe.flow is not None
        backbone = _build_backbone(parts.backbone, classes, in_channels=2 * recipe.flow.stack)
        return FlowNetwork(backbone=backbone, dropout=parts.dropout)
    backbone = _build_backbone(parts.backbone, classes)
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


def without_head(recipe: Recipe) -> Recipe:
    """Return `recipe` without its self-supervised head, as a stream of a two-stream network is built."""
    stages = tuple(stage.model_copy(update={"head": False}) for stage in recipe.stages)
    return recipe.model_copy(update={"head": None, "stages": stages})


def forward_clip(network: Network, clip: Clip) -> NetworkOutput:
    """Return what `network` makes of a batch of clips: each kind of network takes what it sees out of it."""
    output: NetworkOutput
    if isinstance(network, FlowNetwork):
        output = network(clip["flow"])
    elif isinstance(network, TwoStreamNetwork):
        output = network(clip["frames"], clip["flow"])
    else:
        output = network(clip["frames"])
    return output


def _build_backbone(parts: BackboneRecipe, classes: int, *, in_channels: int = 3) -> Backbone:
    return Backbone(
        depth=parts.depth,
        classes=IMAGENET_CLASSES if parts.classifier == "imagenet" else classes,
        in_channels=in_channels,
        width=parts.width,
        compact=parts.compact,
        stride=parts.stride,
    )


def _build_head(
    head: HeadRecipe | None, *, channels: int, grid: int
) -> DynamicFilterHead | MotionSegmentationHead | None:
    if head is None:
        return None
    if head.kind == "dynamic-filters":
        return DynamicFilterHead(channels, form=head.form, start=head.start)
    return MotionSegmentationHead(channels, grid, form=head.form)


@dataclass(frozen=True)
class TrainableTensors:
    """What a stage trains: names of parameters, by the learning rate they get."""

    main: tuple[str, ...]
    """ConvLSTM and classifier (the classifier alone in a flow network): `lr`."""
    head: tuple[str, ...]
    """Self-supervised head: `lr_head`, the paper's "lr super"."""
    backbone: tuple[str, ...]
    """`lr_backbone`, the paper's "lr resnet"."""
    flow: tuple[str, ...] = ()
    """Flow stream of a two-stream network: `lr_flow`."""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.main + self.head + self.backbone + self.flow


Group: TypeAlias = Literal["main", "head", "backbone", "flow"]


def trainable_tensors(network: Network, stage: StageRecipe) -> TrainableTensors:
    """Return which parameters `stage` trains.

    `temporal` is the paper's stage 1, `layer4` its stage 2: of the backbone the convolutions of layer4's
    blocks (neither batch norms nor the downsample branch) and its own classifier; `all` is everything. In a
    two-stream network `layer4` means the same for the RGB stream, and the whole of layer4 for the flow
    stream; the streams' own classifiers are not used, so nothing trains them.
    """
    group_of: Callable[[str, StageRecipe], Group | None]
    if isinstance(network, TwoStreamNetwork):
        group_of = _group_in_two_stream
    elif isinstance(network, FlowNetwork):
        group_of = _group_in_flow
    else:
        group_of = _group_in_action_network
    groups: dict[Group, list[str]] = {"main": [], "head": [], "backbone": [], "flow": []}
    for name, _ in network.named_parameters():
        group = group_of(name, stage)
        if group is not None:
            groups[group].append(name)
    return TrainableTensors(**{group: tuple(names) for group, names in groups.items()})


def _group_in_action_network(name: str, stage: StageRecipe) -> Group | None:
    part, _, rest = name.partition(".")
    if part == "backbone":
        in_layer4 = rest.startswith("layer4.") and rest.split(".")[2].startswith("conv")
        layer4 = stage.trains == "layer4" and (in_layer4 or rest.startswith("fc."))
        return "backbone" if stage.trains == "all" or layer4 else None
    if part == "head":
        return "head" if stage.head else None
    return "main"


def _group_in_flow(name: str, stage: StageRecipe) -> Group | None:
    rest = name.removeprefix("backbone.")
    if rest.startswith("fc."):
        return "main"
    layer4 = stage.trains == "layer4" and rest.startswith("layer4.")
    return "backbone" if stage.trains == "all" or layer4 else None


def _group_in_two_stream(name: str, stage: StageRecipe) -> Group | None:
    part, _, rest = name.partition(".")
    if part == "classifier":
        return "main"
    if part == "flow":
        trained = _group_in_flow(rest, stage) == "backbone"
        return "flow" if trained else None
    return None if rest.startswith("classifier.") else _group_in_action_network(rest, stage)


@dataclass(frozen=True)
class ParameterGroup:
    """Tensors that are trained with one learning rate."""

    name: Group
    lr: float
    tensors: tuple[str, ...]


def parameter_groups(trainable: TrainableTensors, stage: StageRecipe) -> tuple[ParameterGroup, ...]:
    """Return the groups of parameters of `stage`, each with its learning rate; empty ones are left out."""
    groups = (
        ParameterGroup("main", stage.lr, trainable.main),
        ParameterGroup("head", stage.lr_head or stage.lr, trainable.head),
        ParameterGroup("backbone", stage.lr_backbone or stage.lr, trainable.backbone),
        ParameterGroup("flow", stage.lr_flow or stage.lr, trainable.flow),
    )
    return tuple(group for group in groups if group.tensors)


def freeze(network: Network, trainable: TrainableTensors) -> None:
    """Let gradients reach the trainable tensors only."""
    names = set(trainable.names)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in names)


def set_training_mode(network: Network, stage: StageRecipe) -> None:
    """Put `network` into training mode, frozen batch norms (running statistics too) excepted.

    As run, the batch norms of the flow stream's layer4 adapt in the joint training, those of the RGB stream
    never do.
    """
    network.train()
    trained = set(trainable_tensors(network, stage).names)
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and f"{name}.weight" not in trained:
            module.eval()


def save_weights(network: nn.Module, path: Path, *, identity: str, epoch: int) -> None:
    """Write the weights of `network` to `path`: tensors and plain values only; equal weights, equal bytes."""
    content = {"identity": identity, "epoch": epoch, "state_dict": network.state_dict()}
    buffer = io.BytesIO()  # given a path, torch would write the temporary file's random name into the file
    torch.save(content, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_weights(path: Path, *, identity: str | None = None) -> dict[str, Tensor]:
    """Return the tensors that `save_weights` wrote; never runs code from the file.

    Args:
        path: the file.
        identity: of the run whose weights they must be; None: of any.

    Raises:
        RunError: if the file is missing, damaged or of another run.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # torch has something to say about strange pickles
            content = torch.load(path, map_location="cpu", weights_only=True)
        state = content["state_dict"]
        if not isinstance(state, Mapping) or not all(isinstance(each, Tensor) for each in state.values()):
            raise TypeError("no tensors")
    except FileNotFoundError as error:
        raise RunError(
            f"the checkpoint {path} is missing (--keep none and --keep last keep none): {_retrain(path)}"
        ) from error
    except _DAMAGE as error:
        raise RunError(f"the checkpoint {path} is damaged: {_retrain(path)}") from error
    if identity is not None and content.get("identity") != identity:
        raise RunError(f"the checkpoint {path} is of another run: {_retrain(path)}")
    return dict(state)


def _retrain(path: Path) -> str:
    return f"move {path.parent.parent} away, and the command that trained it does so again"


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


def load_weights(
    network: nn.Module, path: Path, *, identity: str | None = None, without_head: bool = False
) -> None:
    """Load a checkpoint's weights into `network`, all of them.

    Args:
        network: receives the weights.
        path: a file `save_weights` wrote.
        identity: of the run whose weights they must be; None: of any.
        without_head: leave heads aside: the checkpoint comes from a stage without the network's head, which
            then stays as it is, or `network` is a stream that has none.

    Raises:
        RunError: if the file is damaged, or of another run, model or number of classes; names the first
            tensor that differs.
    """
    state, wanted = read_weights(path, identity=identity), network.state_dict()
    if without_head:
        wanted = {name: tensor for name, tensor in wanted.items() if not name.startswith("head.")}
        state = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
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


def load_network(run: Run) -> Network:
    """Return the network of a run with the weights of its chosen epoch, ready to evaluate.

    Raises:
        RunError: if its checkpoint is missing, damaged or of another network.
    """
    network = build_network(run.recipe, len(run.record.actions))
    load_weights(network, run.best_checkpoint, identity=run.record.identity)
    return network.eval()
