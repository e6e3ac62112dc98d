"""The work folder of a video, its lock, and names that the store itself needs."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from egotool.errors import StoreError, VideoError
from egotool.extraction import Content, extract_videos
from egotool.extraction.stages import prepare_index, prepare_source
from egotool.extraction.work import VideoLock, WorkFolder
from egotool.store import Store, receipt_file, store_file
from egotool.video import find_videos
from tests.extraction.conftest import SMALL, make_video


def silent(*_: object) -> None: ...


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_store_that_cannot_be_written_needs_no_lock(number, tmp_path, monkeypatch):
    lock = VideoLock(tmp_path, "a.mp4")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    monkeypatch.setattr("egotool.extraction.work.os.access", lambda *_: False)
    assert lock.acquire()


def test_rights_that_are_missing_in_a_store_of_ones_own_are_told(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(PermissionError):
        VideoLock(tmp_path, "a.mp4").acquire()


@pytest.mark.parametrize("left", [b"", b"\xff\xfe", b"[]", b'{"sha256": 1}'])
def test_a_damaged_index_or_note_is_made_anew(left, tmp_path):
    video = make_video(tmp_path / "a.mp4", frames=4)
    work = WorkFolder(tmp_path / "store", "a.mp4")
    source = prepare_source(video, "a.mp4", None, silent)
    work.path.mkdir(parents=True)
    work.index.write_bytes(left)
    (work.path / "fingerprint.txt").write_bytes(left)
    assert prepare_index(source, work, 1, None, silent).frame_count == 4
    assert json.loads(work.index.read_text())["sha256"] == source.sha256
    work.tidy("new")
    assert (work.path / "fingerprint.txt").read_text() == "new"


def test_a_folder_of_the_store_may_lie_on_another_disk(tmp_path, monkeypatch):
    work = WorkFolder(tmp_path, "S1/a.mp4")
    work.path.mkdir(parents=True)
    work.joined.write_bytes(b"arrays")
    work.receipt.write_bytes(b"receipt")
    renamed = Path.replace

    def across(path: Path, target: Path) -> Path:
        if ".work" in path.parts:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return renamed(path, target)

    monkeypatch.setattr(Path, "replace", across)
    work.publish()
    assert store_file(tmp_path, "S1/a.mp4").read_bytes() == b"arrays"
    assert receipt_file(tmp_path, "S1/a.mp4").read_bytes() == b"receipt"
    assert not list(work.path.iterdir())


def test_a_video_that_changes_while_it_is_read_is_noticed(tmp_path):
    video = make_video(tmp_path / "a.mp4", frames=4)
    source = prepare_source(video, "a.mp4", None, silent)
    source.check_unchanged()
    os.utime(video, ns=(1, 1))
    with pytest.raises(VideoError, match="was changed while it was read"):
        source.check_unchanged()


@pytest.mark.parametrize("name", ["locks", ".locks", ".lock", "lock", "S1/.lock"])
def test_no_video_has_the_lock_of_the_whole_store(tmp_path: Path, name: str) -> None:
    lock = VideoLock(tmp_path, name)
    # Else its process would wait for ever for a lock that it holds itself.
    assert Path(lock._own.lock_file) != Path(lock._all.lock_file)


def test_a_video_called_locks_can_be_locked(tmp_path: Path) -> None:
    # where an earlier version left the lock of the whole store
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work/locks.lock").touch()
    lock = VideoLock(tmp_path, "locks")
    assert lock.acquire()
    assert not VideoLock(tmp_path, "locks").acquire()
    lock.release()
    again = VideoLock(tmp_path, "locks")
    assert again.acquire()
    again.release()
    assert [path.name for path in (tmp_path / ".work").iterdir()] == [".lock"]


def test_videos_called_as_files_of_the_store_itself(tmp_path):
    make_video(tmp_path / "a.mp4")
    for name in ("locks", "manifest"):
        shutil.copy(tmp_path / "a.mp4", tmp_path / name)
    out = tmp_path / "store"
    only_rgb = replace(SMALL, contents=frozenset({Content.RGB}))
    summary = extract_videos(find_videos([tmp_path / "locks"]), out=out, parameters=only_rgb, workers=0)
    assert summary.failures == ()
    assert Store(out).videos() == ["locks"]
    with pytest.raises(StoreError, match="cannot be called 'manifest'"):
        extract_videos(find_videos([tmp_path / "manifest"]), out=out, workers=0)
