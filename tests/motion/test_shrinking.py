import cv2
import numpy as np
import pytest

from egotool.motion._shrinking import Shrinking


@pytest.mark.parametrize(
    ("size", "to"), [((40, 60), (20, 30)), ((256, 455), (181, 322)), ((91, 33), (45, 32)), ((9, 7), (1, 2))]
)
def test_pixels_are_means_over_areas(size: tuple[int, int], to: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).normal(size=size).astype(np.float32)
    expected = cv2.resize(picture, to[::-1], interpolation=cv2.INTER_AREA)
    shrinking = Shrinking(size, to)
    np.testing.assert_allclose(shrinking(picture), expected, atol=1e-4)
    constant = np.full(size, 3, np.float32)
    np.testing.assert_allclose(shrinking(constant), 3, rtol=1e-6)


def test_the_same_size_changes_nothing() -> None:
    picture = np.random.default_rng(0).random((20, 31)).astype(np.float32)
    assert np.array_equal(Shrinking((20, 31), (20, 31))(picture), picture)
