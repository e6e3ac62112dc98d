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
        self._named: dict[str, FoundVideo] = {}
        self._called: dict[str, list[FoundVideo]] = {}  # without folder and suffix → in the order of names
        self._doubles: dict[str, None] = {}
        self._clocks: dict[str, FrameClock | None] = {}
        self._missing: dict[str, None] = {}
        self._notes: list[str] = []
        self.folder = folder
        if folder is not None:
            for video in find_videos([folder]):
                self._named[video.name] = video
                self._called.setdefault(PurePosixPath(video.name).stem.casefold(), []).append(video)

    def find(self, name: str) -> FoundVideo | None:
        """Return the video that a path means: the one that lies there below the folder, else the only one
        whose path ends so. The suffix may be missing or another; a bare name is a short end of a path.

        Returns:
            None if no video is called so, whatever its folder.

        Raises:
            ValueError: if several are meant, or those called so lie in other folders.
        """
        if name in self._named:
            return self._named[name]
        path = PurePosixPath(name)
        stems = dict.fromkeys((path.name.casefold(), path.stem.casefold()))  # P01.02 may have no suffix
        called = [video for stem in stems for video in self._called.get(stem, [])]
        if not called:
            if self.folder is not None:
                self._missing[name] = None
            return None
        lying = {video: PurePosixPath(video.path.absolute()) for video in called}
        bare = {video: place.with_suffix("") for video, place in lying.items()}
        ends: list[FoundVideo] = []
        for places, end in ((lying, path), (bare, path), (bare, path.with_suffix(""))):
            ends = ends or [video for video, place in places.items() if _ends_with(place, end)]
        if len(ends) == 1:
            return ends[0]
        shown = ", ".join(video.name for video in (ends or called)[:_NAMES_SHOWN])
        shown += ", …" if len(ends or called) > _NAMES_SHOWN else ""
        if ends:
            raise ValueError(f"{name} may be any of {shown} in {self.folder}: write the whole path")
        raise ValueError(f"{name} is not in {self.folder}, which has {shown}: write the path as it is there")

    def has(self, stem: str) -> bool:
        """Return whether the video called `stem` (without folder and suffix) is at hand."""
        return stem.casefold() in self._called

    def name_of(self, stem: str) -> str:
        """Return the name that the video called `stem` has in manifests."""
        found = self._first(stem)
        if found is not None:
            return found.name
        if self.folder is not None:
            self._missing[stem] = None
        return f"{stem}{self._suffix}"

    def _first(self, stem: str) -> FoundVideo | None:
        """Return the video called `stem`, the first by name if there are several, which is then noted."""
        called = self._called.get(stem.casefold(), [])
        if len(called) > 1 and stem.casefold() not in self._doubles:
            self._doubles[stem.casefold()] = None
            self._notes += [f"{other.name} is there twice: {called[0].name} is used." for other in called[1:]]
        return called[0] if called else None

    def clock_of(self, stem: str) -> FrameClock | None:
        """Return the time base of the video called `stem`, None if it is not at hand or cannot be read."""
        found = self._first(stem)
        return None if found is None else self.clock_of_found(found)

    def clock_of_found(self, video: FoundVideo) -> FrameClock | None:
        """Return the time base of a video of the folder, None if it cannot be read."""
        if video.name not in self._clocks:
            task = "looking at videos"
            if not self._clocks:
                self._progress.start(task, total=len(self._named), unit="videos")
            try:
                self._clocks[video.name] = FrameClock.of_video(video.path)
            except EgotoolError as error:
                self._notes.append(str(error))
                self._clocks[video.name] = None
            self._progress.advance(task)
        return self._clocks[video.name]

    def frames_of(self, stem: str) -> int | None:
        """Return how many frames the video called `stem` declares, None if it is not at hand or silent."""
        found = self._first(stem)
        return None if found is None else self.frames_of_found(found)

    def frames_of_found(self, video: FoundVideo) -> int | None:
        """Return how many frames a video of the folder declares, None if it is silent."""
        try:
            return probe(video.path).frame_count
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


def _ends_with(path: PurePosixPath, end: PurePosixPath) -> bool:
    """Return whether the last parts of `path` are those of `end`, whatever the case."""
    parts = [part.casefold() for part in end.parts]
    return [part.casefold() for part in path.parts[-len(parts) :]] == parts


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
