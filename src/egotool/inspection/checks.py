"""Checking a manifest with its videos, or a store."""

from collections.abc import Mapping
from pathlib import Path

from egotool.errors import ManifestError, UsageError
from egotool.files import files_below
from egotool.inspection.files import check_files, check_frame_rates
from egotool.inspection.findings import CheckReport, Counts, Expected, Finding
from egotool.inspection.labels import by_video, check_labels, named
from egotool.inspection.stored import check_stored, facts_of
from egotool.manifests import FrameRanges, Manifest, check_manifest, overlap_note, read_manifest_lines
from egotool.progress import Progress, SilentProgress
from egotool.store import Store, ranges_of, receipt_file

MANIFEST_NAME = "manifest.csv"


def is_store(path: Path) -> bool:
    """Return whether `path` is a folder with finished or unfinished videos of a store.

    HDF5 files alone do not make one: rendered videos have such beside them.
    """
    if not path.is_dir():
        return False
    return (path / ".work").is_dir() or any(
        file.suffix == ".json" and file.with_suffix(".h5").is_file() for file in files_below(path)
    )


def check_manifest_file(
    path: Path,
    *,
    videos: Path | None = None,
    expected: Expected | None = None,
    deep: bool = False,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> CheckReport:
    """Check the manifest at `path` and the videos it names; nothing is written.

    Args:
        path: the CSV file.
        videos: the folder of the videos; None: the one the manifest lies in.
        expected: what the dataset must consist of.
        deep: decode every frame of every video; otherwise frames are counted by their packets.
        progress: is told of every video.

    Raises:
        ManifestError: if the file is missing or no manifest.
        UsageError: if `videos` is no folder.
    """
    folder = videos or path.parent
    if not folder.is_dir():
        raise UsageError(f"--videos {folder} is no folder: name the one that holds the videos")
    manifest, findings = _read(path)
    counts = Counts.of(manifest)
    findings += check_labels(manifest, counts, expected)
    of_files, facts = check_files(folder, by_video(manifest), deep=deep, progress=progress)
    findings += of_files
    # Videos that are missing or unreadable were named already.
    known = {each.video: each.frame_count for each in facts if each.frame_count is not None}
    findings += _outside(manifest, known)
    findings += check_frame_rates(facts, expected)
    return CheckReport(str(path), len(facts), counts, tuple(findings))


def check_store(
    path: Path,
    *,
    manifest_file: Path | None = None,
    expected: Expected | None = None,
    deep: bool = False,
    quick: bool = False,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> CheckReport:
    """Check the store at `path` and its manifest; nothing is written, the disk may be read-only.

    Args:
        path: the folder.
        manifest_file: the labels; None: the store's own, if it has one.
        expected: what the dataset must consist of.
        deep: read every chunk of every file.
        quick: do not read the files, only their headers.
        progress: is told of every video.

    Raises:
        StoreError: if there is no store.
        ManifestError: if `manifest_file` is missing or no manifest.
    """
    store = Store(path)
    findings, receipts = check_stored(store, deep=deep, quick=quick, progress=progress)
    counts = None
    labels = manifest_file or path / MANIFEST_NAME
    if manifest_file is not None or labels.is_file():
        try:
            manifest, of_lines = _read(labels)
        except ManifestError as error:
            if manifest_file is not None:
                raise
            findings.append(Finding("no manifest", str(error)))
        else:
            counts = Counts.of(manifest)
            findings += of_lines
            findings += check_labels(manifest, counts, expected)
            findings += _missing_from_store(manifest, path)
            counted = {video: each.frame_count for video, each in receipts.items()}
            findings += _outside(manifest, counted, ranges_of(receipts))
            unused = sorted(set(receipts) - {segment.video for segment in manifest.segments})
            findings += [
                Finding(
                    "unused video",
                    f"{video} has no segment in {labels}: label it, or leave it.",
                    serious=False,
                )
                for video in unused
            ]
    else:
        findings.append(
            Finding(
                "no manifest",
                f"{labels} is not there, so nothing says what the videos show: give one with --manifest.",
                serious=False,
            )
        )
    findings += check_frame_rates(facts_of(receipts), expected)
    return CheckReport(str(path), len(receipts), counts, tuple(findings))


def _read(path: Path) -> tuple[Manifest, list[Finding]]:
    reading = read_manifest_lines(path)
    findings = [
        Finding("unreadable line", f"{path} has {problem}: correct it; the line was left out.")
        for problem in reading.problems
    ]
    return reading.manifest, findings


def _missing_from_store(manifest: Manifest, store: Path) -> list[Finding]:
    """Name the videos that have segments but are not in the store."""
    return [
        Finding(
            "missing video",
            f"{video} is not in the store ({len(segments)} "
            f"{'segment' if len(segments) == 1 else 'segments'}: {named(segments)}): extract it.",
        )
        for video, segments in by_video(manifest).items()
        if not receipt_file(store, video).is_file()
    ]


def _outside(
    manifest: Manifest, frame_counts: Mapping[str, int], ranges: Mapping[str, FrameRanges] | None = None
) -> list[Finding]:
    """Name segments that reach beyond their video or were left out, and as warnings those that overlap."""
    # The same frames twice are told by `check_labels`.
    different = {(each.video, each.start_frame, each.stop_frame): each for each in manifest.segments}
    there = Manifest(tuple(each for each in different.values() if each.video in frame_counts))
    findings = []
    for sentence in check_manifest(there, frame_counts, ranges=ranges):
        outside = "stops at frame" in sentence
        kind = "segment outside its video" if outside else "missing segment"
        remedy = " Correct the manifest, or get the whole video." if outside else ""
        findings.append(Finding(kind, sentence + remedy))
    overlaps = overlap_note(there)
    return findings + [Finding("overlapping segments", each, serious=False) for each in overlaps]
