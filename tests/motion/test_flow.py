from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egotool.motion import SCHEDULES, Schedule, endpoint_error, tvl1, warm_up
from egotool.motion.schedule import FAST
from tests.motion.scenes import HEIGHT, WIDTH, moved, real_frames, shift, texture, turn


def inner(height: int, width: int, margin: int = 12) -> np.ndarray:
    valid = np.zeros((height, width), bool)
    valid[margin:-margin, margin:-margin] = True
    return valid


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    "homography",
    [shift(1.5, -0.75), shift(-5, 3.25), turn(2, 0, 0), turn(-1.5, 4, 2, tilt=5e-5)],
    ids=["subpixel", "shift", "rotation", "all"],
)
def test_known_motion_is_found(schedule: str, homography: np.ndarray) -> None:
    image0, image1, truth = moved(texture(HEIGHT + 60, WIDTH + 60), homography)
    flow = tvl1(image0, image1, schedule=schedule)
    assert flow.shape == (2, HEIGHT, WIDTH)
    assert flow.dtype == np.float32
    assert endpoint_error(flow, truth, inner(HEIGHT, WIDTH)) < 0.15


def test_motion_beyond_the_reach_of_opencvs_pyramid() -> None:
    image0, image1, truth = moved(texture(HEIGHT + 60, WIDTH + 60), shift(12, -6))
    valid = inner(HEIGHT, WIDTH, 24)
    errors = {name: endpoint_error(tvl1(image0, image1, schedule=name), truth, valid) for name in SCHEDULES}
    assert errors["fast"] < 0.3
    assert errors["exact"] > 1


@pytest.mark.parametrize("brighter", [6, -9])
def test_a_change_of_exposure_is_no_motion(brighter: int) -> None:
    image = texture(HEIGHT + 60, WIDTH + 60) // 3 + 60
    image0, image1, truth = moved(image, shift(2, 1))
    changed = (image1.astype(int) + brighter).astype(np.uint8)
    valid = inner(HEIGHT, WIDTH)
    assert endpoint_error(tvl1(image0, changed), truth, valid) < 0.05
    unmatched = replace(FAST, match_exposure=False)
    assert endpoint_error(tvl1(image0, changed, schedule=unmatched), truth, valid) > 1
    as_float = tvl1(np.float32(image0 / 255), np.float32(changed / 255))
    assert endpoint_error(as_float, truth, valid) < 0.05


@pytest.mark.parametrize("parameter", ["data_weight", "edge_scale"])
def test_later_entries_of_a_schedule_serve_coarser_levels_only(parameter: str) -> None:
    other = replace(FAST, **{parameter: (getattr(FAST, parameter)[0], 1.0)})
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), shift(2, 1))
    small0, small1 = image0[:20, :20], image1[:20, :20]  # one level
    assert np.array_equal(tvl1(small0, small1, schedule=other), tvl1(small0, small1))
    assert not np.array_equal(tvl1(image0, image1, schedule=other), tvl1(image0, image1))


def test_exact_schedule_agrees_with_opencv_on_real_frames() -> None:
    frames = real_frames(11)
    differences = []
    for image0, image1 in zip(frames[::3], frames[1::3], strict=True):
        reference = tvl1(image0, image1, schedule="exact", backend="opencv")
        differences.append(endpoint_error(tvl1(image0, image1, schedule="exact"), reference))
    assert max(differences) < 0.1
    assert np.mean(differences) < 0.06


def test_float_pictures_are_bytes_over_255() -> None:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), shift(2, 1))
    as_float = tvl1(np.float32(image0 / 255), np.float32(image1 / 255))
    assert np.abs(as_float - tvl1(image0, image1)).max() < 0.01


@pytest.mark.parametrize("schedule", ["fast", "exact"])
def test_no_motion_and_no_texture_give_zero(schedule: str) -> None:
    image = texture()
    assert np.abs(tvl1(image, image, schedule=schedule)).max() < 1e-3
    black, white = np.zeros((40, 50), np.uint8), np.full((40, 50), 255, np.uint8)
    assert not tvl1(black, black, schedule=schedule).any()
    assert not tvl1(black, white, schedule=schedule).any()


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    schedule=st.sampled_from(sorted(SCHEDULES)),
    seed=st.integers(0, 9),
)
def test_any_size_gives_finite_flow(height: int, width: int, schedule: str, seed: int) -> None:
    image0, image1 = np.random.default_rng(seed).integers(0, 256, (2, height, width), dtype=np.uint8)
    flow = tvl1(image0, image1, schedule=schedule)
    assert flow.shape == (2, height, width)
    assert np.isfinite(flow).all()


def test_result_depends_neither_on_threads_nor_on_what_came_before() -> None:
    pairs = [moved(texture(HEIGHT + 60, WIDTH + 60, seed=k), shift(k, 1))[:2] for k in range(4)]
    pairs.append((texture(50, 70), texture(50, 70, seed=1)))  # another size in between
    alone = [tvl1(*pair) for pair in pairs]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda pair: tvl1(*pair), pairs * 2))
    for first, second in zip(alone * 2, together, strict=True):
        assert np.array_equal(first, second)


def test_views_are_welcome() -> None:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), shift(2, 1))
    wide0, wide1 = np.repeat(image0, 2, axis=1), np.repeat(image1, 2, axis=1)
    assert np.array_equal(tvl1(wide0[:, ::2], wide1[:, ::2]), tvl1(image0, image1))


def test_an_own_schedule_works_and_the_result_is_the_callers() -> None:
    image0, image1, truth = moved(texture(HEIGHT + 60, WIDTH + 60), shift(2, 1))
    flow = tvl1(image0, image1, schedule=Schedule(factor=0.5, warps=(2,)))
    kept = flow.copy()
    tvl1(image1, image0, schedule=Schedule(factor=0.5, warps=(2,)))
    assert np.array_equal(flow, kept)
    assert endpoint_error(flow, truth, inner(HEIGHT, WIDTH)) < 0.3


def test_warm_up_needs_no_picture() -> None:
    warm_up(30, 40)


@pytest.mark.parametrize(
    ("image0", "image1", "error", "says"),
    [
        (texture(20, 20), texture(20, 21), ValueError, "have to agree"),
        (texture(20, 20), np.zeros((20, 20), np.float32), TypeError, "have to agree"),
        (np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20, 3), np.uint8), ValueError, "to_gray"),
        (np.zeros((20, 20)), np.zeros((20, 20)), TypeError, "float64"),
        ([[1]], [[1]], TypeError, "list"),
        (np.zeros((0, 20), np.uint8), np.zeros((0, 20), np.uint8), ValueError, "shape"),
        (np.full((20, 20), 2, np.float32), np.ones((20, 20), np.float32), ValueError, "0..1"),
        (np.full((20, 20), np.nan, np.float32), np.ones((20, 20), np.float32), ValueError, "NaN"),
    ],
)
def test_unfit_pictures_are_refused(image0: np.ndarray, image1: np.ndarray, error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        tvl1(image0, image1)


def test_unknown_names_and_impossible_schedules_are_refused() -> None:
    image = texture(20, 20)
    with pytest.raises(ValueError, match="exact, accurate, fast, turbo"):
        tvl1(image, image, schedule="quick")
    with pytest.raises(ValueError, match="auto, numba, torch and opencv"):
        tvl1(image, image, backend="cuda")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exact"):
        tvl1(image, image, backend="opencv")
    for wrong in (
        {"factor": 1.0},
        {"dual_step": 0.5},
        {"warps": ()},
        {"edge_scale": 18.0},
        {"data_weight": (0.2, 0.0)},
        {"levels": 0},
        {"coupling": 0.0},
    ):
        with pytest.raises(ValueError, match=r"has to|have to"):
            Schedule(**wrong)
