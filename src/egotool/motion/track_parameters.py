"""The rules by which tracks begin, end, and count as motion."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class TrackParameters:
    """The rules of dense tracks; lengths in pixels of the full size, whatever scale a track lives on."""

    track_length: int = 15
    """A track ends after so many steps."""
    minimum_length: int = 10
    """A track that ends earlier, with the video or at the frame's border, counts from so many steps on."""
    spacing: int = 5
    """Side of the sampling cells, in pixels of each scale."""
    scales: int = 8
    """At most so many scales, each 1 / sqrt(2) of the next larger, …"""
    smallest_side: int = 32
    """… while the shorter side has so many pixels (the full size is always used)."""
    quality: float = 0.001
    """Cells begin a track where the structure tensor's smaller eigenvalue exceeds this part of the top."""
    least_spread: float = math.sqrt(3)
    """Static: the standard deviations of x and of y are both below."""
    most_spread: float = 50.0
    """Erratic: a standard deviation above."""
    longest_step: float = 20.0
    """Jumping: one step above this …"""
    longest_share: float = 0.7
    """… and above this part of the path."""
    least_motion: float = 1.0
    """Camera motion: no camera-compensated step above."""
    least_drift: float = 2.0
    """Noise: the drift is not above this, … (The drift is how far the path that is left without the camera's
    motion spreads: the root of the summed variances of its x and y.)"""
    drift_ratio: float = 3.0
    """… or not above this times the typical drift of the tracks that end in the same frame, …"""
    drift_quantile: float = 0.5
    """… typical being this quantile (most of the frame is background), …"""
    highest_least_drift: float = 12.0
    """… but never is a larger drift demanded than this (for frames that are all hand), …"""
    camera_share: float = 0.4
    """… or not above this part of the spread of the path that the camera's motion caused (parallax)."""
    window: int = 3
    """A surviving track marks only the frames around which, ±window frames, it moves …"""
    local_ratio: float = 0.5
    """… by more than this part of the drift demanded of it."""
    least_local_motion: float = 0.4
    """Of the cells that it marks, only those pixels count that move, camera aside and within a pixel, by more
    than this to the next frame or from the one before. 0: whole cells."""

    @classmethod
    def published(cls) -> Self:
        """Return the rules as published: camera motion is told by the largest compensated step alone."""
        return cls(
            least_drift=0,
            drift_ratio=0,
            camera_share=0,
            window=cls.track_length,
            local_ratio=0,
            least_local_motion=0,
        )

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        if not 1 <= self.minimum_length <= self.track_length:
            raise ValueError("minimum_length has to lie in 1..track_length")
        if min(self.spacing, self.scales, self.smallest_side) < 1:
            raise ValueError("spacing, scales and smallest_side have to be at least 1")
        if not 0 <= self.drift_quantile <= 1:
            raise ValueError("drift_quantile has to lie in 0..1")
        if self.window < 0:
            raise ValueError("window has to be at least 0")

    def rules(self) -> NDArray[np.float64]:
        """Return the drop rules in the order in which the kernels take them."""
        values = (
            self.least_spread,
            self.most_spread,
            self.longest_step,
            self.longest_share,
            self.least_motion,
        )
        return np.array(values, np.float64)

    def drift_threshold(self, drifts: NDArray[np.float32]) -> float:
        """Return the least drift of a moving track, given those of all tracks that end in the same frame."""
        typical = float(np.quantile(drifts, self.drift_quantile)) if len(drifts) else 0.0
        return float(max(self.least_drift, min(self.drift_ratio * typical, self.highest_least_drift)))
