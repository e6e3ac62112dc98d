"""The samples a camera motion is fitted to: corners and edges with their flow, spread over the frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, Mask
from egotool.motion._sample_kernels import FIELDS, pick_corners, pick_edges, share_weights

Samples = NDArray[np.float32]
"""(7, N): x, y; x, y in the next frame; normal x, y; weight. See `_sample_kernels`."""

CELL = 32
"""Side of the cells, in pixels, in which samples share a weight."""
CORNER_BLOCK = 6
"""One corner at most per square of so many pixels."""
CORNER_QUALITY = 0.001
"""Least strength (smaller eigenvalue of the structure tensor) of a corner, as part of the frame's largest."""
CORNERS_PER_CELL = 3
EDGE_BLOCK = 5
EDGE_STRENGTH = 4.0
"""Least gray-value gradient, per pixel, of an edge sample: of a worktop often only its grain is in
view. Below half of this, compression and noise make the edges."""
EDGES_PER_CELL = 16
EDGE_MARGIN = 3
LOWEST_WEIGHT = 0.5
"""How much a sample at the lower border counts, where hands come into view; from the middle up it is one."""
UPPER = 0.6
"""The part of the frame, from above, in which hands are rarest."""
LEFT_OF_HANDS = 0.1
"""How much a sample counts where surely a hand is."""
_SCHARR = 32
"""What a Scharr filter multiplies gradients by."""


def corner_samples(gray: NDArray[np.uint8], flow: Flow, keep: Mask) -> Samples:
    """Return the strongest corner of every 6×6 block of frame t, with the normal (1, 0)."""
    strength = np.asarray(cv2.cornerMinEigenVal(gray, 3), np.float32)
    height, width = gray.shape
    samples = np.empty((FIELDS, _blocks(height, CORNER_BLOCK) * _blocks(width, CORNER_BLOCK)), np.float32)
    threshold = CORNER_QUALITY * float(strength.max())
    count = pick_corners(strength, threshold, CORNER_BLOCK, keep, flow, samples)
    return _shared(samples[:, :count], gray.shape, CORNERS_PER_CELL)


def edge_samples(gray: NDArray[np.uint8], flow: Flow, keep: Mask) -> Samples:
    """Return the pixel with the steepest gradient of every 5×5 block of frame t, where it is steep enough.

    Its normal is the gradient's direction, because only the flow across an edge can be trusted.
    """
    gradient_x, gradient_y = (np.asarray(cv2.Scharr(gray, cv2.CV_16S, dx, 1 - dx), np.int16) for dx in (1, 0))
    height, width = gray.shape
    samples = np.empty((FIELDS, _blocks(height, EDGE_BLOCK) * _blocks(width, EDGE_BLOCK)), np.float32)
    count = pick_edges(
        gradient_x, gradient_y, EDGE_STRENGTH * _SCHARR, EDGE_BLOCK, EDGE_MARGIN, keep, flow, samples
    )
    return _shared(samples[:, :count], gray.shape, EDGES_PER_CELL)


def _blocks(pixels: int, block: int) -> int:
    return -(-pixels // block)


def _shared(samples: Samples, shape: tuple[int, ...], full: int) -> Samples:
    """Return samples of which a cell of the frame counts at most one, and one from `full` samples on.

    So a textured hand or cloth in a corner of the frame does not outvote the kitchen around it. Below the
    middle of the frame they count less, down to `LOWEST_WEIGHT`.
    """
    samples = np.ascontiguousarray(samples)
    counts = np.zeros((_blocks(shape[0], CELL), _blocks(shape[1], CELL)), np.int32)
    share_weights(samples, CELL, full, counts)
    height = shape[0]
    samples[6] *= np.clip(1 + (1 - LOWEST_WEIGHT) * (1 - 2 * samples[1] / height), LOWEST_WEIGHT, 1)
    return samples


def without_hands(samples: Samples, hands: NDArray[np.float32]) -> Samples:
    """Return samples that count the less, the likelier a hand (H, W) is where they are.

    A tenth is left: a hand that rests for once, or what was taken for one, speaks for the room where else
    nothing does.
    """
    weighed = samples.copy()
    likely = hands[samples[1].astype(np.intp), samples[0].astype(np.intp)]
    weighed[6] *= np.clip(1 - likely, LEFT_OF_HANDS, 1)
    return weighed


def upper_samples(samples: Samples, shape: tuple[int, ...]) -> Samples:
    """Return the samples in the upper part of the frame."""
    return np.ascontiguousarray(samples[:, samples[1] < UPPER * shape[0]])
