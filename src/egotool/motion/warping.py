"""Warp flow: the flow that is left when the camera's motion is taken away."""

import cv2
import numpy as np

from egotool.motion._arrays import Flow, GrayImage, Homography, check_flow, check_homography, check_pair
from egotool.motion._pyramid import exposure_change
from egotool.motion._warp_kernels import carry, carry_along, compensate, restore_what_moves
from egotool.motion.flow import Backend, tvl1
from egotool.motion.schedule import Schedule, find_schedule

BORDER = 5
"""Pixels from the border of frame t + 1 that are not warped: sampling there would invent values."""
REST_PER_NOISE = 0.009
NOISE_FREE = 0.5
LEAST_NOISE, MOST_DIFFERENCE = 0.1, 4.0
"""What `rest_prior` makes of the difference between the pictures, in gray values of 0..255."""


def warp_flow(
    image0: GrayImage,
    image1: GrayImage,
    homography: Homography,
    *,
    flow: Flow | None = None,
    schedule: str | Schedule = "fast",
    backend: Backend = "auto",
) -> Flow:
    """Return the warp flow (2, H, W): from frame t to frame t + 1 warped back by the camera's motion.

    Where the warped frame would come from outside, or from within 5 px of the border of frame t + 1, it
    shows frame t itself, and so the warp flow tends to zero (Wang and Schmid 2013); so that it fits in, frame
    t + 1 is given frame t's exposure before. With the identity, the warp flow is the flow, border included.

    Most of a frame stands still once the camera's motion is taken away, and this second TV-L1 knows it: it
    has a prior for rest, the stronger the more the pictures differ (`rest_prior`), so that noise, compression
    and what a hand carries along of an untextured worktop come to nothing. What a prior takes from what moves
    is given back: where both the result and the compensated flow say that something moves, it is the
    compensated flow. Schedules without `joint_variation`, such as "exact", do only what was published.

    Args:
        image0: (H, W) gray, frame t; see `tvl1`.
        image1: (H, W) gray, frame t + 1.
        homography: (3, 3), pixel coordinates of frame t to frame t + 1.
        flow: (2, H, W), of `tvl1` between these pictures, if at hand; otherwise it is computed.
        schedule: see `tvl1`.
        backend: see `tvl1`.

    Raises:
        TypeError, ValueError: as `tvl1`; also for a homography that is not finite and invertible, or a flow
            that is not (2, H, W) float32 and finite.
    """
    check_pair(image0, image1)
    check_homography(homography)
    if flow is not None:
        check_flow(flow, image0.shape)
    chosen = find_schedule(schedule)
    still = np.array_equal(homography, np.eye(3))
    if not still and not chosen.joint_variation:
        return tvl1(image0, warp_back(image0, image1, homography), schedule=chosen, backend=backend)
    if flow is None:
        flow = tvl1(image0, image1, schedule=chosen, backend=backend)
    if still:
        return flow.copy()
    matched = _exposed_as(image0, image1) if chosen.match_exposure else image1
    warped = warp_back(image0, matched, homography)
    left = tvl1(image0, warped, schedule=chosen, backend=backend, rest=rest_prior(image0, warped))
    restore_what_moves(left, compensate_flow(flow, homography))
    return left


def _exposed_as(image0: GrayImage, image1: GrayImage) -> GrayImage:
    """Return `image1` less the median by which it is brighter, so that frame t fits beside it."""
    sampled0, sampled1 = (np.asarray(each[::4, ::4], np.float32) for each in (image0, image1))
    most, kind = (255, np.uint8) if image1.dtype == np.uint8 else (1, np.float32)
    matched: GrayImage = np.clip(image1 - exposure_change(sampled0, sampled1), 0, most).astype(kind)
    return matched


def rest_prior(image0: GrayImage, warped: GrayImage) -> float:
    """Return how strongly to believe, between frame t and frame t + 1 warped back, that things rest.

    The value for `tvl1(…, rest=…)`, pixels per iteration: 0.009 for every gray value by which the pictures
    differ on average, above 0.5 that rounding and interpolation make. A difference counts at most 4: so much
    changes by motion. Every other row and column is looked at.
    """
    unit = 1.0 if image0.dtype == np.uint8 else 255.0
    difference = cv2.absdiff(image0[::2, ::2], warped[::2, ::2]) * np.float32(unit)
    noise = float(np.minimum(difference, MOST_DIFFERENCE).mean())
    return REST_PER_NOISE * max(LEAST_NOISE, noise - NOISE_FREE)


def compensate_flow(flow: Flow, homography: Homography) -> Flow:
    """Return what is left of a flow (2, H, W) when the camera's motion is taken away: no second TV-L1.

    A pixel p that the flow brings to q = p + flow(p) is seen at H⁻¹ q by the camera of frame t: the result is
    H⁻¹ q − p. Where the camera has turned a pixel out of frame t + 1, or to within 5 px of its border, the
    result is zero, as it tends to be with `warp_flow`.

    Args:
        flow: from frame t to frame t + 1, pixels.
        homography: (3, 3), pixel coordinates of frame t to frame t + 1.

    Raises:
        TypeError, ValueError: for a flow that is not (2, H, W) float32 and finite, or a homography that is
            not finite and invertible.
    """
    check_flow(flow, flow.shape[1:] if isinstance(flow, np.ndarray) else ())
    matrix = check_homography(homography)
    if np.array_equal(matrix, np.eye(3)):
        return flow.copy()
    left = np.empty_like(flow)
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    compensate(np.ascontiguousarray(flow), matrix, back, BORDER, left)
    return left


def add_camera_motion(left: Flow, homography: Homography) -> Flow:
    """Return the flow (2, H, W) that a warp flow and the camera's motion make together.

    The other way round of `compensate_flow`: p + left(p) is seen at H (p + left(p)) in frame t + 1. Added to
    the result of `warp_flow`, it is a better flow of the whole scene than the first, for what stands still
    moves as the camera does: motion masks are made of it.

    Args:
        left: the warp flow, pixels.
        homography: (3, 3), pixel coordinates of frame t to frame t + 1.

    Raises:
        TypeError, ValueError: as `compensate_flow`.
    """
    check_flow(left, left.shape[1:] if isinstance(left, np.ndarray) else ())
    matrix = check_homography(homography)
    if np.array_equal(matrix, np.eye(3)):
        return left.copy()
    flow = np.empty_like(left)
    carry_along(np.ascontiguousarray(left), matrix, flow)
    return flow


def warp_back(image0: GrayImage, image1: GrayImage, homography: Homography) -> GrayImage:
    """Return frame t + 1 as the camera of frame t would have seen it, filled with frame t at the border."""
    check_pair(image0, image1)
    matrix = check_homography(homography)
    if np.array_equal(matrix, np.eye(3)):
        return image1.copy()
    map_x, map_y = np.empty(image0.shape, np.float32), np.empty(image0.shape, np.float32)
    outside = np.empty(image0.shape, np.bool_)
    carry(matrix, BORDER, map_x, map_y, outside)
    warped = image0.copy()
    cv2.remap(image1, map_x, map_y, cv2.INTER_CUBIC, dst=warped, borderMode=cv2.BORDER_REPLICATE)
    if warped.dtype == np.float32:  # bicubic sampling overshoots at edges
        np.clip(warped, 0, 1, out=warped)
    np.copyto(warped, image0, where=outside)
    return warped
