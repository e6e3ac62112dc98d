"""From the coded picture to the picture as shown: pixel aspect, rotation, and the working size."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.sidedata.sidedata import Type as SideDataType


def working_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Return the (width, height) of a picture resized to a short side of `short_side`, aspect kept.

    Never enlarges; sides are rounded to the nearest pixel, at least 1, and not forced to be even.
    """
    scale = Fraction(short_side, min(width, height))
    if scale >= 1:
        return width, height
    return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True, slots=True)
class Orientation:
    """How the coded picture is turned for display: first transposed (or not), then mirrored per axis.

    The eight possible values are the rotations by multiples of 90° with and without a mirror; matrices of
    other angles (which no camera writes) are taken to the nearest of them.
    """

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @classmethod
    def of_frame(cls, frame: VideoFrame) -> Self:
        """Read the display matrix that the container attached to `frame` (identity if none)."""
        try:
            data = bytes(frame.side_data[SideDataType.DISPLAYMATRIX])  # type: ignore[typeddict-item]  # PyAV's stub is wrong
        except KeyError:
            return cls()
        # ffmpeg: nine int32, (x', y') = (a x + c y, b x + d y) for the matrix rows (a b u), (c d v), (x y w).
        a, b, _, c, d, *_ = np.frombuffer(data, dtype=np.int32).tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transposed=True, mirrored_x=c < 0, mirrored_y=b < 0)
        return cls(mirrored_x=a < 0, mirrored_y=d < 0)

    @property
    def degrees(self) -> int:
        """The counterclockwise rotation in degrees (0, 90, 180, 270), a mirror left aside."""
        if self.transposed:
            return 270 if self.mirrored_x else 90
        return 180 if self.mirrored_y else 0

    def apply(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return `picture` (H, W, channels) as shown, contiguous in memory."""
        if self.transposed:
            picture = picture.transpose(1, 0, 2)
        if self.mirrored_x:
            picture = picture[:, ::-1]
        if self.mirrored_y:
            picture = picture[::-1]
        return np.ascontiguousarray(picture)


def displayed_size(
    width: int, height: int, aspect: Fraction | None, orientation: Orientation
) -> tuple[int, int]:
    """Return (width, height) as a player shows a coded picture of `width` × `height`.

    `aspect` is the width of a coded pixel divided by its height. Players stretch the width by it; where that
    would lengthen the short side (tall pictures with wide pixels), the picture is scaled down instead: no
    detail is gained.
    """
    shown_width, shown_height = width, height
    if aspect is not None and aspect > 0 and aspect != 1:
        shown_width = max(1, round(width * aspect))
        shown_width, shown_height = working_size(shown_width, shown_height, min(width, height))
    return (shown_height, shown_width) if orientation.transposed else (shown_width, shown_height)
