"""The static scene's pictures: wall and counter of a subject's kitchen."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.camera import Camera
from egotool.synthetic.sprites import Sprite
from egotool.synthetic.subjects import draw_subject
from egotool.synthetic.textures import FloatImage, Surface, paint_surface, smooth_noise

Picture = NDArray[np.uint8]


def _to_bytes(picture: FloatImage) -> Picture:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def opaque(picture: Picture) -> Picture:
    """Return a copy of an RGB picture with a full alpha channel."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8)


def _paint_wall(rng: np.random.Generator, surface: Surface, colour: tuple[float, float, float], *, width: int,
                height: int, unit: float) -> FloatImage:  # fmt: skip
    """Return a wall with a socket and a hanging towel near its middle; its lower edge is at the bottom."""
    wall = paint_surface(surface, rng, width=width, height=height, colour=colour, unit=unit)
    socket = int(unit * 0.07)
    x, y = int(width / 2 + unit * rng.uniform(-0.45, 0.45)), int(height - unit * rng.uniform(0.12, 0.2))
    wall[y : y + socket, x : x + socket] = 0.9
    wall[y + socket - 1 : y + socket + 1, x : x + socket + 2] *= 0.6
    for hole in (0.35, 0.65):
        cv2.circle(wall, (int(x + hole * socket), y + socket // 2), max(1, socket // 12), (0.2, 0.2, 0.2), -1)
    towel_width, towel_height = int(unit * rng.uniform(0.12, 0.2)), int(unit * rng.uniform(0.22, 0.35))
    x, y = int(width / 2 + unit * rng.uniform(-0.5, 0.35)), int(height - unit * 0.08 - towel_height)
    folds = 1 + 0.15 * smooth_noise(rng, towel_width, towel_height, unit * 0.03, unit * 0.6)
    cloth = folds[..., None] * rng.uniform(0.25, 0.9, 3).astype(np.float32)
    band = towel_height // 6
    cloth[-2 * band : -band] = cloth[-2 * band : -band] * 0.4 + 0.5
    y = max(y, 0)
    shadow = wall[y + 3 : y + 3 + towel_height, x + 3 : x + 3 + towel_width]
    shadow *= 0.75
    target = wall[y : y + towel_height, x : x + towel_width]
    target[:] = cloth[: target.shape[0], : target.shape[1]]
    return wall


def _shade_join(picture: FloatImage, edge: int, unit: float) -> None:
    """Darken wall and counter towards the edge where they meet: no light reaches a corner."""
    distance = np.abs(np.arange(picture.shape[0]) - edge) / (unit * 0.06)
    picture *= (1 - 0.35 * np.exp(-distance)).astype(np.float32)[:, None, None]
    picture[max(edge - 1, 0) : edge + 1] *= 0.6


@lru_cache(maxsize=2)
def flat_kitchen(seed: int, number: int, camera: Camera, *, width: int, height: int, edge: int) -> Picture:
    """Return wall and counter in one picture (H, W, 3) whose row `edge` separates them."""
    kitchen = draw_subject(seed, number).kitchen
    rng = np.random.default_rng([kitchen.texture_seed, 1])
    unit = float(camera.width)
    picture = np.empty((height, width, 3), np.float32)
    picture[:edge] = _paint_wall(rng, kitchen.wall, kitchen.wall_colour, width=width, height=edge, unit=unit)
    picture[edge:] = paint_surface(
        kitchen.counter, rng, width=width, height=height - edge, colour=kitchen.counter_colour, unit=unit
    )
    _shade_join(picture, edge, unit)
    return _to_bytes(picture)


@lru_cache(maxsize=2)
def wall_picture(seed: int, number: int, camera: Camera, *, width: int, height: int) -> Picture:
    """Return the wall (H, W, 4), opaque, of the parallax mode."""
    kitchen = draw_subject(seed, number).kitchen
    rng = np.random.default_rng([kitchen.texture_seed, 2])
    unit = camera.width * 0.65  # the wall is farther away: its tiles look smaller
    picture = _paint_wall(rng, kitchen.wall, kitchen.wall_colour, width=width, height=height, unit=unit)
    _shade_join(picture, height, unit)
    return opaque(_to_bytes(picture))


@lru_cache(maxsize=2)
def counter_picture(seed: int, number: int, camera: Camera, *, width: int, height: int) -> Picture:
    """Return the counter (H, W, 3) of the parallax mode; row 0 touches the wall."""
    kitchen = draw_subject(seed, number).kitchen
    rng = np.random.default_rng([kitchen.texture_seed, 3])
    unit = camera.width * 0.8
    picture = paint_surface(
        kitchen.counter, rng, width=width, height=height, colour=kitchen.counter_colour, unit=unit
    )
    _shade_join(picture, 0, unit)
    # The far end is seen at a slant and shrunk: take away what would alias there.
    smooth = cv2.GaussianBlur(picture, (0, 0), sigmaX=1.0, sigmaY=1.6)
    far = np.clip(1.2 - 1.6 * np.arange(height) / height, 0, 1).astype(np.float32)[:, None, None]
    return _to_bytes(far * smooth + (1 - far) * picture)


@lru_cache(maxsize=2)
def cabinet_picture(seed: int, number: int, camera: Camera, *, width: int, height: int) -> Picture:
    """Return the front of the parallax mode's wall cabinet (H, W, 4), opaque."""
    kitchen = draw_subject(seed, number).kitchen
    rng = np.random.default_rng([kitchen.texture_seed, 4])
    unit = camera.width * 0.8
    surface = Surface.WOOD if rng.random() < 0.5 else Surface.LAMINATE
    colour = (0.75, 0.6, 0.42) if surface is Surface.WOOD else (0.86, 0.86, 0.83)
    picture = paint_surface(surface, rng, width=width, height=height, colour=colour, unit=unit)
    for x in range(0, width, int(unit * 0.4)):
        picture[:, x : x + 2] *= 0.5
        knob = (int(x + unit * 0.04), int(height - unit * 0.06))
        cv2.circle(picture, knob, max(2, int(unit * 0.012)), (0.3, 0.3, 0.32), -1)
    picture[-3:] *= 0.55
    return opaque(_to_bytes(picture))


def paste(picture: Picture, sprite: Sprite, x: float, y: float) -> None:
    """Draw `sprite` into an opaque `picture` in place, its anchor at (x, y) rounded to whole pixels."""
    height, width = sprite.rgba.shape[:2]
    left, top = round(x - sprite.anchor[0]), round(y - sprite.anchor[1])
    rows = slice(max(top, 0), max(min(top + height, picture.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + width, picture.shape[1]), 0))
    part = sprite.rgba[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    target = picture[rows, columns]
    if part.size and target.size:
        keep = 255 - part[..., 3:].astype(np.uint16)
        mixed = part[..., :3] + (target[..., :3] * keep + 127) // 255
        target[..., :3] = mixed.clip(0, 255).astype(np.uint8)
