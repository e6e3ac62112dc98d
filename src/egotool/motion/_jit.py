"""Compilation of the numeric kernels: one place that decides how numba is used."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` with numba: without the GIL, with fast arithmetic, stored on disk.

    fastmath lets LLVM reorder sums and use fused multiply-add, which is what makes the kernels vectorise;
    they must not rely on NaN or infinity. The compiled code is stored beside the source, or, where that
    cannot be written, in the user's cache folder (NUMBA_CACHE_DIR overrides both), so that a second
    process does not compile again. Where no place is writable it is compiled once per process.
    """

    return _compiled(function, inline=False)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile like `compiled`, as a part of whatever compiled function calls it.

    What the caller knows when it is compiled, such as a row stride, is then known in here too.
    """
    return _compiled(function, inline=True)


def _compiled(function: Callable[P, R], *, inline: bool) -> Callable[P, R]:
    def compile_(cache: bool) -> Callable[P, R]:
        jit = njit(
            cache=cache,
            nogil=True,
            fastmath=True,
            boundscheck=False,
            error_model="numpy",
            forceinline=inline,
        )
        return cast(Callable[P, R], jit(function))

    try:
        return compile_(cache=True)
    except RuntimeError:  # numba found no writable folder
        return compile_(cache=False)
