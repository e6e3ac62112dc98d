"""Folders of frames of somebody else's making become a store with its manifest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from egotool.errors import StoreError, UsageError
from egotool.extraction.frame_folders import FoundFolders, FrameFolder, find_frame_folders
from egotool.extraction.imported import ImportParameters, import_frames
from egotool.extraction.labels import MANIFEST_NAME, manifest_lock
from egotool.extraction.results import VideoResult
from egotool.manifests import (
    DatasetDescriptor,
    Manifest,
    Segment,
    compare_segments,
    is_edited,
    official_split,
    official_splits,
    read_manifest,
    similar_actions,
    write_with_sidecar,
)
from egotool.progress import Progress
from egotool.store import Store, receipt_file


@dataclass(frozen=True)
class FramesPlan:
    """What lies in a folder of folders of frames, and what would become of it.

    Attributes:
        found: the folders.
        manifest: the segments they become.
        quirks: what is done to them, one sentence each.
        notes: what else to know.
        problems: folders that cannot be imported.
    """

    found: FoundFolders
    manifest: Manifest
    quirks: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class ImportedStore:
    """What became of an import.

    Attributes:
        plan: what was found.
        videos: what became of every folder.
        manifest_file: where the labels are.
        kept: a sentence if a manifest that somebody edited was kept.
    """

    plan: FramesPlan
    videos: tuple[VideoResult, ...]
    manifest_file: Path
    kept: str | None


def plan_frames(
    root: Path,
    descriptor: DatasetDescriptor | None,
    *,
    flow: bool = True,
    test_subjects: tuple[str, ...] = (),
    validation: bool = True,
    seed: int = 0,
) -> FramesPlan:
    """Look at a folder of folders of frames, and write nothing.

    Args:
        root: see `egotool.extraction.frame_folders` for its layouts.
        descriptor: of the dataset, if it is one.
        flow: whether the pictures of flow are wanted.
        test_subjects: who tests, whatever else is said.
        validation: let a fifth of each action's training segments validate where none does.
        seed: chooses them.

    Raises:
        UsageError: if there is nothing, or one of `test_subjects` is not among the subjects.
    """
    found = find_frame_folders(root)
    good = tuple(_relabelled(folder, descriptor) for folder in found.folders if folder.problem is None)
    twice = [name for name, count in Counter(folder.name for folder in good).items() if count > 1]
    if twice:
        raise UsageError(f"two folders of {root} would both be the video {twice[0]}: import them one by one.")
    manifest = official_splits(
        Manifest(tuple(folder.segment for folder in good)),
        official_split(descriptor),
        test_subjects=test_subjects,
        validation=validation,
        seed=seed,
    )
    notes = similar_actions(manifest)
    if descriptor is not None:
        notes += compare_segments(manifest, descriptor)
    return FramesPlan(
        replace(found, folders=good),
        manifest,
        tuple(_quirks(good, flow=flow)),
        tuple(notes),
        tuple(folder.problem for folder in found.folders if folder.problem is not None),
    )


def import_store(
    plan: FramesPlan,
    *,
    out: Path,
    parameters: ImportParameters,
    source: Path,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ImportedStore:
    """Do what was planned: write the videos, and the manifest of the store.

    Args:
        plan: see `plan_frames`.
        out: the store; made if it is not there.
        parameters: how.
        source: the folder, for the record.
        workers: threads that read pictures.
        overwrite: write everything again, an edited manifest, too.
        progress: is told how many frames are done.

    Raises:
        StoreError: if no video of a store can be called as one of the folders.
    """
    for folder in plan.found.folders:
        receipt_file(out, folder.name)  # refuses such a name before any work
    results = import_frames(
        plan.found.folders,
        out=out,
        parameters=parameters,
        workers=workers,
        overwrite=overwrite,
        progress=progress,
    )
    with manifest_lock(out):
        kept = _write_manifest(out, plan.manifest, results, source=str(source), overwrite=overwrite)
    return ImportedStore(plan, tuple(results), out / MANIFEST_NAME, kept)


def _relabelled(folder: FrameFolder, descriptor: DatasetDescriptor | None) -> FrameFolder:
    """Give a folder the label that the dataset has for it; what it leaves out becomes unlabelled."""
    segment = folder.segment
    if descriptor is None:
        return folder
    label = descriptor.change_label(segment.action, segment.subject)
    if label == segment.action:
        return folder
    return replace(folder, segment=replace(segment, action=label or ""))


def _quirks(folders: Sequence[FrameFolder], *, flow: bool) -> list[str]:
    """Say what is done to the pictures."""
    quirks = []
    spare = sum(1 for folder in folders if folder.flow_x and len(folder.flow_x) == len(folder.frames))
    if spare and flow:
        quirks.append(f"The last flow of {_videos(spare)} has no successor and is dropped.")
    stand_ins = [folder for folder in folders if folder.stand_ins]
    if stand_ins:
        maps = sum(folder.stand_ins for folder in stand_ins)
        quirks.append(
            f"{maps} motion {'map is' if maps == 1 else 'maps are'} missing in {_videos(len(stand_ins))}: "
            "the next one serves."
        )
    without = sum(1 for folder in folders if not folder.flow_x)
    if without and flow:
        quirks.append(f"{_videos(without)} without pictures of flow.")
    bare = sum(1 for folder in folders if not folder.masks)
    if bare:
        quirks.append(f"{_videos(bare)} without motion maps.")
    return quirks


def _videos(count: int) -> str:
    return "1 video" if count == 1 else f"{count} videos"


def _write_manifest(
    store: Path, manifest: Manifest, results: Sequence[VideoResult], *, source: str, overwrite: bool
) -> str | None:
    """Write the segments whose videos are there, and those of earlier imports; return why not, if not."""
    path = store / MANIFEST_NAME
    if is_edited(path) and not overwrite:
        return f"{path} was edited and is kept as it is: --overwrite writes it anew."
    good = {result.video for result in results if result.store_file is not None}
    mine = {result.video for result in results}
    segments = [segment for segment in manifest.segments if segment.video in good]
    kept = () if overwrite and is_edited(path) else _earlier(store, path, mine)
    write_with_sidecar(path, Manifest((*kept, *segments)), source=source)
    return None


def _earlier(store: Path, path: Path, mine: set[str]) -> tuple[Segment, ...]:
    """Return the segments of videos that are in the store and not of this import."""
    if not path.exists():
        return ()
    try:
        present = set(Store(store).videos())
    except StoreError:
        return ()
    return tuple(
        segment
        for segment in read_manifest(path).segments
        if segment.video in present and segment.video not in mine
    )
