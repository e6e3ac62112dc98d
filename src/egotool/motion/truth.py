"""Comparison of flow with the truth, and Middlebury's file format."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError
from egotool.motion._arrays import Flow

UNKNOWN = 1e9
"""Values of larger magnitude in a .flo file mean: not known."""


def endpoint_error(flow: Flow, truth: Flow, valid: NDArray[np.bool_] | None = None) -> float:
    """Return the mean end-point error in pixels: the mean distance between the vectors of two flows.

    Args:
        flow: (2, H, W).
        truth: (2, H, W); pixels where it is not finite, or larger than 1e9, do not count.
        valid: (H, W), non-zero where the comparison counts; None: everywhere.

    Raises:
        ValueError: the shapes differ, or no pixel counts.
    """
    if flow.shape != truth.shape or flow.ndim != 3 or flow.shape[0] != 2:
        raise ValueError(
            f"the flow has shape {flow.shape}, the truth {truth.shape}; both have to be (2, H, W)"
        )
    known = (np.isfinite(truth) & (np.abs(truth) < UNKNOWN)).all(axis=0)
    if valid is not None:
        if valid.shape != known.shape:
            raise ValueError(f"valid has shape {valid.shape}, but has to be {known.shape}")
        known &= valid.astype(bool)
    if not known.any():
        raise ValueError("there is no pixel with a known flow to compare")
    difference = flow[:, known].astype(np.float64) - truth[:, known]
    return float(np.hypot(difference[0], difference[1]).mean())


def read_flo(path: Path) -> Flow:
    """Read a Middlebury .flo file: (2, H, W) float32; unknown values become NaN.

    Raises:
        EgotoolError: the file cannot be read, or is not a whole .flo file.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise EgotoolError(f"{path} cannot be read ({error.strerror}); check the path") from error
    if len(content) < 12 or content[:4] != b"PIEH":
        raise EgotoolError(
            f"{path} is not a .flo file (it does not begin with PIEH); give a Middlebury flow file"
        )
    width, height = struct.unpack("<ii", content[4:12])
    if width < 1 or height < 1 or len(content) != 12 + 8 * width * height:
        raise EgotoolError(
            f"{path} declares {width}×{height} pixels, but has {len(content)} bytes; fetch the file again"
        )
    interleaved = np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2)
    flow = np.ascontiguousarray(np.moveaxis(interleaved, 2, 0), dtype=np.float32)
    flow[~(np.abs(flow) < UNKNOWN)] = np.nan
    return flow
