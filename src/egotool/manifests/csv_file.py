"""Reading and writing a manifest's CSV file."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from egotool.errors import ManifestError
from egotool.files import write_text
from egotool.manifests.segments import SPLITS, Manifest, Segment, frame_number, values_of

COLUMNS = ("segment", "video", "start_frame", "stop_frame", "action", "verb", "noun", "subject", "split")
"""The columns of a manifest, in the order they are written."""

REQUIRED_COLUMNS = COLUMNS[:5]
"""The columns that a manifest must have; the others may be left out."""

PROBLEMS_SHOWN = 5


@dataclass(frozen=True)
class ManifestReading:
    """What could be read of a manifest.

    Attributes:
        manifest: the segments of the lines that are right.
        problems: what is wrong with the others, each naming its line and what to do.
    """

    manifest: Manifest
    problems: tuple[str, ...]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest from a CSV file.

    UTF-8 with or without a byte-order mark; any line ends; fields separated by commas, semicolons or tabs,
    quoted where needed; columns in any order. Spaces around a field are dropped, columns of other names and
    blank lines ignored. `./S1//a.mp4` is read as `S1/a.mp4`, as videos of a store are called.

    Args:
        path: the CSV file.

    Returns:
        the segments in the order of the file.

    Raises:
        ManifestError: if the file is missing, not UTF-8, lacks a column, or has lines that cannot be right;
            the message names file, line and column of the first five.
    """
    reading = read_manifest_lines(path)
    if reading.problems:
        shown = "; ".join(reading.problems[:PROBLEMS_SHOWN])
        more = len(reading.problems) - PROBLEMS_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        raise ManifestError(f"the manifest {path} has {shown}{rest}: correct this and try again.")
    return reading.manifest


def read_manifest_lines(path: Path) -> ManifestReading:
    """Read as much of a manifest as can be read: as `read_manifest`, but bad lines are named and left out.

    Raises:
        ManifestError: if the file is missing, not UTF-8, no CSV, or lacks a column.
    """
    reader = _RowReader()
    segments = []
    for line, row in _rows(path, _read_text(path), reader):
        segment = reader.segment(line, row)
        if segment is not None:
            segments.append(segment)
    return ManifestReading(Manifest(tuple(segments)), tuple(reader.problems))


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as CSV (UTF-8, commas, `\\n`), whole or not at all.

    Args:
        manifest: the segments to write, in this order.
        path: the file to write or replace.
    """
    write_text(path, manifest_text(manifest))


def manifest_text(manifest: Manifest) -> str:
    """Return what `write_manifest` writes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(values_of(segment) for segment in manifest.segments)
    return text.getvalue()


def video_name_problem(name: str) -> str | None:
    """Return why `name` cannot be the name of a video below a folder, or None if it can."""
    if not PurePosixPath(name).parts:
        return "no video"
    if name.startswith("/") or re.match(r"[A-Za-z]:[/\\]", name):
        return f"the absolute video path {name!r} (use the path below the folder of the videos)"
    if "\\" in name:
        return f"a backslash in the video path {name!r} (use '/')"
    if ".." in PurePosixPath(name).parts or "\0" in name:
        return f"the video path {name!r} that leaves its folder"
    return None


class _RowReader:
    """Turns rows into segments and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._line_of_segment: dict[str, int] = {}
        self._problem_of_video: dict[str, str | None] = {}

    def segment(self, line: int, row: Mapping[str, str]) -> Segment | None:
        """Return the segment of a row, or None after noting its problems."""
        before = len(self.problems)
        start = self._frame(line, "start_frame", row["start_frame"])
        stop = self._frame(line, "stop_frame", row["stop_frame"])
        if start is not None and stop is not None and start >= stop:
            self.note(line, f"start_frame {start} not before stop_frame {stop}")
        self._check_names(line, row["segment"], row["video"])
        split = row.get("split", "")
        if split and split not in SPLITS:
            self.note(line, f"the unknown split {split!r} (use train, validation or test, or leave it empty)")
        if start is None or stop is None or len(self.problems) > before:
            return None
        return Segment(
            segment=row["segment"],
            video=PurePosixPath(row["video"]).as_posix(),
            start_frame=start,
            stop_frame=stop,
            action=row["action"],
            verb=row.get("verb", ""),
            noun=row.get("noun", ""),
            subject=row.get("subject", ""),
            split=split,
        )

    def note(self, line: int, problem: str) -> None:
        """Remember what is wrong with a line."""
        self.problems.append(f"{problem} on line {line}")

    def _frame(self, line: int, column: str, value: str) -> int | None:
        number = frame_number(value)
        if number is not None:
            return number
        if value.isascii() and value.isdigit():
            self.note(line, f"the {column} {value[:25]} that is larger than any video")
        else:
            self.note(line, f"the {column} {value!r} that is no whole number from 0 up")
        return None

    def _check_names(self, line: int, segment: str, video: str) -> None:
        if video not in self._problem_of_video:
            self._problem_of_video[video] = video_name_problem(video)
        problem = self._problem_of_video[video]
        if problem is not None:
            self.note(line, problem)
        if not segment:
            self.note(line, "no segment id")
            return
        first = self._line_of_segment.setdefault(segment, line)
        if first != line:
            self.note(line, f"the segment id {segment!r} of line {first} again")


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"the manifest {path} is not UTF-8 text: save it as CSV in UTF-8.") from error
    except OSError as error:
        raise ManifestError(f"the manifest {path} cannot be read ({error.strerror}).") from error


def _rows(path: Path, text: str, reader: _RowReader) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and the named, stripped fields of every row that is not blank."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        _check_header(path, header)
        for row in rows:
            fields = [field.strip() for field in row]
            if not any(fields):
                continue
            if len(fields) < len(header):
                # a spreadsheet leaves out trailing empty cells
                fields += [""] * (len(header) - len(fields))
            elif any(fields[len(header) :]):
                reader.note(
                    rows.line_num,
                    f"{len(fields)} fields for {len(header)} columns (put quotes around a field that "
                    "contains the separator)",
                )
                continue
            yield rows.line_num, dict(zip(header, fields, strict=False))
    except csv.Error as error:
        raise ManifestError(
            f"the manifest {path} is no valid CSV on line {rows.line_num} ({error})."
        ) from error


def delimiter_of(text: str) -> str:
    """Return what separates the fields of a CSV file: comma, semicolon or tab."""
    header = text.split("\n", 1)[0]
    return max((",", ";", "\t"), key=header.count)


def _check_header(path: Path, header: list[str]) -> None:
    if not any(header):
        raise ManifestError(f"the manifest {path} is empty: its first line must be {','.join(COLUMNS)}.")
    missing = [column for column in REQUIRED_COLUMNS if column not in header]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise ManifestError(
            f"the manifest {path} lacks the {noun} {', '.join(missing)}: its first line must name "
            f"{', '.join(REQUIRED_COLUMNS)} and may name {', '.join(COLUMNS[5:])}."
        )
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise ManifestError(f"the manifest {path} has the column {twice[0]} twice: remove one.")
