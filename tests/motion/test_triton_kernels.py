"""The GPU's kernels against the plain operations: on a GPU if there is one, else in Triton's interpreter."""

import pytest
import torch

from egotool.motion._torch_engine import PLAIN, Data, State
from egotool.motion.schedule import EXACT, FAST, Schedule

pytest.importorskip("triton", reason="triton is for Linux on x86-64")
from egotool.motion import _triton_kernels as kernels

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fields(channels: int, *, seed: int, count: int = 2, height: int = 9, width: int = 70) -> torch.Tensor:
    """Random pictures of more than one tile, whose sides are no multiples of a tile's."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, height, width, generator=generator).to(DEVICE)


def data_term(steepness: float) -> Data:
    limit = 0.3 / (1 + fields(1, seed=6).square())
    return Data(steepness * fields(2, seed=3), fields(1, seed=4).abs(), fields(1, seed=5), limit, 0.05)


@pytest.mark.parametrize(
    ("schedule", "rest"), [(FAST, False), (FAST, True), (EXACT, False)], ids=["joint", "resting", "separate"]
)
def test_the_sweep_is_the_plain_one(schedule: Schedule, rest: bool) -> None:
    state = State(
        fields(2, seed=0),
        fields(2, seed=1) * 0.1,
        fields(2, seed=2) * 0.1,
        torch.ones(2, 1, 1, 1, dtype=torch.bool, device=DEVICE),
    )
    data = data_term(5)
    if rest:
        data = data._replace(rest=torch.tensor([0.3, 0.0], device=DEVICE).view(2, 1, 1, 1))
    found = kernels.sweep(state, data, 3, 1.0, schedule)
    expected = PLAIN.sweep(state, data, 3, 1.0, schedule)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found.flow, state.flow, atol=0.1)


def test_a_converged_pair_is_left_as_it_is() -> None:
    going = torch.tensor([True, False], device=DEVICE).view(2, 1, 1, 1)
    state = State(fields(2, seed=0), fields(2, seed=1), fields(2, seed=2), going)
    data = data_term(1)
    found = kernels.sweep(state, data, 2, 0.0, FAST)
    for one, other in zip(found[:3], state[:3], strict=True):
        assert torch.equal(one[1], other[1]) and not torch.equal(one[0], other[0])
    assert found.going.flatten().tolist() == [True, False]


def test_an_update_below_the_tolerance_ends_a_pair() -> None:
    state = State(
        fields(2, seed=0),
        fields(2, seed=1),
        fields(2, seed=2),
        torch.ones(2, 1, 1, 1, dtype=torch.bool, device=DEVICE),
    )
    data = data_term(1)
    update = kernels.sweep(state, data, 1, 0.0, FAST).flow - state.flow
    first, second = update.square().sum(dim=(1, 2, 3)).tolist()
    going = kernels.sweep(state, data, 1, (first + second) / 2, FAST).going.flatten().tolist()
    assert going == [first > second, second > first]


def test_the_median_is_the_plain_one_with_equal_values_too() -> None:
    picture = fields(1, seed=6, count=1, height=9, width=33)
    picture[..., :12] = picture[..., :12].round()  # many equal values
    assert torch.equal(kernels.median(picture), PLAIN.median(picture))
