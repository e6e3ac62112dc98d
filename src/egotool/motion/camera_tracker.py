"""Camera motion through a video: what moved a moment ago is likely a hand now."""

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, GrayImage, Mask
from egotool.motion._fit import corner_motion
from egotool.motion._memory_kernels import remember
from egotool.motion.camera import CameraMotion, estimate_camera_motion

LEAST_MOTION, MOST_MOTION = 0.5, 1.5
"""From how many pixels on, camera aside, something has moved by itself, and from how many on surely: so it is
with the head at rest."""
PER_MOTION = 2.0
"""How many times as much that is for every pixel of the camera's motion: a room is no plane, and what is
nearer or farther than the rest of it moves by itself, too."""
FADING = 0.97
"""What is left of it from one frame to the next: a hand that comes to rest is one for another second."""
STRIDE = 4
"""Pixels between the places that are remembered."""
MOST_HANDS = 0.4
"""The part of the frame that may be hands; where more has moved, it was likelier the room."""


class CameraTracker:
    """Estimates the camera's motion frame after frame, and remembers what moved by itself.

    Between two frames a hand that moves slowly looks much as the room does, and bends the homography; but it
    moved faster before, or will again. So what moved against the room is carried along by the flow, fades
    slowly, and counts little when the next motion is estimated (`hands` of `estimate_camera_motion`).
    Frames must come in order; another scene wants another tracker.

    Example:
        tracker = CameraTracker()
        motions = [tracker.next_motion(a, b, tvl1(a, b)) for a, b in itertools.pairwise(pictures)]
    """

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._moved: NDArray[np.float32] | None = None
        """What moved, in the newest frame: a number 0..1 every `STRIDE` pixels."""

    def next_motion(
        self, image0: GrayImage, image1: GrayImage, flow: Flow, *, exclude: Mask | None = None
    ) -> CameraMotion:
        """Estimate the motion between the frame that the last call ended with and the next one.

        Args:
            image0: (H, W) gray, frame t, uint8 or float32 0..1; of the size of those before.
            image1: (H, W) gray, frame t + 1.
            flow: (2, H, W) from frame t to frame t + 1.
            exclude: see `estimate_camera_motion`.

        Raises:
            TypeError, ValueError: as `estimate_camera_motion`; also for pictures of another size than before.
        """
        if self._moved is not None and np.shape(image0) != self._shape:
            raise ValueError(f"the picture has shape {np.shape(image0)}, but those before had {self._shape}")
        motion = estimate_camera_motion(image0, image1, flow, exclude=exclude, hands=self.hands)
        self._remember(flow, motion)
        return motion

    @property
    def hands(self) -> NDArray[np.float32] | None:
        """(H, W) 0..1: how likely hands, or what else moves by itself, are in the newest frame.

        None before the first two frames.
        """
        return None if self._moved is None else _likely_hands(self._moved, self._shape)

    def _remember(self, flow: Flow, motion: CameraMotion) -> None:
        height, width = self._shape = flow.shape[1:]
        if self._moved is None:
            self._moved = np.zeros((-(-height // STRIDE), -(-width // STRIDE)), np.float32)
        slack = 1 + PER_MOTION * corner_motion(motion.homography, (height, width))
        carried = np.empty_like(self._moved)
        remember(
            self._moved,
            flow,
            np.asarray(np.linalg.inv(motion.homography), np.float64),
            motion.valid,
            LEAST_MOTION * slack,
            MOST_MOTION * slack,
            FADING,
            STRIDE,
            carried,
        )
        self._moved = carried


def _likely_hands(moved: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return (H, W): how likely a hand is at each pixel, a little around what moved included."""
    around = np.asarray(cv2.dilate(moved, np.ones((3, 3), np.uint8)), np.float32)
    around *= np.float32(min(1, MOST_HANDS / max(float(around.mean()), 1e-6)))
    rows, columns = moved.shape
    wide = cv2.resize(around, (columns * STRIDE, rows * STRIDE), interpolation=cv2.INTER_NEAREST)
    likely: NDArray[np.float32] = np.ascontiguousarray(wide[: shape[0], : shape[1]], np.float32)
    return likely
