"""How clips are cut, augmented and normalised."""

from dataclasses import dataclass
from typing import Literal

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """Everything that decides what a clip of a segment looks like; the defaults are the paper's, as run.

    Attributes:
        clip_length: frames T of a clip (7 or 16 in the paper).
        short_side: frames are first resized so that their short side has this many pixels.
        crop_size: side of the square frames of a clip.
        augment: random flip and multi-scale corner crop (training); otherwise the centre crop (test).
        horizontal_flip: flip half of the clips when augmenting. Switch it off where labels have a direction:
            a mirrored push to the left is a push to the right.
        scales: sides of the corner crop as parts of the short side, each resized to `crop_size`.
        mean: of the channels R, G, B in [0, 1], subtracted.
        std: of the channels R, G, B, divided by.
        with_frames: give the frames; a network on flow alone does without them.
        with_next_frame: also give the native successor of every frame.
        with_mask: also give the motion masks.
        mask_grid: motion masks are averaged over g×g positions.
        with_flow: also give stacks of flow.
        flow_source: `warp_flow` (camera compensated, the paper's) or `flow`.
        flow_stack: consecutive flows of a stack.
        flow_stacks: stacks, uniformly spaced in time, when not augmenting; augmenting takes one at random.
        flow_range: flow is clipped to ±this many pixels (of the clip's frames) and quantised to 8 bits.
    """

    clip_length: int = 16
    short_side: int = 256
    crop_size: int = 224
    augment: bool = False
    horizontal_flip: bool = True
    scales: tuple[float, ...] = (1.0, 0.875, 0.75, 0.65625)
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    with_frames: bool = True
    with_next_frame: bool = False
    with_mask: bool = False
    mask_grid: int = 7
    with_flow: bool = False
    flow_source: Literal["warp_flow", "flow"] = "warp_flow"
    flow_stack: int = 5
    flow_stacks: int = 5
    flow_range: float = 20.0

    def __post_init__(self) -> None:
        for name in ("clip_length", "short_side", "crop_size", "mask_grid", "flow_stack", "flow_stacks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if self.crop_size > self.short_side:
            raise ValueError(f"crop_size {self.crop_size} is larger than short_side {self.short_side}")
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(f"scales lie above 0 and up to 1, not {self.scales}")
        if not (self.with_frames or self.with_flow):
            raise ValueError("a clip has frames, or flow, or both")
        if not self.with_frames and (self.with_next_frame or self.with_mask):
            raise ValueError("next frames and masks go with frames")
        if min(self.std) <= 0 or self.flow_range <= 0:
            raise ValueError("std and flow_range are above 0")
