"""The static scene of a clip: wall, counter and what lies around, on one plane or on several."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.camera import Camera
from egotool.synthetic.kitchen import (
    cabinet_picture,
    counter_picture,
    flat_kitchen,
    opaque,
    paste,
    wall_picture,
)
from egotool.synthetic.layers import Layer, Role, fixed, placements, sprite_to_card
from egotool.synthetic.parameters import Kind, Mode
from egotool.synthetic.plan import ClipPlan
from egotool.synthetic.sprites import Sprite, shadow_sprite
from egotool.synthetic.subjects import Subject, subject_object

Vector = NDArray[np.float64]

_RIGHT = np.array([1.0, 0, 0])
_LEAN = np.deg2rad(15)
"""Standing things are drawn as seen from above; their cards lean towards the eye by this angle."""


@dataclass(frozen=True)
class Setting:
    """The static layers from far to near, and where things can stand.

    Attributes:
        layers: static layers, far to near; layer 0 is the kitchen or the counter.
        base, down, normal: a point of the counter, the direction along it away from the wall, its normal.
        card_down: the axis t of things that stand (parallax) or lie (planar) on the counter.
        shrink: how much shorter such cards look in the frame because they lean.
    """

    layers: tuple[Layer, ...]
    base: Vector
    down: Vector
    normal: Vector
    card_down: Vector
    shrink: float

    def on_counter(self, ray: Vector) -> Vector:
        """Return where the direction `ray` from the neutral head meets the counter."""
        return np.asarray(ray * (self.normal @ self.base) / (self.normal @ ray))

    @property
    def counter_axes(self) -> tuple[Vector, Vector]:
        """The axes of something flat on the counter."""
        return _RIGHT, self.down

    @property
    def card_axes(self) -> tuple[Vector, Vector]:
        """The axes of the card of a thing on the counter."""
        return _RIGHT, self.card_down


@dataclass(frozen=True)
class Clutter:
    """A thing that lies around: its kind, its base in fractions of the frame, its area as one too."""

    kind: Kind
    x: float
    y: float
    area: float


def draw_clutter(
    rng: np.random.Generator, plan: ClipPlan, edge: float, place: tuple[float, float]
) -> list[Clutter]:
    """Return 2 to 4 things behind and beside `place`, far ones first, apart from each other."""
    things: list[Clutter] = []
    kinds = [kind for kind in plan.distractors if kind is not plan.kind]
    for kind in rng.permutation(kinds)[: rng.integers(2, 5)]:
        for _ in range(20):
            x, y = rng.uniform(-0.05, 1.05), rng.uniform(edge + 0.08, 0.8)
            beside = abs(x - place[0]) > 0.34
            behind = y < place[1] - 0.22 and abs(x - place[0]) > 0.1
            apart = all(abs(x - other.x) > 0.2 for other in things)
            if (beside or behind) and apart:
                things.append(Clutter(Kind(kind), float(x), float(y), float(rng.uniform(0.02, 0.05))))
                break
    return sorted(things, key=lambda thing: thing.y)


def build_setting(
    plan: ClipPlan, subject: Subject, camera: Camera, rng: np.random.Generator, place: tuple[float, float]
) -> Setting:
    """Return the static scene of `plan`, with clutter kept away from `place`, where the action happens."""
    clutter = draw_clutter(rng, plan, subject.kitchen.edge, place)
    build = _planar_setting if plan.mode is Mode.PLANAR else _parallax_setting
    return build(plan, subject, camera, rng, clutter)


def sized(sprite: Sprite, *, area: float, camera: Camera, shrink: float) -> float:
    """Return the factor that makes `sprite` cover the fraction `area` of the frame."""
    return float(np.sqrt(area * camera.width * camera.height / (sprite.area * shrink)))


def _planar_setting(
    plan: ClipPlan, subject: Subject, camera: Camera, rng: np.random.Generator, clutter: list[Clutter]
) -> Setting:
    tilt = rng.uniform(np.deg2rad(15), np.deg2rad(28))
    down = np.array([0, np.cos(tilt), -np.sin(tilt)])
    normal = np.array([0, np.sin(tilt), np.cos(tilt)])
    base = np.array([0, 0, 1.0])
    bare = Setting((), base, down, normal, down, float(np.cos(tilt)))
    width, height = 2 * camera.width, 2 * camera.height + camera.height // 4
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2

    def to_picture(x: float, y: float) -> tuple[float, float]:
        point = bare.on_counter(camera.ray(x, y))
        return float(middle_x + camera.focal * point[0]), float(
            middle_y + camera.focal * (point - base) @ down
        )

    edge = round(to_picture(0.5, subject.kitchen.edge)[1])
    picture = flat_kitchen(plan.seed, subject.number, camera, width=width, height=height, edge=edge).copy()
    for thing in clutter:
        sprite = subject_object(plan.seed, subject.number, thing.kind).whole
        sprite = sprite.scaled(sized(sprite, area=thing.area, camera=camera, shrink=bare.shrink))
        x, y = to_picture(thing.x, thing.y)
        paste(picture, thrown_shadow(sprite), x, y)
        paste(picture, sprite, x, y)
    layer = Layer(
        name="kitchen",
        role=Role.BACKGROUND,
        picture=opaque(picture),
        picture_to_card=np.array(
            [
                [1 / camera.focal, 0, -middle_x / camera.focal],
                [0, 1 / camera.focal, -middle_y / camera.focal],
                [0, 0, 1.0],
            ]
        ),
        placement=fixed(placements(_RIGHT, down, base)),
        static=True,
        endless=True,
    )
    return replace(bare, layers=(layer,))


def _picture_grid(pixel_size: float, origin_x: float, origin_y: float) -> NDArray[np.float64]:
    return np.array(
        [[pixel_size, 0, -pixel_size * origin_x], [0, pixel_size, -pixel_size * origin_y], [0, 0, 1.0]]
    )


def _parallax_setting(
    plan: ClipPlan, subject: Subject, camera: Camera, rng: np.random.Generator, clutter: list[Clutter]
) -> Setting:
    wall_depth, near_depth = rng.uniform(1.5, 2.0), rng.uniform(0.75, 0.9)
    edge = subject.kitchen.edge
    join = camera.ray(0.5, edge) * wall_depth
    down = camera.ray(0.5, 1.0) * near_depth - join
    down /= np.linalg.norm(down)
    normal = np.cross(_RIGHT, down)
    card_down = np.array([0, np.cos(_LEAN), np.sin(_LEAN)])
    setting = Setting((), join, down, normal, card_down, float(np.cos(_LEAN)))
    layers = [*_walls(plan, subject, camera, join, down)]
    if rng.random() < 0.6:
        layers.append(_cabinet(plan, subject, camera, wall_depth - rng.uniform(0.2, 0.35)))
    for number, thing in enumerate(clutter):
        point = setting.on_counter(camera.ray(thing.x, thing.y))
        pixel = point[2] / camera.focal
        sprite = subject_object(plan.seed, subject.number, thing.kind).whole
        sprite = sprite.scaled(sized(sprite, area=thing.area, camera=camera, shrink=setting.shrink))
        name = f"scenery {number + 1}: {thing.kind}"
        _throw_shadow(layers[0], sprite, point - join, pixel, down)
        placement = fixed(placements(_RIGHT, card_down, point))
        layers.append(Layer(name, Role.SCENERY, sprite.rgba, sprite_to_card(sprite, pixel), placement, True))
    return replace(setting, layers=tuple(layers))


def thrown_shadow(sprite: Sprite, *, scale: float = 1.0) -> Sprite:
    """Return the soft shadow of `sprite`, `scale` times its size, anchored at the middle of its base."""
    wide = sprite.rgba.shape[1] * scale
    shadow = shadow_sprite(wide, wide * 0.42, strength=0.42)
    return replace(shadow, anchor=(shadow.anchor[0], shadow.anchor[1] + 0.1 * wide))


def _throw_shadow(counter: Layer, sprite: Sprite, offset: Vector, pixel: float, down: Vector) -> None:
    """Draw the shadow of a standing thing, `offset` from the wall's foot, into the counter's picture."""
    to_picture = np.linalg.inv(counter.picture_to_card)
    x, y, _ = to_picture @ [offset[0], offset @ down, 1.0]
    paste(counter.picture, thrown_shadow(sprite, scale=pixel * to_picture[0, 0]), x, y)


def _walls(
    plan: ClipPlan, subject: Subject, camera: Camera, join: Vector, down: Vector
) -> tuple[Layer, Layer]:
    """Return the counter and the wall that rises where it ends."""
    counter_pixel = 1 / (0.8 * camera.focal)
    # Not longer: the near end must stay in front of the eye.
    size = (4 * camera.width, round(1.2 * camera.width))
    counter = counter_picture(plan.seed, subject.number, camera, width=size[0], height=size[1])
    wall_pixel = join[2] / camera.focal
    wide, high = 3 * camera.width, camera.height + camera.width
    wall = wall_picture(plan.seed, subject.number, camera, width=wide, height=high)
    return (
        Layer(
            "counter",
            Role.BACKGROUND,
            opaque(counter),  # a copy: clutter throws its shadows into it
            _picture_grid(counter_pixel, (size[0] - 1) / 2, -0.5),
            fixed(placements(_RIGHT, down, join)),
            True,
        ),
        Layer(
            "wall",
            Role.BACKGROUND,
            wall,
            _picture_grid(wall_pixel, (wide - 1) / 2, high - 0.5),
            fixed(placements(_RIGHT, np.array([0, 1.0, 0]), join)),
            True,
        ),
    )


def _cabinet(plan: ClipPlan, subject: Subject, camera: Camera, depth: float) -> Layer:
    pixel = depth / camera.focal
    wide, high = 3 * camera.width, camera.width
    picture = cabinet_picture(plan.seed, subject.number, camera, width=wide, height=high)
    origin = camera.ray(0.5, subject.kitchen.edge * 0.3) * depth
    placement = fixed(placements(_RIGHT, np.array([0, 1.0, 0]), origin))
    grid = _picture_grid(pixel, (wide - 1) / 2, high - 0.5)
    return Layer("cabinet", Role.SCENERY, picture, grid, placement, True)
