"""Camera motion between two frames, as a homography."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, GrayImage, Homography, Mask, check_flow, check_pair
from egotool.motion._fit import (
    ALL_ENTRIES,
    ALONG_EDGE,
    TURNING,
    Freedom,
    candidate_homographies,
    corner_uncertainty,
    count_inliers,
    frame_corners,
    gray_support,
    project,
    refine_by_flow,
    refine_by_gray_values,
    supports,
    towards_turning,
)
from egotool.motion._samples import Samples, corner_samples, edge_samples, upper_samples
from egotool.motion.pictures import to_bytes

INLIER_DISTANCE = 1.0
FEWEST_MATCHES = 50
FEWEST_INLIERS = 25
# The scales, in pixels, of the robust refinements. Wide ones lose: where a hand moves nearly as the room
# does, a homography in between is within two pixels of both, and of everything.
CORNER_SCALES = (1.0, 0.7, 0.5, 0.5)
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
TURN_SPREAD = 0.05
TURN_SPREAD_PER_MOTION = 0.2
"""How far the corners of a frame stray from where a camera that only turns and zooms can take them: standard
deviation, in pixels, and more for every pixel that they move."""
GRAY_REACH = 0.15
"""Farther than this, in pixels by gray values, an edge hardly speaks for a refined homography."""
UNCERTAIN = 2.0
"""Standard error of the frame's corners, in pixels, beyond which the motion counts as not found."""
UNCERTAIN_SMALL = 0.75
UNCERTAIN_SHARE = 0.5
CONTESTED = 0.5
"""From an error of `UNCERTAIN_SMALL` on it also counts as not found where the error is more than this share
of the motion, for to stay with no motion is then as good; or where another motion has more than this part of
its votes, for a hand with more edges than the room around it is then as likely."""
OTHER_MOTION = 2.0
"""Pixels at the frame's corners from which two candidates are different motions."""
VOTE_REACH = 0.35
"""Farther than this from where a candidate says, a corner or edge does not vote for it."""
SMOOTHING = 0.8
"""Gaussian sigma, in pixels, before gray values are compared: noise and blocks of the compression."""


@dataclass(frozen=True)
class CameraMotion:
    """How the camera moved from frame t to frame t + 1.

    `homography` (3, 3) float64 maps pixel coordinates (x, y, 1) of frame t to frame t + 1; it is the identity
    where `valid` is False: too few matches or inliers, no head could have moved like that, what supports the
    homography leaves open by pixels where the frame's corners go, or another motion is nearly as likely.

    Attributes:
        homography: see above.
        valid: see above.
        matches: corners with a flow.
        inliers: matches within a pixel of the homography.
        uncertainty: standard error of where the homography found takes the frame's corners, pixels; infinite
            if none was found.
    """

    homography: Homography
    valid: bool
    matches: int
    inliers: int
    uncertainty: float = math.inf


def estimate_camera_motion(
    image0: GrayImage,
    image1: GrayImage,
    flow: Flow,
    *,
    exclude: Mask | None = None,
    seed: int = 0,
) -> CameraMotion:
    """Estimate the camera's motion between two frames, hands in view or not.

    The rules are those of Wang and Schmid 2013: matches between the frames, RANSAC, valid with more than 50
    matches and more than 25 inliers at 1 px. What differs (and why: docs/motion.md): the matches are corners
    displaced by the flow; each cell of the frame has one vote, so that a textured hand does not outvote the
    room; of several motions found the one that most of the frame's edges follow wins; and that one is
    refined, first by the flow across edges, then by comparing gray values. A motion is valid only if its own
    standard error at the frame's corners is small.

    Args:
        image0: (H, W) gray, frame t, uint8 or float32 0..1.
        image1: (H, W) gray, frame t + 1.
        flow: (2, H, W) from frame t to frame t + 1.
        exclude: (H, W), non-zero where frame t shows hands or people: nothing there counts.
        seed: of the random sampling; the same seed gives the same result.

    Raises:
        TypeError, ValueError: shapes or types do not fit (see `tvl1`).
    """
    check_pair(image0, image1)
    check_flow(flow, image0.shape)
    if exclude is not None and exclude.shape != image0.shape:
        raise ValueError(f"exclude has shape {exclude.shape}, but the pictures have {image0.shape}")
    gray0, gray1 = to_bytes(image0), to_bytes(image1)
    keep = np.full(gray0.shape, 255, np.uint8) if exclude is None else _outside(exclude)
    corners = corner_samples(gray0, flow, keep)
    matches = corners.shape[1]
    if matches <= FEWEST_MATCHES:
        return CameraMotion(np.eye(3), False, matches, 0)
    edges = edge_samples(gray0, flow, keep)
    homography, contest = _best_candidate(corners, edges, gray0.shape, seed)
    homography = _refined(homography, edges, _smooth(gray0), _smooth(gray1))
    inliers = count_inliers(homography, corners, INLIER_DISTANCE)
    if inliers <= FEWEST_INLIERS or not plausible(homography, gray0.shape):
        return CameraMotion(np.eye(3), False, matches, inliers)
    uncertainty = corner_uncertainty(homography, edges, gray0.shape, EDGE_SCALES[-1])
    if not _certain(homography, gray0.shape, uncertainty, contest):
        return CameraMotion(np.eye(3), False, matches, inliers, uncertainty)
    return CameraMotion(homography, True, matches, inliers, uncertainty)


def _outside(exclude: Mask) -> Mask:
    return np.where(exclude > 0, 0, 255).astype(np.uint8)


def _best_candidate(
    corners: Samples, edges: Samples, shape: tuple[int, ...], seed: int
) -> tuple[Homography, float]:
    """Return the plausible motion that corners and edges all over the frame support most.

    And what part of its votes the next one has that is another motion.
    """
    candidates = [
        refine_by_flow(candidate, corners, shape, CORNER_SCALES, both_ways=True)
        for candidate in candidate_homographies(corners, seed)
    ]
    # A head at rest is frequent, and the only candidate that few textured spots cannot bend.
    candidates.append(np.eye(3))
    candidates = [candidate for candidate in candidates if plausible(candidate, shape)]
    stacked = np.stack(candidates)
    votes = supports(stacked, corners, reach=VOTE_REACH, along=1.0)
    votes += supports(stacked, edges, reach=VOTE_REACH, along=ALONG_EDGE)
    best = candidates[int(votes.argmax())]
    frame = frame_corners(shape)
    away = [np.hypot(*(project(each, frame) - project(best, frame)).T).mean() for each in candidates]
    return best, float(
        np.max(votes, where=np.array(away) > OTHER_MOTION, initial=0.0) / max(votes.max(), 1e-9)
    )


def _refined(
    homography: Homography, edges: Samples, smooth0: NDArray[np.float32], smooth1: NDArray[np.float32]
) -> Homography:
    """Return the homography refined on all edges, or begun on those in the upper part of the frame.

    Hands come from below, and an arm that moves slowly near the wrist of its sleeve can bend a homography
    over untextured worktop until that fits the arm, too. Begun without them it does not: of both, the one
    that more edges support is taken. Refined once more as the motion of a camera that only turns and zooms,
    whose four values do not bend, it gives way to that one if as many edges support it, and is drawn towards
    it otherwise, as far as the edges leave it open.
    """
    shape = smooth0.shape
    upper = upper_samples(edges, shape)
    if upper[6].sum() < FEWEST_UPPER * edges[6].sum():
        upper = edges
    if not upper[6].any():  # a picture with corners, but without an edge that is steep enough
        return homography

    def improved(
        start: Homography, begun_on: Samples, scales: tuple[float, ...], freedom: Freedom
    ) -> Homography:
        each = refine_by_flow(start, begun_on, shape, scales, both_ways=False, freedom=freedom)
        each = refine_by_gray_values(each, begun_on, smooth0, smooth1, GRAY_SCALES, freedom=freedom)
        if begun_on is edges:
            return each
        return refine_by_gray_values(each, edges, smooth0, smooth1, LAST_GRAY_SCALES, freedom=freedom)

    def support(each: Homography) -> float:
        return gray_support(each, edges, smooth0, smooth1, GRAY_REACH)

    best = improved(homography, edges, EDGE_SCALES, ALL_ENTRIES)
    most = support(best)
    if upper is not edges:
        other = improved(homography, upper, EDGE_SCALES, ALL_ENTRIES)
        if plausible(other, shape) and support(other) > most:
            best, most = other, support(other)
    plainer = improved(_shift(best, upper), upper, TURN_SCALES, TURNING)
    if not plausible(plainer, shape):
        return best
    if support(plainer) >= (1 - _affordable_loss(best, shape)) * most:
        return plainer
    spread = TURN_SPREAD + TURN_SPREAD_PER_MOTION * _corner_motion(plainer, shape)
    return towards_turning(best, plainer, edges, shape, EDGE_SCALES[-1], spread)


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
    return min(TURN_LOSS / max(_corner_motion(homography, shape), 1e-6), MOST_LOSS)


def _corner_motion(homography: Homography, shape: tuple[int, ...]) -> float:
    """Return by how many pixels the frame's corners move on average."""
    corners = frame_corners(shape)
    return float(np.hypot(*(project(homography, corners) - corners).T).mean())


def _smooth(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a slightly blurred picture."""
    blurred = cv2.GaussianBlur(gray.astype(np.float32), (5, 5), SMOOTHING)
    return np.asarray(blurred, np.float32)


def _certain(homography: Homography, shape: tuple[int, ...], uncertainty: float, contest: float) -> bool:
    """Whether it is known well enough where the frame's corners go, and which motion is the camera's."""
    if uncertainty <= UNCERTAIN_SMALL:
        return True
    if contest > CONTESTED:
        return False
    return uncertainty <= min(UNCERTAIN, UNCERTAIN_SHARE * _corner_motion(homography, shape))


def plausible(homography: Homography, shape: tuple[int, ...]) -> bool:
    """Whether a head can have moved like this between two frames.

    The frame's corners stay in front of the camera, move by no more than 0.35 of the longer side, and its
    area changes by less than a factor of two.
    """
    height, width = shape
    if not np.isfinite(homography).all():
        return False
    corners = frame_corners(shape)
    depth = corners @ homography[2, :2] + homography[2, 2]
    if depth.min() < 0.5 or depth.max() > 2:
        return False
    moved = project(homography, corners)
    x, y = moved.T
    area = 0.5 * float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    farthest = float(np.hypot(*(moved - corners).T).max())
    ratio = area / max((width - 1) * (height - 1), 1)
    return 0.5 < ratio < 2 and farthest < 0.35 * max(width, height)
