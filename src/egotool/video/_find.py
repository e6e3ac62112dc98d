"""Finding the videos among files and folders given on the command line, and naming them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import UsageError
from egotool.files import files_below, inside

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3g2", ".3gp", ".asf", ".avi", ".flv", ".h264", ".hevc", ".insv", ".ivf", ".lrv",
    ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf",
    ".nut", ".ogv", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})
# fmt: on
"""Suffixes (lower case, with the dot) by which a file in a folder is taken for a video."""


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """A video file and the name it has in stores and manifests.

    Attributes:
        path: the file.
        name: its path below the given folder, with `/` and with the suffix ("S1/take/clip3.mp4").
        root: the folder that was given (for a file: the folder it lies in).
    """

    path: Path
    name: str
    root: Path


def find_videos(inputs: Sequence[Path]) -> list[FoundVideo]:
    """Return the videos in `inputs` (files, and folders with all their subfolders), sorted by name.

    In a folder, files count as videos by their suffix and hidden files and folders are skipped; a file given
    by itself is always taken. The same file given twice counts once.

    Raises:
        UsageError: if nothing is given, an input does not exist, no video is found, or two different files
            would have the same name.
    """
    if not inputs:
        raise UsageError("no video was given: name files or folders with videos")
    found: dict[str, FoundVideo] = {}
    for given in inputs:
        for video in _videos_of(Path(given)):
            earlier = found.setdefault(video.name, video)
            if earlier is not video and not earlier.path.samefile(video.path):
                raise UsageError(
                    f"two videos would both be called {video.name!r}: {earlier.path} and {video.path}; "
                    "give one folder that holds both, or rename one"
                )
    if not found:
        folders = ", ".join(str(given) for given in inputs)
        raise UsageError(
            f"no video was found in {folders}: files with suffixes like .mp4, .mov or .mkv are searched"
        )
    return [found[name] for name in sorted(found)]


def _videos_of(given: Path) -> Iterator[FoundVideo]:
    """Yield the videos of one input."""
    if given.is_dir():
        for path in files_below(given):
            if path.suffix.lower() in VIDEO_SUFFIXES:
                yield _named(path, given)
    elif given.exists():
        yield _named(given, given.parent)
    else:
        raise UsageError(f"{given} does not exist: name a video file or a folder with videos")


def _named(path: Path, root: Path) -> FoundVideo:
    """Return `path` as a found video, refusing names that cannot be written down or leave a folder."""
    name = path.relative_to(root).as_posix()
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(f"the file name {os.fsencode(path)!r} is not UTF-8: rename the file") from None
    if any(ord(character) < 32 for character in name):
        raise UsageError(f"the file name {name!r} contains a control character: rename the file")
    inside(root, name)
    return FoundVideo(path=path, name=name, root=root)
