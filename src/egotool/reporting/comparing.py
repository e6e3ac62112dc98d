"""Two runs, or the trials of two experiments, side by side on the same segments."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import UsageError
from egotool.evaluation import Comparison, Predictions, compare_predictions, pooled, read_predictions
from egotool.evaluation.fusion import scores_of
from egotool.evaluation.fusion_folder import Fusion, is_fusion, read_fusion
from egotool.manifests import natural_order
from egotool.reporting.collecting import trained_with
from egotool.reporting.recipes import recipe_digest
from egotool.runs import Run, Scores, find_runs, model_names, resolve_run
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
        """What was scored: model, recipe, protocol, epochs, folds, runs."""
        first = self.scores[0]
        epochs = "; ".join(dict.fromkeys(each.selection for each in self.scores))
        folds = f", leaving out {', '.join(self.folds)} in turn" if self.folds else ""
        names = ", ".join(member.name for member in self.members)
        return f"{first.model}, recipe {first.recipe}, protocol {first.protocol}{folds} ({epochs}): {names}"


@dataclass(frozen=True, slots=True)
class SidesCompared:
    """Both sides and what comes of comparing them."""

    a: Side
    b: Side
    split: str
    comparison: Comparison
    notes: tuple[str, ...]


def compare_sides(name_a: str, name_b: str, *, runs: Path, split: str = "test") -> SidesCompared:
    """Compare two runs, or all trials of two models.

    Args:
        name_a: a run or fusion (folder, name, or the beginning of one), several separated by commas, or a
            model's name for all trials of its own recipe.
        name_b: the same.
        runs: folder of runs.
        split: whose predictions are compared.

    Raises:
        UsageError: if both are the same, a model has no scored run, or the sides leave out other subjects.
        RunError: if a run is missing, not scored on `split`, or was scored on other segments.
    """
    a = _side(name_a, runs=runs, split=split)
    b = _side(name_b, runs=runs, split=split)
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


def _side(name: str, *, runs: Path, split: str) -> Side:
    model = ALIASES.get(name, name)
    if model in model_names() and not (runs / name).is_dir() and not Path(name).is_dir():
        members, notes = _runs_of(model, runs=runs, split=split)
    else:
        members, notes = [_member(part.strip(), runs) for part in name.split(",") if part.strip()], []
    if not members:
        raise UsageError("--compare takes two runs: `egotool report --compare RUN_A RUN_B`")
    trials = [
        Trial(
            tuple(together),
            pooled([read_predictions(member.predictions_file(split)) for member in together], name=name),
        )
        for together in _by_trial(members)
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


def _runs_of(model: str, *, runs: Path, split: str) -> tuple[list[Run | Fusion], list[str]]:
    """Return the runs of the model's own recipe; of several experiments the one with most, then newest.

    Trials that lack a fold which others have are left out, and named.
    """
    groups: dict[tuple[bool, str, str, bool, str], dict[tuple[int, str], Run]] = defaultdict(dict)
    for run in find_runs(runs, model=model):
        if run.scores(split) is not None:
            record, data = run.record, run.record.data
            own = not record.overrides and not run.recipe.row
            trained = f"{recipe_digest(run.recipe)} {trained_with(record)}"
            whole = data.whole_fingerprint if data.fold else data.fingerprint
            key = (own, trained, whole, bool(data.fold), record.protocol)
            groups[key][record.seed, data.fold] = run  # oldest first: of two the newest stays
    if not groups:
        raise UsageError(
            f"--compare: there is no run of {model} scored on the {split} split in {runs}: "
            f"`egotool train {model}` makes one"
        )
    chosen = max(
        groups,
        key=lambda key: (key[0], len(groups[key]), max(run.record.started for run in groups[key].values())),
    )
    found = groups[chosen]
    folds = {seed: {fold for other, fold in found if other == seed} for seed, _ in found}
    most = max(folds.values(), key=len)
    complete = {seed for seed in folds if folds[seed] == most}
    notes = [
        f"{model}: seed {seed} is left out, tested on {len(folds[seed])} of {len(most)} subjects."
        for seed in sorted(folds.keys() - complete)
    ]
    kept = sorted(key for key in found if key[0] in complete)
    return [found[key] for key in kept], notes


def _pairs(a: Side, b: Side) -> list[tuple[int, int]]:
    """Return the trials of equal seed; a single trial on each side is a pair whatever its seed."""
    if len(a.trials) == len(b.trials) == 1:
        return [(0, 0)]
    places = {seed: place for place, seed in enumerate(b.seeds) if seed is not None}
    return [
        (place, places[seed]) for place, seed in enumerate(a.seeds) if seed is not None and seed in places
    ]


def _notes(a: Side, b: Side) -> list[str]:
    notes = [*a.notes, *b.notes]
    if {each.protocol for each in a.scores} != {each.protocol for each in b.scores}:
        notes.append(
            "The protocols differ: under `paper` the test split picked the epoch, which flatters that side."
        )
    notes += [
        f"{side.name}: runs of different recipes are averaged."
        for side in (a, b)
        if len({each.recipe for each in side.scores}) > 1
    ]
    return notes
