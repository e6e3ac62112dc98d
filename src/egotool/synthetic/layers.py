"""Textured planes in the world, and the homographies by which the camera sees them.

    picture pixel --picture_to_card--> card (s, t) --placement--> world  s·a + t·b + o --camera--> frame pixel

A placement is the 3×3 matrix with the columns a, b (the card's axes) and o (its origin), so everything
between a picture and the frame is one homography per moment, and the flow of a card is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.camera import Camera, HeadPath, Matrices
from egotool.synthetic.sprites import Sprite

Times = NDArray[np.float64]
Placement = Callable[[Times], Matrices]
"""Where a card is at the given times (in frames): (M,) → (M, 3, 3)."""


class Role(StrEnum):
    """What a layer shows."""

    BACKGROUND = "background"
    SCENERY = "scenery"
    SHADOW = "shadow"
    OBJECT = "object"
    HAND = "hand"


@dataclass(frozen=True)
class Layer:
    """One textured plane.

    Attributes:
        name: for instance `counter`, `cup`, `right hand, thumb`.
        role: what it is.
        picture: uint8 (h, w, 4) RGB premultiplied with alpha.
        picture_to_card: 3×3, picture pixel to card coordinates.
        placement: card to world, by time.
        static: whether `placement` never changes.
        endless: whether the picture goes on for ever by reflection, or is cut out.
    """

    name: str
    role: Role
    picture: NDArray[np.uint8]
    picture_to_card: NDArray[np.float64]
    placement: Placement
    static: bool
    endless: bool = False

    def to_frame(self, camera: Camera, head: HeadPath, head_times: Times, times: Times) -> Matrices:
        """Return the homographies (M, 3, 3) picture pixel → frame pixel.

        The head is where it is at `head_times`, the card where it is at `times`: equal, except to ask how
        the card would have looked had only the head moved.
        """
        rotations, positions = head.poses(head_times)
        placement = self.placement(times).copy()
        placement[:, :, 2] -= positions
        return np.asarray(camera.matrix @ rotations @ placement @ self.picture_to_card)


def fixed(placement: NDArray[np.float64]) -> Placement:
    """Return the placement of something that never moves."""
    return lambda times: np.broadcast_to(placement, (len(times), 3, 3))


def sprite_to_card(sprite: Sprite, pixel_size: float) -> NDArray[np.float64]:
    """Return `picture_to_card` of a sprite: anchor to origin, one pixel `pixel_size` world units long."""
    x, y = sprite.anchor
    return np.array([[pixel_size, 0, -pixel_size * x], [0, pixel_size, -pixel_size * y], [0, 0, 1.0]])


def in_plane(angle: Times, *, stretch: Times | None = None, centre: tuple[float, float] = (0, 0)) -> Matrices:
    """Return card → card matrices (M, 3, 3): turn by `angle` (clockwise in the picture) about `centre`.

    `stretch` multiplies the card's t axis before the turn.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    length = np.ones_like(angle) if stretch is None else stretch
    matrices = np.zeros((len(angle), 3, 3))
    matrices[:, 0, 0], matrices[:, 0, 1] = cos, -sin * length
    matrices[:, 1, 0], matrices[:, 1, 1] = sin, cos * length
    matrices[:, 2, 2] = 1
    middle = np.array([*centre, 0.0])
    matrices[:, :, 2] += middle - (matrices @ middle)
    return matrices


def placements(a: NDArray[np.float64], b: NDArray[np.float64], origin: NDArray[np.float64]) -> Matrices:
    """Return placement matrices from axes and origins, each (3,) or (M, 3)."""
    return np.stack(np.broadcast_arrays(a, b, origin), axis=-1)
