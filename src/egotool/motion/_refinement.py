"""A homography refined until frame t + 1 looks like frame t: on all edges, without hands, without bending."""

from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Homography
from egotool.motion._candidates import voters
from egotool.motion._fit import (
    ALL_ENTRIES,
    TURNING,
    Freedom,
    corner_motion,
    corner_uncertainty,
    gray_support,
    plausible,
    project,
    refine_by_flow,
    refine_by_gray_values,
    towards_turning,
)
from egotool.motion._samples import Samples, upper_samples

# The scales, in pixels, of the robust refinements. Wide ones lose: where a hand moves nearly as the room
# does, a homography in between is within two pixels of both, and of everything.
EDGE_SCALES = (0.7, 0.5, 0.4, 0.4)
GRAY_SCALES = (0.7, 0.4, 0.2, 0.15, 0.1)
LAST_GRAY_SCALES = GRAY_SCALES[2:]
FEWEST_UPPER = 0.2
"""The least part of the edges, by weight, in the upper part of the frame to begin with those alone."""
TURN_SCALES = (4.0, 2.0, 1.0, *EDGE_SCALES)
TURN_LOSS = 0.05
MOST_LOSS = 0.035
"""The part of the support that a camera that only turns may lose: so much at a pixel of motion, at two pixels
half of it, and so on, and never more than the second."""
VOTED_LOSS = 3.0
"""So many times as much it may lose if it loses no votes, that is, nothing where hands are unlikely."""
TURN_SPREAD = 0.05
TURN_SPREAD_PER_MOTION = 0.2
"""How far the corners of a frame stray from where a camera that only turns and zooms can take them: standard
deviation, in pixels, and more for every pixel that they move."""
GRAY_REACH = 0.15
"""Farther than this, in pixels by gray values, an edge hardly speaks for a refined homography."""
SMOOTHING = 0.8
"""Gaussian sigma, in pixels, before gray values are compared: noise and blocks of the compression."""


@dataclass(frozen=True)
class Evidence:
    """What a motion is refined on.

    Attributes:
        edges: of frame t, with their flow.
        voters: the same with the weights of their votes.
        smooth0: (H, W) gray, frame t, slightly blurred.
        smooth1: the same of frame t + 1.
    """

    edges: Samples
    voters: Samples
    smooth0: NDArray[np.float32]
    smooth1: NDArray[np.float32]

    @classmethod
    def of(cls, edges: Samples, gray0: NDArray[np.uint8], gray1: NDArray[np.uint8]) -> Self:
        """Blur the pictures."""
        return cls(edges, voters(edges, gray0.shape), _smooth(gray0), _smooth(gray1))

    def on(self, edges: Samples) -> Self:
        """Return the same evidence with other edges, or other weights of them."""
        return replace(self, edges=edges, voters=voters(edges, self.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) of the pictures."""
        return self.smooth0.shape

    def support(self, homography: Homography) -> float:
        """Return the weight of the edges that support a homography by gray values."""
        return gray_support(homography, self.edges, self.smooth0, self.smooth1, GRAY_REACH)

    def votes(self, homography: Homography) -> float:
        """Return the votes of the edges that support a homography by gray values."""
        return gray_support(homography, self.voters, self.smooth0, self.smooth1, GRAY_REACH)

    def improved(
        self,
        start: Homography,
        begun_on: Samples | None = None,
        scales: tuple[float, ...] = EDGE_SCALES,
        freedom: Freedom = ALL_ENTRIES,
    ) -> Homography:
        """Return a homography refined by flow, then by gray values, begun on some of the edges or on all."""
        samples = self.edges if begun_on is None else begun_on
        each = refine_by_flow(start, samples, self.shape, scales, both_ways=False, freedom=freedom)
        each = refine_by_gray_values(each, samples, self.smooth0, self.smooth1, GRAY_SCALES, freedom=freedom)
        if samples is self.edges:
            return each
        return refine_by_gray_values(
            each, self.edges, self.smooth0, self.smooth1, LAST_GRAY_SCALES, freedom=freedom
        )


def _smooth(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a slightly blurred picture."""
    blurred = cv2.GaussianBlur(gray.astype(np.float32), (5, 5), SMOOTHING)
    return np.asarray(blurred, np.float32)


def refined(homography: Homography, evidence: Evidence) -> Homography:
    """Return the homography refined on all edges, or begun on those in the upper part of the frame.

    Hands come from below, and an arm that moves slowly near the wrist of its sleeve can bend a homography
    over untextured worktop until that fits the arm, too. Begun without them it does not: of both, the one
    that more edges support is taken. Refined once more as the motion of a camera that only turns and zooms,
    whose four values do not bend, it gives way to that one if about as many edges support it, and is drawn
    towards it otherwise, as far as the edges leave it open.
    """
    edges, shape = evidence.edges, evidence.shape
    upper = upper_samples(edges, shape)
    if upper[6].sum() < FEWEST_UPPER * edges[6].sum():
        upper = edges
    if not upper[6].any():  # a picture with corners, but without an edge that is steep enough
        return homography
    best = evidence.improved(homography)
    most = evidence.support(best)
    if upper is not edges:
        other = evidence.improved(homography, upper)
        support = evidence.support(other)
        if support > most and plausible(other, shape):
            best, most = other, support
    plainer = evidence.improved(_shift(best, upper), upper, TURN_SCALES, TURNING)
    if not plausible(plainer, shape):
        return best
    loss = 1 - evidence.support(plainer) / max(most, 1e-9)
    affordable = _affordable_loss(best, shape)
    if loss <= affordable or (
        loss <= VOTED_LOSS * affordable and evidence.votes(plainer) >= evidence.votes(best)
    ):
        return plainer
    return towards_turning(best, plainer, edges, shape, EDGE_SCALES[-1], _spread(plainer, shape))


def uncertainty(homography: Homography, evidence: Evidence) -> float:
    """Return the standard error, in pixels, of where a refined homography takes the frame's corners."""
    shape = evidence.shape
    return corner_uncertainty(homography, evidence.edges, shape, EDGE_SCALES[-1], _spread(homography, shape))


def _spread(homography: Homography, shape: tuple[int, ...]) -> float:
    """Return how far corners stray from where a camera that turns like this can take them, in pixels."""
    return TURN_SPREAD + TURN_SPREAD_PER_MOTION * corner_motion(homography, shape)


def _shift(homography: Homography, samples: Samples) -> Homography:
    """Return the shift by which a homography moves the samples on average."""
    places = samples[:2].T.astype(np.float64)
    shift = np.eye(3)
    shift[:2, 2] = np.average(project(homography, places) - places, axis=0, weights=samples[6])
    return shift


def _affordable_loss(homography: Homography, shape: tuple[int, ...]) -> float:
    """Return which part of its support a homography is given up for, for a camera that only turns and zooms.

    A hand that moves slowly, by a pixel or so, bends the eight entries of a homography over untextured
    worktop until they fit the hand, too; the four values of `TURNING` do not bend. But the more a camera
    moves, the more these miss, of moving sideways or another focal length; so the less may be lost.
    """
    return min(TURN_LOSS / max(corner_motion(homography, shape), 1e-6), MOST_LOSS)
