"""The people: skin, sleeve, kitchen, things, speed and head motion, drawn from shared distributions."""

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from egotool.synthetic.hands import HandLook, HandSprites, SleevePattern, draw_hand
from egotool.synthetic.objects import ObjectLook, ObjectSprites, draw_object
from egotool.synthetic.parameters import Kind
from egotool.synthetic.textures import Colour, Surface


@dataclass(frozen=True)
class Kitchen:
    """One subject's kitchen; colours RGB in 0..1, `edge` the height of the wall in the frame (0..1)."""

    wall: Surface
    wall_colour: Colour
    counter: Surface
    counter_colour: Colour
    edge: float
    light: Colour
    texture_seed: int


@dataclass(frozen=True)
class Subject:
    """One person and the kitchen they stand in.

    Attributes:
        number: counted from 0.
        hand: look of the hands.
        kitchen: look of the static scene.
        objects: look of this person's specimen of each kind.
        right_handed: which hand acts.
        speed: how fast the person acts, 1 on average.
        head_motion: the person's liveliness: a factor in 0..1 on the dataset's fastest head motion.
        noise, shutter: of the camera worn: standard deviation in gray values, open fraction of a frame.
        drawing_seed: decides fine texture of the pictures.
    """

    number: int
    hand: HandLook
    kitchen: Kitchen
    objects: dict[Kind, ObjectLook]
    right_handed: bool
    speed: float
    head_motion: float
    noise: float
    shutter: float
    drawing_seed: int

    @property
    def name(self) -> str:
        """The name of the person's folder."""
        return f"S{self.number + 1:02d}"


Range = tuple[float, float]

_HUES: dict[
    Kind, tuple[Range, Range, Range]
] = {  # a kind keeps its colour family; hue, saturation and value ranges
    Kind.CUP: ((0.97, 1.04), (0.65, 0.85), (0.65, 0.9)),
    Kind.BOX: ((0.11, 0.16), (0.65, 0.9), (0.75, 0.95)),
    Kind.BOWL: ((0.55, 0.62), (0.45, 0.75), (0.55, 0.85)),
    Kind.JAR: ((0.02, 0.09), (0.6, 0.85), (0.4, 0.65)),
    Kind.BOARD: ((0.07, 0.10), (0.45, 0.65), (0.55, 0.8)),
    Kind.PAN: ((0.55, 0.7), (0.02, 0.15), (0.25, 0.55)),
    Kind.BOTTLE: ((0.28, 0.42), (0.5, 0.8), (0.3, 0.55)),
    Kind.PLATE: ((0.1, 0.6), (0.0, 0.12), (0.85, 0.97)),
}
_SKINS: tuple[Colour, ...] = (
    (0.93, 0.76, 0.66),
    (0.88, 0.68, 0.55),
    (0.78, 0.57, 0.43),
    (0.62, 0.43, 0.31),
    (0.44, 0.29, 0.21),
)
_WALLS = (Surface.TILES, Surface.BRICKS, Surface.PLASTER, Surface.WALLPAPER)
_COUNTERS = (Surface.WOOD, Surface.GRANITE, Surface.STEEL, Surface.LAMINATE)


def draw_subject(seed: int, number: int) -> Subject:
    """Return subject `number` (from 0) of the dataset with `seed`."""
    rng = np.random.default_rng([seed, 1, number])
    return Subject(
        number=number,
        hand=_draw_hand_look(rng),
        kitchen=_draw_kitchen(rng, seed, number),
        objects={kind: _draw_object_look(rng, kind) for kind in Kind},
        right_handed=bool(rng.random() < 0.85),
        speed=float(rng.uniform(0.8, 1.25)),
        head_motion=float(rng.uniform(0.6, 1.0)),
        noise=float(rng.uniform(1.0, 4.0)),
        shutter=float(rng.uniform(0.25, 0.55)),
        drawing_seed=int(rng.integers(2**31)),
    )


def _colour(rng: np.random.Generator, *, hue: Range, saturation: Range, value: Range) -> Colour:
    return colorsys.hsv_to_rgb(rng.uniform(*hue) % 1, rng.uniform(*saturation), rng.uniform(*value))


def _draw_hand_look(rng: np.random.Generator) -> HandLook:
    place = rng.uniform(0, len(_SKINS) - 1.001)
    lower, fraction = int(place), place % 1
    red, green, blue = (
        float(np.clip((1 - fraction) * a + fraction * b + rng.uniform(-0.02, 0.02), 0, 1))
        for a, b in zip(_SKINS[lower], _SKINS[lower + 1], strict=True)
    )
    return HandLook(
        skin=(red, green, blue),
        sleeve=_colour(rng, hue=(0, 1), saturation=(0.1, 0.7), value=(0.2, 0.85)),
        sleeve_accent=_colour(rng, hue=(0, 1), saturation=(0.0, 0.5), value=(0.3, 0.95)),
        pattern=list(SleevePattern)[rng.choice(4, p=[0.35, 0.25, 0.2, 0.2])],
        cuff=float(rng.uniform(0, 1)),
        slenderness=float(rng.uniform(0.88, 1.06)),
    )


def _draw_kitchen(rng: np.random.Generator, seed: int, number: int) -> Kitchen:
    # Dealt like cards rather than drawn one by one, so that few subjects cover many surfaces.
    deal = np.random.default_rng([seed, 3, number // 4])
    wall = _WALLS[deal.permutation(4)[number % 4]]
    counter = _COUNTERS[deal.permutation(4)[number % 4]]
    colours: dict[Surface, dict[str, Range]] = {
        Surface.WOOD: {"hue": (0.06, 0.10), "saturation": (0.35, 0.6), "value": (0.45, 0.8)},
        Surface.GRANITE: {"hue": (0.0, 1.0), "saturation": (0.0, 0.12), "value": (0.3, 0.65)},
        Surface.STEEL: {"hue": (0.55, 0.65), "saturation": (0.0, 0.06), "value": (0.55, 0.75)},
        Surface.LAMINATE: {"hue": (0.0, 1.0), "saturation": (0.02, 0.3), "value": (0.55, 0.85)},
    }
    return Kitchen(
        wall=wall,
        wall_colour=_colour(rng, hue=(0, 1), saturation=(0.02, 0.28), value=(0.6, 0.9)),
        counter=counter,
        counter_colour=_colour(rng, **colours[counter]),
        edge=float(rng.uniform(0.22, 0.36)),
        light=(float(rng.uniform(0.95, 1.06)), 1.0, float(rng.uniform(0.86, 1.04))),
        texture_seed=int(rng.integers(2**31)),
    )


def _draw_object_look(rng: np.random.Generator, kind: Kind) -> ObjectLook:
    hue, saturation, value = _HUES[kind]
    return ObjectLook(
        colour=_colour(rng, hue=hue, saturation=saturation, value=value),
        accent=_colour(rng, hue=(0, 1), saturation=(0.2, 0.7), value=(0.4, 0.95)),
        stretch=float(rng.uniform(0.92, 1.08)),
        variant=int(rng.integers(6)),
    )


@lru_cache(maxsize=4)
def subject_hand(seed: int, number: int) -> HandSprites:
    """Return the pictures of a subject's right hand (drawn once per process)."""
    subject = draw_subject(seed, number)
    return draw_hand(subject.hand, np.random.default_rng([subject.drawing_seed, 1]))


@lru_cache(maxsize=32)
def subject_object(seed: int, number: int, kind: Kind) -> ObjectSprites:
    """Return the pictures of a subject's specimen of `kind` (drawn once per process)."""
    subject = draw_subject(seed, number)
    rng = np.random.default_rng([subject.drawing_seed, 2, list(Kind).index(kind)])
    return draw_object(kind, subject.objects[kind], rng)
