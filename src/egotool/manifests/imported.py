"""What every importer of labels shares: its result, its problems, its videos and its text files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from egotool.errors import EgotoolError, ManifestError, UsageError
from egotool.files import files_below
from egotool.manifests.csv_file import video_name_problem
from egotool.manifests.segments import Manifest
from egotool.progress import Progress, SilentProgress
from egotool.video import FoundVideo, FrameClock, find_videos, probe

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class ImportedLabels:
    """The segments that label files name, and what was particular about them.

    Attributes:
        manifest: the segments that could be read.
        quirks: what was done to the labels, one sentence each.
        problems: lines that could not be read, each with its file and number.
        notes: what else to know, one sentence each.
    """

    manifest: Manifest
    quirks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class LineProblems:
    """Collects what is wrong with the lines of label files."""

    found: list[str] = field(default_factory=list)

    def note(self, file: str, line: int, what: str) -> None:
        """Note that `line` of `file` cannot be used, and why."""
        self.found.append(f"{file}, line {line}: {what}.")


class VideoFolder:
    """The videos that labels are about: a folder of them if there is one, else names alone.

    Args:
        folder: where the videos are; None: they are not at hand.
        suffix: what a video that is not at hand is called after its name.
        progress: is told how many videos were looked at.
    """

    def __init__(
        self, folder: Path | None, *, suffix: str = ".mp4", progress: Progress | None = None
    ) -> None:
        self._suffix = suffix
        self._progress = progress or SilentProgress()
        self._found: dict[str, FoundVideo] = {}
        self._clocks: dict[str, FrameClock | None] = {}
        self._missing: dict[str, None] = {}
        self._notes: list[str] = []
        self.folder = folder
        if folder is not None:
            for video in find_videos([folder]):
                self._add(video)

    def _add(self, video: FoundVideo) -> None:
        stem = PurePosixPath(video.name).stem.casefold()
        earlier = self._found.setdefault(stem, video)
        if earlier is not video:
            self._notes.append(f"{video.name} is there twice: {earlier.name} is used.")

    def has(self, stem: str) -> bool:
        """Return whether the video called `stem` (without folder and suffix) is at hand."""
        return stem.casefold() in self._found

    def name_of(self, stem: str) -> str:
        """Return the name that the video called `stem` has in manifests."""
        found = self._found.get(stem.casefold())
        if found is not None:
            return found.name
        if self.folder is not None:
            self._missing[stem] = None
        return f"{stem}{self._suffix}"

    def clock_of(self, stem: str) -> FrameClock | None:
        """Return the time base of the video called `stem`, None if it is not at hand or cannot be read."""
        key = stem.casefold()
        if key not in self._found:
            return None
        if key not in self._clocks:
            task = "looking at videos"
            if not self._clocks:
                self._progress.start(task, total=len(self._found), unit="videos")
            try:
                self._clocks[key] = FrameClock.of_video(self._found[key].path)
            except EgotoolError as error:
                self._notes.append(str(error))
                self._clocks[key] = None
            self._progress.advance(task)
        return self._clocks[key]

    def frames_of(self, stem: str) -> int | None:
        """Return how many frames the video called `stem` declares, None if it is not at hand or silent."""
        found = self._found.get(stem.casefold())
        if found is None:
            return None
        try:
            return probe(found.path).frame_count
        except EgotoolError as error:
            self._notes.append(str(error))
            return None

    def notes(self) -> list[str]:
        """Return what to know of the videos: which are missing, double, or illegible."""
        notes = list(self._notes)
        if self._missing:
            names = list(self._missing)
            shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
            which = "1 video is" if len(names) == 1 else f"{len(names)} videos are"
            notes.append(f"{which} not in {self.folder}: {shown}.")
        return notes


def name_problem(stem: str) -> str | None:
    """Return why a label file's name of a video is refused, or None."""
    problem = video_name_problem(stem)
    return None if problem is None else f"it names {problem}"


def read_label_text(path: Path) -> str:
    """Return the text of a label file: UTF-8 with or without byte-order mark, any line ends.

    Raises:
        ManifestError: if it cannot be read or is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path} cannot be read ({error.strerror}).") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in data:
            raise ManifestError(f"{path} is no text file: name the label files.") from None
        text = data.decode("cp1252", errors="replace")  # what editors of the day of GTEA wrote
    return text.replace("\r\n", "\n").replace("\r", "\n")


def matching_files(folders: Sequence[Path], pattern: str) -> list[Path]:
    """Return the files below `folders`, not hidden, whose whole name matches `pattern`, whatever the case."""
    return [
        path
        for folder in folders
        for path in files_below(folder)
        if re.fullmatch(pattern, path.name, re.IGNORECASE)
    ]


def label_files(inputs: Sequence[Path], pattern: str) -> list[Path]:
    """Return the files given, and those below the given folders whose name matches `pattern`.

    Raises:
        UsageError: if something given is not there, or no file is found.
    """
    found: dict[Path, None] = {}
    for given in inputs:
        if not given.exists():
            raise UsageError(f"{given} does not exist: name label files, or a folder of them.")
        found |= dict.fromkeys([given] if given.is_file() else matching_files([given], pattern))
    if not found:
        folders = ", ".join(map(str, inputs))
        raise UsageError(f"no label file was found in {folders}: see docs/datasets.md for their names.")
    return list(found)
