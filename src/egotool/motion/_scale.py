"""The tracks of one scale: their arrays, and the calls of the kernels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Homography, Mask
from egotool.motion._track_kernels import begin_tracks, end_tracks, judge_tracks, move_tracks, paint
from egotool.motion.track_parameters import TrackParameters

Float32Array = NDArray[np.float32]
ByteArray = NDArray[np.uint8]


class Scale:
    """The tracks of one scale; see `_track_kernels` for the arrays."""

    def __init__(self, shape: tuple[int, ...], size: tuple[int, int], parameters: TrackParameters) -> None:
        self.size = self.height, self.width = size
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
        self.known = np.zeros((0, length), np.uint8)
        self.gone, self.passed = np.zeros(0, np.uint8), np.zeros(0, np.uint8)
        self.drifts, self.carried = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self.row_bounds = _bounds(shape[0], rows, spacing * float(self.ratios[1]))
        self.column_bounds = _bounds(shape[1], columns, spacing * float(self.ratios[0]))

    def begin(self, picture: Float32Array) -> None:
        """Begin tracks in the free, textured cells of a picture of this scale."""
        strength = np.asarray(cv2.cornerMinEigenVal(picture, 3, ksize=3), np.float32)
        self._reserve(self.count + self.occupied.size)
        threshold = float(self.parameters.quality * strength.max())
        spacing = self.parameters.spacing
        self.count = begin_tracks(
            strength, threshold, spacing, self.occupied, self.paths, self.lengths, self.count
        )

    def move(self, flow: tuple[Float32Array, Float32Array], inverse: Homography) -> None:
        """Move all tracks into the next frame by a flow (x, y) of this scale's size, in full-size pixels."""
        move_tracks(
            *flow,
            inverse,
            self.ratios,
            self.paths,
            self.steps,
            self.lengths,
            self.count,
            self.known,
            self.gone,
        )

    def judge(self, longest: int) -> NDArray[np.float32]:
        """Judge the tracks that end, after `longest` steps or outside; return the former's drifts."""
        shortest = self.parameters.minimum_length
        judge_tracks(
            self.ratios,
            self.rules,
            longest,
            shortest,
            self.paths,
            self.steps,
            self.lengths,
            self.count,
            self.known,
            self.gone,
            self.drifts,
            self.carried,
            self.passed,
        )
        complete = self.lengths[: self.count] >= max(longest, shortest)
        return self.drifts[: self.count][complete]

    def end(self, slot: int, longest: int, threshold: float) -> None:
        """End the tracks with `longest` steps and those that left the frame, whose ring slot is `slot`."""
        self.count = end_tracks(
            threshold,
            float(self.parameters.camera_share),
            float(self.parameters.local_ratio),
            self.parameters.window,
            longest,
            slot,
            self.parameters.spacing,
            self.paths,
            self.steps,
            self.lengths,
            self.count,
            self.known,
            self.gone,
            self.drifts,
            self.carried,
            self.passed,
            self.marks,
        )
        self.gone[:] = 0

    def paint(self, slot: int, mask: Mask) -> None:
        """Add the marked cells of a ring slot to a full-size mask, and clear the slot."""
        paint(self.marks[slot], self.row_bounds, self.column_bounds, mask)
        self.marks[slot] = 0

    def _reserve(self, capacity: int) -> None:
        """Make room for `capacity` tracks."""
        missing = capacity - len(self.lengths)
        if missing > 0:
            extra = max(missing, len(self.lengths) // 2)
            for name in ("lengths", "paths", "steps", "known", "gone", "passed", "drifts", "carried"):
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros((extra, *old.shape[1:]), old.dtype)]))


def _bounds(pixels: int, cells: int, side: float) -> NDArray[np.int32]:
    """Return the first full-size pixel of every cell, and the end of the last, which takes what is left over.

    A pixel belongs to the cell in which its centre lies.
    """
    bounds: NDArray[np.int32] = np.ceil(np.arange(cells + 1) * side - 0.5).astype(np.int32)
    bounds[-1] = pixels
    return bounds
