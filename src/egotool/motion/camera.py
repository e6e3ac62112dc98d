"""Camera motion between two frames, as a homography."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, GrayImage, Homography, Mask, check_flow, check_pair
from egotool.motion.pictures import to_bytes

Points = NDArray[np.float32]

LARGEST_DISPLACEMENT = 25
MOST_CORNERS = 1000
INLIER_DISTANCE = 1.0
FEWEST_MATCHES = 50
FEWEST_INLIERS = 25


@dataclass(frozen=True)
class CameraMotion:
    """How the camera moved from frame t to frame t + 1.

    `homography` (3, 3) float64 maps pixel coordinates (x, y, 1) of frame t to frame t + 1; it is the identity
    where `valid` is False: too few matches or inliers, or no camera could have moved like that.
    """

    homography: Homography
    valid: bool
    matches: int
    inliers: int


def estimate_camera_motion(
    image0: GrayImage,
    image1: GrayImage,
    flow: Flow,
    *,
    exclude: Mask | None = None,
    seed: int = 0,
) -> CameraMotion:
    """Estimate the camera's motion between two frames (Wang and Schmid 2013).

    Args:
        image0: (H, W) gray, frame t.
        image1: (H, W) gray, frame t + 1.
        flow: (2, H, W) from frame t to frame t + 1.
        exclude: (H, W), non-zero where frame t shows hands or people: points there do not count.
        seed: of the random sampling; the same seed gives the same result.

    Raises:
        TypeError, ValueError: shapes or types do not fit (see `tvl1`).
    """
    check_pair(image0, image1)
    check_flow(flow, image0.shape)
    if exclude is not None and exclude.shape != image0.shape:
        raise ValueError(f"exclude has shape {exclude.shape}, but the pictures {image0.shape}")
    gray0, gray1 = to_bytes(image0), to_bytes(image1)
    keep = None if exclude is None else np.where(exclude > 0, 0, 255).astype(np.uint8)
    pairs = [_matched_features(gray0, gray1, keep), _displaced_corners(gray0, flow, keep)]
    points0 = np.concatenate([pair[0] for pair in pairs])
    points1 = np.concatenate([pair[1] for pair in pairs])
    height, width = gray0.shape
    return _fit(points0, points1, width, height, seed)


def _matched_features(
    gray0: NDArray[np.uint8], gray1: NDArray[np.uint8], keep: Mask | None
) -> tuple[Points, Points]:
    """Return the positions of ORB features that are each other's best match within ±25 px."""
    nothing = np.empty((0, 2), np.float32)
    if min(gray0.shape) < 64:
        return nothing, nothing
    detector = cv2.ORB_create(nfeatures=1000, fastThreshold=10)
    keys0, descriptors0 = detector.detectAndCompute(gray0, keep)
    keys1, descriptors1 = detector.detectAndCompute(gray1, None)
    if not keys0 or not keys1:
        return nothing, nothing
    points0 = cv2.KeyPoint_convert(keys0)
    points1 = cv2.KeyPoint_convert(keys1)
    near = (np.abs(points0[:, None] - points1[None]) <= LARGEST_DISPLACEMENT).all(axis=2).astype(np.uint8)
    matcher = cv2.BFMatcher_create(cv2.NORM_HAMMING)
    forward = matcher.match(descriptors0, descriptors1, near)
    backward = {m.queryIdx: m.trainIdx for m in matcher.match(descriptors1, descriptors0, near.T.copy())}
    mutual = [(m.queryIdx, m.trainIdx) for m in forward if backward.get(m.trainIdx) == m.queryIdx]
    if not mutual:
        return nothing, nothing
    index0, index1 = np.array(mutual).T
    return points0[index0], points1[index1]


def _displaced_corners(gray0: NDArray[np.uint8], flow: Flow, keep: Mask | None) -> tuple[Points, Points]:
    """Return good features to track of frame t, and where the flow takes them."""
    corners = cv2.goodFeaturesToTrack(gray0, MOST_CORNERS, 0.001, 3, mask=keep)
    if corners is None:
        nothing = np.empty((0, 2), np.float32)
        return nothing, nothing
    points0 = corners.reshape(-1, 2)
    x, y = np.rint(points0).astype(int).T
    return points0, points0 + flow[:, y, x].T


def _fit(points0: Points, points1: Points, width: int, height: int, seed: int) -> CameraMotion:
    matches = len(points0)
    if matches <= FEWEST_MATCHES:
        return CameraMotion(np.eye(3), False, matches, 0)
    params = cv2.UsacParams()
    params.threshold = INLIER_DISTANCE
    params.randomGeneratorState = seed
    params.maxIterations = 2000
    params.confidence = 0.999
    params.score = cv2.SCORE_METHOD_MAGSAC
    params.loMethod = cv2.LOCAL_OPTIM_SIGMA
    params.isParallel = False
    homography, inlier = cv2.findHomography(points0, points1, params)
    inliers = 0 if inlier is None else int(np.count_nonzero(inlier))
    if homography is None or inliers <= FEWEST_INLIERS or not _plausible(homography, width, height):
        return CameraMotion(np.eye(3), False, matches, inliers)
    return CameraMotion(homography / homography[2, 2], True, matches, inliers)


def _plausible(homography: Homography, width: int, height: int) -> bool:
    """Whether a head could move like this from one frame to the next."""
    if homography.shape != (3, 3) or not np.isfinite(homography).all() or abs(homography[2, 2]) < 1e-9:
        return False
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    mapped = np.column_stack([corners, np.ones(4)]) @ (homography / homography[2, 2]).T
    if (mapped[:, 2] < 0.5).any() or (mapped[:, 2] > 2).any():
        return False
    moved = mapped[:, :2] / mapped[:, 2:]
    x, y = moved.T
    area = 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
    farthest = float(np.abs(moved - corners).max())
    return 0.5 < area / max((width - 1) * (height - 1), 1) < 2 and farthest < 0.35 * max(width, height)
