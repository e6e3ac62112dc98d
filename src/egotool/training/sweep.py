"""The rows of a table of the paper as trainings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from egotool.errors import UsageError
from egotool.runs import Recipe, load_row_recipe
from egotool.runs.paper import PaperRow, PaperTable, read_paper
from egotool.training.planning import TrainingRequest
from egotool.training.several import Task

RequestMaker = Callable[[Recipe, int, str], TrainingRequest]
"""Recipe, seed and the subject to leave out ("": none) → everything else a training depends on."""


@dataclass(frozen=True)
class RowTask:
    """One trial of one row, or one fold of it."""

    number: int
    """Of the row, from 1."""
    row: PaperRow
    seed: int
    fold: str
    task: Task


def choose_rows(text: str | None, table: PaperTable) -> tuple[int, ...]:
    """Return the numbers of the rows that `text` names, such as "1,3-5"; all if it is None.

    Raises:
        UsageError: if it is no such list, or there is no such row.
    """
    count = len(table.rows)
    if text is None:
        return tuple(range(1, count + 1))
    chosen: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--rows {text}: write numbers and ranges, such as 1,3-5")
        numbers = range(int(first), int(last if dash else first) + 1)
        if not numbers or numbers[0] < 1 or numbers[-1] > count:
            raise UsageError(f"--rows {text}: Table {table.number} has the rows 1 to {count}")
        chosen += numbers
    return tuple(dict.fromkeys(chosen))


def row_tasks(
    table_number: int,
    *,
    rows: str | None,
    trials: int | None,
    seed: int,
    recipe: str,
    overrides: Sequence[str],
    make_request: RequestMaker,
    folds: Sequence[str] = ("",),
) -> list[RowTask]:
    """Return the trainings of a table, row by row and seed by seed.

    Args:
        table_number: of the table.
        rows: which, such as "1,3-5"; None: all.
        trials: runs of each row with seeds from `seed` on; None: as many as the paper made.
        seed: the first.
        recipe: that the rows' numbers go on; see `egotool.runs.rows.load_row_recipe`.
        overrides: further `key=value`s.
        make_request: completes a recipe, a seed and a fold to a request.
        folds: subjects to leave out one after the other; ("",): none.

    Raises:
        UsageError: if there is no such table or row.
    """
    table = read_paper().table(table_number)
    chosen = choose_rows(rows, table)
    count = table.trials if trials is None else trials

    def task(number: int, trial_seed: int, fold: str) -> Task:
        def request() -> TrainingRequest:
            made = load_row_recipe(table_number, number, recipe=recipe, overrides=overrides)
            return make_request(made, trial_seed, fold)

        row = table.rows[number - 1]
        label = row.label or table.model_of(row)
        name = f"Table {table_number}, row {number} ({label}), seed {trial_seed}"
        return Task(name + (f", {fold} tests" if fold else ""), request)

    return [
        RowTask(number, table.rows[number - 1], trial_seed, fold, task(number, trial_seed, fold))
        for number in chosen
        for trial_seed in range(seed, seed + count)
        for fold in folds
    ]
