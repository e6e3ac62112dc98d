"""Labels of EGTEA Gaze+: split files with numbered classes, or the raw annotations."""

import re
from collections import Counter
from collections.abc import Mapping

from egotool.manifests.imported import ImportedLabels, LineProblems, VideoFolder, name_problem
from egotool.manifests.segments import Manifest, Segment
from egotool.video import FrameClock

INDEX_FILES = ("action_idx.txt", "verb_idx.txt", "noun_idx.txt")
"""The files that name the classes; the first is needed to name actions."""

RAW_FILE = "action_labels.csv"
"""The raw annotations: no splits, times only."""

_CLIP = re.compile(r"(?P<session>.+)-(?P<start>\d+)-(?P<end>\d+)-F(?P<first>\d+)-F(?P<last>\d+)", re.ASCII)


def split_files(split: str) -> dict[str, str]:
    """Return the names of the label files of official split "1", "2" or "3", by what their segments do."""
    return {"train": f"train_split{split}.txt", "test": f"test_split{split}.txt"}


def read_class_names(text: str) -> dict[int, str]:
    """Read an index file: lines `name number`, where the name may hold spaces; others are passed over."""
    names = {}
    for line in text.split("\n"):
        name, _, number = line.strip().rpartition(" ")
        if name and number.isdigit():
            names[int(number)] = name.strip()
    return names


def import_egtea_split(
    files: Mapping[str, tuple[str, str]], index: Mapping[str, str], videos: VideoFolder
) -> ImportedLabels:
    """Turn the files of a split into segments.

    A line is `clip action verb noun [noun …]`, numbers from 1; the name of a clip is
    `session-start_ms-end_ms-Ffirst-Flast`. Where the trimmed clip itself is at hand, the segment is all of
    it, else those frames of the video of its session.

    Args:
        files: split → name and text of its file.
        index: name of each of `INDEX_FILES` that is there → its text.
        videos: whole sessions or trimmed clips.
    """
    actions, verbs, nouns = (read_class_names(index.get(name, "")) for name in INDEX_FILES)
    reader = _Reader(videos)
    for split, (file, text) in files.items():
        for number, line in enumerate(text.split("\n"), 1):
            words = line.split()
            if not words:
                continue
            clip, *numbers = words
            match = _CLIP.fullmatch(clip)
            if match is None:
                reader.problems.note(file, number, f"{clip!r} is no name of a clip")
            elif len(numbers) < 3 or not all(word.isdigit() for word in numbers):
                reader.problems.note(
                    file, number, "after the clip come the numbers of action, verb and nouns"
                )
            else:
                action, verb, *noun = map(int, numbers)
                reader.add(
                    (file, number),
                    clip,
                    match["session"],
                    (int(match["first"]), max(int(match["first"]) + 1, int(match["last"]))),
                    action=actions.get(action, f"action {action}"),
                    verb=verbs.get(verb, f"verb {verb}"),
                    noun=",".join(nouns.get(each, f"noun {each}") for each in noun),
                    split=split,
                )
    notes = [
        f"{name} was not found, so {name.partition('_')[0]} classes are called by their numbers."
        for name in INDEX_FILES
        if name not in index
    ]
    return reader.result(notes)


def import_egtea_raw(file: str, text: str, videos: VideoFolder, *, frame_rate: float) -> ImportedLabels:
    """Turn `action_labels.csv` into segments without splits.

    Its fields are separated by semicolons: id, clip, session, start and end in milliseconds, action, verb,
    nouns. Times become frames by the video's own time base, or `frame_rate`.
    """
    reader = _Reader(videos)
    default = FrameClock(frame_rate)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        fields = [field.strip() for field in line.split(";")]
        times = fields[3:5]
        if len(fields) < 8 or not all(re.fullmatch(r"\d+(\.\d+)?", time) for time in times):
            reader.problems.note(file, number, "there are no eight fields with times in the fourth and fifth")
            continue
        start, end = (float(time) / 1000 for time in times)
        if not start < end:
            reader.problems.note(file, number, f"it starts at {times[0]} ms and ends at {times[1]} ms")
            continue
        reader.add(
            (file, number),
            fields[1],
            fields[2],
            (videos.clock_of(fields[2]) or default).frames_between(start, end),
            action=fields[5],
            verb=fields[6],
            noun=",".join(part.strip() for part in fields[7].split(",")),
            split="",
        )
    return reader.result([])


class _Reader:
    """Collects segments; knows whether sessions or trimmed clips are at hand."""

    def __init__(self, videos: VideoFolder) -> None:
        self.problems = LineProblems()
        self._videos = videos
        self._segments: list[Segment] = []
        self._seen: Counter[str] = Counter()
        self._trimmed = 0

    def add(
        self,
        place: tuple[str, int],
        clip: str,
        session: str,
        frames: tuple[int, int],
        *,
        action: str,
        verb: str,
        noun: str,
        split: str,
    ) -> None:
        """Add the segment of a line, which shows `frames` (half-open) of its session."""
        problem = name_problem(session) or name_problem(clip)
        self._seen[clip] += 1
        if problem is None and self._seen[clip] > 1:
            problem = f"the clip {clip} is named a second time"
        if problem is not None:
            self.problems.note(*place, problem)
            return
        start, stop = frames
        trimmed = not self._videos.has(session) and self._videos.has(clip)
        if trimmed:
            self._trimmed += 1
            start, stop = 0, self._videos.frames_of(clip) or stop - start
        self._segments.append(
            Segment(
                segment=clip,
                video=self._videos.name_of(clip if trimmed else session),
                start_frame=start,
                stop_frame=stop,
                action=action,
                verb=verb,
                noun=noun,
                subject=session.partition("-")[0],
                split=split,
            )
        )

    def result(self, notes: list[str]) -> ImportedLabels:
        quirks = []
        if self._trimmed:
            quirks.append(
                f"{self._trimmed} {'segment is a' if self._trimmed == 1 else 'segments are'} whole trimmed "
                f"{'clip' if self._trimmed == 1 else 'clips'}."
            )
        return ImportedLabels(
            Manifest(tuple(self._segments)),
            tuple(quirks),
            tuple(self.problems.found),
            (*notes, *self._videos.notes()),
        )
