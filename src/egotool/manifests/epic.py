"""Labels of EPIC-KITCHENS-55 and -100: CSV files of narrated actions."""

import ast
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from egotool.manifests.descriptors import DatasetDescriptor
from egotool.manifests.imported import ImportedLabels, LineProblems, VideoFolder, name_problem
from egotool.manifests.segments import Manifest, Segment
from egotool.video import FrameClock

Label = Literal["action", "verb", "noun"]

LABEL_FILES = {
    "epic-kitchens-55": r"EPIC_(train_action_labels|test_s[12]_timestamps)\.csv",
    "epic-kitchens-100": r"EPIC_100_(train|validation|test_timestamps)\.csv",
}
"""Names of the official label files of both editions, which may lie in one folder."""

TABLE_FILES = {
    "epic-kitchens-55": r"EPIC_(video_info|verb_classes|noun_classes)\.csv",
    "epic-kitchens-100": r"EPIC_100_(video_info|verb_classes|noun_classes)\.csv",
}
"""Names of the official tables of frame rates and classes."""

_TIME = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True)
class EpicTables:
    """What stands beside the label files.

    Attributes:
        frame_rates: video → frames per second.
        verbs: number of a verb class → its name.
        nouns: number of a noun class → its name.
    """

    frame_rates: Mapping[str, float] = field(default_factory=dict)
    verbs: Mapping[int, str] = field(default_factory=dict)
    nouns: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, texts: Mapping[str, str], descriptor: DatasetDescriptor) -> "EpicTables":
        """Read tables (name of the file → text); class names that they lack come from the descriptor."""
        rates: dict[str, float] = {}
        verbs, nouns = dict(enumerate(descriptor.verbs)), dict(enumerate(descriptor.nouns))
        for name, text in texts.items():
            for row in csv.DictReader(io.StringIO(text)):
                video, rate = row.get("video_id") or row.get("video"), row.get("fps")
                if video and rate and _is_number(rate):
                    rates[video] = float(rate)
                number = row.get("id") or row.get("verb_id") or row.get("noun_id") or ""
                key = row.get("key") or row.get("class_key") or ""
                if number.isdigit() and key:
                    (verbs if "verb" in name else nouns)[int(number)] = key
        return cls(rates, verbs, nouns)


def split_of_file(name: str) -> str:
    """Return the split that the segments of a label file belong to, from its name."""
    lower = name.lower()
    if "test" in lower:
        return "test"
    return "validation" if "val" in lower else "train"


def parse_nouns(text: str) -> list[str]:
    """Read a Python list of words written as text, without evaluating anything.

    Raises:
        ValueError: if it is something else.
    """
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is no list of nouns") from None
    if not isinstance(value, list) or not all(isinstance(noun, str) for noun in value):
        raise ValueError(f"{text!r} is no list of nouns")
    return value


def import_epic(
    files: Mapping[str, str],
    descriptor: DatasetDescriptor,
    videos: VideoFolder,
    tables: EpicTables,
    *,
    label: Label = "action",
    published_frames: bool = False,
) -> ImportedLabels:
    """Turn EPIC-KITCHENS' label files into segments.

    Times become frames by the video's own time base, else by its frame rate in `tables`, else in the
    descriptor. The frame numbers of the files count a published extraction, not the videos' frames.

    Args:
        files: name of each label file → its text.
        descriptor: of the edition.
        videos: the videos called by their ids.
        tables: see `EpicTables`.
        label: which of verb, noun and both together is the action to recognise.
        published_frames: take the frame numbers of the files all the same: for folders of published frames.
    """
    reader = _Reader(descriptor, videos, tables, label, published_frames)
    for name, text in files.items():
        reader.read(name, text)
    return reader.result()


class _Reader:
    def __init__(
        self,
        descriptor: DatasetDescriptor,
        videos: VideoFolder,
        tables: EpicTables,
        label: Label,
        published_frames: bool,
    ) -> None:
        self._descriptor = descriptor
        self._videos = videos
        self._tables = tables
        self._label = label
        self._published_frames = published_frames
        self._problems = LineProblems()
        self._segments: list[Segment] = []
        self._ids: set[str] = set()
        self._clocks: dict[str, FrameClock] = {}
        self._clock_sources: Counter[str] = Counter()
        self._unnamed: Counter[str] = Counter()
        self._unlabelled = 0

    def read(self, name: str, text: str) -> None:
        split = split_of_file(name)
        for number, row in _rows(text, name, self._problems):
            try:
                segment = self._segment(row, split)
            except ValueError as error:
                self._problems.note(name, number, str(error))
                continue
            if segment.segment in self._ids:
                self._problems.note(name, number, f"the segment {segment.segment!r} is named a second time")
                continue
            self._ids.add(segment.segment)
            self._segments.append(segment)

    def _segment(self, row: Mapping[str, str], split: str) -> Segment:
        """Return the segment of a row.

        Raises:
            ValueError: saying what is wrong with the row.
        """
        video = _needed(row, "video_id")
        problem = name_problem(video)
        if problem:
            raise ValueError(problem)
        start, stop = self._frames(row, video)
        verb = self._class_name(row, "verb", self._tables.verbs)
        noun = self._class_name(row, "noun", self._tables.nouns)
        if row.get("all_nouns"):
            nouns = parse_nouns(row["all_nouns"])
            noun = noun or (nouns[0] if nouns else "")
        if not verb and not noun:
            self._unlabelled += 1
        action = {"action": f"{verb}_{noun}".strip("_"), "verb": verb, "noun": noun}[self._label]
        return Segment(
            segment=_identity(row),
            video=self._videos.name_of(video),
            start_frame=start,
            stop_frame=stop,
            action=action,
            verb=verb,
            noun=noun,
            subject=row.get("participant_id") or video.partition("_")[0],
            split=split,
        )

    def _frames(self, row: Mapping[str, str], video: str) -> tuple[int, int]:
        if self._published_frames:
            first, last = _needed(row, "start_frame"), _needed(row, "stop_frame")
            if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
                raise ValueError(f"frames {first!r} to {last!r} are no range")
            # the pictures are numbered from 1
            start = max(0, int(first) - 1)
            return start, max(start + 1, int(last))
        start_time, stop_time = _seconds(row, "start_timestamp"), _seconds(row, "stop_timestamp")
        if not start_time < stop_time:
            raise ValueError(f"it starts at {row['start_timestamp']} and stops at {row['stop_timestamp']}")
        return self._clock(video).frames_between(start_time, stop_time)

    def _clock(self, video: str) -> FrameClock:
        if video in self._clocks:
            return self._clocks[video]
        clock, source = self._videos.clock_of(video), "their own time base"
        if clock is None and video in self._tables.frame_rates:
            clock, source = (
                FrameClock(self._tables.frame_rates[video]),
                "the frame rate in the table of videos",
            )
        if clock is None:
            rate = self._descriptor.frame_rate_of(video)
            if rate is None:
                raise ValueError(f"the frame rate of {video} is not known")
            clock, source = FrameClock(rate), "the usual frame rate of the dataset"
        self._clock_sources[source] += 1
        self._clocks[video] = clock
        return clock

    def _class_name(
        self, row: Mapping[str, str], kind: Literal["verb", "noun"], names: Mapping[int, str]
    ) -> str:
        """Return the name of the class of a row: of its number, if it has one, else the word as narrated."""
        number = row.get(f"{kind}_class", "")
        if not number:
            return row.get(kind, "")
        if not number.isdigit():
            raise ValueError(f"the {kind}_class {number!r} is no number")
        name = names.get(int(number))
        if name is None:
            self._unnamed[kind] += 1
            return f"{kind} {number}"
        return name

    def result(self) -> ImportedLabels:
        notes, quirks = [], []
        if self._published_frames:
            quirks.append("Frame numbers are those of the published frames, not of the videos.")
        for source, count in self._clock_sources.items():
            which = "1 video" if count == 1 else f"{count} videos"
            quirks.append(f"Times of {which} became frames by {source}.")
        for kind, count in self._unnamed.items():
            notes.append(
                f"{count} segments have a {kind} class without a name: put EPIC_{kind}_classes.csv beside "
                "the labels."
            )
        if self._unlabelled:
            notes.append(f"{self._unlabelled} segments have no label: those of the test set are withheld.")
        return ImportedLabels(
            Manifest(tuple(self._segments)),
            tuple(quirks),
            tuple(self._problems.found),
            (*notes, *self._videos.notes()),
        )


def _rows(text: str, name: str, problems: LineProblems) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield number and fields of every row that has as many as the header."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header: list[str] = []
    try:
        for row in reader:
            fields = [value.strip() for value in row]
            if not any(fields):
                continue
            if not header:
                header = [value.lower() for value in fields]
                if "video_id" not in header:
                    problems.note(name, reader.line_num, "the first line names no column video_id")
                    return
            elif len(fields) != len(header):
                problems.note(name, reader.line_num, f"it has {len(fields)} fields instead of {len(header)}")
            else:
                yield reader.line_num, dict(zip(header, fields, strict=True))
    except csv.Error as error:
        problems.note(name, reader.line_num, f"it is no CSV ({error}), and nothing after it was read")


def _identity(row: Mapping[str, str]) -> str:
    """Return a segment's id: EPIC-KITCHENS-100's as it is, -55's numbers with their video."""
    if row.get("narration_id"):
        return row["narration_id"]
    return f"{row['video_id']}_{_needed(row, 'uid')}"


def _needed(row: Mapping[str, str], column: str) -> str:
    if not row.get(column):
        raise ValueError(f"it has no {column}")
    return row[column]


def _seconds(row: Mapping[str, str], column: str) -> float:
    text = _needed(row, column)
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"the {column} {text!r} is no HH:MM:SS.ss")
    return 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3])


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text.strip()) is not None
