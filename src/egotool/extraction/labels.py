"""The manifest of a store: copied from the videos' folder or made from folder names; edits are kept."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import EgotoolError, ManifestError
from egotool.extraction.results import LabelResult
from egotool.extraction.work import VideoLock
from egotool.files import remove_leftovers
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
from egotool.store import receipt_file

_DOES = {"train": "trains", "validation": "validates", "test": "tests"}
MANIFEST_NAME = "manifest.csv"
NAMES_SHOWN = 5
_SECONDS_BETWEEN_TRIES = 0.1


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


@contextlib.contextmanager
def manifest_lock(store: Path) -> Iterator[None]:
    """Let one process at a time bring the manifest of `store` up to date; others wait.

    Hold it from looking at the videos on: what a process did not see yet, it would take out.
    """
    # No video can have this name: see `receipt_file`.
    name = Path(MANIFEST_NAME).stem
    lock = VideoLock(store, name)
    with contextlib.suppress(OSError):  # where nothing can be written there is nothing to guard
        while not lock.acquire():
            time.sleep(_SECONDS_BETWEEN_TRIES)
        remove_leftovers(store, (MANIFEST_NAME, f"{name}.json"))
    try:
        yield
    finally:
        lock.release()


def update_manifest(
    store: Path,
    roots: Sequence[Path],
    frame_counts: Mapping[str, int],
    *,
    choice: SplitChoice,
    ranges: Mapping[str, FrameRanges] | None = None,
    given: Sequence[Path] | None = None,
) -> LabelResult:
    """Bring the manifest of a store up to date with the videos in it; hold `manifest_lock`.

    In this order: a manifest in the store that somebody edited is kept; a `manifest.csv` in a folder of
    videos is copied, without the segments that do not fit, and segments of other folders' videos stay; a copy
    made earlier is kept; otherwise the folders that the videos lie in name actions and subjects.

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
    _write(path, manifest, source="folders", choice=choice, splits_chosen=True)
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
    earlier = _earlier(path, manifest, [*roots, *(each.parent for each in given)], frame_counts)
    _refuse_twice(earlier, manifest, path, given)
    later_videos = {
        video for video in {s.video for s in manifest.segments} if _is_for_later(video, roots, frame_counts)
    }
    later = [segment for segment in manifest.segments if segment.video in later_videos]
    present = Manifest(tuple(s for s in manifest.segments if s.video not in later_videos))
    problems = check_manifest(present, frame_counts, ranges=ranges)
    fitting = Manifest(tuple(s for s in present.segments if fits(s, frame_counts, ranges=ranges)))
    notes = []
    if later:
        notes.append(
            f"{_counted(len(later))} of {given[0]} left out: of videos that are not in the store yet."
        )
    if earlier.segments:
        notes.append(f"{_counted(len(earlier.segments))} of other videos of the store kept.")
    says_splits = any(segment.split for segment in manifest.segments)
    if says_splits and choice.test_subjects:
        notes.append(f"--test-subject has no effect: {given[0]} says which segments test.")
    if not says_splits and any(segment.action for segment in fitting.segments):
        notes.append(f"{given[0]} has no splits, so they were chosen.")
    written, splits_chosen = _divided(path, earlier, fitting, says_splits=says_splits, choice=choice)
    everything = Manifest((*earlier.segments, *manifest.segments))
    notes += similar_actions(everything) + overlap_note(everything) + _missing_from(everything, frame_counts)
    source = ", ".join(map(str, given))
    sidecar = Sidecar.read(path)
    if earlier.segments and sidecar is not None:
        source = _with_source(sidecar.source, source)
    _write(path, written, source=source, choice=choice, splits_chosen=splits_chosen)
    return _result(path, written, source=source, notes=notes, problems=problems)


def _counted(segments: int) -> str:
    return "1 segment" if segments == 1 else f"{segments} segments"


def _earlier(
    path: Path, manifest: Manifest, folders: Sequence[Path], frame_counts: Mapping[str, int]
) -> Manifest:
    """Return the segments of the manifest `path` of which `manifest` says nothing.

    They are of videos of the store that it does not name, and that do not lie in one of `folders` either: of
    those that do, it would have said what there is to say.
    """
    if not path.exists():
        return Manifest(())
    segments = read_manifest(path).segments
    named = {segment.video for segment in manifest.segments}
    others = {
        video
        for video in {segment.video for segment in segments} - named
        # a receipt that this version cannot read is no reason to lose labels
        if (video in frame_counts or receipt_file(path.parent, video).is_file())
        and not any((folder / video).is_file() for folder in folders)
    }
    return Manifest(tuple(segment for segment in segments if segment.video in others))


def _refuse_twice(earlier: Manifest, manifest: Manifest, path: Path, given: Sequence[Path]) -> None:
    """Raise if a segment id of `manifest` is that of another video's segment in the store already."""
    video_of = {segment.segment: segment.video for segment in earlier.segments}
    for segment in manifest.segments:
        if segment.segment in video_of:
            names = " and ".join(map(str, given))
            raise ManifestError(
                f"the segment id {segment.segment!r} is in {path} already, for {video_of[segment.segment]}, "
                f"so nothing was copied from {names}: rename it there and type the command again."
            )


def _divided(
    path: Path, earlier: Manifest, fitting: Manifest, *, says_splits: bool, choice: SplitChoice
) -> tuple[Manifest, bool]:
    """Return earlier and new segments with splits, and whether all of them were chosen.

    Where all are to be chosen they are chosen together, so that one subject is not on both sides; splits that
    somebody wrote are kept.
    """
    sidecar = Sidecar.read(path)
    all_chosen = not says_splits and (not earlier.segments or (sidecar is not None and sidecar.splits_chosen))
    seed, test_subjects = choice.seed, choice.test_subjects
    choose = not says_splits and any(segment.action for segment in fitting.segments)
    if choose and not all_chosen:
        fitting = assign_splits(fitting, seed=seed, test_subjects=test_subjects)
    together = (earlier.segments, fitting.segments)
    if earlier.segments and read_manifest(path).segments[0] not in earlier.segments:
        together = (fitting.segments, earlier.segments)  # as they are: what is the same is not written anew
    manifest = Manifest((*together[0], *together[1]))
    if choose and all_chosen:
        manifest = assign_splits(manifest, seed=seed, test_subjects=test_subjects)
    return manifest, all_chosen


def _with_source(earlier: str, source: str) -> str:
    return earlier if f", {source}, " in f", {earlier}, " else f"{earlier}, {source}"


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


def _write(path: Path, manifest: Manifest, *, source: str, choice: SplitChoice, splits_chosen: bool) -> None:
    write_with_sidecar(
        path,
        manifest,
        source=source,
        split_seed=choice.seed,
        test_subjects=list(choice.test_subjects),
        splits_chosen=splits_chosen,
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
