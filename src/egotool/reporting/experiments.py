"""Which of a model's runs stand for it in a comparison: the trials of one experiment, as in the tables."""

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from egotool.reporting.matching import experiment_of
from egotool.reporting.outcomes import Outcome


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """What two sides should share for their difference to be that of the models."""

    recipe: str
    data: str
    protocol: str
    folds: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user asked for; None: anything."""

    recipe: str | None = None
    protocol: str | None = None
    folds: bool | None = None
    """Only leave-one-subject-out (True), or only the manifest's own splits (False)."""

    def allows(self, kind: Kind) -> bool:
        """Tell whether trials of `kind` were asked for."""
        return (
            self.recipe in (None, kind.recipe)
            and self.protocol in (None, kind.protocol)
            and self.folds in (None, kind.folds)
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """The trials of one experiment of a model, each seed (and left-out subject) once."""

    kind: Kind
    outcomes: tuple[Outcome, ...]
    """By seed, then left-out subject; only seeds that were tested on every subject that others were."""
    left_out: tuple[str, ...]
    """A sentence for each seed that was tested on fewer subjects."""

    @property
    def _newest(self) -> Outcome:
        return max(self.outcomes, key=lambda outcome: outcome.trained)

    @property
    def seeds(self) -> int:
        """The number of trials."""
        return len({outcome.seed for outcome in self.outcomes})

    @property
    def plainness(self) -> tuple[bool, bool, bool]:
        """What stands for a model first: trained here; no row of a grid search; with nothing changed."""
        newest = self._newest
        own = any(outcome.own_recipe for outcome in self.outcomes)
        return not newest.imported, own, not newest.started_from and not newest.overrides

    @property
    def overrides(self) -> tuple[str, ...]:
        """What `--set` and the options of the training changed."""
        return self._newest.overrides

    @property
    def trained(self) -> str:
        """When its newest run was trained."""
        return self._newest.trained


def kind_of(outcome: Outcome) -> Kind:
    """Return the kind of one run's outcome."""
    return Kind(outcome.recipe, outcome.data, outcome.protocol, bool(outcome.fold))


def experiments_of(model: str, outcomes: Sequence[Outcome], *, choice: Choice) -> list[Experiment]:
    """Return the experiments of `model` that `choice` allows, only those of the plainest sort there is.

    Like the tables: what was trained here comes before imported weights, a model's own recipe before the rows
    of a grid search, the recipe as it stands before one changed with `--set` or started from other runs; of
    two runs with one seed the newer counts.
    """
    groups: dict[tuple[Kind, tuple[str, ...]], dict[tuple[int, str], Outcome]] = defaultdict(dict)
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.trained, outcome.run)):
        if outcome.model == model and choice.allows(kind_of(outcome)):
            groups[kind_of(outcome), _experiment_of(outcome)][outcome.seed, outcome.fold] = outcome
    found = [_complete(kind, trials) for (kind, _), trials in groups.items()]
    plainest = max((each.plainness for each in found), default=None)
    return [each for each in found if each.plainness == plainest]


def _experiment_of(outcome: Outcome) -> tuple[str, ...]:
    """Return what tells experiments apart; folds differ in their segments and in the stages before them."""
    if outcome.fold:
        elsewhere = ("elsewhere",) if outcome.started_from else ()
        outcome = dataclasses.replace(outcome, correct=0, segments=0, started_from=elsewhere)
    return experiment_of(outcome)


def _complete(kind: Kind, trials: dict[tuple[int, str], Outcome]) -> Experiment:
    folds = {seed: {fold for other, fold in trials if other == seed} for seed, _ in trials}
    most = max(folds.values(), key=len)
    left_out = [
        f"{trials[seed, min(folds[seed])].model}: seed {seed} is left out, tested on {len(folds[seed])} of "
        f"{len(most)} subjects."
        for seed in sorted(folds)
        if folds[seed] != most
    ]
    kept = tuple(trials[key] for key in sorted(trials) if folds[key[0]] == most)
    return Experiment(kind, kept, tuple(left_out))


def choose_pair(a: Sequence[Experiment], b: Sequence[Experiment]) -> tuple[Experiment, Experiment]:
    """Return the experiments of two models to compare: of one kind where there are such, then most trials."""

    def rank(pair: tuple[Experiment, Experiment]) -> tuple[bool, bool, bool, int, int, str]:
        one, other = pair
        return (
            (one.kind.data, one.kind.folds) == (other.kind.data, other.kind.folds),
            one.kind == other.kind,
            one.overrides == other.overrides,
            min(one.seeds, other.seeds),
            one.seeds + other.seeds,
            max(one.trained, other.trained),
        )

    return max(itertools.product(a, b), key=rank)


def choose_against(experiments: Sequence[Experiment], kinds: frozenset[Kind]) -> Experiment:
    """Return the experiment of a model to compare with runs of `kinds` that the user named."""

    def rank(experiment: Experiment) -> tuple[bool, bool, int, str]:
        tests = {(kind.data, kind.folds) for kind in kinds}
        return (
            (experiment.kind.data, experiment.kind.folds) in tests,
            experiment.kind in kinds,
            experiment.seeds,
            experiment.trained,
        )

    return max(experiments, key=rank)
