"""What a finished run contributes to a table, and which runs may share one mean."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from egotool.runs.paper import HyperParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One trained and scored network: a trial."""

    run: str
    """Name of the run folder."""
    model: str
    recipe: str
    """Name of the recipe, for example "paper" or "small"."""
    recipe_reason: str
    """Why this recipe was chosen, a clause; empty where the user chose it."""
    recipe_digest: str
    """Digest of the resolved recipe without the seed: equal for trials of one experiment."""
    protocol: str
    """Which split picked the epoch: "honest" (validation) or "paper" (test)."""
    selection_split: str
    """The split that picked the epoch."""
    epoch: int | None
    """The scored epoch, counted from 1, the best on that split; None if the run does not say."""
    epochs: int
    """Length of the training."""
    overrides: tuple[str, ...]
    """What `--set` changed in the recipe."""
    seed: int
    data: str
    """Digest of the labelled data, all splits."""
    data_name: str
    """Name for people, for example the folder of the store."""
    store: str
    """Folder of the videos, as given to the training."""
    actions: int
    split: str
    segments: int
    """Number of scored segments of the split."""
    correct: int
    """Number of segments whose most probable action was right."""
    chance: float
    """What always guessing the most frequent action would reach, in percent."""
    clip_length: int
    settings: HyperParameters | None
    """None for a model without a self-supervised head."""
    trained: str
    """When the training ended (ISO 8601), to tell newer from older."""
    accuracy_last: float | None = None
    """Accuracy in percent of the last epoch on the same split, where it was scored too."""

    @property
    def accuracy(self) -> float:
        """Share of right answers in percent."""
        return 100 * self.correct / self.segments


@dataclass(frozen=True, slots=True, order=True)
class Cohort:
    """What runs must share before their accuracies are compared: columns of one table, never mixed."""

    recipe: str
    data: str
    protocol: str
    split: str

    @classmethod
    def of(cls, outcome: Outcome) -> "Cohort":
        """Return the cohort that `outcome` belongs to."""
        return cls(outcome.recipe, outcome.data, outcome.protocol, outcome.split)


def sort_into_cohorts(outcomes: Sequence[Outcome]) -> dict[Cohort, list[Outcome]]:
    """Return the outcomes sorted into cohorts."""
    cohorts: dict[Cohort, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cohorts[Cohort.of(outcome)].append(outcome)
    return dict(cohorts)


def trials_of_one_experiment(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the trials that may share a mean: one recipe to the last value, each seed once.

    Of several experiments the one with most trials is taken, of equals the newest; of two runs with the
    same seed the newer (the older is a repetition, not a further trial).
    """
    experiments: dict[tuple[str, int], dict[int, Outcome]] = defaultdict(dict)
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.trained, outcome.run)):
        experiments[(outcome.recipe_digest, outcome.segments)][outcome.seed] = outcome
    if not experiments:
        return []
    chosen = max(
        experiments.values(),
        key=lambda trials: (len(trials), max(trial.trained for trial in trials.values())),
    )
    return [chosen[seed] for seed in sorted(chosen)]


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
