"""Which of one's own trials repeat which row of the paper, and which of several experiments is shown."""

import functools
import math
from collections import defaultdict
from collections.abc import Sequence

from egotool.errors import EgotoolError
from egotool.reporting.outcomes import Outcome
from egotool.reporting.recipes import recipe_digest
from egotool.runs.loading import recipe_names
from egotool.runs.paper import HyperParameters, PaperRow, PaperTable
from egotool.runs.rows import load_row_recipe


def fits_row(table: PaperTable, row: PaperRow, outcome: Outcome) -> bool:
    """Tell whether `outcome` repeats the experiment of `row`.

    It does if its recipe was made for the row (`egotool sweep`), or if it has the row's clip length and
    hyper-parameters. Where a row names no hyper-parameters (Tables 1 and 4) it means the model's own recipe:
    runs of rows of the grid searches are not taken.
    """
    if outcome.model != table.model_of(row):
        return False
    if outcome.row == table.name_of(row):
        return True
    if row.settings is None:
        return outcome.own_recipe and row.clip_length in (None, outcome.clip_length)
    if outcome.imported:
        return False  # nobody knows the hyper-parameters
    return _same_settings(row.settings, outcome.settings) or _is_row_recipe(table, row, outcome)


def trials_of_row(table: PaperTable, row: PaperRow, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the trials of `outcomes` that are shown in `row`: one recipe to the last value, each seed once.

    Of several experiments one is taken: what was trained here before what was imported, the recipe as it
    stands before one changed with `--set` or started from other runs, then the one with most trials, then
    the newest. Of two runs with one seed the newer counts: the older is a repetition, not a further trial.
    """
    experiments: dict[tuple[str, ...], dict[int, Outcome]] = defaultdict(dict)
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.trained, outcome.run)):
        if fits_row(table, row, outcome):
            experiments[experiment_of(outcome)][outcome.seed] = outcome
    if not experiments:
        return []

    def rank(trials: dict[int, Outcome]) -> tuple[bool, bool, int, str]:
        newest = max(trials.values(), key=lambda trial: trial.trained)
        unchanged = not newest.started_from and (not newest.overrides or _is_row_recipe(table, row, newest))
        return not newest.imported, unchanged, len(trials), newest.trained

    chosen = max(experiments.values(), key=rank)
    return [chosen[seed] for seed in sorted(chosen)]


def experiment_of(outcome: Outcome) -> tuple[str, ...]:
    """Return what outcomes must share to be trials of one experiment.

    Imported weights are an experiment each: nobody knows which seed, or training, they are of.
    """
    return (
        outcome.recipe_digest,
        str(outcome.segments),
        *(("imported", outcome.run) if outcome.imported else ()),
        *outcome.started_from,
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


def _is_row_recipe(table: PaperTable, row: PaperRow, outcome: Outcome) -> bool:
    """Tell whether the recipe is the row's, as `load_row_recipe` makes it."""
    number = table.rows.index(row) + 1
    return _row_digest(table.number, number, outcome.recipe) == outcome.recipe_digest


@functools.cache
def _row_digest(table: int, row: int, recipe: str) -> str:
    """Return the digest of the row's recipe; "" where there is none, such as for a recipe of one's own."""
    if recipe not in recipe_names():
        return ""
    try:
        return recipe_digest(load_row_recipe(table, row, recipe=recipe))
    except EgotoolError:
        return ""
