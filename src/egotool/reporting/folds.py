"""Leave-one-subject-out: the runs of one seed over all left-out subjects make one trial."""

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import EgotoolError
from egotool.manifests import natural_order
from egotool.reporting.outcomes import Outcome
from egotool.runs.data import read_labelled_data


@dataclass(frozen=True, slots=True)
class IncompleteFolds:
    """Folds of one seed that do not test each segment once: subjects are missing, or the split is another."""

    folds: tuple[Outcome, ...]
    missing: tuple[str, ...]
    """The subjects without a run; empty where the data cannot be read any more."""
    segments_missing: int
    """Labelled segments that no fold has tested."""


def pool_folds(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[IncompleteFolds]]:
    """Return the outcomes with each complete set of folds as one, and the sets that are not complete.

    A set has one recipe, seed, protocol and data, and leaves out each subject once: of two runs that leave
    out the same the newer counts. Outcomes without a fold come back as they are. Only the test splits are
    pooled: the others share segments, which most of the networks were trained with.
    """
    sets: dict[tuple[str, ...], dict[str, Outcome]] = defaultdict(dict)
    whole: list[Outcome] = []
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.trained, outcome.run)):
        if outcome.fold:
            sets[_set_of(outcome)][outcome.fold] = outcome
        else:
            whole.append(outcome)
    known: dict[str, set[str]] = defaultdict(set)
    for members in sets.values():
        for outcome in members.values():
            known[outcome.data].add(outcome.fold)
    incomplete: list[IncompleteFolds] = []
    for members in sets.values():
        folds = tuple(members[subject] for subject in sorted(members, key=natural_order))
        if folds[0].split != "test":
            incomplete.append(IncompleteFolds(folds, (), 0))
            continue
        untested = folds[0].labelled - sum(fold.segments for fold in folds)
        # A segment without subject is in no fold; so all subjects are asked for, not all segments.
        subjects = _subjects(folds[0]) if untested > 0 else set(members)
        missing = (subjects or known[folds[0].data]) - set(members)
        if subjects and not missing:
            whole.append(_pooled(folds))
        else:
            incomplete.append(IncompleteFolds(folds, tuple(sorted(missing, key=natural_order)), untested))
    return whole, incomplete


def _set_of(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.model,
        outcome.recipe,
        outcome.recipe_digest,
        outcome.row,
        outcome.protocol,
        outcome.split,
        outcome.data,
        str(outcome.seed),
        "elsewhere" if outcome.started_from else "",
        outcome.imported,
    )


def _subjects(outcome: Outcome) -> set[str]:
    """Return the subjects of the data that `outcome` was trained on; none if it is not there any more."""
    try:
        data = read_labelled_data(Path(outcome.store), Path(outcome.manifest), fold=outcome.fold)
    except EgotoolError:
        return set()
    if data.record.whole_fingerprint != outcome.data:
        return set()
    return {each.subject for segments in data.segments.values() for each in segments if each.subject}


def _pooled(folds: Sequence[Outcome]) -> Outcome:
    newest = max(folds, key=lambda fold: (fold.trained, fold.run))
    last = [fold.accuracy_last for fold in folds if fold.accuracy_last is not None]
    return dataclasses.replace(
        newest,
        fold="",
        folds=tuple(folds),
        segments=sum(fold.segments for fold in folds),
        correct=sum(fold.correct for fold in folds),
        chance=statistics.fmean(fold.chance for fold in folds),
        started_from=tuple(sorted({run for fold in folds for run in fold.started_from})),
        started_from_tested=tuple(sorted({run for fold in folds for run in fold.started_from_tested})),
        accuracy_last=statistics.fmean(last) if len(last) == len(folds) else None,
    )
