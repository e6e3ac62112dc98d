"""Writing files whole or not at all, digests, and names that stay inside their folder."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from egotool.errors import EgotoolError, UsageError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, else remove it.

    The temporary name keeps the suffix and is unique per process, so two processes never share one.
    The data reaches the disk before the rename: after a power cut either the old or the new file is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem[:40]}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, names: Iterable[str] = ("*",)) -> None:
    """Remove from `folder` what processes that were killed inside `replacing` have left of files `names`.

    Only where nobody else writes: what another process is writing would go, too.
    """
    for name in map(Path, names):
        for path in folder.glob(f".{name.stem}.*.tmp{name.suffix or '*'}"):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8, newlines as given) to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 digest of a file's content as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inside(folder: Path, name: str) -> Path:
    """Return `folder / name`, refusing names that would leave the folder.

    Raises:
        UsageError: if `name` is empty, absolute, or contains a `..` part, a backslash or a NUL.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise UsageError(
            f"the name {name!r} would leave the folder {folder}: use a relative path without '..'"
        )
    return folder.joinpath(*parts)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder` that are not hidden; links to folders are followed, each folder once.

    Raises:
        EgotoolError: if a folder cannot be listed: what is in it must not go missing without a word.
    """
    seen: set[str] = set()
    for place, subfolders, files in os.walk(folder, followlinks=True, onerror=_unlisted):
        real = os.path.realpath(place)
        if real in seen:  # a link back to a folder above would otherwise never end
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not _is_hidden(name))
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))


def _is_hidden(folder: str) -> bool:
    # the file system's own folder at the top of a disk, which only root may list
    return folder.startswith(".") or folder == "lost+found"


def _unlisted(error: OSError) -> None:
    raise EgotoolError(
        f"the folder {error.filename} cannot be listed ({error.strerror}): allow it"
    ) from error
