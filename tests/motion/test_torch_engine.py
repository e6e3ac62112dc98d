"""The torch engine against the numba engine, on the CPU."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from egotool.motion import SCHEDULES, endpoint_error, tvl1, tvl1_batch
from egotool.motion._torch_engine import torch_tvl1
from egotool.motion.schedule import FAST
from tests.motion.scenes import moved, real_frames, shift, texture, turn


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_it_agrees_with_numba_on_real_frames(schedule: str) -> None:
    frames = real_frames(5)
    images0, images1 = np.stack(frames[::2][:2]), np.stack(frames[1::2][:2])
    images1[1] = np.minimum(images1[1], 240) + 12  # another exposure, and of one pair only
    flows = tvl1_batch(images0, images1, schedule=schedule, backend="torch", device="cpu")
    for image0, image1, flow in zip(images0, images1, flows, strict=True):
        assert endpoint_error(flow, tvl1(image0, image1, schedule=schedule)) < 0.02


def test_every_pair_has_its_own_prior_for_rest() -> None:
    frames = real_frames(5)
    images0, images1, rest = np.stack(frames[::2][:2]), np.stack(frames[1::2][:2]), [0.0, 0.005]
    flows = tvl1_batch(images0, images1, rest=rest, backend="torch", device="cpu")
    for image0, image1, pull, flow in zip(images0, images1, rest, flows, strict=True):
        assert endpoint_error(flow, tvl1(image0, image1, rest=pull)) < 0.02
    assert endpoint_error(flows[1], tvl1(images0[1], images1[1])) > 0.1
    np.testing.assert_array_equal(tvl1_batch(images0, images1, rest=rest)[1], tvl1(*frames[2:4], rest=0.005))
    with pytest.raises(ValueError, match="1 values"):
        tvl1_batch(images0, images1, rest=[0.0])


def test_known_motion_is_found() -> None:
    pairs = [moved(texture(160, 180, seed=k), turn(k, 2 * k, 1)) for k in range(3)]
    flows = tvl1_batch(
        np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs]), backend="torch"
    )
    for flow, (_, _, truth) in zip(flows, pairs, strict=True):
        valid = np.zeros(flow.shape[1:], bool)
        valid[16:-16, 16:-16] = True
        assert endpoint_error(flow, truth, valid) < 0.2


def test_a_pair_does_not_depend_on_its_neighbours() -> None:
    still = texture(40, 50)
    fast0, fast1, _ = moved(texture(100, 110), shift(6, -3))
    still = texture(*fast0.shape)
    alone = tvl1(fast0, fast1, backend="torch")
    together = tvl1_batch(np.stack([still, fast0]), np.stack([still, fast1]), backend="torch")
    np.testing.assert_allclose(together[1], alone, atol=1e-4)
    assert np.abs(together[0]).max() < 1e-3


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    schedule=st.sampled_from(sorted(SCHEDULES)),
    floating=st.booleans(),
)
def test_any_size_gives_finite_flow(height: int, width: int, schedule: str, floating: bool) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 2, height, width), dtype=np.uint8)
    if floating:
        pictures = np.float32(pictures / 255)
    flow = tvl1_batch(*pictures, schedule=schedule, backend="torch")
    assert flow.shape == (2, 2, height, width) and flow.dtype == np.float32
    assert np.isfinite(flow).all()


def test_threads_and_batches_change_nothing() -> None:
    frames = real_frames(5)
    images0, images1 = np.stack(frames[:4]), np.stack(frames[1:5])
    one = tvl1_batch(images0, images1)
    assert np.array_equal(one, tvl1_batch(images0, images1, threads=3))
    assert np.array_equal(one[2], tvl1(images0[2], images1[2]))


def test_stopping_early_changes_nothing() -> None:
    """Frozen pairs keep their values: on a GPU nothing asks whether all are done."""
    image0, image1, _ = moved(texture(80, 90), shift(1, 0.5))
    pictures = [torch.from_numpy(np.stack([image, image[::-1].copy()])) for image in (image0, image1)]
    early, late = (torch_tvl1(*pictures, FAST, stop_early=each) for each in (True, False))
    assert torch.equal(early, late)


class Operations(TorchDispatchMode):
    """The names of all operations that happen within."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_graph_can_record_it(schedule: str) -> None:
    """Nothing is made from numbers of the processor, or asked for by it, which a CUDA graph refuses."""
    refused = {"aten.lift_fresh.default", "aten._local_scalar_dense.default", "aten.nonzero.default"}
    with Operations() as bad:
        torch.zeros(3).new_tensor([1, 2]).any().item()
    assert len(bad.names & refused) == 2
    pictures = [torch.zeros(2, 40, 50, dtype=torch.uint8) for _ in range(2)]
    chosen = SCHEDULES[schedule]
    rest = torch.zeros(2) if chosen.joint_variation else None
    with Operations() as operations:
        torch_tvl1(*pictures, chosen, rest=rest, stop_early=False)
    assert "aten.grid_sampler_2d.default" in operations.names and not operations.names & refused


def test_empty_and_unfit_batches() -> None:
    nothing = np.zeros((0, 20, 30), np.uint8)
    assert tvl1_batch(nothing, nothing).shape == (0, 2, 20, 30)
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        tvl1_batch(nothing[0:0, 0], nothing[0:0, 0])
    with pytest.raises(ValueError, match="no backend"):
        tvl1_batch(nothing, nothing, backend="cuda")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float64"):
        tvl1_batch(np.zeros((1, 20, 20)), np.zeros((1, 20, 20)), backend="torch")  # type: ignore[arg-type]
