"""What is known of a public dataset: one TOML file each in `data_manifests/`."""

import csv
import json
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

import egotool
from egotool.errors import EgotoolError, UsageError


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class LabelChange(_Strict):
    """An action that is merged into another, or left out."""

    action: str
    """As in the label files."""
    becomes: str = ""
    """What it is called instead; empty: its segments are left out."""
    subjects: tuple[str, ...] = ()
    """Whose segments are meant; empty: everybody's."""


class FrameRateOf(_Strict):
    """The frame rate of videos that differ from the others."""

    videos: str
    """Regular expression that the whole name of the video, without suffix, matches."""
    frame_rate: float
    """Frames per second."""


class Expected(_Strict):
    """How many there are in a whole copy; None where no number could be verified."""

    videos: int | None = None
    segments: int | None = None
    subjects: int | None = None
    actions: int | None = None
    verbs: int | None = None
    nouns: int | None = None
    frames: int | None = None


class OfficialSplit(_Strict):
    """One official division into training, validation and test."""

    note: str = ""
    """Where it comes from."""
    test_subjects: tuple[str, ...] = ()
    """The subjects that test, where subjects decide."""
    files: Mapping[str, str] = {}
    """Split → label file, where files decide."""
    segments: Mapping[str, int] = {}
    """Split → number of segments, as far as verified."""


class DatasetDescriptor(_Strict):
    """Everything this package knows of a dataset."""

    name: str
    """As on the command line."""
    title: str
    """For people."""
    reference: str
    """The publication to cite."""
    licence: str
    """The terms, or where they stand."""
    page: str
    """Where to obtain it: a page, not a download."""
    annotations: str = ""
    """Where its label files are, if elsewhere."""
    frame_rate: float | None = None
    """Frames per second that frame numbers or times of its labels refer to."""
    frame_rates: tuple[FrameRateOf, ...] = ()
    """Exceptions from `frame_rate`."""
    subjects: tuple[str, ...] = ()
    """The subjects, where they are few and known."""
    actions: tuple[str, ...] = ()
    """Names of the action classes, where known."""
    verbs: tuple[str, ...] = ()
    """Names of the verb classes in the order of their numbers, where known."""
    nouns: tuple[str, ...] = ()
    """Names of the noun classes in the order of their numbers, where known."""
    quirks: tuple[str, ...] = ()
    """What to know about its files, one sentence each."""
    label_changes: tuple[LabelChange, ...] = ()
    """Actions that are merged or left out."""
    segments_file: str = ""
    """Name of a table beside this file with the frames of every segment."""
    expected: Expected = Expected()
    """Numbers of a whole copy."""
    splits: Mapping[str, OfficialSplit] = {}
    """The official splits by name."""

    def frame_rate_of(self, video: str) -> float | None:
        """Return the frame rate of a video, given by its name without suffix."""
        for exception in self.frame_rates:
            if re.fullmatch(exception.videos, video):
                return exception.frame_rate
        return self.frame_rate

    def change_label(self, action: str, subject: str) -> str | None:
        """Return what `action` of `subject` is called in this dataset, or None if it is left out."""
        for change in self.label_changes:
            if change.action == action and (not change.subjects or subject in change.subjects):
                return change.becomes or None
        return action


def descriptor_folder() -> Path:
    """Return the folder of descriptors: inside an installed package, at the root of a checkout."""
    installed = Path(str(files(egotool))) / "data_manifests"
    return installed if installed.is_dir() else Path(egotool.__file__).parents[2] / "data_manifests"


def descriptor_names() -> tuple[str, ...]:
    """Return the names of the datasets that there are descriptors of, sorted."""
    return tuple(sorted(path.stem for path in descriptor_folder().glob("*.toml")))


def read_descriptor(name: str) -> DatasetDescriptor:
    """Return the descriptor of the dataset `name`.

    Raises:
        UsageError: if there is none of this name.
        EgotoolError: if the file is damaged.
    """
    if name not in descriptor_names():
        raise UsageError(f"there is no dataset {name!r}; there are {', '.join(descriptor_names())}.")
    path = descriptor_folder() / f"{name}.toml"
    try:
        # through JSON: its arrays may become tuples also where types are strict
        text = json.dumps(tomllib.loads(path.read_text(encoding="utf-8")))
        return DatasetDescriptor.model_validate_json(text)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise EgotoolError(
            f"{path} is no descriptor of a dataset ({error}): install egotool again."
        ) from error


def expected_frames(descriptor: DatasetDescriptor) -> dict[str, int]:
    """Return the number of frames of every segment, as far as known.

    Returns:
        "subject/action/instance" → frames; empty if the dataset has no such table.
    """
    if not descriptor.segments_file:
        return {}
    path = descriptor_folder() / descriptor.segments_file
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {
        f"{row['subject']}/{row['action']}/{row['instance']}": int(row["frames"])
        for row in csv.DictReader(lines, delimiter="\t")
    }
