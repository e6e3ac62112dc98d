import numpy as np
import pytest
import torch
from torchvision.utils import flow_to_image

from egotool.reporting.flow_colours import colour_wheel, flow_to_colours, nice_scale


def test_agrees_with_torchvision_at_its_scale() -> None:
    flow = np.random.default_rng(0).normal(size=(2, 40, 50)).astype(np.float32)
    ours = flow_to_colours(flow, scale=float(np.hypot(*flow).max()) * (1 + 1e-6))
    theirs = flow_to_image(torch.from_numpy(flow)).permute(1, 2, 0).numpy()
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_scale_is_in_pixels() -> None:
    def colour(length: float, scale: float) -> list[int]:
        flow = np.zeros((2, 1, 1), np.float32)
        flow[0] = length
        return list(map(int, flow_to_colours(flow, scale=scale)[0, 0]))

    assert colour(0, 5) == [255, 255, 255]
    assert colour(5, 5) == colour(2, 2) == [255, 0, 0]  # right, full colour: red
    assert colour(1, 2) == colour(4, 8)
    assert colour(6, 5) == [191, 0, 0]  # beyond the scale: darker


def test_values_that_are_no_numbers_are_black() -> None:
    flow = np.zeros((2, 1, 2), np.float32)
    flow[1, 0, 1] = np.nan
    assert flow_to_colours(flow, scale=1).tolist() == [[[255, 255, 255], [0, 0, 0]]]


def test_wheel_is_a_disc_with_a_white_centre() -> None:
    wheel = colour_wheel(65)
    assert wheel.shape == (65, 65, 4)
    assert list(map(int, wheel[32, 32])) == [255, 255, 255, 255]
    assert wheel[0, 0, 3] == 0
    assert list(map(int, wheel[32, 63, :3]))[1:] < [30, 30]


@pytest.mark.parametrize(
    ("longest", "scale"), [(0.0, 0.5), (0.4, 0.5), (4.2, 5.0), (31.0, 50.0), (9999.0, 1000.0)]
)
def test_scale_is_the_next_round_number(longest: float, scale: float) -> None:
    assert nice_scale(np.full(100, longest, np.float32)) == scale
