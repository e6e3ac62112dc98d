"""The manifest of a store: copied from the videos' folder or made from folder names; edits are kept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import EgotoolError, ManifestError
from egotool.extraction.results import LabelResult
from egotool.manifests import (
    SPLITS,
    FrameRanges,
    Manifest,
    Sidecar,
    assign_splits,
    check_manifest,
    fits,
    folder_notes,
    is_edited,
    manifest_from_folders,
    overlap_note,
    read_manifest,
    similar_actions,
    write_with_sidecar,
)

_DOES = {"train": "trains", "validation": "validates", "test": "tests"}
MANIFEST_NAME = "manifest.csv"
NAMES_SHOWN = 5


@dataclass(frozen=True)
class SplitChoice:
    """How segments are divided where no manifest says so.

    Attributes:
        seed: chooses validation segments, and test segments where there are no subjects.
        test_subjects: the subjects that test; without them the last of several.
    """

    seed: int = 0
    test_subjects: tuple[str, ...] = ()


def check_choice(
    names: Iterable[str],
    roots: Sequence[Path],
    choice: SplitChoice,
    *,
    given: Sequence[Path] | None = None,
) -> None:
    """Refuse manifests that cannot be read and test subjects that there are not, before hours of work.

    Raises:
        ManifestError: if a manifest cannot be read.
        UsageError: if one of `choice.test_subjects` is not among the subjects of the videos `names`.
    """
    given = _manifests_in(roots) if given is None else given
    manifest = _read_all(given) if given else None
    if not choice.test_subjects:
        return
    if manifest is None:
        manifest_from_folders(dict.fromkeys(names, 1), test_subjects=choice.test_subjects)
    elif not any(segment.split for segment in manifest.segments):
        assign_splits(manifest, test_subjects=choice.test_subjects)


def update_manifest(
    store: Path,
    roots: Sequence[Path],
    frame_counts: Mapping[str, int],
    *,
    choice: SplitChoice,
    ranges: Mapping[str, FrameRanges] | None = None,
    given: Sequence[Path] | None = None,
) -> LabelResult:
    """Bring the manifest of a store up to date with the videos in it.

    In this order: a manifest in the store that somebody edited is kept; a `manifest.csv` in a folder of
    videos is copied, without the segments that do not fit; a copy made earlier is kept; otherwise the folders
    that the videos lie in name actions and subjects.

    Args:
        store: the store.
        roots: the folders that the videos were found in.
        frame_counts: number of frames of each finished video of the store.
        choice: how to divide segments where no manifest says so.
        ranges: the frames that the store has of a video, for those of which it does not have all.
        given: manifests to copy, instead of those in the folders.

    Returns:
        what was done, and what is wrong.
    """
    path = store / MANIFEST_NAME
    sidecar = Sidecar.read(path)
    given = _manifests_in(roots) if given is None else given
    ranges = ranges or {}
    try:
        if is_edited(path):
            why = f"{path} was not written by this command, or edited since, and is kept as it is"
            return _kept(path, frame_counts, ranges, f"{why}: delete it to have it written anew.")
        if given:
            return _copied(path, given, roots, frame_counts, ranges, choice)
        if path.exists() and sidecar is not None and sidecar.source != "folders":
            return _kept(path, frame_counts, ranges, f"{path}, a copy of {sidecar.source}, is kept.")
        if not frame_counts:
            return LabelResult()
        manifest = manifest_from_folders(frame_counts, seed=choice.seed, test_subjects=choice.test_subjects)
    except EgotoolError as error:
        return LabelResult(path=path if path.exists() else None, problems=(str(error),))
    _write(path, manifest, source="folders", choice=choice)
    return _result(path, manifest, source="folders", notes=folder_notes(frame_counts))


def _manifests_in(roots: Sequence[Path]) -> list[Path]:
    paths = dict.fromkeys(root / MANIFEST_NAME for root in roots)
    return [path for path in paths if path.is_file()]


def _read_all(paths: Sequence[Path]) -> Manifest:
    """Read manifests of several folders as one."""
    manifests = [read_manifest(path) for path in paths]
    segments = [segment for manifest in manifests for segment in manifest.segments]
    twice = [name for name, count in Counter(segment.segment for segment in segments).items() if count > 1]
    if twice:
        names = " and ".join(map(str, paths))
        raise ManifestError(f"the segment id {twice[0]!r} is in {names}: rename it in one of them.")
    return Manifest(tuple(segments))


def _kept(
    path: Path, frame_counts: Mapping[str, int], ranges: Mapping[str, FrameRanges], why: str
) -> LabelResult:
    manifest = read_manifest(path)
    notes = [
        why,
        *check_manifest(manifest, frame_counts, ranges=ranges),
        *overlap_note(manifest),
        *_missing_from(manifest, frame_counts),
    ]
    return _result(path, manifest, source="kept", notes=notes)


def _copied(
    path: Path,
    given: Sequence[Path],
    roots: Sequence[Path],
    frame_counts: Mapping[str, int],
    ranges: Mapping[str, FrameRanges],
    choice: SplitChoice,
) -> LabelResult:
    manifest = _read_all(given)
    later_videos = {
        video for video in {s.video for s in manifest.segments} if _is_for_later(video, roots, frame_counts)
    }
    later = [segment for segment in manifest.segments if segment.video in later_videos]
    present = Manifest(tuple(s for s in manifest.segments if s.video not in later_videos))
    problems = check_manifest(present, frame_counts, ranges=ranges)
    kept = Manifest(tuple(s for s in present.segments if fits(s, frame_counts, ranges=ranges)))
    notes = []
    if later:
        which = "1 segment" if len(later) == 1 else f"{len(later)} segments"
        notes.append(f"{which} of {given[0]} left out: of videos that are not in the store yet.")
    if any(segment.split for segment in manifest.segments):
        if choice.test_subjects:
            notes.append(f"--test-subject has no effect: {given[0]} says which segments test.")
    elif any(segment.action for segment in kept.segments):
        kept = assign_splits(kept, seed=choice.seed, test_subjects=choice.test_subjects)
        notes.append(f"{given[0]} has no splits, so they were chosen.")
    notes += similar_actions(manifest) + overlap_note(manifest) + _missing_from(manifest, frame_counts)
    source = ", ".join(map(str, given))
    _write(path, kept, source=source, choice=choice)
    return _result(path, kept, source=source, notes=notes, problems=problems)


def _is_for_later(video: str, roots: Sequence[Path], frame_counts: Mapping[str, int]) -> bool:
    """Return whether a video is there, but was not asked for."""
    return video not in frame_counts and any((root / video).is_file() for root in roots)


def _missing_from(manifest: Manifest, frame_counts: Mapping[str, int]) -> list[str]:
    mentioned = {segment.video for segment in manifest.segments}
    missing = sorted(set(frame_counts) - mentioned)
    if not missing:
        return []
    shown = ", ".join(missing[:NAMES_SHOWN]) + (", …" if len(missing) > NAMES_SHOWN else "")
    count = "1 video has" if len(missing) == 1 else f"{len(missing)} videos have"
    return [f"{count} no segment in the manifest: {shown}."]


def _write(path: Path, manifest: Manifest, *, source: str, choice: SplitChoice) -> None:
    write_with_sidecar(
        path, manifest, source=source, split_seed=choice.seed, test_subjects=list(choice.test_subjects)
    )


def _result(
    path: Path, manifest: Manifest, *, source: str, notes: Sequence[str], problems: Sequence[str] = ()
) -> LabelResult:
    labelled = sum(1 for segment in manifest.segments if segment.action)
    lacking = [verb for split, verb in _DOES.items() if labelled and not manifest.of_split(split)]
    if lacking:
        notes = [
            *notes,
            f"No segment {' or '.join(lacking)}, and training needs that: add videos, or subjects, or fill "
            "in the manifest's split column.",
        ]
    return LabelResult(
        path=path,
        source=source,
        segments=len(manifest.segments),
        labelled=labelled,
        actions=len(manifest.actions),
        splits=tuple((split, len(manifest.of_split(split))) for split in SPLITS),
        notes=tuple(notes),
        problems=tuple(problems),
    )
