"""What a recipe holds: every hyper-parameter of a training, checked when it is read."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]


class RecipePart(BaseModel):
    """A table of a recipe: immutable, no conversion between types, no unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class ClipRecipe(RecipePart):
    """How clips are sampled from segments and augmented."""

    length: Count
    """Frames per clip, T."""
    short_side: Count
    """Frames are resized to this short side before cropping, pixels."""
    crop_size: Count
    """Side of the square the network sees, pixels."""
    horizontal_flip: bool
    """Mirror half of the training clips. Wrong for labels that name a direction (push-left)."""
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)]
    """Sides of the training crops (four corners and centre) as parts of the short side."""


class BackboneRecipe(RecipePart):
    """The ResNet under everything."""

    depth: Literal[18, 34, 50]
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    """Channels of the first block; 64 is the ordinary ResNet, features have 8 times as many. A multiple of 8:
    torch 2.14's oneDNN writes beyond its buffers in the backward pass of narrower convolutions (CPU)."""
    compact: bool
    """For small frames: a 3×3 first convolution, no max-pool, and a smaller total stride."""
    stride: Literal[8, 16] = 8
    """Pixels per feature of the compact form: 8 turns 56×56 into 7×7, 16 turns 112×112 into 7×7."""
    weights: Literal["imagenet", "random"]
    classifier: Literal["imagenet", "actions"]
    """What the backbone's own linear layer tells apart; its rows make the class activation map."""


class FlowClipRecipe(RecipePart):
    """How stacks of flow are sampled from segments (models `flow` and `two-stream`)."""

    stack: Count = 5
    """Consecutive flows of a stack; x and y of each are two channels of the network's input."""
    stacks: Count = 5
    """Stacks uniformly spaced in time whose scores are averaged in testing; training takes one at random."""
    range: Positive = 20.0
    """Flow is clipped to ± this many pixels (of what the network sees, after crop and resizing) and quantised
    to 8 bits."""
    source: Literal["warp_flow", "flow"] = "warp_flow"


class NetworkRecipe(RecipePart):
    """The network on frames without its self-supervised head."""

    kind: Literal["convlstm"]
    backbone: BackboneRecipe
    attention: bool
    """Class-activation-map attention (equation 3) between backbone and ConvLSTM."""
    hidden: Count
    """Channels of the ConvLSTM."""
    dropout: Annotated[float, Field(ge=0, lt=1)]
    features: Literal["pre", "post"] = "pre"
    """What goes on to the ConvLSTM: `pre` as run, `post` is the paper's text."""
    state: Literal["cell", "hidden"] = "cell"
    """The ConvLSTM's state that is classified: `cell` as run, `hidden` is the paper's "output"."""


class FlowNetworkRecipe(RecipePart):
    """The network on stacks of flow; the backbone's own classifier is the one of the actions."""

    kind: Literal["flow"]
    backbone: BackboneRecipe
    dropout: Annotated[float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _tells_actions_apart(self) -> Self:
        if self.backbone.classifier != "actions":
            raise ValueError('the backbone of a flow network has classifier = "actions"')
        return self


class TwoStreamNetworkRecipe(RecipePart):
    """The joint classifier over two trained networks, which `streams` describes."""

    kind: Literal["two-stream"]
    dropout: Annotated[float, Field(ge=0, lt=1)]


AnyNetworkRecipe = Annotated[
    NetworkRecipe | FlowNetworkRecipe | TwoStreamNetworkRecipe, Field(discriminator="kind")
]


class DynamicFilterRecipe(RecipePart):
    """The dynamic-filter head: predict the next frame (section 3.3)."""

    kind: Literal["dynamic-filters"]
    tap: Literal["cnn", "convlstm"]
    form: Literal["full", "depthwise"]
    """`full`: 3×3×7×7 filters as run; `depthwise`: one 7×7 filter per colour, the paper's text."""
    start: Literal["random", "zero"] = "random"
    """Weights of the head's last convolution: `random` as run; with `zero` the filters begin as nothing, so
    that the first errors are of the size of the picture instead of a thousand times larger."""
    alpha: NotNegative
    """Weight of the head's loss (equation 1)."""


class MotionSegmentationRecipe(RecipePart):
    """The motion-segmentation head: predict the motion mask (section 3.2)."""

    kind: Literal["motion-segmentation"]
    tap: Literal["cnn", "convlstm"]
    form: Literal["classification", "regression"]
    loss: Literal["cross-entropy", "mse", "l1"]
    """`mse` after a sigmoid is the paper's regression, `l1` without one is as run."""
    alpha: NotNegative

    @model_validator(mode="after")
    def _loss_fits_form(self) -> Self:
        if (self.form == "classification") != (self.loss == "cross-entropy"):
            raise ValueError("form classification needs loss cross-entropy; form regression needs mse or l1")
        return self


HeadRecipe = Annotated[DynamicFilterRecipe | MotionSegmentationRecipe, Field(discriminator="kind")]


class StageRecipe(RecipePart):
    """One stage: what is trained, how, and for how long. It starts from the stage before it."""

    name: PlainName
    trains: Literal["temporal", "layer4", "all"]
    """`temporal`: ConvLSTM and classifier; `layer4`: also layer4's convolutions and the backbone's own
    classifier, and the whole of layer4 of a flow stream; `all`: everything, batch norm included. What is not
    trained keeps its statistics too."""
    head: bool = False
    """Whether the self-supervised head is attached (and trained) in this stage."""
    epochs: Count
    batch_size: Count
    optimizer: Literal["adam", "adamw", "sgd"]
    lr: Positive
    lr_head: Positive | None = None
    """The paper's "lr super"; left out: `lr`."""
    lr_backbone: Positive | None = None
    """The paper's "lr resnet"; left out: `lr`."""
    lr_flow: Positive | None = None
    """Of the flow stream of a two-stream network; left out: `lr`."""
    weight_decay: NotNegative
    eps: Positive = 1e-8
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of `sgd` only."""
    schedule: Literal["steps", "cosine", "exponential"]
    milestones: tuple[Count, ...] = ()
    """Epochs after which the learning rates are multiplied by `decay` (`steps` only)."""
    decay: Positive = 0.1
    """Factor at every milestone (`steps`) or after every epoch (`exponential`)."""
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs of linear warm-up (`cosine` only)."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    frame_loss_weight: NotNegative = 0.0
    """Weight of a cross-entropy on each frame's own logits; needs a backbone classifier of the actions."""
    clip_gradient: Positive | None = None
    """Largest norm of the gradient; left out: not limited."""


class StreamsRecipe(RecipePart):
    """The complete recipes of the two runs that a two-stream network starts from."""

    rgb: "Recipe"
    flow: "Recipe"


class Recipe(RecipePart):
    """All hyper-parameters of a training, from clip to last stage."""

    model: PlainName
    name: PlainName
    description: str
    source: str = ""
    """Where the values come from, such as a row of a table."""
    row: Annotated[str, Field(pattern=r"^(table[1-6]-row[1-9][0-9]?)?$")] = ""
    """The row of the paper's tables that this recipe trains, such as table2-row3."""
    clips: ClipRecipe
    flow: FlowClipRecipe | None = None
    network: AnyNetworkRecipe
    head: HeadRecipe | None = None
    streams: StreamsRecipe | None = None
    stages: Annotated[tuple[StageRecipe, ...], Field(min_length=1)]

    @property
    def backbones(self) -> tuple[BackboneRecipe, ...]:
        """The ResNets of the network: two for a two-stream network, RGB first."""
        if self.streams is not None:
            return self.streams.rgb.backbones + self.streams.flow.backbones
        assert not isinstance(self.network, TwoStreamNetworkRecipe)
        return (self.network.backbone,)

    @property
    def stride(self) -> int:
        """Pixels per cell of the feature grid."""
        backbone = self.backbones[0]
        return backbone.stride if backbone.compact else 32

    @property
    def grid(self) -> int:
        """Cells per side of the feature grid (7 in the paper)."""
        return -(-self.clips.crop_size // self.stride)

    def until(self, stage: int) -> "Recipe":
        """Return the recipe of the stages up to and including `stage`, without a head none of them has."""
        stages = self.stages[: stage + 1]
        head = self.head if any(each.head for each in stages) else None
        return self.model_copy(update={"stages": stages, "head": head})

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError("two stages have the same name")
        if self.clips.crop_size > self.clips.short_side:
            raise ValueError("clips.crop_size is larger than clips.short_side")
        _check_streams(self)
        _check_head(self)
        frame_losses = any(stage.frame_loss_weight > 0 for stage in self.stages)
        if frame_losses and (
            self.network.kind == "flow" or any(each.classifier != "actions" for each in self.backbones)
        ):
            raise ValueError('frame_loss_weight needs frames, and network.backbone.classifier = "actions"')
        for backbone in self.backbones:
            if backbone.weights == "imagenet" and (backbone.width != 64 or backbone.compact):
                raise ValueError('backbone.weights = "imagenet" needs width = 64 and compact = false')
        return self


def _check_streams(recipe: Recipe) -> None:
    """Raise ValueError unless streams and flow are there for the networks that need them, and fit."""
    kind, streams = recipe.network.kind, recipe.streams
    if (kind == "two-stream") != (streams is not None):
        raise ValueError('[streams] belongs to network.kind = "two-stream", and to it only')
    if (recipe.flow is not None) != (kind != "convlstm"):
        raise ValueError('[flow] belongs to network.kind = "flow" and "two-stream", and to them only')
    if streams is None:
        return
    if streams.rgb.network.kind != "convlstm" or streams.flow.network.kind != "flow":
        raise ValueError("streams.rgb is a recipe of a model on frames, streams.flow one of the model flow")
    if streams.rgb.clips != recipe.clips or streams.flow.flow != recipe.flow:
        raise ValueError("clips are those of streams.rgb, and flow is that of streams.flow")
    if (streams.flow.clips.short_side, streams.flow.clips.crop_size) != (
        recipe.clips.short_side,
        recipe.clips.crop_size,
    ):
        raise ValueError("both streams need clips of the same size")


def _check_head(recipe: Recipe) -> None:
    """Raise ValueError unless the head is there for the stages that need it, and fits."""
    if recipe.head is None:
        if any(stage.head for stage in recipe.stages):
            raise ValueError("a stage has head = true, but there is no [head]")
        return
    if recipe.network.kind != "convlstm":
        raise ValueError(f"a {recipe.network.kind} network has no self-supervised head")
    if not any(stage.head for stage in recipe.stages):
        raise ValueError("there is a [head], but no stage has head = true")
    if recipe.head.kind == "dynamic-filters" and recipe.grid % 2 == 0:
        raise ValueError(
            f"dynamic filters need an odd grid, but crop_size {recipe.clips.crop_size} gives "
            f"{recipe.grid}×{recipe.grid}: use {recipe.stride * 7}"
        )
