"""Motion masks from improved dense trajectories (Wang and Schmid 2013), as a stream."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, GrayImage, Homography, Mask, check_flow, check_gray, check_homography
from egotool.motion._track_kernels import begin_tracks, end_tracks, move_tracks, paint
from egotool.motion.pictures import to_bytes


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
    """Cells begin a track where the structure tensor's smaller eigenvalue exceeds this part of its maximum."""
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

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        if not 1 <= self.minimum_length <= self.track_length:
            raise ValueError("minimum_length has to lie in 1..track_length")
        if min(self.spacing, self.scales, self.smallest_side) < 1:
            raise ValueError("spacing, scales and smallest_side have to be at least 1")

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


def motion_masks(
    images: Iterable[GrayImage],
    flows: Iterable[Flow],
    homographies: Iterable[Homography],
    *,
    valid: Iterable[bool] | None = None,
    parameters: TrackParameters | None = None,
) -> Iterator[Mask]:
    """Yield the motion mask of every frame: where something moves, camera aside, for a while.

    Tracks are begun in every free textured cell of every frame, on several scales, follow the raw flow, and are
    dropped by the rules of `TrackParameters`; the mask shows the cells that the others cross. Masks come
    `track_length` frames late; at no time are more than that many kept.

    Args:
        images: N gray pictures (H, W).
        flows: N - 1 flows (2, H, W), camera included, the t-th from picture t to t + 1.
        homographies: N - 1 camera motions (3, 3), likewise.
        valid: N - 1 truth values, False where the camera's motion is not known; steps between such frames say
            nothing about motion. None: all are known.
        parameters: None: the published rules.

    Yields:
        N masks (H, W) uint8, 0 or 255. A video with fewer than minimum_length + 1 frames has empty ones.

    Raises:
        TypeError, ValueError: a picture, flow or homography does not fit the others, or one series ends early.
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
        inverse = np.linalg.inv(check_homography(homography)) if trusted else np.zeros((3, 3))
        yield from field.move(flow, inverse)
        field.begin(to_bytes(picture))
    yield from field.finish()


class _Tracks:
    """The tracks of a video on all scales, and the masks that are not complete yet."""

    def __init__(self, shape: tuple[int, ...], parameters: TrackParameters) -> None:
        self.height, self.width = shape
        self.parameters = parameters
        self.scales: list[_Scale] = []
        for level in range(parameters.scales):
            shrink = math.sqrt(0.5) ** level
            size = (round(self.height * shrink), round(self.width * shrink))
            if level and min(size) < parameters.smallest_side:
                break
            self.scales.append(_Scale(shape, size, parameters))
        self.frame = 0  # the newest one
        self.yielded = 0

    def begin(self, picture: NDArray[np.uint8]) -> None:
        """Begin tracks in the newest frame."""
        for scale in self.scales:
            scale.begin(picture)

    def move(self, flow: Flow, inverse: Homography) -> Iterator[Mask]:
        """Go to the next frame; yield the mask that no living track can change any more."""
        self.frame += 1
        slot = self.frame % (self.parameters.track_length + 1)
        for scale in self.scales:
            scale.move(flow, inverse, slot)
        if self.frame >= self.parameters.track_length:
            yield self._mask()

    def finish(self) -> Iterator[Mask]:
        """End all tracks; yield the masks of the remaining frames."""
        for scale in self.scales:
            scale.end(self.frame % (self.parameters.track_length + 1))
        while self.yielded <= self.frame:
            yield self._mask()

    def _mask(self) -> Mask:
        """Return the oldest mask not yet yielded, and free its slot."""
        mask = np.zeros((self.height, self.width), np.uint8)
        slot = self.yielded % (self.parameters.track_length + 1)
        for scale in self.scales:
            scale.paint(slot, mask)
        self.yielded += 1
        return mask


class _Scale:
    """The tracks of one scale; see `_track_kernels` for the arrays."""

    def __init__(self, shape: tuple[int, ...], size: tuple[int, int], parameters: TrackParameters) -> None:
        self.height, self.width = size
        self.ratios = np.array([shape[1] / self.width, shape[0] / self.height], np.float64)
        self.rules = parameters.rules()
        self.parameters = parameters
        spacing, length = parameters.spacing, parameters.track_length
        rows, columns = max(1, self.height // spacing), max(1, self.width // spacing)
        self.occupied = np.zeros((rows, columns), np.uint8)
        self.marks = np.zeros((length + 1, rows, columns), np.uint8)
        self.count = 0
        self.lengths = np.zeros(0, np.int32)
        self.paths = np.zeros((0, length + 1, 2), np.float32)
        self.steps = np.zeros((0, length, 2), np.float32)
        # The cell of every full-size pixel; what is left over at the right and lower border joins the last cell.
        y, x = (
            (np.arange(n) + 0.5) / ratio // spacing for n, ratio in zip(shape, self.ratios[::-1], strict=True)
        )
        self.cell_rows = np.minimum(y, rows - 1).astype(np.int32)
        self.cell_columns = np.minimum(x, columns - 1).astype(np.int32)

    def begin(self, picture: NDArray[np.uint8]) -> None:
        """Begin tracks in the free, textured cells of a full-size picture."""
        strength = cv2.cornerMinEigenVal(self._resized(picture), 3, ksize=3)
        self._reserve(self.count + self.occupied.size)
        threshold = self.parameters.quality * float(strength.max())
        spacing = self.parameters.spacing
        self.count = begin_tracks(
            strength, threshold, spacing, self.occupied, self.paths, self.lengths, self.count
        )

    def move(self, flow: Flow, inverse: Homography, slot: int) -> None:
        """Move all tracks by a full-size flow into the frame of ring slot `slot`."""
        small = np.empty((2, self.height, self.width), np.float32)
        for channel, ratio in enumerate(self.ratios):
            values = cv2.medianBlur(self._resized(flow[channel]), 3)
            np.divide(values, np.float32(ratio), out=small[channel])
        parameters = self.parameters
        self.count = move_tracks(
            small,
            inverse,
            self.ratios,
            self.rules,
            parameters.track_length,
            parameters.minimum_length,
            parameters.spacing,
            self.paths,
            self.steps,
            self.lengths,
            self.count,
            self.marks,
            slot,
        )

    def end(self, slot: int) -> None:
        """End all tracks in the frame of ring slot `slot`."""
        parameters = self.parameters
        end_tracks(
            self.ratios,
            self.rules,
            parameters.minimum_length,
            parameters.spacing,
            self.paths,
            self.steps,
            self.lengths,
            self.count,
            self.marks,
            slot,
        )
        self.count = 0

    def paint(self, slot: int, mask: Mask) -> None:
        """Add the marked cells of a ring slot to a full-size mask, and clear the slot."""
        paint(self.marks[slot], self.cell_rows, self.cell_columns, mask)
        self.marks[slot] = 0

    def _resized(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        if values.shape == (self.height, self.width):
            return np.ascontiguousarray(values)
        resized: NDArray[np.generic] = cv2.resize(
            values, (self.width, self.height), interpolation=cv2.INTER_AREA
        )
        return resized

    def _reserve(self, capacity: int) -> None:
        """Make room for `capacity` tracks."""
        missing = capacity - len(self.lengths)
        if missing > 0:
            extra = max(missing, len(self.lengths) // 2)
            self.lengths = np.concatenate([self.lengths, np.zeros(extra, np.int32)])
            self.paths = np.concatenate([self.paths, np.zeros((extra, *self.paths.shape[1:]), np.float32)])
            self.steps = np.concatenate([self.steps, np.zeros((extra, *self.steps.shape[1:]), np.float32)])
