"""The 5×5 median of the flow against OpenCV's and numpy's."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egotool.motion import _median_kernels as kernels
from egotool.motion._kernels import FIELDS, PAD, U, V, kernels_for, row_stride


def filtered(flow: np.ndarray) -> np.ndarray:
    """Put a flow (2, H, W) into packed rows and take it out again after the kernel."""
    _, height, width = flow.shape
    kernel = kernels_for(row_stride(width))
    fields = np.full((height + 2, FIELDS, kernel.stride), 7, np.float32)
    inside = fields[1 : height + 1, U : V + 1, PAD : PAD + width].transpose(1, 0, 2)
    inside[:] = flow
    before = fields.copy()
    padded = np.empty((height + 4, width + 4), np.float32)
    kernel.median(fields.ravel(), height, width, padded, np.empty((5, width + 4), np.float32))
    found = inside.copy()
    inside[:] = before[1 : height + 1, U : V + 1, PAD : PAD + width].transpose(1, 0, 2)
    np.testing.assert_array_equal(fields, before)  # nothing else was written
    return found


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 20),
    width=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    values=st.sampled_from([2, 5, 100, None]),
)
def test_it_is_opencvs(height: int, width: int, seed: int, values: int | None) -> None:
    random = np.random.default_rng(seed)
    shape = (2, height, width)
    flow = random.normal(size=shape) if values is None else random.integers(0, values, shape)
    flow = np.float32(flow)
    expected = np.stack([cv2.medianBlur(np.ascontiguousarray(channel), 5) for channel in flow])
    np.testing.assert_array_equal(filtered(flow), expected)


def test_the_middle_of_seven_by_all_orders_of_zeros_and_ones() -> None:
    """A network of minima and maxima is right if it is for zeros and ones (Knuth's 0-1 principle)."""
    for values in itertools.product((0.0, 1.0), repeat=7):
        assert kernels._median7(*np.float32(values)) == np.median(values)


@pytest.mark.parametrize("size", [2, 3])
def test_largest_and_smallest_of_five(size: int) -> None:
    for values in itertools.product((0.0, 1.0), repeat=5):
        ordered, five = sorted(values), np.float32(values)
        assert list(getattr(kernels, f"_largest{size}")(*five)) == ordered[-size:]
        assert list(getattr(kernels, f"_smallest{size}")(*five)) == ordered[:size]
        assert list(kernels._ordered5(*five)) == ordered
