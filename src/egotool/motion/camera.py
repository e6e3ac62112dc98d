"""Camera motion between two frames, as a homography."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, GrayImage, Homography, Mask, check_flow, check_pair
from egotool.motion._candidates import vote, voters
from egotool.motion._fit import (
    corner_motion,
    corners_apart,
    count_inliers,
    plausible,
)
from egotool.motion._refinement import Evidence, refined, uncertainty
from egotool.motion._samples import Samples, corner_samples, edge_samples, without_hands
from egotool.motion.pictures import to_bytes

OUTLINE = 2
"""Pixels around an excluded hand that are left out, too: the flow there is its own, or half."""
INLIER_DISTANCE = 1.0
FEWEST_MATCHES = 50
FEWEST_INLIERS = 25
UNCERTAIN = 2.0
UNCERTAIN_FAST = 0.1
"""Standard error of the frame's corners, in pixels, beyond which the motion counts as not found, and that
part of the motion, for fast ones, if it is more."""
UNCERTAIN_SMALL = 1.0
UNCERTAIN_SHARE = 0.5
"""From an error of `UNCERTAIN_SMALL` on it also counts as not found where the error is more than this share
of the motion, for to stay with no motion is then as good."""
DOUBTFUL = 0.6
"""Standard error, in pixels, from which other motions are looked at, too."""
RIVALS = 3
RIVAL_VOTES = 0.5
"""So many motions at most are looked at, the first included, and none that has less than this part of the
first one's votes; by gray values another may turn out to be better."""
RIVAL_SUPPORT = 0.8
"""With this part of the support by gray values, another motion is as likely to be the camera's: a hand with
more edges than the room around it may be the one or the other."""
RIVAL_DISTANCE = 2.0
RIVAL_SHARE = 0.75
"""Other motions are those that take the frame's corners so many pixels elsewhere, and so great a part of the
motion: nearer ones are much the same, and better than none."""


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
    hands: NDArray[np.float32] | None = None,
    seed: int = 0,
) -> CameraMotion:
    """Estimate the camera's motion between two frames, hands in view or not.

    The rules are those of Wang and Schmid 2013: matches between the frames, RANSAC, valid with more than 50
    matches and more than 25 inliers at 1 px. What differs (and why: docs/motion.md): the matches are corners
    displaced by the flow; each cell of the frame has one vote, so that a textured hand does not outvote the
    room; of several motions found the one that most of the frame's edges follow wins; and that one is
    refined, first by the flow across edges, then by comparing gray values. A motion is valid only if its own
    standard error at the frame's corners is small.

    Two frames alone do not tell what is a hand. Through a video, `CameraTracker` knows more.

    Args:
        image0: (H, W) gray, frame t, uint8 or float32 0..1.
        image1: (H, W) gray, frame t + 1.
        flow: (2, H, W) from frame t to frame t + 1.
        exclude: (H, W), non-zero where frame t shows hands or people: nothing there counts, nor within
            2 pixels, for their outlines move with them.
        hands: (H, W) float32 0..1, how likely frame t shows hands or other things that move by themselves:
            what is there counts the less, down to a tenth; but if nothing is found that way, as it is.
        seed: of the random sampling; the same seed gives the same result.

    Raises:
        TypeError, ValueError: shapes or types do not fit (see `tvl1`).
    """
    check_pair(image0, image1)
    check_flow(flow, image0.shape)
    for name, given in (("exclude", exclude), ("hands", hands)):
        if given is not None and given.shape != image0.shape:
            raise ValueError(f"{name} has shape {given.shape}, but the pictures have {image0.shape}")
    gray0, gray1 = to_bytes(image0), to_bytes(image1)
    keep = np.full(gray0.shape, 255, np.uint8) if exclude is None else _outside(exclude)
    corners, edges = corner_samples(gray0, flow, keep), edge_samples(gray0, flow, keep)
    if corners.shape[1] <= FEWEST_MATCHES:
        return CameraMotion(np.eye(3), False, corners.shape[1], 0)
    evidence = Evidence.of(edges, gray0, gray1)
    if hands is not None:
        room = evidence.on(without_hands(edges, hands))
        found = _judged(without_hands(corners, hands), room, seed)
        if found.valid:
            return found
    return _judged(corners, evidence, seed)


def _outside(exclude: Mask) -> Mask:
    outline = np.ones((2 * OUTLINE + 1, 2 * OUTLINE + 1), np.uint8)
    around = cv2.dilate((exclude > 0).astype(np.uint8), outline)
    return np.where(around > 0, 0, 255).astype(np.uint8)


def _judged(corners: Samples, evidence: Evidence, seed: int) -> CameraMotion:
    """Return the motion found, or that none was."""
    matches = corners.shape[1]
    homography, error, contested = _motion(corners, evidence, seed)
    inliers = count_inliers(homography, corners, INLIER_DISTANCE)
    if inliers <= FEWEST_INLIERS or not plausible(homography, evidence.shape):
        return CameraMotion(np.eye(3), False, matches, inliers)
    if contested or not _certain(error, corner_motion(homography, evidence.shape)):
        return CameraMotion(np.eye(3), False, matches, inliers, error)
    return CameraMotion(homography, True, matches, inliers, error)


def _motion(corners: Samples, evidence: Evidence, seed: int) -> tuple[Homography, float, bool]:
    """Return the motion that most votes for, or a rival's; its uncertainty; whether another one is as likely.

    Where edges and corners leave the motion open, or nearly as many vote for another one, the candidates that
    have votes are compared by gray values; most of them turn out to be the same motion, only less exact.
    """
    shape = evidence.shape
    candidates, votes = vote(voters(corners, shape), evidence.voters, shape, seed)
    first = refined(candidates[0], evidence)
    elsewhere = [corners_apart(each, candidates[0], shape) for each in candidates]
    error = uncertainty(first, evidence)
    open_question = error > DOUBTFUL or any(
        count > RIVAL_SUPPORT * votes[0] and apart > _far(first, shape)
        for count, apart in zip(votes, elsewhere, strict=True)
    )
    if not open_question:
        return first, error, False
    rivals = [
        refined(each, evidence)
        for each, count, apart in list(zip(candidates, votes, elsewhere, strict=True))[:RIVALS]
        if count > RIVAL_VOTES * votes[0] and apart > RIVAL_DISTANCE
    ]
    motions = [each for each in (first, *rivals) if plausible(each, shape)]
    if not motions:
        return first, error, False
    supports = [evidence.votes(each) for each in motions]
    best, most = motions[int(np.argmax(supports))], max(supports)
    contested = any(
        support > RIVAL_SUPPORT * most and corners_apart(each, best, shape) > _far(best, shape)
        for each, support in zip(motions, supports, strict=True)
    )
    return best, uncertainty(best, evidence), contested


def _far(homography: Homography, shape: tuple[int, ...]) -> float:
    """Return from how many pixels on a motion is really another one, and not a worse estimate of this."""
    return max(RIVAL_DISTANCE, RIVAL_SHARE * corner_motion(homography, shape))


def _certain(error: float, motion: float) -> bool:
    """Whether it is known well enough where the frame's corners go, which move by so many pixels."""
    most = max(UNCERTAIN, UNCERTAIN_FAST * motion)
    return error <= UNCERTAIN_SMALL or error <= min(most, UNCERTAIN_SHARE * motion)
