"""Two runs, or the trials of two experiments, side by side on the same segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from egotool.errors import UsageError
from egotool.evaluation import Comparison, Predictions, compare_predictions, pooled, read_predictions
from egotool.evaluation.fusion import scores_of
from egotool.evaluation.fusion_folder import Fusion, is_fusion, read_fusion
from egotool.manifests import natural_order
from egotool.reporting.collecting import (
    Collection,
    changes_of,
    chosen_by_test,
    collect_outcomes,
    started_elsewhere,
)
from egotool.reporting.experiments import (
    Choice,
    Experiment,
    Kind,
    choose_against,
    choose_pair,
    experiments_of,
)
from egotool.runs import Run, Scores, find_runs, model_names, read_run, resolve_run
from egotool.runs.loading import ALIASES


@dataclass(frozen=True, slots=True)
class Trial:
    """A run or a fusion; of leave-one-subject-out the runs of one seed, each scored on its own subject."""

    members: tuple[Run | Fusion, ...]
    predictions: Predictions
    """Of all members together."""

    @property
    def seed(self) -> int | None:
        """None for a fusion, which has none of its own."""
        first = self.members[0]
        return first.record.seed if isinstance(first, Run) else None

    @property
    def folds(self) -> frozenset[str]:
        """The subjects that the members were tested on; empty: the manifest's own splits."""
        return frozenset(filter(None, map(_fold, self.members)))


def _fold(member: Run | Fusion) -> str:
    return member.record.data.fold if isinstance(member, Run) else ""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the trials of one experiment, or a single one."""

    name: str
    """What the user typed."""
    trials: tuple[Trial, ...]
    scores: tuple[Scores, ...]
    """Of each member."""
    notes: tuple[str, ...] = ()

    @property
    def members(self) -> tuple[Run | Fusion, ...]:
        """The runs and fusions of all trials."""
        return tuple(member for trial in self.trials for member in trial.members)

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seed of each trial."""
        return tuple(trial.seed for trial in self.trials)

    @property
    def folds(self) -> tuple[str, ...]:
        """The subjects that were left out to test on; () with the manifest's own splits."""
        return tuple(sorted(set().union(*(trial.folds for trial in self.trials)), key=natural_order))

    @property
    def sentence(self) -> str:
        """What was scored: model, recipe and changes, protocol, epochs, folds, runs."""
        first = self.scores[0]
        epochs = "; ".join(dict.fromkeys(each.selection for each in self.scores))
        folds = f", leaving out {', '.join(self.folds)} in turn" if self.folds else ""
        names = ", ".join(member.name for member in self.members)
        changed = f" changed by {', '.join(self.changes)}" if self.changes else ""
        what = f"{first.model}, recipe {first.recipe}{changed}, protocol {first.protocol}{folds}"
        return f"{what} ({epochs}): {names}"

    @property
    def changes(self) -> tuple[str, ...]:
        """What `--set` and the options of the training changed in its runs."""
        changes = (changes_of(member) for member in self.members if isinstance(member, Run))
        return tuple(dict.fromkeys(change for each in changes for change in each))


@dataclass(frozen=True, slots=True)
class SidesCompared:
    """Both sides and what comes of comparing them."""

    a: Side
    b: Side
    split: str
    comparison: Comparison
    notes: tuple[str, ...]


def compare_sides(
    name_a: str, name_b: str, *, runs: Path, split: str = "test", choice: Choice | None = None
) -> SidesCompared:
    """Compare two runs, or all trials of two models.

    Args:
        name_a: a run or fusion (folder, name, or the beginning of one), several separated by commas, or a
            model's name for all trials of its own recipe: one that the other side has too, if there is one.
        name_b: the same.
        runs: folder of runs.
        split: whose predictions are compared.
        choice: which runs of a model count; None: any.

    Raises:
        UsageError: if both are the same, a model has no scored run, or the sides leave out other subjects;
            or if there is a choice, but no model.
        RunError: if a run is missing, not scored on `split`, or was scored on other segments.
    """
    (members_a, notes_a), (members_b, notes_b) = _members(
        (name_a, name_b), runs=runs, split=split, choice=choice or Choice()
    )
    return _compared(
        _side(name_a, members_a, split=split, notes=notes_a),
        _side(name_b, members_b, split=split, notes=notes_b),
        split=split,
    )


def compare_runs(
    a: Sequence[Run], b: Sequence[Run], *, names: tuple[str, str], split: str = "test"
) -> SidesCompared:
    """Compare the runs `a` with the runs `b`: each the trials of one experiment.

    Args:
        a: one run or several.
        b: the same.
        names: what to call both.
        split: whose predictions are compared.

    Raises:
        UsageError: if a run is on both sides, or the sides leave out other subjects.
        RunError: if a run is not scored on `split`, or was scored on other segments.
    """
    sides = (_side(name, each, split=split, notes=()) for name, each in zip(names, (a, b), strict=True))
    return _compared(*sides, split=split)


def _compared(a: Side, b: Side, *, split: str) -> SidesCompared:
    same = {member.folder.resolve() for member in a.members} & {
        member.folder.resolve() for member in b.members
    }
    if same:
        raise UsageError(f"--compare: {sorted(same)[0].name} is on both sides: name two different runs")
    if a.folds != b.folds:
        raise UsageError(
            f"--compare: {a.name} was tested on {_tested_on(a)} and {b.name} on {_tested_on(b)}: "
            "train what is missing with `egotool train MODEL --folds subjects`"
        )
    comparison = compare_predictions(
        [trial.predictions for trial in a.trials],
        [trial.predictions for trial in b.trials],
        pairs=_pairs(a, b),
        names=(a.name, b.name),
    )
    return SidesCompared(a, b, split, comparison, tuple(_notes(a, b)))


def _tested_on(side: Side) -> str:
    return f"the folds {', '.join(side.folds)}" if side.folds else "the manifest's own split"


_Members: TypeAlias = tuple[Sequence[Run | Fusion], list[str]]
"""The runs of a side, and sentences about those that were left out."""


def _members(names: tuple[str, str], *, runs: Path, split: str, choice: Choice) -> tuple[_Members, _Members]:
    models = [_model(name, runs) for name in names]
    if choice != Choice() and not any(models):
        raise UsageError(
            "--recipe, --protocol and --folds choose among the runs of a model: leave them out where both "
            "sides of --compare are runs"
        )
    found = collect_outcomes(runs, split=split) if any(models) else None
    named = [[] if model else _named(name, runs) for name, model in zip(names, models, strict=True)]
    experiments = [
        _experiments(model, found, runs=runs, split=split, choice=choice) if model and found else []
        for model in models
    ]
    chosen: list[Experiment | None] = [None, None]
    if all(experiments):
        chosen = list(choose_pair(*experiments))
    elif any(experiments):
        chosen = [
            choose_against(own, _kinds(other)) if own else None
            for own, other in zip(experiments, reversed(named), strict=True)
        ]
    sides: list[_Members] = []
    for model, members, experiment in zip(models, named, chosen, strict=True):
        if experiment is None:
            sides.append((members, []))
        else:
            trials = [read_run(runs / outcome.run) for outcome in experiment.outcomes]
            sides.append((trials, [*experiment.left_out, *_problems(model, found, runs)]))
    return sides[0], sides[1]


def _model(name: str, runs: Path) -> str:
    """Return the model that `name` means; "" if it means a run."""
    model = ALIASES.get(name, name)
    is_model = model in model_names() and not (runs / name).is_dir() and not Path(name).is_dir()
    return model if is_model else ""


def _named(name: str, runs: Path) -> list[Run | Fusion]:
    members = [_member(part.strip(), runs) for part in name.split(",") if part.strip()]
    if not members:
        raise UsageError("--compare takes two runs: `egotool report --compare RUN_A RUN_B`")
    return members


def _experiments(
    model: str, found: Collection, *, runs: Path, split: str, choice: Choice
) -> list[Experiment]:
    experiments = experiments_of(model, found.outcomes, choice=choice)
    if not experiments:
        asked = "" if choice == Choice() else " as asked for with --recipe, --protocol or --folds"
        raise UsageError(
            f"--compare: there is no run of {model} scored on the {split} split{asked} in {runs}: "
            f"`egotool train {model}` makes one"
        )
    return experiments


def _kinds(members: Sequence[Run | Fusion]) -> frozenset[Kind]:
    records = [member.record for member in members if isinstance(member, Run)]
    return frozenset(
        Kind(
            each.recipe,
            each.data.whole_fingerprint or each.data.fingerprint,
            each.protocol,
            bool(each.data.fold),
        )
        for each in records
    )


def _problems(model: str, found: Collection | None, runs: Path) -> list[str]:
    """Return the sentences about runs of `model` that cannot be used, such as those with damaged scores."""
    names = [run.name for run in find_runs(runs, model=model)]
    problems = found.problems if found else ()
    return [each for each in problems if any(each.startswith(f"Run {name} ") for name in names)]


def _side(name: str, members: Sequence[Run | Fusion], *, split: str, notes: Sequence[str]) -> Side:
    folders = [member.folder.resolve() for member in members]
    twice = next((folder.name for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise UsageError(f"--compare: {twice} is in {name} twice: it is one trial, name it once")
    by_trial = _by_trial(members)
    if split != "test" and any(len(together) > 1 for together in by_trial):
        raise UsageError(
            f"--compare: the {split} splits of the folds of {name} share segments: compare them with "
            "--split test, or other runs with --no-folds"
        )
    trials = [
        Trial(
            tuple(together),
            pooled([read_predictions(member.predictions_file(split)) for member in together], name=name),
        )
        for together in by_trial
    ]
    if len({trial.folds for trial in trials}) > 1:
        raise UsageError(f"--compare: the trials of {name} are of different folds: name runs of the same")
    scores = tuple(scores_of(member, split=split) for trial in trials for member in trial.members)
    return Side(name, tuple(trials), scores, tuple(notes))


def _by_trial(members: Sequence[Run | Fusion]) -> list[list[Run | Fusion]]:
    """Return the members of each trial: runs of one seed that leave out different subjects are one."""
    trials: list[list[Run | Fusion]] = []
    for member in members:
        for trial in trials:
            one = trial[0]
            if isinstance(one, Run) and isinstance(member, Run) and one.record.seed == member.record.seed:
                folds = {_fold(each) for each in trial}
                if "" not in folds and _fold(member) not in {"", *folds}:
                    trial.append(member)
                    break
        else:
            trials.append([member])
    return trials


def _member(name: str, runs: Path) -> Run | Fusion:
    for folder in (Path(name), runs / name):
        if is_fusion(folder):
            return read_fusion(folder)
    fusions = sorted(path.parent for path in runs.glob("*/fusion.json")) if runs.is_dir() else []
    fitting = [folder for folder in fusions if folder.name.startswith(name)]
    return read_fusion(fitting[0]) if len(fitting) == 1 else resolve_run(name, runs=runs)


def _pairs(a: Side, b: Side) -> list[tuple[int, int]]:
    """Return the trials of equal seed; a single trial on each side is a pair whatever its seed."""
    if len(a.trials) == len(b.trials) == 1:
        return [(0, 0)]
    places = {seed: place for place, seed in enumerate(b.seeds) if seed is not None}
    return [
        (place, places[seed]) for place, seed in enumerate(a.seeds) if seed is not None and seed in places
    ]


def _notes(a: Side, b: Side) -> list[str]:
    notes = list(dict.fromkeys((*a.notes, *b.notes)))
    if {each.protocol for each in a.scores} != {each.protocol for each in b.scores}:
        notes.append(
            "The protocols differ: under `paper` the test split picked the epoch, which flatters that side."
        )
    if {each.recipe for each in a.scores} != {each.recipe for each in b.scores}:
        notes.append("The recipes differ: the difference is that of the trainings as well as of the models.")
    if a.folds and len({each.segments for each in a.scores}) > 1:
        notes.append(
            "The accuracies are of the segments of all subjects together; tables average over the subjects, "
            "who have different numbers of segments."
        )
    notes += [
        f"{member.name} was scored on other data than it was trained with."
        for side in (a, b)
        for member, scores in zip(side.members, side.scores, strict=True)
        if isinstance(member, Run) and not member.was_trained_with_data_of(scores)
    ]
    notes += [
        _started_from(member, others)
        for member in (*a.members, *b.members)
        if isinstance(member, Run) and (others := started_elsewhere(member))
    ]
    notes += [
        f"{side.name}: runs of different recipes are averaged."
        for side in (a, b)
        if len({each.recipe for each in side.scores}) > 1 or _changed_differently(side)
    ]
    return notes


def _started_from(run: Run, others: tuple[str, ...]) -> str:
    chosen = chosen_by_test(others, run)
    less = f" The test split may have picked the epoch of {', '.join(chosen)}." if chosen else ""
    return (
        f"{run.name} started from {', '.join(others)}, and not from what its recipe would have trained.{less}"
    )


def _changed_differently(side: Side) -> bool:
    return len({changes_of(member) for member in side.members if isinstance(member, Run)}) > 1
