import struct
from pathlib import Path

import numpy as np
import pytest

from egotool.errors import EgotoolError
from egotool.motion import endpoint_error, read_flo


def write_flo(path: Path, flow: np.ndarray) -> None:
    _, height, width = flow.shape
    path.write_bytes(
        b"PIEH" + struct.pack("<ii", width, height) + np.moveaxis(flow, 0, 2).astype("<f4").tobytes()
    )


def test_flo_file(tmp_path: Path) -> None:
    flow = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    flow[:, 1, 2] = 1.7e9
    write_flo(tmp_path / "a.flo", flow)
    read = read_flo(tmp_path / "a.flo")
    assert np.isnan(read[:, 1, 2]).all()
    known = np.ones((3, 4), bool)
    known[1, 2] = False
    assert np.array_equal(read[:, known], flow[:, known])
    assert endpoint_error(np.zeros_like(flow), read, None) == pytest.approx(
        np.hypot(*flow[:, known].astype(float)).mean()
    )


@pytest.mark.parametrize("content", [b"", b"JUNKJUNKJUNKJUNK", b"PIEH" + struct.pack("<ii", 9, 9) + b"0" * 8])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.flo").write_bytes(content)
    with pytest.raises(EgotoolError, match=r"b\.flo"):
        read_flo(tmp_path / "b.flo")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EgotoolError, match=r"no\.flo"):
        read_flo(tmp_path / "no.flo")


def test_endpoint_error() -> None:
    truth = np.zeros((2, 4, 4), np.float32)
    flow = np.stack([np.full((4, 4), 3), np.full((4, 4), 4)]).astype(np.float32)
    assert endpoint_error(flow, truth) == 5
    flow[:, 0] = 0
    valid = np.zeros((4, 4), bool)
    valid[:2] = True
    assert endpoint_error(flow, truth, valid) == 2.5
    with pytest.raises(ValueError, match="no pixel"):
        endpoint_error(flow, truth, np.zeros((4, 4), bool))
    with pytest.raises(ValueError, match="shape"):
        endpoint_error(flow, truth[:, 1:])
    with pytest.raises(ValueError, match="valid"):
        endpoint_error(flow, truth, valid[1:])
