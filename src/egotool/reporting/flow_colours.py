"""Flow as colours: hue is the direction, saturation the length (the Middlebury wheel).

Baker, Scharstein, Lewis, Roth, Black, Szeliski, "A Database and Evaluation Methodology for Optical
Flow", ICCV 2007. torchvision's `flow_to_image` draws the same wheel but scales every picture by its own
longest vector; pictures shown side by side need one scale in pixels, hence this form.

                 violet
                   │
    light blue ────┼──── red, right (+x)
                   │
                 yellow, down (+y)
"""

import functools

import numpy as np
from numpy.typing import NDArray

_SEGMENTS = (
    ("R", "Y", 15),
    ("Y", "G", 6),
    ("G", "C", 4),
    ("C", "B", 11),
    ("B", "M", 13),
    ("M", "R", 6),
)
"""The hue runs through these six passages in so many steps; finer where the eye tells more apart."""

_BEYOND_SCALE = 0.75
"""Brightness of vectors longer than the scale, so that they are told from those that just reach it."""


@functools.cache
def _wheel() -> NDArray[np.float64]:
    """Return the 55 full colours of the wheel, (55, 3) in 0..1."""
    channel = {"R": 0, "G": 1, "B": 2}
    mixture = {"R": "R", "Y": "RG", "G": "G", "C": "GB", "B": "B", "M": "BR"}
    passages = []
    for start, end, steps in _SEGMENTS:
        ramp = np.arange(steps) / steps
        passage = np.zeros((steps, 3))
        for name, index in channel.items():
            before, after = name in mixture[start], name in mixture[end]
            passage[:, index] = ramp * after + (1 - ramp) * before
        passages.append(passage)
    return np.concatenate(passages)


def flow_to_colours(flow: NDArray[np.float32], *, scale: float) -> NDArray[np.uint8]:
    """Return a picture of `flow`.

    Args:
        flow: (2, H, W) pixels, x then y; values that are not finite become black.
        scale: the length in pixels drawn in full colour; no motion is white, longer vectors are darkened.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(flow).all(axis=0))
    x, y = np.where(finite, flow, 0).astype(np.float64) / max(scale, 1e-9)
    length = np.hypot(x, y)
    wheel = _wheel()
    position = (np.arctan2(-y, -x) / np.pi + 1) / 2 * (len(wheel) - 1)
    lower = np.floor(position).astype(int)
    fraction = (position - lower)[..., None]
    upper = (lower + 1) % len(wheel)
    hue = (1 - fraction) * wheel[lower] + fraction * wheel[upper]
    within = 1 - np.minimum(length, 1)[..., None] * (1 - hue)
    colours = np.where(length[..., None] <= 1, within, hue * _BEYOND_SCALE)
    return np.where(finite[..., None], np.floor(255 * colours), 0).astype(np.uint8)


def colour_wheel(diameter: int) -> NDArray[np.uint8]:
    """Return the legend, a disc (diameter, diameter, 4) uint8 RGBA: the rim is the scale, void outside."""
    radius = (diameter - 1) / 2
    y, x = np.mgrid[:diameter, :diameter] - radius
    disc = flow_to_colours(np.stack([x, y]).astype(np.float32), scale=radius)
    coverage = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    # Beyond the rim the colours are darkened; the antialiased edge takes the rim's own.
    shrink = np.minimum(1, radius * 0.999 / np.maximum(np.hypot(x, y), 1e-9))
    rim = flow_to_colours(np.stack([x * shrink, y * shrink]).astype(np.float32), scale=radius)
    colours = np.where(np.hypot(x, y)[..., None] > radius * 0.999, rim, disc)
    return np.concatenate([colours, np.round(255 * coverage[..., None]).astype(np.uint8)], axis=-1)


def nice_scale(lengths: NDArray[np.floating], *, percentile: float = 99.0) -> float:
    """Return the round number of pixels (0.5, 1, 2, 3, 5, 8, 10, …) that covers most of `lengths`."""
    steps = (0.5, 1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 80, 100, 150, 200, 500, 1000)
    finite = lengths[np.isfinite(lengths)]
    wanted = float(np.percentile(finite, percentile)) if finite.size else 0.0
    return next((float(step) for step in steps if step >= wanted), float(steps[-1]))
