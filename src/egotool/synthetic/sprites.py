"""Drawing cut-out pictures (premultiplied RGBA) from simple shapes, smooth-edged by supersampling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.textures import Colour, FloatImage

Mask = NDArray[np.bool_]
Point = tuple[float, float]

_SUPERSAMPLING = 3


@dataclass(frozen=True)
class Sprite:
    """A cut-out picture with a reference point.

    Attributes:
        rgba: uint8 (H, W, 4), colour premultiplied with alpha, with a transparent border.
        anchor: the pixel (x, y) that is placed at the origin of its card.
    """

    rgba: NDArray[np.uint8]
    anchor: Point

    @property
    def area(self) -> float:
        """The covered area in pixels."""
        return float(self.rgba[..., 3].sum(dtype=np.float64)) / 255

    def scaled(self, factor: float) -> Self:
        """Return the picture enlarged by `factor`, pixel centres kept at integers."""
        height, width = self.rgba.shape[:2]
        size = (max(2, round(width * factor)), max(2, round(height * factor)))
        interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        rgba = np.asarray(cv2.resize(self.rgba, size, interpolation=interpolation), np.uint8)
        x = (self.anchor[0] + 0.5) * size[0] / width - 0.5
        y = (self.anchor[1] + 0.5) * size[1] / height - 0.5
        return type(self)(rgba=rgba, anchor=(x, y))

    def mirrored(self) -> Self:
        """Return the picture seen in a mirror (left and right exchanged)."""
        rgba = np.ascontiguousarray(self.rgba[:, ::-1])
        return type(self)(rgba=rgba, anchor=(rgba.shape[1] - 1 - self.anchor[0], self.anchor[1]))


class Canvas:
    """A transparent picture to draw on; coordinates are pixels of the finished sprite, x right, y down."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rgb = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING, 3), np.float32)
        self._alpha = np.zeros(self._rgb.shape[:2], np.float32)

    @property
    def alpha(self) -> Mask:
        """What is covered so far, at the canvas's inner resolution."""
        return self._alpha > 0

    def _fixed(self, points: Sequence[Point]) -> NDArray[np.int32]:
        return np.round(np.asarray(points, np.float64) * _SUPERSAMPLING * 16).astype(np.int32)

    def polygon(self, points: Sequence[Point]) -> Mask:
        """Return the mask of a polygon."""
        mask = np.zeros(self._alpha.shape, np.uint8)
        cv2.fillPoly(mask, [self._fixed(points)], 1, shift=4)
        return mask > 0

    def ellipse(self, centre: Point, radius_x: float, radius_y: float, *, angle: float = 0) -> Mask:
        """Return the mask of an ellipse; `angle` in degrees, clockwise."""
        mask = np.zeros(self._alpha.shape, np.uint8)
        (x, y), axes = self._fixed([centre])[0], self._fixed([(radius_x, radius_y)])[0]
        cv2.ellipse(mask, (int(x), int(y)), (int(axes[0]), int(axes[1])), angle, 0, 360, 1, -1, shift=4)
        return mask > 0

    def capsule(self, start: Point, end: Point, start_radius: float, end_radius: float) -> Mask:
        """Return the mask of two discs and all between them: a finger, a handle, an arm."""
        (x0, y0), (x1, y1) = start, end
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
        normal_x, normal_y = (y0 - y1) / length, (x1 - x0) / length
        sides = [
            (x0 + normal_x * start_radius, y0 + normal_y * start_radius),
            (x1 + normal_x * end_radius, y1 + normal_y * end_radius),
            (x1 - normal_x * end_radius, y1 - normal_y * end_radius),
            (x0 - normal_x * start_radius, y0 - normal_y * start_radius),
        ]
        discs = self.ellipse(start, start_radius, start_radius) | self.ellipse(end, end_radius, end_radius)
        return discs | self.polygon(sides)

    def rectangle(self, left: float, top: float, right: float, bottom: float, *, corner: float = 0) -> Mask:
        """Return the mask of a rectangle with rounded corners."""
        if corner <= 0:
            return self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)])
        inner = [(x, y) for x in (left + corner, right - corner) for y in (top + corner, bottom - corner)]
        mask = self.rectangle(left + corner, top, right - corner, bottom)
        mask |= self.rectangle(left, top + corner, right, bottom - corner)
        for centre in inner:
            mask |= self.ellipse(centre, corner, corner)
        return mask

    def paint(
        self, mask: Mask, colour: Colour, shade: FloatImage | None = None, *, opacity: float = 1.0
    ) -> None:
        """Paint `mask` in `colour` times `shade` (broadcastable to the canvas's inner size)."""
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        part = (slice(top, top + height), slice(left, left + width))
        cover = opacity * mask[part].astype(np.float32)
        picture = np.asarray(colour, np.float32)
        if shade is not None:
            picture = np.broadcast_to(shade, mask.shape)[part][..., None] * picture
        self._rgb[part] += cover[..., None] * (np.clip(picture, 0, 1) - self._rgb[part])
        self._alpha[part] += cover * (1 - self._alpha[part])

    def darken(self, mask: Mask, factor: float) -> None:
        """Multiply what is painted inside `mask` by `factor`."""
        self._rgb[mask] *= factor

    def erase(self, mask: Mask) -> None:
        """Make `mask` transparent again."""
        self._alpha[mask] = 0

    def round_shade(
        self, left: float, right: float, *, dark: float = 0.55, light: float = 0.38
    ) -> FloatImage:
        """Return (1, W) brightness of a cylinder between `left` and `right`, lit at the fraction `light`."""
        x = (np.arange(self._alpha.shape[1], dtype=np.float32) / _SUPERSAMPLING - left) / max(
            right - left, 1e-6
        )
        across = np.clip(np.abs(x - light) / max(light, 1 - light), 0, 1)
        return np.asarray(1.08 - (1.08 - dark) * across**2, np.float32)[None, :]

    def slope_shade(self, top: float, bottom: float, *, above: float, below: float) -> FloatImage:
        """Return (H, 1) brightness running from `above` at `top` to `below` at `bottom`."""
        y = (np.arange(self._alpha.shape[0], dtype=np.float32) / _SUPERSAMPLING - top) / max(
            bottom - top, 1e-6
        )
        return np.asarray(above + (below - above) * np.clip(y, 0, 1), np.float32)[:, None]

    def sprite(self, anchor: Point, *, outline: float = 0.75) -> Sprite:
        """Return the finished sprite, cropped to what is painted, its rim darkened by `outline`.

        Two transparent pixels are left around it.
        """
        rim = self.alpha & (
            cv2.erode(self.alpha.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2) == 0
        )
        self._rgb[rim] *= outline
        rgba = np.dstack([self._rgb * self._alpha[..., None], self._alpha])
        small = cv2.resize(rgba, (self.width, self.height), interpolation=cv2.INTER_AREA)
        pixels = np.round(small * 255).astype(np.uint8)
        left, top, width, height = cv2.boundingRect(pixels[..., 3])
        padded = np.pad(pixels[top : top + height, left : left + width], ((2, 2), (2, 2), (0, 0)))
        return Sprite(rgba=padded, anchor=(anchor[0] - left + 1.5, anchor[1] - top + 1.5))


def shadow_sprite(width: float, height: float, *, strength: float) -> Sprite:
    """Return a soft elliptic shadow of about `width` × `height` pixels, anchored at its centre."""
    columns, rows = int(width * 1.6) | 1, int(height * 1.6) | 1
    x = (np.arange(columns) - columns // 2)[None, :] / (width / 2)
    y = (np.arange(rows) - rows // 2)[:, None] / (height / 2)
    alpha = strength * np.clip(1.6 - np.hypot(x, y), 0, 1) ** 2
    rgba = np.zeros((rows, columns, 4), np.uint8)
    rgba[..., 3] = np.round(255 * np.clip(alpha, 0, 0.49))  # below one half: a shadow never owns a pixel
    rgba[0, :, 3] = rgba[-1, :, 3] = rgba[:, 0, 3] = rgba[:, -1, 3] = 0
    return Sprite(rgba=rgba, anchor=(columns // 2, rows // 2))
