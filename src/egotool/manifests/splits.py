"""Which segments train, validate and test."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from egotool.errors import UsageError
from egotool.manifests.segments import Manifest, Segment

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.2


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that counts: S9 before S10."""
    pieces = re.split(r"(\d+)", name)
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece)


def assign_splits(manifest: Manifest, *, seed: int = 0, test_subjects: tuple[str, ...] = ()) -> Manifest:
    """Give every labelled segment a split.

    With two or more subjects some of them test: `test_subjects`, or the last in natural order. Otherwise a
    fifth of the segments of each action tests. A fifth of what remains of each action validates. The choice
    depends on the seed and the segment ids only, so a further video moves few others.

    Args:
        manifest: the segments; their present splits are ignored.
        seed: chooses among the segments of an action.
        test_subjects: the subjects that test; none: the last one.

    Returns:
        the same segments in the same order; those without action have an empty split.

    Raises:
        UsageError: if one of `test_subjects` is not among the subjects, or nothing would be left to train on.
    """
    labelled = [segment for segment in manifest.segments if segment.action]
    subjects = sorted({segment.subject for segment in labelled if segment.subject}, key=natural_order)
    tested = choose_test_subjects(subjects, test_subjects)
    if tested:
        test = {segment.segment for segment in labelled if segment.subject in tested}
        if len(test) == len(labelled):
            raise UsageError(
                f"all segments are of {', '.join(tested)}: leave subjects for training, or leave out "
                "--test-subject to split each action."
            )
    else:
        test = _stratified(labelled, seed=seed, purpose="test", least=2)
    training = [segment for segment in labelled if segment.segment not in test]
    validation = _stratified(training, seed=seed, purpose="validation", least=3) or _a_few(
        training, seed=seed
    )

    def split_of(segment: Segment) -> str:
        if not segment.action:
            return ""
        if segment.segment in test:
            return "test"
        return "validation" if segment.segment in validation else "train"

    return Manifest(tuple(replace(segment, split=split_of(segment)) for segment in manifest.segments))


def carve_validation(manifest: Manifest, *, seed: int = 0) -> Manifest:
    """Let a fifth of each action's training segments validate, chosen as `assign_splits` does.

    Args:
        manifest: the segments; one that validates already is left alone, and with it everything.
        seed: chooses among the segments of an action.
    """
    training = [segment for segment in manifest.segments if segment.split == "train" and segment.action]
    if not training or manifest.of_split("validation"):
        return manifest
    chosen = _stratified(training, seed=seed, purpose="validation", least=3) or _a_few(training, seed=seed)
    return Manifest(
        tuple(
            replace(segment, split="validation") if segment.segment in chosen else segment
            for segment in manifest.segments
        )
    )


def choose_test_subjects(subjects: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the subjects that test, or none if each action is to be split instead.

    Raises:
        UsageError: if one that is wanted is not among the subjects.
    """
    for subject in wanted:
        if subject not in subjects:
            known = f"the subjects are {', '.join(subjects)}" if subjects else "the videos have no subjects"
            raise UsageError(f"--test-subject: there is no subject {subject!r}; {known}.")
    return tuple(wanted) or ((max(subjects, key=natural_order),) if len(subjects) >= 2 else ())


def _by_action(segments: Sequence[Segment], *, seed: int, purpose: str) -> dict[str, list[str]]:
    """Return the ids of each action in an order that looks random but depends on seed and ids alone."""
    ids: dict[str, list[str]] = defaultdict(list)
    for segment in segments:
        ids[segment.action].append(segment.segment)
    for action in ids:
        ids[action].sort(key=lambda segment: _shuffled(f"{seed}/{purpose}/{segment}"))
    return ids


def _shuffled(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _stratified(segments: Sequence[Segment], *, seed: int, purpose: str, least: int) -> set[str]:
    """Choose a fifth of each action with at least `least` segments, and at least one of it."""
    fraction = TEST_FRACTION if purpose == "test" else VALIDATION_FRACTION
    chosen: set[str] = set()
    for ids in _by_action(segments, seed=seed, purpose=purpose).values():
        if len(ids) >= least:
            chosen.update(ids[: max(1, round(fraction * len(ids)))])
    return chosen


def _a_few(segments: Sequence[Segment], *, seed: int) -> set[str]:
    """Choose a fifth of all, at most one of an action and never its only one: where actions are too rare."""
    by_action = _by_action(segments, seed=seed, purpose="validation")
    candidates = sorted((ids[0] for ids in by_action.values() if len(ids) >= 2), key=_shuffled)
    return set(candidates[: max(1, round(VALIDATION_FRACTION * len(segments)))])
