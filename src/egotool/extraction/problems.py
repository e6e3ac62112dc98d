"""What is said of a video that could not be extracted, and what of its work is still good."""

import errno
from pathlib import Path

from egotool.errors import DiskFullError, EgotoolError
from egotool.extraction.hand_masks import HandMaskError
from egotool.extraction.pool import WorkerLostError
from egotool.video import FoundVideo


def parts_are_good(error: Exception) -> bool:
    """Return whether another try can use the parts that are there; otherwise one of them may be damaged."""
    return isinstance(error, DiskFullError | HandMaskError) or not isinstance(error, EgotoolError)


def problem_of(error: Exception, found: FoundVideo, out: Path) -> str:
    """Return one sentence about why a video failed, and what to do."""
    if isinstance(error, EgotoolError):
        return str(error)
    if isinstance(error, WorkerLostError):
        return (
            f"{found.path}: the process that worked on it was killed, most likely because memory ran out: "
            "try fewer --workers or a smaller --size."
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{found.path}: the disk of {out} is full: make room and type the same command again."
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"{found.path}: the file's name is too long, for the store adds to it: rename the file."
    if isinstance(error, OSError) and error.errno in (errno.ENOLCK, errno.EOPNOTSUPP):
        return f"{found.path}: the disk of {out} has no file locks ({error.strerror}): choose another --out."
    if isinstance(error, OSError):
        return f"{found.path}: {error.strerror or error}: check the file and the folder {out}."
    if isinstance(error, MemoryError):
        return f"{found.path}: memory ran out: try fewer --workers or a smaller --size."
    return f"{found.path}: something unexpected happened ({type(error).__name__}: {error}); please report it."
