import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egotool.synthetic.camera import Camera, draw_head_path, mean_displacement


@given(seed=st.integers(0, 500))
@settings(max_examples=20)
def test_rotations_are_rotations_and_the_path_is_smooth(seed):
    path = draw_head_path(np.random.default_rng(seed)).scaled(0.01)
    times = np.linspace(0, 30, 601)
    rotations, positions = path.poses(times)
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    steps = np.diff(positions, axis=0)
    assert np.abs(np.diff(steps, axis=0)).max() < 0.15 * np.abs(steps).max()


def test_a_path_scaled_to_zero_stands_still():
    rotations, positions = draw_head_path(np.random.default_rng(0)).scaled(0).poses(np.arange(5.0))
    assert (rotations == np.eye(3)).all()
    assert (positions == 0).all()


def test_ray_and_matrix_agree():
    camera = Camera(256, 192)
    pixel = camera.matrix @ camera.ray(0.25, 0.9)
    assert pixel[0] == pytest.approx((256 - 1) / 2 - 64)
    assert pixel[1] == pytest.approx((192 - 1) / 2 + 0.4 * 192)


def test_mean_displacement_of_a_translation():
    homography = np.array([[[1, 0, 3], [0, 1, 4], [0, 0, 1.0]]])
    assert mean_displacement(homography, width=64, height=48) == pytest.approx([5])
