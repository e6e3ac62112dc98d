"""The weight of total variation by the edges of the picture."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from egotool.motion import Schedule, tvl1
from egotool.motion._kernels import FIELDS, LIMIT, PAD, kernels_for, row_stride
from egotool.motion.schedule import FAST
from tests.motion.scenes import texture


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (17, 40)])
def test_limits_are_those_of_opencvs_gradient(height: int, width: int) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (height, width)).astype(np.float32)
    kernel = kernels_for(row_stride(width))
    fields = np.full((height + 2, FIELDS, kernel.stride), 7, np.float32)
    padded = np.empty((height + 4, width + 4), np.float32)
    kernel.limits(fields.ravel(), height, width, image, padded, np.float32(0.3), np.float32(18**-2))
    gradient = [
        cv2.Sobel(image, cv2.CV_64F, dx, 1 - dx, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
        for dx in (1, 0)
    ]
    expected = 0.3 / (1 + (gradient[0] ** 2 + gradient[1] ** 2) / 18**2)
    np.testing.assert_allclose(fields[1:-1, LIMIT, PAD : PAD + width], expected, rtol=1e-4)
    fields[1:-1, LIMIT, PAD : PAD + width] = 7
    assert (fields == 7).all()  # nothing else was written


def test_flow_ends_at_the_edge_of_what_moves() -> None:
    """A textured square moves over a plain table: less of its motion spills over the table."""
    size, side, motion = 160, 60, 10
    table = np.full((size, size), 200, np.uint8)
    table[:20], table[:, :20] = texture(20, size), texture(size, 20)  # what shows that the table rests
    pictures = [table.copy(), table.copy()]
    for k, picture in enumerate(pictures):
        picture[70 : 70 + side, 60 + k * motion : 60 + side + k * motion] = texture(side, side, seed=3)
    around = np.zeros((size, size), bool)
    around[60 : 80 + side, 50 : 70 + side + motion] = True
    around[70 : 70 + side, 60 : 60 + side + motion] = False

    def spilled(schedule: Schedule) -> float:
        return float(np.hypot(*tvl1(pictures[0], pictures[1], schedule=schedule))[around].mean())

    assert spilled(FAST) < 0.8 * spilled(replace(FAST, edge_scale=(0.0,)))


@pytest.mark.parametrize("wrong", [{"edge_scale": (18.0, -1.0)}, {"joint_variation": False}])
def test_edges_need_joint_variation(wrong: dict[str, tuple[float, ...] | bool]) -> None:
    with pytest.raises(ValueError, match="edge_scale"):
        replace(FAST, **wrong)
