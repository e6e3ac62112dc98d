"""The folder in which the parts of one video's store file grow, and who may work in it."""

import errno
import itertools
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from egotool.files import inside, replacing, write_text
from egotool.store import receipt_file, store_file

_FOLDER = ".work"


@dataclass(frozen=True, order=True)
class PartRange:
    """The frames `start` to `stop` (half-open) of a video."""

    start: int
    stop: int


def part_ranges(frame_count: int, part_frames: int) -> list[PartRange]:
    """Return the ranges of at most `part_frames` frames, about equally long, that make up a video."""
    number = -(-frame_count // part_frames)
    bounds = [index * frame_count // number for index in range(number + 1)]
    return [PartRange(start, stop) for start, stop in itertools.pairwise(bounds)]


def overlapping(parts: Sequence[PartRange], start: int, stop: int) -> list[PartRange]:
    """Return the parts that hold any of the frames `start` to `stop` (half-open)."""
    return [part for part in parts if part.start < stop and start < part.stop]


@dataclass(frozen=True)
class WorkFolder:
    """The paths of what belongs to one video while it is worked on.

    Attributes:
        store: the store.
        video: the name of the video.
    """

    store: Path
    video: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return inside(self.store / _FOLDER, self.video)

    @property
    def index(self) -> Path:
        """The video's index, with the digest of the file that it was made of."""
        return self.path / "index.json"

    @property
    def joined(self) -> Path:
        """The whole store file, before it is published."""
        return self.path / "joined.h5"

    @property
    def receipt(self) -> Path:
        """The receipt of the whole store file; once it is here, only `publish` is left to do."""
        return self.path / "receipt.json"

    def frames_part(self, part: PartRange) -> Path:
        """The part file of frames, flow, homographies and warp flow."""
        return self.path / f"frames-{part.start:09d}.h5"

    def masks_part(self, part: PartRange) -> Path:
        """The part file of motion masks."""
        return self.path / f"masks-{part.start:09d}.h5"

    def publish(self) -> None:
        """Put store file and receipt in their places; after an interruption, go on where it stopped.

        The old receipt goes first and the new one comes last: a receipt beside a file is always that file's.
        """
        if not self.receipt.is_file():
            return
        receipt = receipt_file(self.store, self.video)
        if self.joined.is_file():
            receipt.unlink(missing_ok=True)
            target = store_file(self.store, self.video)
            target.parent.mkdir(parents=True, exist_ok=True)
            _move(self.joined, target)
        _move(self.receipt, receipt)

    def tidy(self, fingerprint: str) -> None:
        """Remove what a killed process left half-written, and everything if it was made for other work.

        Args:
            fingerprint: of the source and the parameters; differs where a part is of no use any more.
        """
        note = self.path / "fingerprint.txt"
        self.path.mkdir(parents=True, exist_ok=True)
        useless = ["*.tmp*"]
        if not note.is_file() or note.read_bytes() != fingerprint.encode():
            useless += ["*.h5", "receipt.json"]
        for pattern in useless:
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)
        write_text(note, fingerprint)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)


def _move(path: Path, target: Path) -> None:
    """Move a file, whole or not at all; a store's folders may be links to other disks."""
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replacing(target) as temporary:
            shutil.copyfile(path, temporary)
        path.unlink()


_NO_WRITING = (errno.EROFS, errno.EACCES, errno.EPERM)


class VideoLock:
    """Makes sure that one process at a time extracts a video into a store.

    The lock ends with its process, however that ends. Lock files are made and removed under one lock of the
    whole store: otherwise a process could lock a file that another has just removed.
    """

    def __init__(self, store: Path, video: str) -> None:
        self._folder = store / _FOLDER
        self._work = WorkFolder(store, video).path
        self._path = inside(self._folder, f"{video}.lock")
        # As if for a video without a name: no video's own lock can be this file.
        self._all = FileLock(self._folder / ".lock")
        self._own = FileLock(self._path)

    def acquire(self) -> bool:
        """Take the lock and return True, or return False if another process has it.

        Where nothing can be written there is no lock, and needs none: what is finished is only looked at.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._all:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._own.acquire(timeout=0)
                self._work.mkdir(exist_ok=True)
        except Timeout:
            return False
        except OSError as error:
            # a file of another user's in a store that can be written is no reason to go without
            if error.errno != errno.EROFS and (
                error.errno not in _NO_WRITING or os.access(self._folder.parent, os.W_OK)
            ):
                raise
        return True

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if not self._own.is_locked:
            return
        with self._all:
            self._own.release()
            self._path.unlink(missing_ok=True)
            _remove_empty(self._work, self._folder)


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and top in folder.parents:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # not empty
            return
        folder = folder.parent
