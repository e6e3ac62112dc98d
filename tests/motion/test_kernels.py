"""The kernels against plain whole-picture arithmetic in float64."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from egotool.motion import tvl1
from egotool.motion._engine import aligned_zeros
from egotool.motion._kernels import (
    FIELDS,
    GX,
    GY,
    INVERSE,
    LIMIT,
    PAD,
    PXU,
    PYV,
    RHO,
    U,
    V,
    kernels_for,
    row_stride,
)
from egotool.motion.schedule import EXACT
from tests.motion.scenes import real_frames

Float64 = NDArray[np.float64]

BOUND, COUPLING, STEP = 0.06, 0.3, 0.25
REST = 0.02


def packed_fields(height: int, width: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a field buffer full of what an earlier picture left, and its view [row, field, column]."""
    stride = row_stride(width)
    fields = aligned_zeros((height + 2) * FIELDS * stride)
    rows = fields.reshape(height + 2, FIELDS, stride)
    rows[1:, :, PAD:] = np.random.default_rng(seed).normal(size=(height + 1, FIELDS, stride - PAD))
    return fields, rows


def inside(rows: np.ndarray, field: int, height: int, width: int) -> np.ndarray:
    return rows[1 : height + 1, field, PAD : PAD + width]


def forward(values: Float64) -> Float64:
    """Return (2, h, w): difference to the right and to the lower neighbour, zero at the border."""
    out = np.zeros((2, *values.shape))
    out[0, :, :-1] = values[:, 1:] - values[:, :-1]
    out[1, :-1] = values[1:] - values[:-1]
    return out


def divergence(dual: Float64) -> Float64:
    """Return minus the adjoint of `forward`."""
    out = dual[0] + dual[1]
    out[:, 1:] -= dual[0, :, :-1]
    out[1:] -= dual[1, :-1]
    return out


def plain_iterations(
    flow: Float64,
    slope: Float64,
    inverse: Float64,
    rho: Float64,
    *,
    count: int,
    longest: Float64 | None,
    rest: float = 0.0,
) -> tuple[Float64, float]:
    """Joint total variation with duals up to `longest`, or, with None, one variation per component."""
    duals = np.zeros((2, 2, *rho.shape))  # component, direction
    update = np.zeros_like(flow)
    for _ in range(count):
        residual = rho + (slope * flow).sum(axis=0)
        along = np.clip(-residual * inverse, -BOUND, BOUND)
        update = along * slope + COUPLING * np.stack([divergence(dual) for dual in duals])
        update -= np.clip(flow + update, -rest, rest)
        flow = flow + update
        differences = np.stack([forward(component) for component in flow])
        moved = duals + STEP / COUPLING * differences
        if longest is not None:
            duals = moved / np.maximum(1, np.sqrt((moved**2).sum(axis=(0, 1))) / longest)
        else:
            length = np.sqrt((differences**2).sum(axis=1, keepdims=True))
            duals = moved / (1 + STEP / COUPLING * length)
    return flow, float((update**2).sum())


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 24),
    width=st.integers(1, 40),
    iterations=st.integers(1, 12),
    sweep=st.integers(1, 12),
    regulariser=st.sampled_from(["joint", "resting", "separate"]),
    test_each=st.booleans(),
    seed=st.integers(0, 99),
)
def test_skewed_sweeps_are_plain_iterations(
    height: int, width: int, iterations: int, sweep: int, regulariser: str, test_each: bool, seed: int
) -> None:
    fields, rows = packed_fields(height, width, seed=seed)
    slope = np.stack([inside(rows, field, height, width) for field in (GX, GY)]).astype(np.float64)
    inside(rows, INVERSE, height, width)[:] = 1 / (slope**2).sum(axis=0)
    inverse, rho = (inside(rows, field, height, width).astype(np.float64) for field in (INVERSE, RHO))
    start = np.stack([inside(rows, field, height, width) for field in (U, V)]).astype(np.float64)
    rows[: height + 1, PXU : PYV + 1] = 0
    longest = np.random.default_rng(seed).uniform(0.05, 1, (height, width))
    inside(rows, LIMIT, height, width)[:] = COUPLING * longest
    rows[0, LIMIT] = 1
    kernels = kernels_for(row_stride(width))
    joint, rest = regulariser != "separate", REST if regulariser == "resting" else 0.0
    solve = getattr(kernels, f"solve_{regulariser}")
    done, error = solve(
        fields, height, width, iterations, sweep, test_each,
        *(np.float32(value) for value in (0, BOUND, COUPLING, STEP, rest)),
    )  # fmt: skip
    flow, squared = plain_iterations(
        start, slope, inverse, rho, count=iterations, longest=longest if joint else None, rest=rest
    )
    assert done == iterations
    found = np.stack([inside(rows, field, height, width) for field in (U, V)])
    np.testing.assert_allclose(found, flow, atol=2e-4)
    assert error == pytest.approx(squared, rel=1e-2, abs=1e-5)


def test_iterations_end_below_the_tolerance() -> None:
    fields, rows = packed_fields(20, 30, seed=0)
    rows[1:, (GX, GY, INVERSE, RHO)] = 0  # nothing but smoothing: the updates of damped steps die out
    rows[:21, PXU : PYV + 1] = 0
    solve = kernels_for(row_stride(30)).solve_separate
    done, error = solve(
        fields, 20, 30, 500, 5, False, *(np.float32(value) for value in (1e-1, BOUND, COUPLING, STEP, 0))
    )
    assert done < 500 and done % 5 == 0
    assert 0 < error <= 1e-1


@pytest.mark.parametrize("pair", range(3))
def test_deep_sweeps_end_at_the_very_iteration_where_the_update_is_small_enough(pair: int) -> None:
    """As OpenCV's rule wants it, on real frames: bit by bit what single iterations give."""
    image0, image1 = real_frames(8)[2 * pair : 2 * pair + 2]
    single = replace(EXACT, sweep=1, test_each=False)
    np.testing.assert_array_equal(tvl1(image0, image1, schedule=EXACT), tvl1(image0, image1, schedule=single))


@pytest.mark.parametrize("taps", [(0.5, 0.0), (8 / 12, -1 / 12)])
def test_the_data_term_of_the_mean_picture(taps: tuple[float, float]) -> None:
    height, width = 9, 14
    random = np.random.default_rng(1)
    fields, rows = packed_fields(height, width, seed=1)
    image0, warped1 = random.uniform(0, 255, (2, height, width)).astype(np.float32)
    kernels = kernels_for(row_stride(width))
    maps = np.empty((2, height, width), np.float32)
    kernels.positions(fields, height, width, maps[0], maps[1])
    flow = np.stack([inside(rows, field, height, width) for field in (U, V)]).astype(np.float64)
    y, x = np.mgrid[:height, :width]
    pointed = np.stack([x, y]) + flow
    limits = np.array([width - 1, height - 1])[:, None, None]
    np.testing.assert_allclose(maps, np.clip(pointed, 0, limits), atol=1e-5)

    near, far = (np.float32(tap) for tap in taps)
    scratch = np.empty((height + 4, width + 4), np.float32)
    kernels.linearise_mean(fields, height, width, maps[0], maps[1], image0, warped1, scratch, near, far)
    mean = np.pad((image0.astype(np.float64) + warped1) / 2, 2, mode="edge")
    slope = np.stack(
        [
            sum(
                weight * np.roll(mean, -offset, axis)[2:-2, 2:-2]
                for offset, weight in ((1, near), (-1, -near), (2, far), (-2, -far))
            )
            for axis in (1, 0)
        ]
    )
    slope *= ((pointed >= 0) & (pointed <= limits)).all(axis=0)
    for field, expected in ((GX, slope[0]), (GY, slope[1])):
        np.testing.assert_allclose(inside(rows, field, height, width), expected, atol=1e-3)
    squared = (slope**2).sum(axis=0)
    inverse = np.divide(1, squared, out=np.zeros_like(squared), where=squared > 0)
    np.testing.assert_allclose(inside(rows, INVERSE, height, width), inverse, rtol=1e-3)
    rho = warped1.astype(np.float64) - image0 - (slope * flow).sum(axis=0)
    np.testing.assert_allclose(inside(rows, RHO, height, width), rho, atol=1e-3)
