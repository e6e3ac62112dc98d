"""Motion masks from improved dense trajectories (Wang and Schmid 2013), as a stream."""

import math
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, GrayImage, Homography, Mask, check_flow, check_gray, check_homography
from egotool.motion._scale import Scale
from egotool.motion._shrinking import Shrinking
from egotool.motion._track_kernels import moving_pixels
from egotool.motion.pictures import to_bytes
from egotool.motion.track_parameters import TrackParameters

_SQUARE = np.ones((3, 3), np.uint8)


def motion_masks(
    images: Iterable[GrayImage],
    flows: Iterable[Flow],
    homographies: Iterable[Homography],
    *,
    valid: Iterable[bool] | None = None,
    parameters: TrackParameters | None = None,
) -> Iterator[Mask]:
    """Yield the motion mask of every frame: where something moves, camera aside, for a while.

    Tracks are begun in every free textured cell of every frame, on several scales, follow the flow, and
    are dropped by the rules of `TrackParameters`; the mask shows, of the cells that the others cross, what
    moves. Masks come `track_length` frames late; at no time are more than that many kept.

    Args:
        images: N gray pictures (H, W).
        flows: N - 1 flows (2, H, W), camera included, the t-th from picture t to t + 1; best those of
            `add_camera_motion` and `warp_flow`, in which what stands still moves as the camera does.
        homographies: N - 1 camera motions (3, 3), likewise.
        valid: N - 1 truth values, False where the camera's motion is not known; steps between such frames say
            nothing about motion, unless a track has no others: then it counts as it is, as if the camera
            were at rest. None: all are known.
        parameters: None: the defaults; `TrackParameters.published()` are the published rules.

    Yields:
        N masks (H, W) uint8, 0 or 255. A video with fewer than minimum_length + 1 frames has empty ones.

    Raises:
        TypeError, ValueError: a picture, flow or homography does not fit the others, or one series is short.
    """
    pictures = iter(images)
    first = next(pictures, None)
    if first is None:
        return
    check_gray(first, "the first picture")
    field = _Tracks(first.shape, parameters or TrackParameters())
    field.begin(to_bytes(first))
    known = None if valid is None else iter(valid)
    flow_of, homography_of = iter(flows), iter(homographies)
    for picture in pictures:
        flow, homography = next(flow_of, None), next(homography_of, None)
        trusted = True if known is None else next(known, None)
        if flow is None or homography is None or trusted is None:
            raise ValueError("there are fewer flows, homographies or validities than pictures but one")
        check_gray(picture, "a picture")
        if picture.shape != first.shape:
            raise ValueError(f"a picture has shape {picture.shape}, but the first one {first.shape}")
        check_flow(flow, first.shape)
        inverse = np.zeros((3, 3))
        if trusted:
            inverse[:] = np.linalg.inv(check_homography(homography))
        yield from field.move(flow, inverse)
        field.begin(to_bytes(picture))
    yield from field.finish()


class _Tracks:
    """The tracks of a video on all scales, and the masks that are not complete yet."""

    def __init__(self, shape: tuple[int, ...], parameters: TrackParameters) -> None:
        self.height, self.width = shape
        self.parameters = parameters
        self.scales: list[Scale] = []
        self.shrinkings: list[Shrinking] = []
        for level in range(parameters.scales):
            shrink = math.sqrt(0.5) ** level
            size = (round(self.height * shrink), round(self.width * shrink))
            if level and min(size) < parameters.smallest_side:
                break
            # From two scales before, about twice as large: halves of halves are averages over areas, too, and
            # much less work than from the full size each time.
            larger = self.scales[level - 2].size if level > 1 else (self.height, self.width)
            self.shrinkings.append(Shrinking(larger, size))
            self.scales.append(Scale(shape, size, parameters))
        self.frame = 0  # the newest one
        self.yielded = 0
        self.moving = np.zeros((parameters.track_length + 1, self.height, self.width), np.uint8)  # by slot

    def begin(self, picture: NDArray[np.uint8]) -> None:
        """Begin tracks in the newest frame."""
        for scale, smaller in zip(self.scales, self._pyramid(picture.astype(np.float32)), strict=True):
            scale.begin(smaller)

    def move(self, flow: Flow, inverse: Homography) -> Iterator[Mask]:
        """Go to the next frame; yield the mask that no living track can change any more."""
        self.frame += 1
        for scale, x, y in zip(self.scales, self._pyramid(flow[0]), self._pyramid(flow[1]), strict=True):
            smooth_x, smooth_y = (np.asarray(cv2.medianBlur(each, 3), np.float32) for each in (x, y))
            scale.move((smooth_x, smooth_y), inverse)
        if self.parameters.least_local_motion:
            before, after = (self.moving[self._slot(frame)] for frame in (self.frame - 1, self.frame))
            moving_pixels(flow, inverse, self.parameters.least_local_motion, before, after)
        self._end(self.parameters.track_length)
        if self.frame >= self.parameters.track_length:
            yield self._mask()

    def finish(self) -> Iterator[Mask]:
        """End all tracks; yield the masks of the remaining frames."""
        self._end(0)
        while self.yielded <= self.frame:
            yield self._mask()

    def _pyramid(self, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return a full-size picture at every scale."""
        pictures: list[NDArray[np.float32]] = []
        for level, shrinking in enumerate(self.shrinkings):
            larger = pictures[level - 2] if level > 1 else np.ascontiguousarray(picture)
            pictures.append(shrinking(larger))
        return pictures

    def _end(self, longest: int) -> None:
        """End the tracks that have `longest` steps, or left the frame."""
        drifts = np.concatenate([scale.judge(longest) for scale in self.scales])
        threshold = self.parameters.drift_threshold(drifts)
        for scale in self.scales:
            scale.end(self._slot(self.frame), longest, threshold)

    def _slot(self, frame: int) -> int:
        """Return the place of a frame in the buffers that go round."""
        return frame % (self.parameters.track_length + 1)

    def _mask(self) -> Mask:
        """Return the oldest mask not yet yielded, and free its slot."""
        mask = np.zeros((self.height, self.width), np.uint8)
        slot = self._slot(self.yielded)
        for scale in self.scales:
            scale.paint(slot, mask)
        if self.parameters.least_local_motion:
            mask[cv2.dilate(self.moving[slot], _SQUARE) == 0] = 0
        self.yielded += 1
        return mask
