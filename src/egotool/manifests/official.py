"""Who trains, validates and tests in a dataset that was imported: as asked for, as published, or chosen."""

from collections.abc import Collection
from dataclasses import replace

from egotool.manifests.descriptors import OfficialSplit
from egotool.manifests.segments import Manifest
from egotool.manifests.splits import assign_splits, carve_validation, choose_test_subjects


def official_splits(
    manifest: Manifest,
    official: OfficialSplit | None,
    *,
    test_subjects: tuple[str, ...] = (),
    validation: bool = True,
    validation_tests: bool = False,
    seed: int = 0,
) -> Manifest:
    """Return the segments with splits.

    Args:
        manifest: the segments, with the splits that their files or folders name.
        official: of the dataset.
        test_subjects: who tests, whatever files or the dataset say.
        validation: let a fifth of each action's training segments validate, where none does.
        validation_tests: the published validation segments test, and unlabelled test segments do nothing.
        seed: chooses segments that validate, and test segments where nothing says who tests.

    Raises:
        UsageError: if one of `test_subjects` is not among the subjects.
    """
    named = any(segment.split for segment in manifest.segments)
    if test_subjects:
        choose_test_subjects(manifest.subjects, test_subjects)
        manifest = _tested_by(manifest, test_subjects)
    elif not named and official is not None and set(official.test_subjects) & set(manifest.subjects):
        manifest = _tested_by(manifest, official.test_subjects)
    elif not named and manifest.actions:
        manifest = assign_splits(manifest, seed=seed)
        return manifest if validation else _renamed(manifest, {"validation": "train"})
    elif validation_tests:
        manifest = _renamed(manifest, {"test": "", "validation": "test"})
    return carve_validation(manifest, seed=seed) if validation else manifest


def _tested_by(manifest: Manifest, subjects: Collection[str]) -> Manifest:
    """Let the labelled segments of `subjects` test and the others train."""
    return Manifest(
        tuple(
            replace(
                segment, split=("test" if segment.subject in subjects else "train") * bool(segment.action)
            )
            for segment in manifest.segments
        )
    )


def _renamed(manifest: Manifest, names: dict[str, str]) -> Manifest:
    return Manifest(
        tuple(
            replace(segment, split=names.get(segment.split, segment.split)) for segment in manifest.segments
        )
    )
