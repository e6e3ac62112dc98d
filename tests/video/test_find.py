"""Finding videos and naming them."""

from pathlib import Path

import pytest

from egotool.errors import UsageError
from egotool.video import find_videos


def _touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_names_are_paths_below_the_folder_sorted_with_suffix(tmp_path: Path) -> None:
    _touch(tmp_path / "S2/put/b.MOV")
    _touch(tmp_path / "S1/take/clip3.mp4")
    _touch(tmp_path / "S1/take/clip3.truth.h5")
    _touch(tmp_path / "manifest.csv")
    _touch(tmp_path / "S1/.hidden.mp4")
    _touch(tmp_path / ".cache/c.mp4")
    found = find_videos([tmp_path])
    assert [video.name for video in found] == ["S1/take/clip3.mp4", "S2/put/b.MOV"]
    assert found[0].path == tmp_path / "S1/take/clip3.mp4"
    assert found[0].root == tmp_path


def test_a_file_is_taken_whatever_its_suffix_and_the_same_file_counts_once(tmp_path: Path) -> None:
    odd = _touch(tmp_path / "recording.bin")
    clip = _touch(tmp_path / "clip.mp4")
    assert [video.name for video in find_videos([odd, clip, tmp_path, clip])] == ["clip.mp4", "recording.bin"]


def test_two_files_of_one_name_are_refused_naming_both(tmp_path: Path) -> None:
    one, two = _touch(tmp_path / "a/clip.mp4"), _touch(tmp_path / "b/clip.mp4")
    with pytest.raises(UsageError) as refused:
        find_videos([tmp_path / "a", tmp_path / "b"])
    assert str(one) in str(refused.value)
    assert str(two) in str(refused.value)


@pytest.mark.parametrize("given", [[], ["missing.mp4"], ["empty"]])
def test_nothing_to_find_is_wrong_usage(tmp_path: Path, given: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError):
        find_videos([tmp_path / name for name in given])


def test_a_link_back_to_the_folder_above_ends(tmp_path: Path) -> None:
    _touch(tmp_path / "a/clip.mp4")
    (tmp_path / "a/back").symlink_to(tmp_path)
    assert [video.name for video in find_videos([tmp_path])] == ["a/clip.mp4"]


def test_names_that_cannot_be_written_down_are_refused(tmp_path: Path) -> None:
    _touch(tmp_path / "a\nb.mp4")
    with pytest.raises(UsageError, match="control character"):
        find_videos([tmp_path])
