"""The sentences below a table that say what its numbers are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from egotool.reporting.folds import IncompleteFolds
from egotool.reporting.matching import experiment_of
from egotool.reporting.outcomes import Cohort, Outcome
from egotool.reporting.recipes import OWN_FILE
from egotool.runs.paper import PaperTable

_PROTOCOLS = {
    "honest": "protocol `honest` (the validation split picks the epoch, the test split is used once)",
    "paper": "protocol `paper` (the test split picks the epoch, as the paper's author did: optimistic)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTrials:
    """The own trials of one row."""

    label: str
    candidates: tuple[Outcome, ...]
    """All of the shown cohort that fit the row."""
    trials: tuple[Outcome, ...]
    """Those that were averaged."""


def own_footnotes(
    table: PaperTable,
    rows: Sequence[RowTrials],
    *,
    others: Mapping[Cohort, Sequence[Outcome]],
    strangers: Sequence[Outcome],
    incomplete: Sequence[IncompleteFolds],
) -> tuple[str, ...]:
    """Return the footnotes about the own numbers of a table.

    Args:
        table: what the paper prints.
        rows: for each of its rows the own trials, all of one cohort.
        others: further cohorts with trials for this table, which are not shown.
        strangers: runs of the table's models that belong to none of its rows.
        incomplete: sets of folds that leave out only some of the subjects.
    """
    notes: list[str] = []
    filled = [row for row in rows if row.trials]
    trials = [trial for row in filled for trial in row.trials]
    if trials:
        notes.append(_what_was_measured(trials))
        notes.append(_comparable(trials))
        notes.append(_how_computed(trials, with_increase=any(row.increase is not None for row in table.rows)))
        further = (
            _epochs(filled),
            _folds(filled),
            _imported(trials),
            _started_elsewhere(trials),
            _hyper_parameters(table, filled),
            _changes(filled),
        )
        notes += [note for note in further if note]
    notes += _left_out(filled)
    notes += [_not_whole(each) for each in incomplete]
    if strangers:
        notes.append(_strangers(table, strangers))
    notes.extend(_not_shown(cohort, rest) for cohort, rest in sorted(others.items()))
    return tuple(notes)


def _what_was_measured(trials: Sequence[Outcome]) -> str:
    first = trials[0]
    reasons = sorted({trial.recipe_reason for trial in trials if trial.recipe_reason})
    chosen = f" ({'; '.join(reasons)})" if reasons else ""
    protocol = _PROTOCOLS.get(first.protocol, f"protocol `{first.protocol}`")
    seeds = sorted({trial.seed for trial in trials})
    lengths = {trial.clip_length for trial in trials if trial.clip_length is not None}
    clips = f"clips of {_either(lengths)} frames; " if lengths else ""
    trained_on = first.split == "train" or (first.split == "validation" and first.protocol == "paper")
    seen = ", which trained these runs" if trained_on and not all(trial.imported for trial in trials) else ""
    size = f"{_either(trial.segments for trial in trials)} segments with {first.actions} actions"
    test = (
        f"all subjects in turn, together {size}"
        if first.folds
        else f"the {first.split} split of {size}{seen}"
    )
    return (
        f"Yours: recipe `{first.recipe}`{chosen}, {clips}{protocol}; tested on {test} "
        f"(always the most frequent one: {first.chance:.1f} %); data {first.data_name} ({first.data[:12]}); "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}."
    )


def _either(values: Iterable[int]) -> str:
    return " or ".join(str(value) for value in sorted(set(values)))


def _epochs(rows: Sequence[RowTrials]) -> str:
    """Say which epochs were scored, row by row."""
    parts = []
    for row in rows:
        trained = [trial for trial in row.trials if not trial.imported]
        if trained:
            epochs = ", ".join(_epochs_of(trial) for trial in trained)
            parts.append(f"{row.label}: {epochs} of {_either(trial.epochs for trial in trained)}")
    if not parts:
        return ""
    first = rows[0].trials[0]
    by = "by trial and fold" if first.folds else "by trial"
    last = "" if first.accuracy_last is None else " The last epoch's accuracy is in a column of its own."
    return (
        f"Yours are accuracies of the best epoch on the {first.selection_split} split, {by}: "
        f"{'; '.join(parts)}.{last}"
    )


def _epochs_of(trial: Outcome) -> str:
    return "/".join("?" if epoch is None else str(epoch) for epoch in trial.chosen_epochs)


def _folds(rows: Sequence[RowTrials]) -> str:
    if not rows[0].trials[0].folds:
        return ""
    number = len(rows[0].trials[0].folds)
    parts = []
    for row in rows:
        trials = [
            " ".join(f"{fold.fold} {fold.accuracy:.1f}" for fold in trial.folds) for trial in row.trials
        ]
        parts.append(f"{row.label}: {', '.join(trials)}")
    return (
        f"Leave-one-subject-out, {number} folds: each subject is tested by a network whose training left it "
        "out. An accuracy is the mean over the folds; its interval is from the answers to all segments. By "
        f"trial and left-out subject: {'; '.join(parts)}."
    )


def _changes(rows: Sequence[RowTrials]) -> str:
    """Say what `--set` changed; differences between rows may come from it."""
    labels: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        changed = tuple(sorted({override for trial in row.trials for override in trial.overrides}))
        if changed:
            labels.setdefault(changed, []).append(row.label)
    parts = [
        f"{'all rows' if len(names) == len(rows) > 1 else ' / '.join(names)}: {', '.join(changed)}"
        for changed, names in labels.items()
    ]
    return f"Changed in the recipe with --set: {'; '.join(parts)}." if parts else ""


def _imported(trials: Sequence[Outcome]) -> str:
    parts = [f"{trial.run} ({trial.imported})" for trial in trials if trial.imported]
    if not parts:
        return ""
    return (
        f"Not trained here: {', '.join(parts)}; which data trained these weights, and which epoch they are "
        "of, only their author knows."
    )


def _started_elsewhere(trials: Sequence[Outcome]) -> str:
    parts = [f"{trial.run} from {', '.join(trial.started_from)}" for trial in trials if trial.started_from]
    if not parts:
        return ""
    tested = sorted({run for trial in trials for run in trial.started_from_tested})
    warning = (
        f" The test split may have picked the epoch of {_listed(tested)} (protocol `paper`): what started "
        "from it is not honest either."
    )
    started = f"Started from other runs than the recipe would have trained: {'; '.join(parts)}."
    return started + (warning if tested else "")


def _hyper_parameters(table: PaperTable, rows: Sequence[RowTrials]) -> str:
    """Say the own hyper-parameters, in tables without columns for them."""
    if any(row.settings is not None for row in table.rows):
        return ""
    parts = [f"{row.label}: {row.trials[0].training}" for row in rows if row.trials[0].training]
    return f"Your hyper-parameters in the last stage. {'; '.join(parts)}." if parts else ""


def _comparable(trials: Sequence[Outcome]) -> str:
    first = trials[0]
    recipe = first.recipe
    difference = "The difference is yours minus published, in points. "
    files = sorted({trial.run for trial in trials if OWN_FILE in trial.overrides})
    if files:
        return (
            f"{difference}{_listed(files)} {'has' if len(files) == 1 else 'have'} the name of the recipe "
            f"`{recipe}`, but not its values (a recipe file of your own, or another version of egotool): not "
            "comparable with the published numbers."
        )
    if recipe == "paper" and first.folds:
        return (
            f"{difference}Recipe `paper` follows the publication, but the published numbers are of one fixed "
            "split, not of every subject left out in turn: the difference says little."
        )
    if recipe == "paper":
        return (
            f"{difference}Recipe `paper` follows the publication; a difference to the published numbers "
            "means something only on the same data, GTEA-61 with its fixed split."
        )
    return (
        f"{difference}Recipe `{recipe}` is not comparable with the published numbers: another network, "
        "another training and other data than the paper's; compare your own rows with each other only."
    )


def _how_computed(trials: Sequence[Outcome], *, with_increase: bool) -> str:
    difference = (
        " Δ RGB: points above the mean of convlstm-attention of the same recipe, data and protocol."
        if with_increase
        else ""
    )
    return (
        "± is the standard deviation over trials (n − 1). 95 % interval: Wilson's, from the mean share of "
        "right answers and the number of different test segments; trials share these segments, so repeating "
        "a training does not narrow it." + difference
    )


def _left_out(rows: Sequence[RowTrials]) -> list[str]:
    """Name the runs that fit a row but are not in its mean."""
    shown = {run for row in rows for trial in row.trials for run in trial.runs}
    repeated: set[str] = set()
    other: dict[str, None] = {}
    for row in rows:
        experiment = experiment_of(row.trials[0])
        for outcome in row.candidates:
            if shown.intersection(outcome.runs):
                continue
            if experiment_of(outcome) == experiment:
                repeated.update(outcome.runs)
            else:
                other[f"{outcome.run}{_why_other(outcome)}"] = None
    notes = []
    if repeated:
        notes.append(f"Left out, an older run with the same seed: {_listed(sorted(repeated))}.")
    if other:
        notes.append(f"Left out, trained with other hyper-parameters: {_listed(sorted(other))}.")
    return notes


def _why_other(outcome: Outcome) -> str:
    if outcome.imported:
        return f" ({outcome.imported})"
    if outcome.started_from:
        return f" (from {', '.join(outcome.started_from)})"
    return f" ({', '.join(outcome.overrides)})" if outcome.overrides else ""


def _not_whole(folds: IncompleteFolds) -> str:
    first = folds.folds[0]
    there = ", ".join(fold.fold for fold in folds.folds)
    if first.split != "test":
        why = f"is averaged on the test split only: the {first.split} splits of its folds share segments"
    elif folds.missing:
        why = f"has only the runs that leave out {there}; runs without {', '.join(folds.missing)} are missing"
    else:
        untested = f"{folds.segments_missing} of {first.labelled} segments are in no fold"
        why = f"has only the runs that leave out {there}; {untested}"
    return (
        f"Not averaged: leave-one-subject-out of {first.model}, recipe `{first.recipe}`, protocol "
        f"`{first.protocol}`, seed {first.seed}, {why}."
    )


def _strangers(table: PaperTable, outcomes: Sequence[Outcome]) -> str:
    """Say how many runs of these models are in no row, and of what they are."""
    parts = []
    for model in sorted({outcome.model for outcome in outcomes}):
        members = [outcome for outcome in outcomes if outcome.model == model]
        kinds: dict[str, list[str]] = defaultdict(list)
        for outcome in members:
            kinds[_strangeness(table, outcome)].append(f"{outcome.accuracy:.1f}")
        what = (f"{len(each)} with {kind} ({', '.join(each)} %)" for kind, each in sorted(kinds.items()))
        parts.append(f"{model} {', '.join(what)}")
    return f"Runs that are in no row of this table: {'; '.join(parts)}."


def _strangeness(table: PaperTable, outcome: Outcome) -> str:
    """Say what keeps a run out of all rows of its model."""
    if outcome.row:
        return f"the settings of rows of {outcome.row.partition('-')[0].replace('table', 'Table ')}"
    lengths = {row.clip_length for row in table.rows if table.model_of(row) == outcome.model}
    if outcome.clip_length is not None and lengths and not lengths & {None, outcome.clip_length}:
        return f"clips of {outcome.clip_length} frames"
    return "other settings"


def _not_shown(cohort: Cohort, outcomes: Sequence[Outcome]) -> str:
    count = len({run for outcome in outcomes for run in outcome.runs})
    test = f"leave-one-subject-out with {cohort.folds} folds" if cohort.folds else f"{cohort.split} split"
    return (
        f"Not shown: {count} {'run' if count == 1 else 'runs'} of recipe `{cohort.recipe}`, protocol "
        f"`{cohort.protocol}`, {test}, on data "
        f"{outcomes[0].data_name} ({cohort.data[:12]}); "
        "different recipes, data or protocols are never averaged "
        "(choose with --recipe, --store or --manifest)."
    )


def _listed(names: Sequence[str], *, at_most: int = 6) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
