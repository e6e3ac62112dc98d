"""What a finished run contributes to a table, and which runs may share one mean."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from egotool.runs.paper import HyperParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One trained and scored network: a trial. Or, with `folds`, one network per left-out subject."""

    run: str
    """Name of the run folder; of the newest one where there are folds."""
    model: str
    recipe: str
    """Name of the recipe, for example "paper" or "small"."""
    recipe_reason: str
    """Why this recipe was chosen, a clause; empty where the user chose it."""
    recipe_digest: str
    """Digest of the resolved recipe without the seed: equal for trials of one experiment."""
    row: str = ""
    """The row of the paper's tables that the recipe says it trains, such as table2-row3."""
    own_recipe: bool = True
    """Whether the recipe is the model's own, apart from `overrides`; not that of a row of a grid search."""
    protocol: str
    """Which split picked the epoch: "honest" (validation) or "paper" (test)."""
    selection_split: str
    """The split that picked the epoch."""
    epoch: int | None
    """The scored epoch, counted from 1, the best on that split; None if the run does not say."""
    epochs: int
    """Length of the training."""
    imported: str = ""
    """Where the weights were imported from, a clause; empty for what was trained here."""
    started_from: tuple[str, ...] = ()
    """Runs this one started from, where they are not those that its recipe and seed would have trained."""
    started_from_tested: tuple[str, ...] = ()
    """Those of them whose epoch the test split may have picked, although its own was not."""
    overrides: tuple[str, ...]
    """What `--set` changed in the recipe."""
    seed: int
    data: str
    """Digest of the labelled data, all splits; with a fold or folds the same for all of them."""
    data_name: str
    """Name for people, for example the folder of the store."""
    store: str
    """Folder of the videos, as given to the training."""
    manifest: str = ""
    """File of the labels, as given to the training."""
    actions: int
    split: str
    segments: int
    """Number of scored segments of the split."""
    correct: int
    """Number of segments whose most probable action was right."""
    chance: float
    """What always guessing the most frequent action would reach, in percent."""
    clip_length: int | None
    """Frames per clip; None for a model that sees flow only."""
    settings: HyperParameters | None
    """None for a model without a self-supervised head."""
    training: str = ""
    """The hyper-parameters of the last stage in words."""
    trained: str
    """When the training ended (ISO 8601), to tell newer from older."""
    accuracy_last: float | None = None
    """Accuracy in percent of the last epoch on the same split, where it was scored too."""
    fold: str = ""
    """The subject that was left out to test on; empty: the manifest's own splits."""
    labelled: int = 0
    """Number of labelled segments of the data, all splits."""
    folds: tuple["Outcome", ...] = ()
    """The outcomes that this one averages, one for each left-out subject."""

    @property
    def accuracy(self) -> float:
        """Share of right answers in percent; with folds the mean of the folds'."""
        if self.folds:
            return statistics.fmean(fold.accuracy for fold in self.folds)
        return self.pooled_accuracy

    @property
    def pooled_accuracy(self) -> float:
        """Share of right answers in percent, the segments of all folds in one pot."""
        return 100 * self.correct / self.segments

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the run folders."""
        return tuple(fold.run for fold in self.folds) or (self.run,)

    @property
    def chosen_epochs(self) -> tuple[int | None, ...]:
        """The scored epoch of each run."""
        return tuple(fold.epoch for fold in self.folds) or (self.epoch,)


@dataclass(frozen=True, slots=True, order=True)
class Cohort:
    """What runs must share before their accuracies are compared: columns of one table, never mixed."""

    recipe: str
    data: str
    protocol: str
    split: str
    folds: int = 0
    """Number of left-out subjects that are averaged; 0: the manifest's own splits."""

    @classmethod
    def of(cls, outcome: Outcome) -> "Cohort":
        """Return the cohort that `outcome` belongs to."""
        return cls(outcome.recipe, outcome.data, outcome.protocol, outcome.split, len(outcome.folds))


def sort_into_cohorts(outcomes: Sequence[Outcome]) -> dict[Cohort, list[Outcome]]:
    """Return the outcomes sorted into cohorts."""
    cohorts: dict[Cohort, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cohorts[Cohort.of(outcome)].append(outcome)
    return dict(cohorts)


def wilson_interval(share: float, count: int, *, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return Wilson's score interval for a share of right answers.

    Args:
        share: 0..1; may be the mean of several trials.
        count: number of independent answers: the different test segments.
        z: quantile of the normal distribution; 1.96 gives 95 %.

    Returns:
        (low, high), within 0..1.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)
