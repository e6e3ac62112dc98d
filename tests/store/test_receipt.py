"""Receipts."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from egotool.errors import StoreError
from egotool.store import Receipt, read_receipt, write_receipt
from tests.store.samples import contents, receipt_of


@pytest.fixture
def receipt(tmp_path: Path) -> Receipt:
    (tmp_path / "file.h5").write_bytes(b"data")
    return receipt_of(tmp_path / "file.h5", "S1/clip.mp4", contents())


def test_round_trip(tmp_path: Path, receipt: Receipt) -> None:
    path = tmp_path / "a/clip.mp4.json"
    write_receipt(path, receipt)
    assert read_receipt(path) == receipt
    assert json.loads(path.read_text())["video"] == "S1/clip.mp4"


def test_missing_is_none(tmp_path: Path) -> None:
    assert read_receipt(tmp_path / "none.json") is None


def test_strict_and_closed(receipt: Receipt) -> None:
    fields = receipt.model_dump()
    for wrong in ({"frame_count": "9"}, {"surprise": 1}):
        with pytest.raises(ValidationError):
            Receipt(**{**fields, **wrong})
    with pytest.raises(ValidationError):
        receipt.frame_count = 3  # type: ignore[misc]


def test_newer_format_says_so_whatever_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4.json"
    path.write_text(json.dumps({"format_version": 3, "other": True}))
    with pytest.raises(StoreError, match=r"newer egotool \(format 3\); upgrade egotool"):
        read_receipt(path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"format_version": 1}', '{"format_version": true}', "\0"]
)
def test_damage_is_one_sentence_naming_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clip.mp4.json"
    path.write_text(text)
    with pytest.raises(StoreError) as failed:
        read_receipt(path)
    assert str(path) in str(failed.value)
    assert "\n" not in str(failed.value)
