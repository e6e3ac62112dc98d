"""What stands on the page: read from the run folders, not yet drawn."""

from collections.abc import Collection as Several
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import EgotoolError
from egotool.progress import Progress, SilentProgress
from egotool.reporting.collecting import Collection
from egotool.reporting.comparing import SidesCompared, compare_runs
from egotool.reporting.page.trainings import Training, read_training
from egotool.reporting.tables import ComparisonTable, TableRow, comparison_table
from egotool.runs import read_run, utc_now
from egotool.runs.paper import read_paper

_TASK = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstBaseline:
    """A row of a table against the RGB model, segment by segment."""

    label: str
    compared: SidesCompared | None
    """None if the two cannot be compared."""
    problem: str = ""
    """Why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """A table of the paper with own runs, and what belongs to it."""

    table: ComparisonTable
    baseline: str
    """Label of the row that the others are compared with; "" if there are none."""
    against: tuple[AgainstBaseline, ...]
    trainings: tuple[Training | None, ...]
    """Of each row; None without own runs. The same object where two tables show the same runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything on the page."""

    created: str
    """ISO 8601, UTC."""
    runs: Path
    split: str
    tables: tuple[PageTable, ...]
    empty: tuple[ComparisonTable, ...]
    """Tables without own runs."""
    notes: tuple[str, ...]
    """Runs that could not be used."""

    @property
    def trainings(self) -> tuple[Training, ...]:
        """Every training once, in the order of the tables."""
        found = {id(each): each for table in self.tables for each in table.trainings if each is not None}
        return tuple(found.values())


def read_page(
    found: Collection,
    *,
    runs: Path,
    split: str = "test",
    table: int | None = None,
    recipe: str | None = None,
    protocol: str | None = None,
    folds: bool | None = None,
    data: Several[str] | None = None,
    progress: Progress | None = None,
) -> Page:
    """Return what a page shows of the trials `found` in the folder `runs`.

    Args:
        found: the trials.
        runs: their folder.
        split: whose scores are shown.
        table: only this table of the paper; None: all of them.
        recipe: see `comparison_table`, as `protocol`, `folds` and `data`.
        protocol: only this one.
        folds: only leave-one-subject-out, or only fixed splits.
        data: only runs on this data.
        progress: hears of every row.

    Raises:
        UsageError: if the paper has no such table.
    """
    progress = progress or SilentProgress()
    paper = read_paper()
    numbers = [each.number for each in paper.tables] if table is None else [paper.table(table).number]
    compared = [
        comparison_table(
            number, found.outcomes, recipe=recipe, protocol=protocol, folds=folds, data=data, runs=runs
        )
        for number in numbers
    ]
    filled = [each for each in compared if any(row.measured for row in each.rows)]
    progress.start(_TASK, total=sum(len(_measured(each)) for each in filled), unit="rows")
    trainings: dict[tuple[str, ...], Training | None] = {}
    for each in sorted(filled, key=lambda table: table.has_settings):  # a model's name says more than a row
        _read_trainings(each, trainings, runs=runs, split=split, progress=progress)
    tables = tuple(_page_table(each, trainings, runs=runs, split=split) for each in filled)
    progress.finish(_TASK)
    return Page(
        created=utc_now(),
        runs=runs,
        split=split,
        tables=tables,
        empty=tuple(each for each in compared if each not in filled),
        notes=(*found.unfinished, *found.problems),
    )


def _measured(table: ComparisonTable) -> list[TableRow]:
    return [row for row in table.rows if row.measured is not None]


def _read_trainings(
    table: ComparisonTable,
    found: dict[tuple[str, ...], Training | None],
    *,
    runs: Path,
    split: str,
    progress: Progress,
) -> None:
    """Add the trainings of a table's rows to those that were found, by the names of their runs."""
    for row in table.rows:
        if row.measured is None:
            continue
        names = row.measured.runs
        if names not in found:
            anchor = f"training-{len(found) + 1}"
            found[names] = read_training(_title(table, row), names, folder=runs, split=split, anchor=anchor)
        progress.advance(_TASK)


def _page_table(
    table: ComparisonTable, trainings: Mapping[tuple[str, ...], Training | None], *, runs: Path, split: str
) -> PageTable:
    baseline = next((row for row in _measured(table) if row.baseline), None)
    against = tuple(
        _against(row, baseline, runs=runs, split=split)
        for row in _measured(table)
        if baseline is not None and not row.baseline
    )
    return PageTable(
        table=table,
        baseline=baseline.label if baseline is not None and against else "",
        against=against,
        trainings=tuple(None if row.measured is None else trainings[row.measured.runs] for row in table.rows),
    )


def _title(table: ComparisonTable, row: TableRow) -> str:
    """Return what to call the row outside of its table: rows of a grid search all have one model's name."""
    if not table.has_settings:
        return row.label
    return f"{row.label}, Table {table.number}, row {table.rows.index(row) + 1}"


def _against(row: TableRow, baseline: TableRow, *, runs: Path, split: str) -> AgainstBaseline:
    assert row.measured is not None and baseline.measured is not None
    try:
        own, others = (
            [read_run(runs / name) for name in each.runs] for each in (row.measured, baseline.measured)
        )
        compared = compare_runs(own, others, names=(row.label, baseline.label), split=split)
        return AgainstBaseline(label=row.label, compared=compared)
    except EgotoolError as error:
        return AgainstBaseline(label=row.label, compared=None, problem=str(error))
