"""A table of the paper beside one's own runs: numbers only, no layout."""

import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.reporting.commands import training_command
from egotool.reporting.folds import pool_folds
from egotool.reporting.footnotes import RowTrials, own_footnotes
from egotool.reporting.matching import fits_row, trials_of_row
from egotool.reporting.outcomes import Cohort, Outcome, sort_into_cohorts, wilson_interval
from egotool.runs.loading import recipe_names
from egotool.runs.paper import HyperParameters, PaperRow, PaperTable, read_paper


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldAccuracy:
    """What networks that never saw a subject reach on that subject."""

    subject: str
    mean: float
    """Percent, mean over trials."""
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the own runs of one row say; accuracies in percent, differences in points."""

    mean: float
    standard_deviation: float | None
    """Over the trials, n − 1 in the denominator; None for a single trial."""
    trials: int
    interval_low: float
    interval_high: float
    """95 % Wilson interval from the number of different test segments."""
    difference: float
    """Own mean minus the published accuracy."""
    increase: float | None
    """Difference to the RGB baseline of the same recipe, data and protocol; None for the baseline."""
    mean_last_epoch: float | None
    """Mean of the last epoch, where every trial scored it too."""
    segments: int
    settings: HyperParameters | None
    """The own hyper-parameters that the grid searches vary; None for a model without a head."""
    training: str
    """The hyper-parameters of the last stage in words."""
    clip_length: int | None
    """Frames per clip; None for a model that sees no frames."""
    overrides: tuple[str, ...]
    """What `--set` changed."""
    best_epochs: tuple[int | None, ...]
    """The scored epoch of each run, counted from 1; None if a run does not say."""
    epochs: int
    folds: tuple[FoldAccuracy, ...]
    """Leave-one-subject-out: the accuracy on each subject; else empty."""
    imported: tuple[str, ...]
    """Where weights were imported from; empty for runs that were trained here."""
    seeds: tuple[int, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row: what the paper prints, what the own runs give."""

    label: str
    name: str
    """Such as table2-row3."""
    model: str
    clip_length: int | None
    """Frames per clip, where the paper names them."""
    settings: HyperParameters | None
    published: float
    published_increase: float | None
    baseline: bool
    measured: Measured | None
    command: str
    """What to type to fill, or to add a trial to, this row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonTable:
    """A whole table, ready to be rendered."""

    number: int
    caption: str
    rows: tuple[TableRow, ...]
    cohort: Cohort | None
    """What all own numbers of the table share; None without own runs."""
    footnotes: tuple[str, ...]
    runs: Path | None = None
    """Folder of the runs; None: where `egotool train` puts them by itself."""

    @property
    def has_increase(self) -> bool:
        """Whether differences to RGB belong to this table."""
        return any(row.published_increase is not None for row in self.rows)

    @property
    def has_settings(self) -> bool:
        """Whether the rows are told apart by their hyper-parameters."""
        return any(row.settings is not None for row in self.rows)

    @property
    def has_last_epoch(self) -> bool:
        """Whether the last epoch of own runs was scored as well as the best one (protocol `paper`)."""
        return any(row.measured is not None and row.measured.mean_last_epoch is not None for row in self.rows)


def comparison_table(
    number: int,
    outcomes: Sequence[Outcome],
    *,
    recipe: str | None = None,
    protocol: str | None = None,
    folds: bool | None = None,
    data: Collection[str] | None = None,
    problems: Sequence[str] = (),
    runs: Path | None = None,
) -> ComparisonTable:
    """Return Table `number` of the paper beside the own `outcomes`.

    Runs of different recipe, data, protocol or split are never mixed: the cohort that fills most rows is
    shown (of equals the one with most trials, then the newest), the others are named in a footnote. The runs
    of one seed that leave out each subject once make one trial.

    Args:
        number: 1 to 6.
        outcomes: all trials that were found.
        recipe: show only runs of this recipe.
        protocol: show only runs of this protocol.
        folds: show only leave-one-subject-out (True), or only the manifest's own splits (False).
        data: show only runs on data with one of these digests (`Outcome.data`).
        problems: sentences about runs that could not be used, repeated as footnotes.
        runs: folder of the runs, for the commands; None: where `egotool train` puts them by itself.

    Raises:
        UsageError: if the paper has no such table.
    """
    paper = read_paper()
    table = paper.table(number)
    whole, incomplete = pool_folds(outcomes)
    cohorts = {
        cohort: members
        for cohort, members in sort_into_cohorts(whole).items()
        if any(fits_row(table, row, member) for row in table.rows for member in members)
    }
    eligible = {
        cohort: members
        for cohort, members in cohorts.items()
        if recipe in (None, cohort.recipe)
        and protocol in (None, cohort.protocol)
        and folds in (None, cohort.folds > 0)
        and (data is None or cohort.data in data)
    }
    shown = max(eligible, key=lambda cohort: _completeness(table, eligible[cohort]), default=None)
    members = eligible[shown] if shown is not None else []
    chosen = [
        RowTrials(
            label=row.label or f"row {place}",
            candidates=tuple(member for member in members if fits_row(table, row, member)),
            trials=tuple(trials_of_row(table, row, members)),
        )
        for place, row in enumerate(table.rows, start=1)
    ]
    footnotes = (
        *paper.paper.notes,
        *table.notes,
        *own_footnotes(
            table,
            chosen,
            others={cohort: rest for cohort, rest in cohorts.items() if cohort != shown},
            strangers=[outcome for outcome in whole if _is_strange(table, outcome)],
            incomplete=[
                each for each in incomplete if any(fits_row(table, row, each.folds[0]) for row in table.rows)
            ],
        ),
        *problems,
    )
    baseline = _mean_of_baseline(table, chosen)
    asked = () if members else _asked_for(recipe, protocol, folds)
    options = (*asked, *_options(members, runs))
    return ComparisonTable(
        number=number,
        caption=table.caption,
        rows=tuple(
            _row(table, row, each.trials, baseline=baseline, options=options)
            for row, each in zip(table.rows, chosen, strict=True)
        ),
        cohort=shown,
        footnotes=footnotes,
        runs=runs,
    )


def _is_strange(table: PaperTable, outcome: Outcome) -> bool:
    """Tell whether `outcome` is of a model of the table, but of none of its rows."""
    models = {table.model_of(row) for row in table.rows}
    return outcome.model in models and not any(fits_row(table, row, outcome) for row in table.rows)


def _asked_for(recipe: str | None, protocol: str | None, folds: bool | None) -> tuple[str, ...]:
    """Return what a command must say for its run to be one of those that were asked for."""
    return (
        *(("--recipe", recipe) if recipe is not None and recipe in recipe_names() else ()),
        *(("--protocol", protocol) if protocol not in (None, "honest") else ()),
        *(("--folds", "subjects") if folds else ()),
    )


def _options(members: Sequence[Outcome], runs: Path | None) -> tuple[str, ...]:
    """Return what a command must say for its run to join the shown ones, and would not do by itself."""
    options: list[str] = []
    if members:
        newest = max(members, key=lambda member: member.trained)
        if not newest.recipe_reason.startswith("auto") and newest.recipe in recipe_names():
            options += ["--recipe", newest.recipe]
        if newest.protocol != "honest":
            options += ["--protocol", newest.protocol]
        if newest.folds:
            options += ["--folds", "subjects"]
        if newest.store != "store":
            options += ["--store", newest.store]
        if newest.manifest and Path(newest.manifest) != Path(newest.store, "manifest.csv"):
            options += ["--manifest", newest.manifest]
        options += [word for each in newest.overrides if each.startswith("--") for word in each.split()]
    if runs is not None and runs != Path("runs"):
        options += ["--runs", str(runs)]
    return tuple(options)


def _row(
    table: PaperTable,
    row: PaperRow,
    trials: Sequence[Outcome],
    *,
    baseline: float | None,
    options: Sequence[str],
) -> TableRow:
    model = table.model_of(row)
    return TableRow(
        label=row.label or model,
        name=table.name_of(row),
        model=model,
        clip_length=row.clip_length,
        settings=row.settings,
        published=row.accuracy,
        published_increase=row.increase,
        baseline=row.baseline,
        measured=_measure(row, trials, baseline=baseline) if trials else None,
        command=training_command(table, row, options=options),
    )


def _measure(row: PaperRow, trials: Sequence[Outcome], *, baseline: float | None) -> Measured:
    accuracies = [trial.accuracy for trial in trials]
    mean = statistics.fmean(accuracies)
    first = trials[0]
    low, high = wilson_interval(
        statistics.fmean(trial.pooled_accuracy for trial in trials) / 100, first.segments
    )
    last = [trial.accuracy_last for trial in trials if trial.accuracy_last is not None]
    return Measured(
        mean=mean,
        standard_deviation=statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        trials=len(trials),
        interval_low=100 * low,
        interval_high=100 * high,
        difference=mean - row.accuracy,
        increase=None if baseline is None or row.baseline else mean - baseline,
        mean_last_epoch=statistics.fmean(last) if len(last) == len(trials) else None,
        segments=first.segments,
        settings=first.settings,
        training=first.training,
        clip_length=first.clip_length,
        overrides=first.overrides,
        best_epochs=tuple(epoch for trial in trials for epoch in trial.chosen_epochs),
        epochs=first.epochs,
        folds=_folds(trials),
        imported=tuple(trial.imported for trial in trials if trial.imported),
        seeds=tuple(trial.seed for trial in trials),
        runs=tuple(run for trial in trials for run in trial.runs),
    )


def _folds(trials: Sequence[Outcome]) -> tuple[FoldAccuracy, ...]:
    return tuple(
        FoldAccuracy(
            subject=same[0].fold,
            mean=statistics.fmean(fold.accuracy for fold in same),
            segments=same[0].segments,
        )
        for same in zip(*(trial.folds for trial in trials), strict=True)
    )


def _mean_of_baseline(table: PaperTable, chosen: Sequence[RowTrials]) -> float | None:
    """Return the accuracy of the RGB model, in a table that has differences to it."""
    for row, each in zip(table.rows, chosen, strict=True):
        if row.baseline and each.trials:
            return statistics.fmean(trial.accuracy for trial in each.trials)
    return None


def _completeness(table: PaperTable, members: Sequence[Outcome]) -> tuple[int, int, str]:
    rows = [trials_of_row(table, row, members) for row in table.rows]
    return (
        sum(bool(trials) for trials in rows),
        sum(len(trials) for trials in rows),
        max(member.trained for member in members),
    )
