"""Pictures over pictures: what a network sees, laid over the frame it sees it in."""

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray

from egotool.reporting.sheet_drawing import Panel

Box = tuple[float, float, float]
_FILTER_CELL, _FILTER_GAP = 12, 6


def heat_panel(rgb: NDArray[np.uint8], values: NDArray[np.float32], *, box: Box, full: float) -> Panel:
    """Lay a coarse grid over the crop that a network saw, smoothly enlarged; the rest of the frame is darker.

    Args:
        rgb: (H, W, 3) the stored frame.
        values: (h, w), not negative.
        box: left, top and side of the crop in pixels of `rgb`.
        full: the value that is drawn brightest.
    """
    left, top, side = box
    size = max(round(side), 1)
    rows, columns = round(top), round(left)
    picture = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2) * np.float32(0.6)
    enlarged = cv2.resize(values / max(full, 1e-12), (size, size), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    inside = picture[rows : rows + size, columns : columns + size]
    enlarged = enlarged[: inside.shape[0], : inside.shape[1]].astype(np.float32)
    heat = cv2.applyColorMap((enlarged * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    weight = (0.15 + 0.65 * enlarged)[..., None]
    inside[:] = (1 - weight) * inside / np.float32(0.6) + weight * heat
    return Panel(picture.clip(0, 255).astype(np.uint8), box=(columns, rows, size))


def class_activation_map(attention: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the class activation map (h, w) behind an attention map, from 0 (least) to 1 (most).

    The attention is the softmax of the map over its positions (equation 3): its logarithm is the map but for
    a constant.
    """
    activation = np.log(np.maximum(attention, np.finfo(np.float32).tiny))
    activation = activation - activation.min()
    return np.asarray(activation / max(float(activation.max()), 1e-12), dtype=np.float32)


def difference_panel(one: NDArray[np.uint8], other: NDArray[np.uint8], *, gain: float) -> Panel:
    """Show the absolute difference of two pictures (H, W, 3), `gain` times stronger."""
    difference = np.abs(one.astype(np.int16) - other) * gain
    return Panel(difference.clip(0, 255).astype(np.uint8))


def filter_panel(filters: NDArray[np.float32], *, full: float) -> Panel:
    """Show dynamic filters: red adds, blue subtracts, white is zero.

    Args:
        filters: (9, s, s): three rows, one for each colour of the output (red, green, blue), by three columns
            for those of the input; or (3, s, s): one filter per colour.
        full: the absolute weight that is drawn in full colour.
    """
    count, side, _ = filters.shape
    columns = 3
    cell = _FILTER_CELL
    step = side * cell + _FILTER_GAP
    rows = count // columns
    picture = np.full((rows * step - _FILTER_GAP, columns * step - _FILTER_GAP, 3), 255, dtype=np.uint8)
    colours = matplotlib.colormaps["RdBu_r"](0.5 + filters / (2 * max(full, 1e-12)))[..., :3]
    for number, image in enumerate((colours * 255).round().astype(np.uint8)):
        top, left = number // columns * step, number % columns * step
        picture[top : top + side * cell, left : left + side * cell] = image.repeat(cell, 0).repeat(cell, 1)
    return Panel(picture)
