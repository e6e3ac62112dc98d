"""The head: a pinhole camera moving on a smooth, slightly trembling path.

World coordinates: x right, y down, z forward from the neutral head, in units of the distance to the scene.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Matrices = NDArray[np.float64]
"""(M, 3, 3): one matrix per moment."""

FOCAL_LENGTH = 0.9
"""In frame widths: a horizontal field of view of 58 degrees."""

SLOWEST_SWING = 0.04
FASTEST_SWING = 0.10
TREMBLE = (0.14, 0.33)
"""Frequencies of the head's motion, in periods per frame."""


@dataclass(frozen=True)
class Camera:
    """The pinhole camera of frames `width` × `height`."""

    width: int
    height: int

    @property
    def focal(self) -> float:
        """The focal length in pixels."""
        return FOCAL_LENGTH * self.width

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The 3×3 matrix from camera coordinates to homogeneous pixels."""
        return np.array(
            [[self.focal, 0, (self.width - 1) / 2], [0, self.focal, (self.height - 1) / 2], [0, 0, 1.0]]
        )

    def ray(self, x: float, y: float) -> NDArray[np.float64]:
        """Return the direction (z = 1) that the neutral head sees at the fractions `x`, `y` of the frame."""
        return np.array([(x - 0.5) / FOCAL_LENGTH, (y - 0.5) * self.height / self.focal, 1.0])


@dataclass(frozen=True)
class HeadPath:
    """Six sums of sinusoids: rotation about x, y, z (radians) and position x, y, z (world units) over time.

    Time is counted in frames. Every array has the shape (6, waves).
    """

    amplitudes: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    phases: NDArray[np.float64]

    def scaled(self, factor: float) -> Self:
        """Return the same path with all excursions multiplied by `factor`."""
        return replace(self, amplitudes=self.amplitudes * factor)

    def poses(self, times: NDArray[np.float64]) -> tuple[Matrices, NDArray[np.float64]]:
        """Return the rotations world → camera (M, 3, 3) and the positions (M, 3) at `times` (M,)."""
        angles = 2 * np.pi * self.frequencies[..., None] * times + self.phases[..., None]
        values = (self.amplitudes[..., None] * np.sin(angles)).sum(axis=1)
        return _rotations(values[0], values[1], values[2]), values[3:].T


def _rotations(pitch: NDArray[np.float64], yaw: NDArray[np.float64], roll: NDArray[np.float64]) -> Matrices:
    zero, one = np.zeros_like(pitch), np.ones_like(pitch)

    def matrix(*entries: NDArray[np.float64]) -> Matrices:
        return np.stack(entries, axis=-1).reshape(-1, 3, 3)

    cos, sin = np.cos, np.sin
    about_x = matrix(one, zero, zero, zero, cos(pitch), -sin(pitch), zero, sin(pitch), cos(pitch))
    about_y = matrix(cos(yaw), zero, sin(yaw), zero, one, zero, -sin(yaw), zero, cos(yaw))
    about_z = matrix(cos(roll), -sin(roll), zero, sin(roll), cos(roll), zero, zero, zero, one)
    return about_z @ about_x @ about_y


def draw_head_path(rng: np.random.Generator) -> HeadPath:
    """Return a head path of arbitrary size: slow swings and a faint tremble in all six freedoms."""
    swings, trembles = 3, 2
    frequencies = np.concatenate(
        [rng.uniform(SLOWEST_SWING, FASTEST_SWING, (6, swings)), rng.uniform(*TREMBLE, (6, trembles))], axis=1
    )
    speeds = np.concatenate(
        [rng.uniform(0.3, 1, (6, swings)), rng.uniform(0.05, 0.22, (6, trembles))], axis=1
    )
    # Weights make the swings of the gaze lead; turning the head about the view axis and walking follow.
    weights = np.array([0.8, 1.0, 0.45, 0.5, 0.35, 0.35]) * rng.uniform(0.4, 1.3, 6)
    return HeadPath(
        amplitudes=weights[:, None] * speeds / (2 * np.pi * frequencies),
        frequencies=frequencies,
        phases=rng.uniform(0, 2 * np.pi, frequencies.shape),
    )


def fit_head_path(path: HeadPath, *, peak: float, measure: Callable[[HeadPath], float]) -> HeadPath:
    """Return `path` scaled such that `measure` (its fastest motion, in pixels per frame) gives `peak`.

    Motion grows almost in proportion to the scale, so a few steps suffice. Below 0.02 px the head is still.
    """
    if peak < 0.02:
        return path.scaled(0)
    fitted = path.scaled(0.002)
    for _ in range(6):
        fitted = fitted.scaled(float(np.clip(peak / max(measure(fitted), 1e-9), 0.02, 50)))
    return fitted


def mean_displacement(homographies: Matrices, *, width: int, height: int) -> NDArray[np.float64]:
    """Return how far each homography moves a 5×5 grid over the frame, on average, in pixels (M,)."""
    x, y = np.meshgrid(np.linspace(0, width - 1, 5), np.linspace(0, height - 1, 5))
    points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    moved = homographies @ points
    moved = moved[:, :2] / moved[:, 2:]
    return np.asarray(np.hypot(*np.moveaxis(moved - points[:2], 1, 0)).mean(axis=-1))
