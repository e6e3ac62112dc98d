"""What a store consists of: its arrays, their types and units, and where the files of a video lie."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from egotool.errors import StoreError
from egotool.files import inside

FORMAT_VERSION: int = 1
"""Of a file that has all frames of its video."""

RANGES_FORMAT_VERSION: int = 2
"""Of a file that has only ranges of them: a reader of format 1 would take positions for frame numbers."""

NEWEST_FORMAT_VERSION: int = RANGES_FORMAT_VERSION
"""Raised when a reader of the version before could misread a file; readers accept it and everything older."""

FLOW_SCALE = 64
"""Stored flow is a whole number of 1/64 pixels: exact to 1/128 pixel, within ±512 pixels."""

SMALL_ITEMS_PER_CHUNK = 1024
"""Items per chunk of the arrays that have numbers, not pictures, per frame."""


class Array(StrEnum):
    """The arrays of a video; all have one item per frame or per pair of frames along their first axis.

    For N frames of H × W pixels:
    """

    RGB = "rgb"
    """(N, H, W, 3) uint8, sRGB as decoded."""
    TIMESTAMPS = "timestamps"
    """(N,) float64, seconds since the first frame."""
    FLOW = "flow"
    """(N-1, 2, H, W) int16, x then y displacement from frame t to t+1 in 1/64 pixel."""
    WARP_FLOW = "warp_flow"
    """(N-1, 2, H, W) int16, the same with the camera's motion compensated."""
    HOMOGRAPHY = "homography"
    """(N-1, 3, 3) float64, maps homogeneous pixel coordinates (x, y, 1) of frame t to frame t+1."""
    HOMOGRAPHY_VALID = "homography_valid"
    """(N-1,) bool; False: the camera's motion was not found and the identity stands in."""
    MASKS = "motion_masks"
    """(N, H, W) uint8, 255 where something moves by itself, else 0."""
    FRAME_NUMBERS = "frame_numbers"
    """(N,) int64, which frame of the video each stored one is; only where the file does not have all."""


@dataclass(frozen=True, slots=True)
class ArraySpecification:
    """The type of an array's items.

    Attributes:
        dtype: little-endian numpy type in the file.
        dimensions: number of dimensions of an item.
        is_picture: an item is a picture, with a chunk and a compression of its own.
        between_frames: there is one item per pair of neighbouring frames (N-1), not per frame (N).
        unit: as recorded in the file.
    """

    dtype: np.dtype[np.generic]
    dimensions: int
    is_picture: bool
    between_frames: bool
    unit: str

    def count(self, frame_count: int) -> int:
        """Return the number of items that a video of `frame_count` frames has."""
        return max(0, frame_count - 1) if self.between_frames else frame_count


_FLOW_UNIT = f"pixel/{FLOW_SCALE}"
SPECIFICATIONS: dict[Array, ArraySpecification] = {
    Array.RGB: ArraySpecification(np.dtype("u1"), 3, True, False, "sRGB 0..255"),
    Array.TIMESTAMPS: ArraySpecification(np.dtype("<f8"), 0, False, False, "second"),
    Array.FLOW: ArraySpecification(np.dtype("<i2"), 3, True, True, _FLOW_UNIT),
    Array.WARP_FLOW: ArraySpecification(np.dtype("<i2"), 3, True, True, _FLOW_UNIT),
    Array.HOMOGRAPHY: ArraySpecification(
        np.dtype("<f8"), 2, False, True, "pixel of frame t to pixel of frame t+1"
    ),
    Array.HOMOGRAPHY_VALID: ArraySpecification(np.dtype("?"), 0, False, True, "boolean"),
    Array.MASKS: ArraySpecification(np.dtype("u1"), 2, True, False, "0 still, 255 moving"),
    Array.FRAME_NUMBERS: ArraySpecification(np.dtype("<i8"), 0, False, False, "frame of the video"),
}

UNITS: dict[str, str] = {array.value: specification.unit for array, specification in SPECIFICATIONS.items()}
"""The unit of every array."""


def units_of_format(version: int) -> dict[str, str]:
    """Return what files of a format record in their attribute `units`."""
    if version >= RANGES_FORMAT_VERSION:
        return UNITS
    return {name: unit for name, unit in UNITS.items() if name != Array.FRAME_NUMBERS}


def item_shape_of(array: Array, height: int, width: int) -> tuple[int, ...]:
    """Return the shape of one item of `array` in a video of `height` × `width` pixels."""
    shapes: dict[Array, tuple[int, ...]] = {
        Array.RGB: (height, width, 3),
        Array.FLOW: (2, height, width),
        Array.WARP_FLOW: (2, height, width),
        Array.MASKS: (height, width),
        Array.HOMOGRAPHY: (3, 3),
    }
    return shapes.get(array, ())


def encode_flow(flow: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Return `flow` (any shape, pixels) as int16 in 1/64 pixel: rounded, and saturated beyond ±512 pixels.

    Not-a-number becomes 0: the format has no mark for an unknown displacement.
    """
    scaled = np.rint(np.nan_to_num(flow, nan=0.0, posinf=np.inf, neginf=-np.inf) * np.float32(FLOW_SCALE))
    limits = np.iinfo(np.int16)
    stored: npt.NDArray[np.int16] = np.clip(scaled, limits.min, limits.max).astype(np.int16)
    return stored


def decode_flow(stored: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Return stored flow (any shape, int16 in 1/64 pixel) in pixels."""
    return np.multiply(stored, np.float32(1 / FLOW_SCALE), dtype=np.float32)


def store_file(store: Path, video: str) -> Path:
    """Return the path of the HDF5 file of `video` in `store`."""
    return inside(store, f"{video}.h5")


def receipt_file(store: Path, video: str) -> Path:
    """Return the path of the receipt of `video` in `store`.

    Raises:
        StoreError: if it would be the file that says where the manifest of the store comes from.
    """
    if PurePosixPath(video) == PurePosixPath("manifest"):
        raise StoreError(
            "a video cannot be called 'manifest', as its receipt would be the manifest.json of the store: "
            "rename the file, or give it a suffix such as .mp4"
        )
    return inside(store, f"{video}.json")


def check_format_version(version: object, path: Path) -> None:
    """Raise unless a file of format `version` can be read.

    Raises:
        StoreError: if the version is newer than this egotool, or not a version.
    """
    if isinstance(version, bool) or not isinstance(version, int | np.integer) or version < 1:
        raise StoreError(f"{path} is not a file of an egotool store: extract its video again")
    if version > NEWEST_FORMAT_VERSION:
        raise StoreError(f"{path} was made by a newer egotool (format {version}); upgrade egotool")
