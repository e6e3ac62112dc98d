"""Labels of Georgia Tech Egocentric Activities: one text file per video."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath

from egotool.manifests.descriptors import DatasetDescriptor
from egotool.manifests.imported import ImportedLabels, LineProblems, VideoFolder, name_problem
from egotool.manifests.segments import Manifest, Segment
from egotool.manifests.splits import natural_order

LABEL_FILES = r"S\d+_.+\.txt"
"""Names of the label files: subject, activity, camera."""

_ACTION = re.compile(
    r"<(?P<verb>[^<>]+)><(?P<noun>[^<>]+)>\((?P<first>\d+)-(?P<last>\d+)\)(?:\[\d*\])?", re.ASCII
)
_SAME_RATE = 0.01


def import_gtea(
    files: Mapping[str, str], descriptor: DatasetDescriptor, videos: VideoFolder
) -> ImportedLabels:
    """Turn GTEA's label files into segments.

    A line is `<verb><noun,noun> (first-last) [k]`, frames counted from 1 at the descriptor's frame rate, the
    last one included. A line with one `<word>` marks an object and is passed over. Where a video has another
    frame rate, its frames at the same times are taken.

    Args:
        files: name of each label file → its text.
        descriptor: of the variant: its frame rate and which labels it merges or leaves out.
        videos: the videos of the same names.

    Returns:
        segments called subject/action/instance, instances counted in the order of files and lines.
    """
    reader = _Reader(descriptor, videos)
    for name in sorted(files, key=natural_order):
        reader.read(name, files[name])
    return reader.result()


class _Reader:
    def __init__(self, descriptor: DatasetDescriptor, videos: VideoFolder) -> None:
        self._descriptor = descriptor
        self._videos = videos
        self._problems = LineProblems()
        self._segments: list[Segment] = []
        self._instances: Counter[tuple[str, str]] = Counter()
        self._changed: Counter[str] = Counter()
        self._objects = 0
        self._other_rates: dict[str, float] = {}

    def read(self, name: str, text: str) -> None:
        stem = PurePath(name).stem
        problem = name_problem(stem)
        for number, line in enumerate(text.split("\n"), 1):
            squeezed = re.sub(r"\s+", "", line)
            if not squeezed:
                continue
            if "><" not in squeezed:
                self._objects += 1
                continue
            match = _ACTION.fullmatch(squeezed)
            if match is None:
                self._problems.note(name, number, f"{line.strip()!r} is not <verb><noun> (first-last)")
            elif not 1 <= int(match["first"]) <= int(match["last"]):
                self._problems.note(name, number, f"frames {match['first']} to {match['last']} are no range")
            elif problem is not None:
                self._problems.note(name, number, problem)
            else:
                self._add(stem, match["verb"], match["noun"], int(match["first"]), int(match["last"]))

    def _add(self, stem: str, verb: str, noun: str, first: int, last: int) -> None:
        subject = stem.split("_")[0]
        action = f"{verb}_{noun}"
        label = self._descriptor.change_label(action, subject)
        if label != action:
            self._changed[f"left out: {action}" if label is None else f"{action} became {label}"] += 1
        if label is None:
            return
        self._instances[subject, label] += 1
        start, stop = self._frames(stem, first - 1, last)
        self._segments.append(
            Segment(
                segment=f"{subject}/{label}/{self._instances[subject, label]}",
                video=self._videos.name_of(stem),
                start_frame=start,
                stop_frame=stop,
                action=label,
                verb=label.partition("_")[0],
                noun=label.partition("_")[2],
                subject=subject,
            )
        )

    def _frames(self, stem: str, start: int, stop: int) -> tuple[int, int]:
        """Return the range in frames of the video, which may have another frame rate than the labels."""
        rate, clock = self._descriptor.frame_rate, self._videos.clock_of(stem)
        if rate is None or clock is None or abs(clock.frame_rate / rate - 1) < _SAME_RATE:
            return start, stop
        self._other_rates[stem] = clock.frame_rate
        return clock.frames_between(start / rate, stop / rate)

    def result(self) -> ImportedLabels:
        quirks = [
            f"{count} {'segment' if count == 1 else 'segments'} {change}."
            for change, count in sorted(self._changed.items())
        ]
        if self._objects:
            lines = "1 line" if self._objects == 1 else f"{self._objects} lines"
            quirks.append(f"{lines} without an action (an object is present) passed over.")
        if self._other_rates:
            stem, rate = next(iter(self._other_rates.items()))
            quirks.append(
                f"{len(self._other_rates)} of the videos ({stem}: {rate:g}) do not have the "
                f"{self._descriptor.frame_rate:g} frames per second of the labels: their frames at the same "
                "times were taken."
            )
        return ImportedLabels(
            Manifest(tuple(self._segments)),
            tuple(quirks),
            tuple(self._problems.found),
            tuple(self._videos.notes()),
        )
