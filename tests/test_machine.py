import os

import numpy as np
import pytest

from egotool.machine import available_cores, peak_memory, processor_name


def test_the_processor_has_a_name() -> None:
    assert processor_name().strip()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind a process to cores")
def test_a_process_bound_to_a_core_has_one() -> None:
    allowed = os.sched_getaffinity(0)
    assert available_cores() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_peak_memory_counts_what_was_held() -> None:
    before = peak_memory()
    assert before is None or before > 5_000_000
    held = np.ones(60_000_000, np.uint8)
    after = peak_memory()
    del held
    if before is not None and after is not None:
        # the system's counts are rounded: a little slack
        assert after > max(0.99 * before, 60_000_000)
        assert (peak_memory() or 0) > 0.99 * after  # a peak stays
