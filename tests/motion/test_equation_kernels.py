"""Normal equations against numpy's least squares."""

import numpy as np

from egotool.motion._equation_kernels import add_row, solve, solve_within


def test_normal_equations_are_solved_within_a_freedom() -> None:
    random = np.random.default_rng(0)
    rows, freedom = random.normal(size=(30, 10)), random.normal(size=(8, 3))
    whole = np.zeros((10, 5))
    whole[:8, :3], whole[8:, 3:] = freedom, np.eye(2)
    expected = whole @ np.linalg.lstsq(rows @ whole, np.arange(30.0), rcond=None)[0]
    matrix, vector = rows.T @ rows, rows.T @ np.arange(30.0)
    solve_within(freedom, matrix, vector)
    np.testing.assert_allclose(vector, expected, rtol=1e-5)


def test_normal_equations_are_solved() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 8))
    matrix, vector = rows.T @ rows, rows.T @ np.arange(20.0)
    expected = np.linalg.solve(matrix, vector)
    solve(matrix, vector)
    np.testing.assert_allclose(vector, expected, rtol=1e-6)


def test_equations_added_one_by_one_are_the_normal_equations() -> None:
    random = np.random.default_rng(0)
    rows, values, weights = random.normal(size=(20, 8)), random.normal(size=20), random.uniform(size=20)
    matrix, vector = np.zeros((8, 8)), np.zeros(8)
    for row, value, weight in zip(rows, values, weights, strict=True):
        add_row(row, value, weight, matrix, vector)
    np.testing.assert_allclose(matrix, (rows.T * weights) @ rows)
    np.testing.assert_allclose(vector, (rows.T * weights) @ values)
