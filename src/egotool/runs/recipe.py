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


class NetworkRecipe(RecipePart):
    """The network without its self-supervised head."""

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


class DynamicFilterRecipe(RecipePart):
    """The dynamic-filter head: predict the next frame (section 3.3)."""

    kind: Literal["dynamic-filters"]
    tap: Literal["cnn", "convlstm"]
    form: Literal["full", "depthwise"]
    """`full`: 3×3×7×7 filters as run; `depthwise`: one 7×7 filter per colour, the paper's text."""
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
    classifier; `all`: everything, batch norm included. What is not trained keeps its statistics too."""
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
    weight_decay: NotNegative
    eps: Positive = 1e-8
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of `sgd` only."""
    schedule: Literal["steps", "cosine"]
    milestones: tuple[Count, ...] = ()
    """Epochs after which the learning rates are multiplied by `decay` (`steps` only)."""
    decay: Positive = 0.1
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs of linear warm-up (`cosine` only)."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    frame_loss_weight: NotNegative = 0.0
    """Weight of a cross-entropy on each frame's own logits; needs a backbone classifier of the actions."""
    clip_gradient: Positive | None = None
    """Largest norm of the gradient; left out: not limited."""


class Recipe(RecipePart):
    """All hyper-parameters of a training, from clip to last stage."""

    model: PlainName
    name: PlainName
    description: str
    source: str = ""
    """Where the values come from, such as a row of a table."""
    clips: ClipRecipe
    network: NetworkRecipe
    head: HeadRecipe | None = None
    stages: Annotated[tuple[StageRecipe, ...], Field(min_length=1)]

    @property
    def stride(self) -> int:
        """Pixels per cell of the feature grid."""
        return self.network.backbone.stride if self.network.backbone.compact else 32

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
        if self.head is None and any(stage.head for stage in self.stages):
            raise ValueError("a stage has head = true, but there is no [head]")
        if self.head is not None and not any(stage.head for stage in self.stages):
            raise ValueError("there is a [head], but no stage has head = true")
        if self.head is not None and self.head.kind == "dynamic-filters" and self.grid % 2 == 0:
            raise ValueError(
                f"dynamic filters need an odd grid, but crop_size {self.clips.crop_size} gives "
                f"{self.grid}×{self.grid}: use {self.stride * 7}"
            )
        frame_losses = any(stage.frame_loss_weight > 0 for stage in self.stages)
        if frame_losses and self.network.backbone.classifier != "actions":
            raise ValueError('frame_loss_weight needs network.backbone.classifier = "actions"')
        if self.network.backbone.weights == "imagenet" and (
            self.network.backbone.width != 64 or self.network.backbone.compact
        ):
            raise ValueError('network.backbone.weights = "imagenet" needs width = 64 and compact = false')
        return self
