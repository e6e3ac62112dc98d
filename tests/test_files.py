"""Files are written whole or not at all, and names never leave their folder."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.errors import EgotoolError, UsageError
from egotool.files import files_below, inside, replacing, sha256_of_file, write_text


def test_interrupted_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    write_text(target, "old")
    with pytest.raises(KeyboardInterrupt), replacing(target) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]
    assert target.read_text(encoding="utf-8") == "old"


def test_a_name_that_is_nearly_too_long_for_the_disk_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("字" * 80 + ".csv")  # 244 of 255 bytes
    write_text(path, "text")
    assert path.read_text() == "text"


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"abc" * 100_000)
    assert sha256_of_file(tmp_path / "data") == hashlib.sha256(b"abc" * 100_000).hexdigest()


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../up", "a/../../up", "a\\b", "nul\0"])
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="would leave"):
        inside(Path("store"), name)


@given(st.text(st.characters(exclude_characters="\0\\", exclude_categories=("Cs",)), min_size=1))
def test_accepted_names_stay_inside(name: str) -> None:
    root = Path("/root/store")
    try:
        path = inside(root, name)
    except UsageError:
        return
    assert root in path.resolve().parents or path.resolve() == root


def test_a_folder_that_cannot_be_listed_is_no_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "S1").mkdir()
    listing = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "S1":
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", refusing)  # root may list everything
    with pytest.raises(EgotoolError, match=r"S1 cannot be listed \(Permission denied\)"):
        list(files_below(tmp_path))


def test_the_file_systems_own_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "lost+found" / "#12.mp4").touch()
    (tmp_path / "a.mp4").touch()
    assert list(files_below(tmp_path)) == [tmp_path / "a.mp4"]
