import numpy as np
import pytest

from egotool.motion import to_gray


def test_gray_is_the_usual_weighted_sum() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    expected = rgb @ np.array([0.299, 0.587, 0.114])
    assert np.abs(to_gray(rgb).astype(float) - expected).max() <= 0.6
    assert np.array_equal(to_gray(rgb[:, ::2]), to_gray(rgb)[:, ::2])


def test_unfit_frames_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        to_gray(np.zeros((4, 4, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape"):
        to_gray(np.zeros((4, 4), np.uint8))
