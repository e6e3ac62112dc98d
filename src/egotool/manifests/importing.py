"""One door to the importers of labels: which dataset is read by which, from which files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from egotool.errors import UsageError
from egotool.manifests.any_csv import Counting, import_csv, parse_map
from egotool.manifests.checking import overlap_note, similar_actions
from egotool.manifests.descriptors import DatasetDescriptor, OfficialSplit, read_descriptor
from egotool.manifests.egtea import (
    INDEX_FILES,
    RAW_FILE,
    import_egtea_raw,
    import_egtea_split,
    split_files,
)
from egotool.manifests.epic import LABEL_FILES as EPIC_FILES
from egotool.manifests.epic import TABLE_FILES, EpicTables, import_epic
from egotool.manifests.gtea import LABEL_FILES as GTEA_FILES
from egotool.manifests.gtea import import_gtea
from egotool.manifests.imported import (
    ImportedLabels,
    VideoFolder,
    label_files,
    matching_files,
    read_label_text,
)
from egotool.manifests.official import official_splits
from egotool.progress import Progress

LABEL_DATASETS = ("gtea-61", "gtea-71", "egtea-gaze-plus", "epic-kitchens-55", "epic-kitchens-100", "csv")
"""What `import_labels` reads."""

EGTEA_SPLITS = ("1", "2", "3")


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """How labels are read.

    Attributes:
        videos: folder of the videos; None: they are not at hand.
        split: name of the official split of EGTEA Gaze+.
        label: what is recognised in EPIC-KITCHENS.
        published_frames: EPIC-KITCHENS: count the published frames, not those of the videos.
        columns: "action=label,…" for CSV files.
        counting: how a CSV file counts.
        test_subjects: who tests, whatever else is said.
        validation: let a fifth of the training segments validate where none does.
        validation_tests: see `official_splits`.
        seed: chooses these.
    """

    videos: Path | None = None
    split: str = "1"
    label: Literal["action", "verb", "noun"] = "action"
    published_frames: bool = False
    columns: str = ""
    counting: Counting = field(default_factory=Counting)
    test_subjects: tuple[str, ...] = ()
    validation: bool = True
    validation_tests: bool = False
    seed: int = 0


def dataset_of(name: str) -> DatasetDescriptor | None:
    """Return the descriptor of a dataset, None for `csv` and `frames`.

    Raises:
        UsageError: if there is neither.
    """
    return None if name in ("csv", "frames") else read_descriptor(name)


def official_split(descriptor: DatasetDescriptor | None, name: str = "1") -> OfficialSplit | None:
    """Return the split of a dataset called `name`, or its only one."""
    if descriptor is None or not descriptor.splits:
        return None
    return descriptor.splits.get(name) or next(iter(descriptor.splits.values()))


def has_labels(dataset: str, inputs: Sequence[Path]) -> bool:
    """Return whether label files are given, not folders of frames, where a dataset comes as either."""
    if dataset not in ("gtea-61", "gtea-71"):
        return dataset != "frames"
    return any(path.is_file() or matching_files([path], GTEA_FILES) for path in inputs)


def import_labels(
    dataset: str, inputs: Sequence[Path], options: LabelOptions, progress: Progress | None = None
) -> ImportedLabels:
    """Read the label files of a dataset, and choose the splits.

    Args:
        dataset: one of `LABEL_DATASETS`.
        inputs: label files, or folders of them.
        options: how.
        progress: is told how many videos were looked at.

    Raises:
        UsageError: if the dataset has no importer, or the files are not there.
        ManifestError: if a file cannot be read.
    """
    if dataset not in LABEL_DATASETS:
        raise UsageError(
            f"there is no importer for {dataset!r}; there are {', '.join(LABEL_DATASETS)}, frames."
        )
    descriptor = dataset_of(dataset)
    suffix = ".MP4" if dataset.startswith("epic") else ".mp4"
    if options.published_frames:
        suffix = ""  # folders of frames
    videos = VideoFolder(options.videos, suffix=suffix, progress=progress)
    if descriptor is None:
        labels = _any_csv(inputs, options, videos)
    elif dataset.startswith("gtea"):
        labels = import_gtea(_texts(label_files(inputs, GTEA_FILES)), descriptor, videos)
    elif dataset == "egtea-gaze-plus":
        labels = _egtea(inputs, options, videos, frame_rate=descriptor.frame_rate or 24.0)
    else:
        labels = _epic(inputs, options, videos, descriptor)
    manifest = official_splits(
        labels.manifest,
        official_split(descriptor, options.split),
        test_subjects=options.test_subjects,
        validation=options.validation,
        validation_tests=options.validation_tests,
        seed=options.seed,
    )
    notes = [*labels.notes, *similar_actions(manifest), *overlap_note(manifest)]
    if manifest.actions and not any(segment.action for segment in manifest.of_split("test")):
        also = " or --validation-as-test" if dataset == "epic-kitchens-100" else ""
        notes.append(f"No labelled segment tests: choose who does with --test-subject{also}.")
    return replace(labels, manifest=manifest, notes=tuple(notes))


def _any_csv(inputs: Sequence[Path], options: LabelOptions, videos: VideoFolder) -> ImportedLabels:
    if len(inputs) != 1 or not inputs[0].is_file():
        raise UsageError("csv takes one file: egotool data import csv FILE --map action=label,video=path.")
    columns = parse_map(options.columns)
    return import_csv(inputs[0].name, read_label_text(inputs[0]), columns, videos, options.counting)


def _egtea(
    inputs: Sequence[Path], options: LabelOptions, videos: VideoFolder, *, frame_rate: float
) -> ImportedLabels:
    if options.split not in EGTEA_SPLITS:
        raise UsageError(f"--split: EGTEA Gaze+ has the splits {', '.join(EGTEA_SPLITS)}.")
    names = split_files(options.split)
    found = {path.name: path for path in label_files(inputs, r".*_split\d\.txt|action_labels\.csv")}
    present = {split: found[name] for split, name in names.items() if name in found}
    if not present and RAW_FILE in found:
        text = read_label_text(found[RAW_FILE])
        return import_egtea_raw(RAW_FILE, text, videos, frame_rate=frame_rate)
    if not present:
        raise UsageError(f"neither {' nor '.join(names.values())} nor {RAW_FILE} is in {inputs[0]}.")
    folders = dict.fromkeys(path.parent for path in present.values())
    index = {path.name: read_label_text(path) for path in _beside(folders, "|".join(INDEX_FILES))}
    files = {split: (path.name, read_label_text(path)) for split, path in present.items()}
    labels = import_egtea_split(files, index, videos)
    missing = sorted(set(names.values()) - {path.name for path in present.values()})
    return replace(labels, notes=(*(f"{name} was not found." for name in missing), *labels.notes))


def _epic(
    inputs: Sequence[Path], options: LabelOptions, videos: VideoFolder, descriptor: DatasetDescriptor
) -> ImportedLabels:
    paths = label_files(inputs, EPIC_FILES[descriptor.name])
    folders = dict.fromkeys(path.parent for path in paths)
    tables = _texts(_beside(folders, TABLE_FILES[descriptor.name]))
    return import_epic(
        _texts(paths),
        descriptor,
        videos,
        EpicTables.read(tables, descriptor),
        label=options.label,
        published_frames=options.published_frames,
    )


def _texts(paths: Sequence[Path]) -> dict[str, str]:
    """Return name → text of files.

    Raises:
        UsageError: if two have one name.
    """
    texts: dict[str, str] = {}
    for path in paths:
        if path.name in texts:
            raise UsageError(f"{path.name} is there twice, one of them {path}: name the right one.")
        texts[path.name] = read_label_text(path)
    return texts


def _beside(folders: Iterable[Path], pattern: str) -> list[Path]:
    """Return the files in exactly these folders whose name matches."""
    return [path for folder in folders for path in matching_files([folder], pattern) if path.parent == folder]
