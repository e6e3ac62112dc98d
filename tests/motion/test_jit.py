from collections.abc import Callable

import numpy as np
import pytest

from egotool.motion import _jit


def test_without_a_writable_folder_kernels_still_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    real = _jit.njit

    def nowhere_to_write(*, cache: bool, **options: object) -> Callable:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(cache=False, **options)

    monkeypatch.setattr(_jit, "njit", nowhere_to_write)

    @_jit.compiled
    def total(values: np.ndarray) -> float:
        result = 0.0
        for value in values:
            result += value
        return result

    assert total(np.arange(5.0)) == 10
