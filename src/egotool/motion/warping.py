"""Warp flow: the flow that is left when the camera's motion is taken away."""

import cv2
import numpy as np

from egotool.motion._arrays import Flow, GrayImage, Homography, check_flow, check_homography, check_pair
from egotool.motion._warp_kernels import carry, compensate
from egotool.motion.flow import Backend, tvl1
from egotool.motion.schedule import Schedule

BORDER = 5
"""Pixels from the border of frame t + 1 that are not warped: sampling there would invent values."""


def warp_flow(
    image0: GrayImage,
    image1: GrayImage,
    homography: Homography,
    *,
    schedule: str | Schedule = "fast",
    backend: Backend = "auto",
) -> Flow:
    """Return the warp flow (2, H, W): from frame t to frame t + 1 warped back by the camera's motion.

    Where the warped frame would come from outside, or from within 5 px of the border of frame t + 1, it
    shows frame t itself, and so the warp flow tends to zero (Wang and Schmid 2013). With the identity, the
    warp flow is the flow, border included.

    Args:
        image0: (H, W) gray, frame t; see `tvl1`.
        image1: (H, W) gray, frame t + 1.
        homography: (3, 3), pixel coordinates of frame t to frame t + 1.
        schedule: see `tvl1`.
        backend: see `tvl1`.

    Raises:
        TypeError, ValueError: as `tvl1`; also for a homography that is not finite and invertible.
    """
    return tvl1(image0, warp_back(image0, image1, homography), schedule=schedule, backend=backend)


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
