"""Surfaces of a kitchen: seeded procedural textures, float32 (H, W, 3) in 0..1.

Some have plenty of texture (wood, granite, tiles), some nearly none (plaster, laminate, steel): motion
estimators are to be tried on both.
"""

from collections.abc import Callable
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
FloatImage = NDArray[np.float32]


class Surface(StrEnum):
    """A kind of surface; see `paint_surface`."""

    WOOD = "wood"
    GRANITE = "granite"
    STEEL = "steel"
    LAMINATE = "laminate"
    TILES = "tiles"
    BRICKS = "bricks"
    PLASTER = "plaster"
    WALLPAPER = "wallpaper"


def paint_surface(
    surface: Surface, rng: np.random.Generator, *, width: int, height: int, colour: Colour, unit: float
) -> FloatImage:
    """Return a picture of `surface`.

    Args:
        surface: what to paint.
        rng: decides the pattern.
        width, height: size of the result in pixels.
        colour: the main colour, RGB in 0..1.
        unit: a length of the scene in pixels (the frame's width): sizes of tiles and planks follow it.
    """
    return np.clip(_PAINTERS[surface](rng, width, height, colour, unit), 0, 1).astype(np.float32)


def smooth_noise(
    rng: np.random.Generator, width: int, height: int, cell_x: float, cell_y: float
) -> FloatImage:
    """Return noise (H, W), about -1..1, that varies over `cell_x` × `cell_y` pixels."""
    columns, rows = max(2, round(width / cell_x) + 3), max(2, round(height / cell_y) + 3)
    grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _tinted(colour: Colour, brightness: FloatImage) -> FloatImage:
    return brightness[..., None] * np.asarray(colour, np.float32)


def _wood(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    plank = unit * rng.uniform(0.12, 0.25)
    rows = np.arange(height, dtype=np.float32)[:, None]
    planks = (rows // plank).astype(int)
    tones = rng.uniform(0.85, 1.12, planks.max() + 1).astype(np.float32)[planks]
    bend = smooth_noise(rng, width, height, unit * 0.5, unit * 0.08)
    rings = np.sin((rows / (unit * 0.016) + 5 * bend) + 3.1 * planks) * 0.045
    fibres = smooth_noise(rng, width, height, unit * 0.12, max(1.2, unit * 0.006)) * 0.09
    blotches = smooth_noise(rng, width, height, unit * 0.35, unit * 0.12) * 0.08
    seams = np.where(np.abs(rows % plank - plank / 2) > plank / 2 - 1.0, 0.62, 1.0)
    return _tinted(colour, ((tones + rings + fibres + blotches) * seams).astype(np.float32))


def _granite(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    fine = smooth_noise(rng, width, height, unit * 0.010, unit * 0.010)
    coarse = smooth_noise(rng, width, height, unit * 0.035, unit * 0.035)
    clouds = smooth_noise(rng, width, height, unit * 0.3, unit * 0.3)
    brightness = 1 + 0.12 * fine + 0.10 * coarse + 0.06 * clouds
    brightness = np.where(fine + 0.6 * coarse > 0.75, brightness + 0.35, brightness)
    brightness = np.where(fine - 0.5 * coarse < -0.85, brightness * 0.55, brightness)
    return _tinted(colour, brightness.astype(np.float32))


def _steel(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    brushed = smooth_noise(rng, width, height, unit * 0.7, 1.5) * 0.025
    gloss = smooth_noise(rng, width, height, unit * 0.35, unit * 0.9) * 0.12
    return _tinted(colour, (1 + brushed + gloss).astype(np.float32))


def _laminate(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    faint = smooth_noise(rng, width, height, unit * 0.02, unit * 0.02) * 0.012
    clouds = smooth_noise(rng, width, height, unit * 0.5, unit * 0.5) * 0.05
    return _tinted(colour, (1 + faint + clouds).astype(np.float32))


def _plaster(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    grain = smooth_noise(rng, width, height, unit * 0.012, unit * 0.012) * 0.016
    clouds = smooth_noise(rng, width, height, unit * 0.4, unit * 0.4) * 0.06
    return _tinted(colour, (1 + grain + clouds).astype(np.float32))


def _wallpaper(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    period = unit * rng.uniform(0.07, 0.13)
    columns = np.arange(width, dtype=np.float32)[None, :]
    rows = np.arange(height, dtype=np.float32)[:, None]
    stripes = 0.06 * np.tanh(4 * np.sin(2 * np.pi * columns / period))
    dots = 0.10 * ((np.cos(2 * np.pi * columns / period) * np.cos(2 * np.pi * rows / period)) > 0.8)
    clouds = smooth_noise(rng, width, height, unit * 0.4, unit * 0.4) * 0.05
    return _tinted(colour, (1 + stripes + dots + clouds).astype(np.float32))


def _tile_grid(
    rng: np.random.Generator,
    width: int,
    height: int,
    colour: Colour,
    *,
    tile_x: float,
    tile_y: float,
    shifted: bool,
) -> FloatImage:
    rows = np.arange(height, dtype=np.float32)[:, None]
    row = (rows // tile_y).astype(int)
    columns = np.arange(width, dtype=np.float32)[None, :] + (row % 2) * (tile_x / 2 if shifted else 0)
    column = (columns // tile_x).astype(int)
    tones = rng.uniform(0.88, 1.08, (row.max() + 1, column.max() + 1))[row, column]
    inside_x, inside_y = columns % tile_x, rows % tile_y
    joint = max(1.2, 0.035 * min(tile_x, tile_y))
    is_joint = (inside_x < joint) | (inside_y < joint)
    bevel = np.where((inside_x < 2.2 * joint) | (inside_y < 2.2 * joint), 0.07, 0.0)
    glaze = smooth_noise(rng, width, height, tile_x, tile_y) * 0.04
    brightness = np.where(is_joint, 0.72, tones + bevel + glaze)
    return _tinted(colour, brightness.astype(np.float32))


def _tiles(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    tile = unit * rng.uniform(0.10, 0.17)
    return _tile_grid(rng, width, height, colour, tile_x=tile, tile_y=tile, shifted=False)


def _bricks(rng: np.random.Generator, width: int, height: int, colour: Colour, unit: float) -> FloatImage:
    tile = unit * rng.uniform(0.14, 0.2)
    return _tile_grid(rng, width, height, colour, tile_x=tile, tile_y=tile * 0.45, shifted=True)


_Painter = Callable[[np.random.Generator, int, int, Colour, float], FloatImage]
_PAINTERS: dict[Surface, _Painter] = {
    Surface.WOOD: _wood,
    Surface.GRANITE: _granite,
    Surface.STEEL: _steel,
    Surface.LAMINATE: _laminate,
    Surface.TILES: _tiles,
    Surface.BRICKS: _bricks,
    Surface.PLASTER: _plaster,
    Surface.WALLPAPER: _wallpaper,
}
