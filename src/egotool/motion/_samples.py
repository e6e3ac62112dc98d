"""The samples a camera motion is fitted to: corners and edges with their flow, spread over the frame."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Flow, Mask

Float64Array = NDArray[np.float64]

CELL = 32
"""Side of the cells, in pixels, in which samples share a weight."""
MOST_CORNERS = 1000
CORNER_QUALITY = 0.001
CORNER_DISTANCE = 5
CORNERS_PER_CELL = 3
EDGE_BLOCK = 4
EDGE_STRENGTH = 9.0
"""Least gray-value gradient, per pixel, of an edge sample: below, compression noise makes edges."""
EDGES_PER_CELL = 16
EDGE_MARGIN = 3


@dataclass(frozen=True)
class Samples:
    """N points of frame t, where the flow takes them, and how much they say.

    A corner is there twice, with the normals (1, 0) and (0, 1). An edge has its gradient's direction as
    normal, because only the flow across an edge can be trusted.
    """

    points0: Float64Array  # (N, 2)
    points1: Float64Array  # (N, 2)
    normals: Float64Array  # (N, 2), of length one
    weights: Float64Array  # (N,)

    def __len__(self) -> int:
        return len(self.points0)


def corner_samples(gray: NDArray[np.uint8], flow: Flow, keep: Mask | None) -> Samples:
    """Return the good features to track of frame t, each once, with the normal (1, 0)."""
    found = cv2.goodFeaturesToTrack(gray, MOST_CORNERS, CORNER_QUALITY, CORNER_DISTANCE, mask=keep)
    # In a frame without any, OpenCV 4 returns None, OpenCV 5 an empty array.
    points = np.zeros((0, 2)) if found is None else np.asarray(found, np.float64).reshape(-1, 2)
    x, y = np.rint(points).astype(int).T
    normals = np.tile([1.0, 0.0], (len(points), 1))
    return Samples(points, points + flow[:, y, x].T, normals, shared_weights(points, CORNERS_PER_CELL))


def both_directions(corners: Samples) -> Samples:
    """Return corners twice, with the normals (1, 0) and (0, 1)."""
    across = np.tile([0.0, 1.0], (len(corners), 1))
    return Samples(
        np.concatenate([corners.points0, corners.points0]),
        np.concatenate([corners.points1, corners.points1]),
        np.concatenate([corners.normals, across]),
        np.concatenate([corners.weights, corners.weights]),
    )


def edge_samples(gray: NDArray[np.uint8], flow: Flow, keep: Mask | None) -> Samples:
    """Return the pixel with the steepest gradient of every 4×4 block of frame t, where it is steep enough."""
    gradient_x = cv2.Scharr(gray, cv2.CV_32F, 1, 0) / np.float32(32)
    gradient_y = cv2.Scharr(gray, cv2.CV_32F, 0, 1) / np.float32(32)
    squared = gradient_x * gradient_x + gradient_y * gradient_y
    if keep is not None:
        squared[keep == 0] = 0
    squared[:EDGE_MARGIN] = squared[-EDGE_MARGIN:] = 0
    squared[:, :EDGE_MARGIN] = squared[:, -EDGE_MARGIN:] = 0
    rows, columns = squared.shape[0] // EDGE_BLOCK, squared.shape[1] // EDGE_BLOCK
    blocks = squared[: rows * EDGE_BLOCK, : columns * EDGE_BLOCK]
    blocks = (
        blocks.reshape(rows, EDGE_BLOCK, columns, EDGE_BLOCK).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    )
    steepest = blocks.argmax(axis=2)
    row, column = np.nonzero(np.take_along_axis(blocks, steepest[..., None], 2)[..., 0] > EDGE_STRENGTH**2)
    y = row * EDGE_BLOCK + steepest[row, column] // EDGE_BLOCK
    x = column * EDGE_BLOCK + steepest[row, column] % EDGE_BLOCK
    points = np.stack([x, y], axis=1).astype(np.float64)
    normals = np.stack([gradient_x[y, x], gradient_y[y, x]], axis=1).astype(np.float64)
    normals /= np.sqrt(squared[y, x])[:, None]
    return Samples(points, points + flow[:, y, x].T, normals, shared_weights(points, EDGES_PER_CELL))


def shared_weights(points: Float64Array, full: int) -> Float64Array:
    """Return weights with which a cell of the frame counts at most one, and one from `full` points on.

    So a textured hand or cloth in a corner of the frame does not outvote the kitchen around it.
    """
    column, row = (points // CELL).astype(np.int64).T
    cell = row * 65536 + column
    _cells, index, counts = np.unique(cell, return_inverse=True, return_counts=True)
    weights: Float64Array = 1.0 / np.maximum(counts[index], full)
    return weights
