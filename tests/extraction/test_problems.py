import errno

import pytest

from egotool.errors import DiskFullError, StoreError, VideoError
from egotool.extraction.problems import parts_are_good, problem_of
from egotool.store import Receipt, write_receipt
from egotool.video import FoundVideo


@pytest.mark.parametrize(
    ("error", "good"),
    [
        (DiskFullError("full"), True),  # however much is free again, once the half-written file has gone
        (OSError(errno.ENOSPC, "full"), True),
        (StoreError("a part is damaged"), False),
        (VideoError("changed"), False),
        (RuntimeError("who knows"), True),
    ],
)
def test_parts_stay_unless_one_may_be_damaged(error: Exception, good: bool) -> None:
    assert parts_are_good(error) is good


def test_a_disk_without_locks_is_named(tmp_path):
    found = FoundVideo(path=tmp_path / "a.mp4", name="a.mp4", root=tmp_path)
    said = problem_of(OSError(errno.ENOLCK, "No locks available"), found, tmp_path / "store")
    assert "store has no file locks (No locks available): choose another --out" in said


def test_a_name_that_the_store_cannot_take_is_to_be_changed(tmp_path):
    found = FoundVideo(path=tmp_path / "a.mp4", name="a.mp4", root=tmp_path)
    said = problem_of(OSError(errno.ENAMETOOLONG, "File name too long"), found, tmp_path / "store")
    assert (
        said
        == f"{tmp_path / 'a.mp4'}: the file's name is too long, for the store adds to it: rename the file."
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_quota_is_a_full_disk(number, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(number, "no room")

    monkeypatch.setattr("egotool.store._receipt.write_text", full)
    receipt = Receipt.model_construct(arrays=[], ranges=None)
    with pytest.raises(DiskFullError, match="the disk is full"):
        write_receipt(tmp_path / "a.json", receipt)
