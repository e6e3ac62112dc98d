"""Verification."""

from pathlib import Path

import h5py
import pytest

from egotool.files import sha256_of_file
from egotool.store import Array, read_receipt, receipt_file, verify, write_receipt
from tests.store.samples import contents, write_video

NAME = "a/clip.mp4"


def _again(store: Path, path: Path, **changes: object) -> None:
    """Rewrite the receipt so that digest and size fit the file again."""
    receipt = read_receipt(receipt_file(store, NAME))
    assert receipt is not None
    fields = {"file_sha256": sha256_of_file(path), "file_bytes": path.stat().st_size, **changes}
    write_receipt(receipt_file(store, NAME), receipt.model_copy(update=fields))


@pytest.mark.parametrize("frames", [1, 2, 9])
@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_video_has_no_problem(tmp_path: Path, frames: int, deep: bool) -> None:
    write_video(tmp_path, NAME, contents(frames), parts=(0,))
    assert verify(tmp_path, NAME, deep=deep) == []


def test_a_changed_byte_is_found_by_the_digest(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, contents())
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    assert any("SHA-256" in problem for problem in verify(tmp_path, NAME))


def test_deep_names_the_damaged_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, contents())
    with h5py.File(path) as file:
        chunk = file["rgb"].id.get_chunk_info_by_coord((4, 0, 0, 0))
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset + 30] ^= 0xFF
    path.write_bytes(data)
    _again(tmp_path, path)
    assert verify(tmp_path, NAME) == []
    (problem,) = verify(tmp_path, NAME, deep=True)
    assert "'rgb' of frame 4" in problem


def test_missing_receipt_file_and_array(tmp_path: Path) -> None:
    (problem,) = verify(tmp_path, NAME)
    assert "no receipt" in problem
    path = write_video(tmp_path, NAME, contents())
    with h5py.File(path, "r+") as file:
        del file["flow"]
    _again(tmp_path, path)
    (problem,) = verify(tmp_path, NAME)
    assert "lacks the array flow" in problem
    path.unlink()
    (problem,) = verify(tmp_path, NAME)
    assert "missing" in problem


def test_counts_units_and_names_are_compared(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, contents())
    _again(tmp_path, path, frame_count=10, video="other.mp4")
    problems = verify(tmp_path, NAME)
    assert any("is that of 'other.mp4'" in problem for problem in problems)
    for array in set(Array) - {Array.FRAME_NUMBERS}:
        assert any(f"{array} has the shape" in problem for problem in problems)
    with h5py.File(path, "r+") as file:
        file.attrs["units"] = "{}"
        file["flow"].attrs["unit"] = "pixel"
    _again(tmp_path, path, frame_count=9, video=NAME)
    units, flow = verify(tmp_path, NAME)
    assert "records other units" in units
    assert "flow records another unit" in flow


def test_another_type_of_numbers_is_found(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, contents())
    with h5py.File(path, "r+") as file:
        flow, unit = file["flow"][:], file["flow"].attrs["unit"]
        del file["flow"]
        file.create_dataset("flow", data=flow / 64).attrs["unit"] = unit  # pixels, as somebody may like them
    _again(tmp_path, path)
    (problem,) = verify(tmp_path, NAME)
    assert "flow is float64, not int16: remove " in problem


def test_a_file_that_is_no_hdf5(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, contents())
    path.write_text("hello")
    problems = verify(tmp_path, NAME)
    assert len(problems) == 2
    assert all(str(path) in problem for problem in problems)
