"""The crop and flip of a clip, one for all its frames, flows and masks.

stored frame ── short side to `short_side` ── square box ── flip ── resize to the clip's size
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.clips.settings import ClipSettings

Image = NDArray[Any]
"""(H, W) or (H, W, channels), uint8 or float32."""


@dataclass(frozen=True)
class View:
    """What of the resized frames a clip shows: a square box, perhaps mirrored.

    Attributes:
        left: first column of the box.
        top: first row of the box.
        side: rows and columns of the box.
        flipped: whether left and right are exchanged.
    """

    left: int
    top: int
    side: int
    flipped: bool = False


def resized_shape(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Return (height, width) with the short side brought to `short_side` and the aspect kept."""
    if height <= width:
        return short_side, max(round(width * short_side / height), short_side)
    return max(round(height * short_side / width), short_side), short_side


def centre_view(height: int, width: int, settings: ClipSettings) -> View:
    """Return the view for testing: the centre crop of `crop_size`."""
    side = settings.crop_size
    return View(left=(width - side) // 2, top=(height - side) // 2, side=side)


def random_view(height: int, width: int, settings: ClipSettings, rng: np.random.Generator) -> View:
    """Return a view for training: a random scale, one of four corners and centre, perhaps flipped.

    As in Ego-RNN, the scales are parts of the frame's short side (256, 224, 192 and 168 pixels of 256).
    """
    side = max(int(min(height, width) * settings.scales[rng.integers(len(settings.scales))]), 1)
    position = int(rng.integers(5))
    flipped = bool(rng.random() < 0.5) and settings.horizontal_flip
    right, bottom = width - side, height - side
    corners = ((right // 2, bottom // 2), (0, 0), (right, 0), (0, bottom), (right, bottom))
    left, top = corners[position]
    return View(left=left, top=top, side=side, flipped=flipped)


def resize_image(image: Image, height: int, width: int) -> Image:
    """Resize by area averaging where the image shrinks, linearly where it grows."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    # Plain INTER_LINEAR is slower, and darkens 8-bit pictures by a tenth of a grey level.
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR_EXACT
    resized: Image = cv2.resize(image, (width, height), interpolation=interpolation)
    return resized


def resize_short_side(images: Image, short_side: int) -> Image:
    """Resize images (T, H, W) or (T, H, W, channels) so that their short side is `short_side`."""
    height, width = resized_shape(images.shape[1], images.shape[2], short_side)
    if images.shape[1:3] == (height, width):
        return images
    return np.stack([resize_image(image, height, width) for image in images])


def apply_view(images: Image, view: View, size: int) -> Image:
    """Cut a view out of images (T, H, W) or (T, H, W, channels), each resized to size×size."""
    rows, columns = slice(view.top, view.top + view.side), slice(view.left, view.left + view.side)
    boxes = images[:, rows, columns]
    if view.flipped:
        boxes = boxes[:, :, ::-1]
    if view.side == size:
        return np.ascontiguousarray(boxes)
    return np.stack([resize_image(np.ascontiguousarray(box), size, size) for box in boxes])


def apply_view_to_flow(flow: NDArray[np.float32], view: View, settings: ClipSettings) -> NDArray[np.float32]:
    """Cut a view out of flows (T, 2, H, W) in pixels of H×W; the values become pixels of the clip's frames.

    Resizing scales the displacements with the picture, and a flip negates the x component.
    """
    height, width = resized_shape(flow.shape[2], flow.shape[3], settings.short_side)
    fields = resize_short_side(np.ascontiguousarray(flow.transpose(0, 2, 3, 1)), settings.short_side)
    fields = apply_view(fields, view, settings.crop_size)
    zoom = settings.crop_size / view.side
    factors = np.array([width / flow.shape[3], height / flow.shape[2]], dtype=np.float32) * np.float32(zoom)
    if view.flipped:
        factors[0] = -factors[0]
    return np.ascontiguousarray((fields * factors).transpose(0, 3, 1, 2))
