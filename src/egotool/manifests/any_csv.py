"""Labels of anybody's CSV file, whose columns are named by the user."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from egotool.errors import UsageError
from egotool.manifests.csv_file import COLUMNS, delimiter_of
from egotool.manifests.folders import verb_and_noun
from egotool.manifests.imported import ImportedLabels, LineProblems, VideoFolder, name_problem
from egotool.manifests.segments import LARGEST_FRAME, SPLITS, Manifest, Segment, frame_number
from egotool.video import FoundVideo, FrameClock

TARGETS = (*COLUMNS, "start_seconds", "stop_seconds")
"""What a column can be mapped to."""

_SPLIT_WORDS = {"training": "train", "val": "validation", "valid": "validation", "testing": "test", "": ""}


@dataclass(frozen=True)
class Counting:
    """How a file counts.

    Attributes:
        first: number of a video's first frame.
        inclusive: whether stop_frame is the last frame of the segment, not the one after it.
        frame_rate: frames per second, for times of videos that are not at hand.
    """

    first: int = 0
    inclusive: bool = False
    frame_rate: float | None = None


def parse_map(text: str) -> dict[str, str]:
    """Read "action=label,video=path": column of a manifest → column of the file.

    Raises:
        UsageError: if a part is no pair, or names an unknown column of a manifest or one twice.
    """
    columns: dict[str, str] = {}
    for part in text.split(","):
        target, equals, column = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not (equals and column) or target not in TARGETS:
            raise UsageError(
                f"--map: {part.strip()!r} is not COLUMN=NAME with a COLUMN of {', '.join(TARGETS)}."
            )
        if target in columns:
            raise UsageError(
                f"--map names two columns for {target}, {columns[target]} and {column}: give one."
            )
        columns[target] = column
    return columns


def import_csv(
    file: str, text: str, columns: Mapping[str, str], videos: VideoFolder, counting: Counting
) -> ImportedLabels:
    """Turn a CSV file (commas, semicolons or tabs) into segments.

    Args:
        file: its name, for messages.
        text: its content.
        columns: column of a manifest → column of the file; others are looked for under their own names.
        videos: the videos; needed where the file has no frames and no times, or times but no frame rate.
        counting: how the file counts.

    Raises:
        UsageError: if a mapped column is not in the file, or no column names the videos.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text))
    header = [name.strip() for name in next(reader, [])]
    places = _places(file, header, columns)
    rows = _Rows(places, videos, counting)
    problems = LineProblems()
    try:
        for row in reader:
            fields = [value.strip() for value in row]
            if not any(fields):
                continue
            try:
                if len(fields) > len(header):
                    raise ValueError(f"it has {len(fields)} fields instead of {len(header)}")
                rows.add(fields + [""] * (len(header) - len(fields)), reader.line_num)
            except ValueError as error:
                problems.note(file, reader.line_num, str(error))
    except csv.Error as error:
        problems.note(file, reader.line_num, f"it is no CSV ({error}), and nothing after it was read")
    return ImportedLabels(Manifest(tuple(rows.segments)), (), tuple(problems.found), tuple(videos.notes()))


def _places(file: str, header: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Return where each column of a manifest is in a row."""
    missing = [column for column in columns.values() if column not in header]
    if missing:
        raise UsageError(f"--map: {file} has no column {missing[0]!r}; it has {', '.join(header)}.")
    lower = [name.lower() for name in header]
    places = {target: lower.index(target) for target in TARGETS if target in lower}
    places |= {target: header.index(column) for target, column in columns.items()}
    if "video" not in places:
        raise UsageError(
            f"--map: say which column of {file} names the videos, for instance video={header[0] or 'path'}."
        )
    return places


class _Rows:
    def __init__(self, places: Mapping[str, int], videos: VideoFolder, counting: Counting) -> None:
        self.segments: list[Segment] = []
        self._places = places
        self._videos = videos
        self._counting = counting
        self._ids: set[str] = set()

    def add(self, fields: list[str], line: int) -> None:
        """Add the segment of a row.

        Raises:
            ValueError: saying what is wrong with the row.
        """
        row = {target: fields[place] for target, place in self._places.items()}
        video = row["video"].removeprefix("./")
        problem = name_problem(video)
        if problem:
            raise ValueError(problem)
        split = row.get("split", "").lower()
        split = _SPLIT_WORDS.get(split, split)
        if split not in ("", *SPLITS):
            raise ValueError(f"the split {row['split']!r} is none of {', '.join(SPLITS)}")
        found = self._videos.find(video)
        start, stop = self._frames(row, found)
        segment = row.get("segment") or f"{PurePosixPath(video).with_suffix('')}#{line}"
        if segment in self._ids:
            raise ValueError(f"the segment {segment!r} is named a second time")
        self._ids.add(segment)
        verb, noun = verb_and_noun(row.get("action", ""))
        self.segments.append(
            Segment(
                segment=segment,
                video=video if found is None else found.name,
                start_frame=start,
                stop_frame=stop,
                action=row.get("action", ""),
                verb=row.get("verb") or verb,
                noun=row.get("noun") or noun,
                subject=row.get("subject", ""),
                split=split,
            )
        )

    def _frames(self, row: Mapping[str, str], found: FoundVideo | None) -> tuple[int, int]:
        if row.get("start_frame") and row.get("stop_frame"):
            start = _whole(row["start_frame"], "start_frame") - self._counting.first
            stop = _whole(row["stop_frame"], "stop_frame") - self._counting.first + self._counting.inclusive
            if not 0 <= start < stop:
                raise ValueError(f"frames {row['start_frame']} to {row['stop_frame']} are no range")
            return start, stop
        if row.get("start_seconds") and row.get("stop_seconds"):
            clock = None if found is None else self._videos.clock_of_found(found)
            if clock is None and self._counting.frame_rate:
                clock = FrameClock(self._counting.frame_rate)
            if clock is None:
                lost = self._lost(found)
                raise ValueError(
                    f"{lost}, so its times need --frame-rate"
                    if lost
                    else "its times need --videos or --frame-rate"
                )
            begin, end = _number(row["start_seconds"]), _number(row["stop_seconds"])
            if not 0 <= begin < end:
                raise ValueError(f"times {row['start_seconds']} to {row['stop_seconds']} are no range")
            if end * max(1.0, clock.frame_rate) > LARGEST_FRAME:
                raise ValueError(f"the time {row['stop_seconds']} is later than any video")
            return clock.frames_between(begin, end)
        frames = None if found is None else self._videos.frames_of_found(found)
        if frames is None:
            lost = self._lost(found) or "its video is not at hand (--videos)"
            raise ValueError(f"it has neither frames nor times, and {lost}")
        return 0, frames

    def _lost(self, found: FoundVideo | None) -> str:
        """Say that the folder of videos lacks a video; nothing where it does not, or there is no folder."""
        folder = self._videos.folder
        return "" if folder is None or found is not None else f"its video is not in {folder}"


def _whole(text: str, column: str) -> int:
    number = frame_number(text)
    if number is not None:
        return number
    if text.isascii() and text.isdigit():
        raise ValueError(f"the {column} {text[:25]} is larger than any video")
    raise ValueError(f"the {column} {text!r} is no whole number")


def _number(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is no number of seconds")
    return seconds
