"""What exports have written where, and of what: folders of an earlier manifest must not pass for new ones."""

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from egotool.errors import UsageError
from egotool.extraction.frame_folders import SEGMENTS_NAME
from egotool.files import inside, write_text
from egotool.manifests import SPLITS

RECORD_NAME = "export.jsonl"
"""One JSON object per line: the place of a folder, and what it was made of; later lines count."""

KINDS = ("flow_x", "flow_y", "mmaps", "frames")
"""Ego-RNN's folders, in the order they are put in place: frames last, they mean that all is there."""

LIST_NAMES = frozenset(("classes.txt", *(f"{split}.txt" for split in SPLITS)))
"""What rawframes has besides `segments.csv`."""

Made = Mapping[str, str | int | float | None]
"""What decides the pictures of a folder: the video and its file's digest, the range, and the options."""

_PARTS_OF_EGO_RNN = 4
_SHOWN = 3


def folders_of(out: Path, place: str) -> dict[str, Path]:
    """Return kind of picture → folder: Ego-RNN's places begin with the split, others hold all kinds.

    Raises:
        UsageError: if the place would leave `out`.
    """
    if not _is_ego_rnn(place):
        return dict.fromkeys(KINDS, inside(out, place))
    split, _, rest = place.partition("/")
    return {kind: inside(out, f"{split}/{kind}/{rest}") for kind in KINDS}


def _is_ego_rnn(place: str) -> bool:
    return len(PurePosixPath(place).parts) == _PARTS_OF_EGO_RNN


def draft_of(folder: Path) -> Path:
    """Return where the pictures of a folder are until they are whole."""
    return folder.with_name(f".{folder.name}.part")


class ExportRecord:
    """The folders that exports have written below `out`.

    A folder that is being written or removed has no entry but its place, so that a command that was killed
    can be typed again. What `segments.csv` alone tells of, an older version wrote: nobody knows of what.
    """

    def __init__(self, out: Path) -> None:
        """Read the record, if there is one.

        Raises:
            UsageError: if a file cannot be read, or names a place that is none.
        """
        self._out = out
        self._path = out / RECORD_NAME
        self._made: dict[str, Made | None] = {}
        try:
            self._read()
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(f"the export in {out} cannot be read ({error}): name another --out.") from error

    @property
    def has_lists(self) -> bool:
        """Whether an export in the layout rawframes was here before."""
        return any(not _is_ego_rnn(place) for place in self._made)

    def holds(self, place: str, made: Made) -> bool:
        """Return whether an export finished this folder, of exactly this."""
        return self._made.get(place) == made

    def others(self, wanted: Mapping[str, Made]) -> list[str]:
        """Return the places where something lies that is not `wanted` (place → made of), sorted.

        What a killed command has left is not among them.
        """
        places = {place for place in {*wanted, *self._made} if self._is_other(place, wanted)}
        return sorted(place for place in places if self._lies(place))

    def begin(self, wanted: Mapping[str, Made]) -> None:
        """Remove what is not `wanted`, what a killed command has left, and the lists that name it."""
        others = self.others(wanted)
        left = [place for place, made in self._made.items() if made is None and place not in wanted]
        if others:
            # First, so that a command that is killed can be typed again without --overwrite.
            lists = {SEGMENTS_NAME, *(LIST_NAMES if self.has_lists else ())}
            self._made |= dict.fromkeys(others)
            self._write()
            for name in lists:
                (self._out / name).unlink(missing_ok=True)
        for place in (*others, *left):
            self._remove(place)
        self._made = {place: made for place, made in self._made.items() if place in wanted}
        self._write()

    def note(self, place: str, made: Made | None) -> None:
        """Write down that a folder is finished, or with None: that it is being written."""
        self._made[place] = made
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(_line(place, made))

    def _is_other(self, place: str, wanted: Mapping[str, Made]) -> bool:
        if place not in self._made:
            return True
        made = self._made[place]
        return made is not None and made != wanted.get(place)

    def _lies(self, place: str) -> bool:
        return any(folder.is_dir() for folder in folders_of(self._out, place).values())

    def _remove(self, place: str) -> None:
        for folder in dict.fromkeys(folders_of(self._out, place).values()):
            for path in (folder, draft_of(folder)):
                if path.is_dir():
                    shutil.rmtree(path)
            _remove_empty(folder.parent, self._out)

    def _read(self) -> None:
        segments = self._out / SEGMENTS_NAME
        if segments.is_file():
            rows = csv.DictReader(io.StringIO(segments.read_text(encoding="utf-8"), newline=""))
            self._made = {row["folder"]: {} for row in rows if row.get("folder")}
        if self._path.is_file():
            for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n"):
                try:
                    entry = json.loads(line)
                    self._made[str(entry["folder"])] = entry["made"]
                except (ValueError, KeyError, TypeError):
                    continue  # a line that was being written when the power went
        for place in self._made:
            folders_of(self._out, place)

    def _write(self) -> None:
        write_text(self._path, "".join(_line(place, made) for place, made in self._made.items()))


def refusal(out: Path, others: Sequence[str]) -> UsageError:
    """Return the error that says that places hold something else."""
    shown = ", ".join(others[:_SHOWN]) + (", …" if len(others) > _SHOWN else "")
    folders = "1 folder" if len(others) == 1 else f"{len(others)} folders"
    return UsageError(
        f"{out} has {folders} made of something else or by an older version ({shown}): name another --out, "
        "or have them replaced and removed with --overwrite."
    )


def _line(place: str, made: Made | None) -> str:
    return json.dumps({"folder": place, "made": made}, ensure_ascii=False) + "\n"


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those above it as far as they are empty: an empty one would look like a class."""
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
