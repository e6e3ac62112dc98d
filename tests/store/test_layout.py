"""Fixed-point flow, and the names of files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from egotool.errors import StoreError, UsageError
from egotool.store import FLOW_SCALE, UNITS, Array, decode_flow, encode_flow, receipt_file, store_file

FLOWS = arrays(np.float32, (2, 3, 4), elements=st.floats(-2000, 2000, width=32))


@given(FLOWS)
def test_flow_is_exact_to_half_a_step_and_saturates_beyond_the_range(flow: np.ndarray) -> None:
    stored = encode_flow(flow)
    assert stored.dtype == np.int16
    back = decode_flow(stored)
    assert back.dtype == np.float32
    limited = np.clip(flow, -32768 / FLOW_SCALE, 32767 / FLOW_SCALE)
    assert np.abs(back - limited).max() <= 1 / 128
    np.testing.assert_array_equal(encode_flow(back), stored)  # a second trip changes nothing


@given(arrays(np.int16, (2, 3, 4)))
def test_every_stored_value_survives(stored: np.ndarray) -> None:
    np.testing.assert_array_equal(encode_flow(decode_flow(stored)), stored)


def test_values_that_are_no_displacement() -> None:
    flow = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    np.testing.assert_array_equal(encode_flow(flow), [0, 32767, -32768, 64])


def test_files_of_a_video_lie_beside_each_other_inside_the_store() -> None:
    store = Path("store")
    assert store_file(store, "S1/take/clip3.mp4") == store / "S1/take/clip3.mp4.h5"
    assert receipt_file(store, "S1/take/clip3.mp4") == store / "S1/take/clip3.mp4.json"
    for name in ("../x.mp4", "/x.mp4", "a/../../x.mp4"):
        with pytest.raises(UsageError):
            store_file(store, name)


def test_every_array_has_a_unit() -> None:
    assert set(UNITS) == {array.value for array in Array}


def test_no_video_has_the_name_of_the_manifest() -> None:
    for name in ("manifest", "./manifest", "manifest/"):
        with pytest.raises(StoreError, match="a video cannot be called 'manifest'"):
            receipt_file(Path("store"), name)
    for name in ("manifest.mp4", "S1/manifest"):
        assert receipt_file(Path("store"), name) == Path("store", f"{name}.json")
