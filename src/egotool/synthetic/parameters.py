"""What a rendered dataset is made of: its parameters, verbs, objects and modes."""

from enum import StrEnum
from typing import Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator

GENERATOR_VERSION = 1
"""Changes whenever the same seed would give other pixels or another truth."""


class Verb(StrEnum):
    """What the hand does; see `egotool.synthetic.actions` for the motion of each."""

    TAKE = "take"
    PUT = "put"
    PUSH_LEFT = "push-left"
    PUSH_RIGHT = "push-right"
    ROTATE = "rotate"
    SHAKE = "shake"
    OPEN = "open"
    CLOSE = "close"


class Kind(StrEnum):
    """What is handled; see `egotool.synthetic.objects` for how each looks."""

    CUP = "cup"
    BOX = "box"
    BOWL = "bowl"
    JAR = "jar"
    BOARD = "board"
    PAN = "pan"
    BOTTLE = "bottle"
    PLATE = "plate"


class Mode(StrEnum):
    """How the static scene is built.

    `PLANAR`: one plane, so that one homography is exact for every static pixel.
    `PARALLAX`: wall, counter and standing objects at different depths.
    """

    PLANAR = "planar"
    PARALLAX = "parallax"


LIDDED = frozenset({Kind.JAR, Kind.BOX, Kind.PAN, Kind.BOTTLE})
"""The objects that can be opened and closed."""


class ParameterOptions(TypedDict, total=False):
    """The keyword arguments of `render_dataset` that describe the dataset; see `SyntheticParameters`."""

    seed: int
    subjects: int
    repetitions: int
    frames: int
    width: int
    height: int
    frame_rate: float
    mode: Literal["planar", "parallax", "mixed"]
    head_motion: float
    verbs: tuple[str, ...]
    objects: tuple[str, ...]


class SyntheticParameters(BaseModel):
    """Everything that decides the content of a rendered dataset.

    Attributes:
        seed: all randomness comes from it; the same seed gives the same truth, bit by bit.
        subjects: number of people, each with own skin, sleeve, kitchen, speed and head motion.
        repetitions: clips per subject and action.
        frames: frames per clip.
        width, height: frame size in pixels, even, as H.264 wants it.
        frame_rate: frames per second written to the videos; motion is defined per frame.
        mode: `planar`, `parallax`, or `mixed` (alternating between clips).
        head_motion: the fastest head motion of any clip, in pixels per frame, at most a sixth of the width;
            clips range from still to it.
        verbs, objects: their possible combinations are the actions (only objects with a lid open and close).
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    seed: int = Field(default=0, ge=0)
    subjects: int = Field(default=4, ge=1, le=999)
    repetitions: int = Field(default=5, ge=1, le=9999)
    frames: int = Field(default=40, ge=2, le=100_000)
    width: int = Field(default=256, ge=64, le=4096, multiple_of=2)
    height: int = Field(default=192, ge=48, le=4096, multiple_of=2)
    frame_rate: float = Field(default=15.0, gt=0, le=1000)
    mode: Literal["planar", "parallax", "mixed"] = "mixed"
    head_motion: float = Field(default=10.0, ge=0)
    verbs: tuple[Verb, ...] = (Verb.TAKE, Verb.PUT, Verb.PUSH_LEFT, Verb.PUSH_RIGHT)
    objects: tuple[Kind, ...] = (Kind.CUP, Kind.BOX)

    @model_validator(mode="after")
    def _some_action_is_possible(self) -> Self:
        if not self.verbs or not self.objects:
            raise ValueError("at least one verb and one object are needed")
        if len(set(self.verbs)) != len(self.verbs) or len(set(self.objects)) != len(self.objects):
            raise ValueError("a verb or an object is named twice")
        if self.head_motion > self.width / 6:
            raise ValueError("head_motion above a sixth of the width shows what is not drawn")
        if not self.actions:
            raise ValueError(f"only {', '.join(sorted(LIDDED))} can be opened and closed")
        return self

    @property
    def actions(self) -> tuple[tuple[Verb, Kind], ...]:
        """The possible combinations of `verbs` and `objects`, in the order given."""
        return tuple(
            (verb, kind)
            for verb in self.verbs
            for kind in self.objects
            if kind in LIDDED or verb not in (Verb.OPEN, Verb.CLOSE)
        )


def action_name(verb: Verb, kind: Kind) -> str:
    """Return the name of an action as used for folders and labels, for instance `push-left_cup`."""
    return f"{verb}_{kind}"
