"""A table of the paper beside one's own runs: numbers only, no layout."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.reporting.commands import training_command
from egotool.reporting.footnotes import own_footnotes
from egotool.reporting.outcomes import (
    Cohort,
    Outcome,
    sort_into_cohorts,
    trials_of_one_experiment,
    wilson_interval,
)
from egotool.runs.loading import recipe_names
from egotool.runs.paper import HyperParameters, PaperRow, PaperTable, read_paper

BASELINE_MODEL = "convlstm-attention"


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
    increase: float | None
    """Difference to the RGB baseline of the same recipe, data and protocol; None for the baseline."""
    mean_last_epoch: float | None
    """Mean of the last epoch, where every trial scored it too."""
    segments: int
    seeds: tuple[int, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row: what the paper prints, what the own runs give."""

    label: str
    model: str
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

    @property
    def has_increase(self) -> bool:
        """Whether differences to RGB belong to this table."""
        return any(row.published_increase is not None for row in self.rows)

    @property
    def has_settings(self) -> bool:
        """Whether the rows are told apart by their hyper-parameters."""
        return any(row.settings is not None for row in self.rows)


def comparison_table(
    number: int,
    outcomes: Sequence[Outcome],
    *,
    recipe: str | None = None,
    problems: Sequence[str] = (),
    runs: Path | None = None,
) -> ComparisonTable:
    """Return Table `number` of the paper beside the own `outcomes`.

    Runs of different recipe, data, protocol or split are never mixed: the cohort that fills most rows is
    shown (of equals the one with most trials, then the newest), the others are named in a footnote.

    Args:
        number: 1 to 6.
        outcomes: all trials that were found.
        recipe: show only runs of this recipe.
        problems: sentences about runs that could not be used, repeated as footnotes.
        runs: folder of the runs, for the commands; None: where `egotool train` puts them by itself.

    Raises:
        UsageError: if the paper has no such table.
    """
    paper = read_paper()
    table = paper.table(number)
    cohorts = {
        cohort: members
        for cohort, members in sort_into_cohorts(outcomes).items()
        if any(_belongs(table, row, member) for row in table.rows for member in members)
    }
    eligible = {
        cohort: members for cohort, members in cohorts.items() if recipe is None or cohort.recipe == recipe
    }
    shown = max(eligible, key=lambda cohort: _completeness(table, eligible[cohort]), default=None)
    members = eligible[shown] if shown is not None else []
    chosen = [trials_of_one_experiment(_candidates(table, row, members)) for row in table.rows]
    others = {cohort: rest for cohort, rest in cohorts.items() if cohort != shown}
    footnotes = (
        *paper.paper.notes,
        *table.notes,
        *own_footnotes(
            [trial for trials in chosen for trial in trials],
            members=[member for row in table.rows for member in _candidates(table, row, members)],
            others=others,
            with_increase=any(row.increase is not None for row in table.rows),
        ),
        *problems,
    )
    baseline = _mean_of_baseline(table, members)
    options = _options(members, runs)
    return ComparisonTable(
        number=number,
        caption=table.caption,
        rows=tuple(
            _row(table, row, trials, baseline=baseline, options=options)
            for row, trials in zip(table.rows, chosen, strict=True)
        ),
        cohort=shown,
        footnotes=footnotes,
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
        if newest.store != "store":
            options += ["--store", newest.store]
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
        model=model,
        settings=row.settings,
        published=row.accuracy,
        published_increase=row.increase,
        baseline=row.baseline,
        measured=_measure(trials, baseline=None if row.baseline else baseline) if trials else None,
        command=training_command(model, clip_length=row.clip_length, settings=row.settings, options=options),
    )


def _measure(trials: Sequence[Outcome], *, baseline: float | None) -> Measured:
    accuracies = [trial.accuracy for trial in trials]
    mean = statistics.fmean(accuracies)
    segments = trials[0].segments
    low, high = wilson_interval(mean / 100, segments)
    last = [trial.accuracy_last for trial in trials if trial.accuracy_last is not None]
    return Measured(
        mean=mean,
        standard_deviation=statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        trials=len(trials),
        interval_low=100 * low,
        interval_high=100 * high,
        increase=None if baseline is None else mean - baseline,
        mean_last_epoch=statistics.fmean(last) if len(last) == len(trials) else None,
        segments=segments,
        seeds=tuple(trial.seed for trial in trials),
        runs=tuple(trial.run for trial in trials),
    )


def _mean_of_baseline(table: PaperTable, members: Sequence[Outcome]) -> float | None:
    if not any(row.increase is not None for row in table.rows):
        return None
    trials = trials_of_one_experiment([member for member in members if member.model == BASELINE_MODEL])
    return statistics.fmean(trial.accuracy for trial in trials) if trials else None


def _candidates(table: PaperTable, row: PaperRow, members: Sequence[Outcome]) -> list[Outcome]:
    return [member for member in members if _belongs(table, row, member)]


def _belongs(table: PaperTable, row: PaperRow, outcome: Outcome) -> bool:
    """Tell whether `outcome` repeats the experiment of `row`: model, clip length and settings where named."""
    return (
        outcome.model == table.model_of(row)
        and row.clip_length in (None, outcome.clip_length)
        and (row.settings is None or _same_settings(row.settings, outcome.settings))
    )


def _same_settings(wanted: HyperParameters, found: HyperParameters | None) -> bool:
    if found is None:
        return False
    pairs = (
        (wanted.learning_rate, found.learning_rate),
        (wanted.head_learning_rate, found.head_learning_rate),
        (wanted.backbone_learning_rate, found.backbone_learning_rate),
        (wanted.head_weight, found.head_weight),
    )
    return (
        all(math.isclose(first, second, rel_tol=1e-6) for first, second in pairs)
        and wanted.steps == found.steps
        and wanted.loss in (None, found.loss)
    )


def _completeness(table: PaperTable, members: Sequence[Outcome]) -> tuple[int, int, str]:
    rows = [trials_of_one_experiment(_candidates(table, row, members)) for row in table.rows]
    return (
        sum(bool(trials) for trials in rows),
        sum(len(trials) for trials in rows),
        max(member.trained for member in members),
    )
