"""Warp flow: the flow that is left when the camera's motion is taken away."""

import cv2
import numpy as np

from egotool.motion._arrays import Flow, GrayImage, Homography, check_homography, check_pair
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


def warp_back(image0: GrayImage, image1: GrayImage, homography: Homography) -> GrayImage:
    """Return frame t + 1 as the camera of frame t would have seen it, filled with frame t at the border."""
    check_pair(image0, image1)
    matrix = check_homography(homography)
    if np.array_equal(matrix, np.eye(3)):
        return image1.copy()
    height, width = image0.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    depth = np.where(depth > 1e-6, depth, np.inf)  # behind the camera: becomes 0, within the border
    map_x = ((matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth).astype(np.float32)
    map_y = ((matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth).astype(np.float32)
    warped = image0.copy()
    cv2.remap(image1, map_x, map_y, cv2.INTER_CUBIC, dst=warped, borderMode=cv2.BORDER_REPLICATE)
    if warped.dtype == np.float32:  # bicubic sampling overshoots at edges
        np.clip(warped, 0, 1, out=warped)
    outside = (
        (map_x < BORDER) | (map_x > width - 1 - BORDER) | (map_y < BORDER) | (map_y > height - 1 - BORDER)
    )
    warped[outside] = image0[outside]
    return warped
