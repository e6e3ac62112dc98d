"""Normal equations of a few unknowns: adding to them, and solving them."""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled

Float64Array = NDArray[np.float64]


@compiled
def add_row(
    row: Float64Array, value: float, weight: float, matrix: Float64Array, vector: Float64Array
) -> None:
    """Add one equation row · change = value to the normal equations."""
    for j in range(len(row)):
        scaled = weight * row[j]
        vector[j] += scaled * value
        for k in range(len(row)):
            matrix[j, k] += scaled * row[k]


@compiled
def solve(matrix: Float64Array, vector: Float64Array) -> None:
    """Replace `vector` by the solution of the normal equations, by Cholesky; nothing where they say nothing.

    Only the lower half of `matrix` is read, and overwritten.
    """
    n = len(vector)
    trace = 0.0
    for j in range(n):
        trace += matrix[j, j]
    ridge = 1e-9 * trace + 1e-12
    for j in range(n):
        diagonal = matrix[j, j] + ridge
        for k in range(j):
            diagonal -= matrix[j, k] * matrix[j, k]
        root = math.sqrt(max(diagonal, 1e-30))
        matrix[j, j] = root
        for i in range(j + 1, n):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = value / root
    for j in range(n):
        for k in range(j):
            vector[j] -= matrix[j, k] * vector[k]
        vector[j] /= matrix[j, j]
    for j in range(n - 1, -1, -1):
        for k in range(j + 1, n):
            vector[j] -= matrix[k, j] * vector[k]
        vector[j] /= matrix[j, j]


@compiled
def solve_within(freedom: Float64Array, matrix: Float64Array, vector: Float64Array) -> None:
    """Replace `vector` by the solution of the normal equations with D = freedom (8, k) · k free values.

    D's entries are the first eight of `vector`; what follows them is free. Overwrites `matrix`.
    """
    k = freedom.shape[1]
    further = len(vector) - 8
    if k == 8:
        solve(matrix, vector)
        return
    whole = np.zeros((len(vector), k + further))
    whole[:8, :k] = freedom
    for i in range(further):
        whole[8 + i, k + i] = 1.0
    reduced, values = np.zeros((k + further, k + further)), np.zeros(k + further)
    for i in range(len(vector)):
        for a in range(k + further):
            values[a] += whole[i, a] * vector[i]
            for j in range(len(vector)):
                for b in range(k + further):
                    reduced[a, b] += whole[i, a] * matrix[i, j] * whole[j, b]
    solve(reduced, values)
    for i in range(len(vector)):
        vector[i] = 0.0
        for a in range(k + further):
            vector[i] += whole[i, a] * values[a]
