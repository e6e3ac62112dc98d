"""Search for hyper-parameters with Optuna: the split that selects epochs decides, no proposal is scored.

runs/searches/<model>-<recipe>-1f2e3d4c/journal.log    every proposal and what it reached
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from egotool.errors import EgotoolError, UsageError
from egotool.progress import Progress, SilentProgress
from egotool.runs import Recipe
from egotool.training.chain import run_plan, tidy
from egotool.training.fitting import only_one
from egotool.training.planning import TrainingRequest, plan_training

FACTOR = 10.0
"""Learning rates are looked for this far below and above the recipe's."""
_ALPHAS = (1e-4, 1.0)
_ACCURACY, _RUN = "accuracy", "run"


@dataclass(frozen=True)
class Range:
    """Where a hyper-parameter is looked for.

    Attributes:
        key: as `--set` writes it.
        low: smallest value.
        high: largest value.
        logarithmic: whether orders of magnitude count, not differences.
    """

    key: str
    low: float
    high: float
    logarithmic: bool = True


@dataclass(frozen=True)
class Proposal:
    """One trial of a search.

    Attributes:
        number: from 1, in the order of proposing.
        settings: `key=value` of every hyper-parameter.
        accuracy: on the selection split, best epoch, 0..1; None if it failed.
        run: folder of the run; "" if it failed.
    """

    number: int
    settings: tuple[str, ...]
    accuracy: float | None
    run: str


@dataclass(frozen=True)
class SearchResult:
    """What a search has found so far, all sittings together.

    Attributes:
        folder: of the search.
        proposals: finished and failed ones.
        best: the finished one with the best accuracy; None if none has finished.
    """

    folder: Path
    proposals: tuple[Proposal, ...]
    best: Proposal | None


def search_ranges(recipe: Recipe) -> tuple[Range, ...]:
    """Return what is looked for in `recipe`: what the paper's grid searches vary, as far as it has that.

    A flow network has no grid search in the paper: learning rate, weight decay and dropout.
    """
    place, stage = len(recipe.stages) - 1, recipe.stages[-1]

    def around(name: str, value: float) -> Range:
        return Range(f"stages.{place}.{name}", value / FACTOR, value * FACTOR)

    ranges = [around("lr", stage.lr)]
    if recipe.network.kind == "flow":
        decay = stage.weight_decay or 1e-4
        return (*ranges, around("weight_decay", decay), Range("network.dropout", 0.1, 0.8, logarithmic=False))
    if stage.trains != "temporal":
        ranges.append(around("lr_backbone", stage.lr_backbone or stage.lr))
    if recipe.network.kind == "two-stream":
        ranges.append(around("lr_flow", stage.lr_flow or stage.lr))
    if stage.head:
        ranges += [around("lr_head", stage.lr_head or stage.lr), Range("head.alpha", *_ALPHAS)]
    return tuple(ranges)


def search_folder(request: TrainingRequest) -> Path:
    """Return where the search that begins with `request` is kept: one folder per recipe, data and seed.

    Raises:
        UsageError: for several devices: what they are to train is proposed by one process.
        EgotoolError: if nothing can be trained at all, as `plan_training`.
    """
    if request.devices > 1:
        raise UsageError("a search trains on one device: leave --devices out")
    plan = plan_training(request)
    content = [plan.stages[-1].identity, [vars(each) for each in search_ranges(request.recipe)]]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]
    return request.runs / "searches" / f"{request.recipe.model}-{request.recipe.name}-{digest}"


def search(
    make_request: Callable[[Sequence[str]], TrainingRequest],
    *,
    count: int,
    seed: int = 0,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> SearchResult:
    """Propose and train until `count` proposals are finished, those of earlier calls included.

    Interrupted, the proposal that was being trained goes on where it stopped. A proposal whose training fails
    is named and counts as failed, not as finished; twice as many proposals as `count` are made at most. Only
    the best proposal so far keeps its weights. A second search of the same waits for the first.

    Args:
        make_request: takes `key=value`s on top of the recipe and returns a request of role `search`.
        count: finished proposals wanted in total.
        seed: of the sampler.
        progress: hears of every clip.

    Raises:
        EgotoolError: as `search_folder`.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    first = make_request(())
    folder = search_folder(first)
    folder.mkdir(parents=True, exist_ok=True)
    with only_one(folder, progress):
        return _search(make_request, folder, search_ranges(first.recipe), count, seed, progress)


def _search(
    make_request: Callable[[Sequence[str]], TrainingRequest],
    folder: Path,
    ranges: Sequence[Range],
    count: int,
    seed: int,
    progress: Progress,
) -> SearchResult:
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    study = optuna.create_study(
        storage=storage, study_name=folder.name, direction="maximize", load_if_exists=True
    )
    _take_up_interrupted(study)
    while _count(study, TrialState.COMPLETE) < count:
        number = _count(study, TrialState.COMPLETE) + _count(study, TrialState.FAIL)
        if number >= 2 * count:
            break
        # a sampler of its own per proposal: what is proposed depends on what is known, not on the sitting
        study.sampler = optuna.samplers.TPESampler(seed=seed * 100_003 + number)
        trial = study.ask()
        settings = tuple(f"{each.key}={_propose(trial, each):.6e}" for each in ranges)
        progress.message(f"Proposal {number + 1}, {', '.join(settings)}")
        try:
            result = run_plan(plan_training(make_request(settings)), progress=progress, score=False)
        except EgotoolError as error:
            study.tell(trial, state=TrialState.FAIL)
            progress.message(f"Proposal {number + 1} failed: {error}")
            continue
        record = result.run.record
        assert record.best is not None  # a finished run has one
        trial.set_user_attr(_RUN, str(result.run.folder))
        beaten = _best_so_far(study)
        study.tell(trial, record.best.accuracy)
        progress.message(
            f"Proposal {number + 1}: {record.best.accuracy:.1%} on the {result.plan.selection_split} split"
        )
        if beaten is not None and record.role == "search":
            _forget(beaten if record.best.accuracy > (beaten.value or 0) else trial, keep=_best_so_far(study))
    return _result(folder, study, ranges)


def _count(study: optuna.Study, state: TrialState) -> int:
    return len(study.get_trials(deepcopy=False, states=(state,)))


def _take_up_interrupted(study: optuna.Study) -> None:
    """Propose once more what was being trained when the search was ended from outside."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.PRUNED)
        study.enqueue_trial(trial.params)


def _propose(trial: optuna.Trial, each: Range) -> float:
    return trial.suggest_float(each.key, each.low, each.high, log=each.logarithmic)


def _best_so_far(study: optuna.Study) -> FrozenTrial | None:
    return study.best_trial if _count(study, TrialState.COMPLETE) else None


def _forget(trial: FrozenTrial | optuna.Trial, *, keep: FrozenTrial | None) -> None:
    """Remove the weights of a beaten proposal, unless a model of the same identity wants them."""
    from egotool.runs import read_run

    folder = trial.user_attrs.get(_RUN)
    if folder is None or (keep is not None and keep.user_attrs.get(_RUN) == folder):
        return
    run = read_run(Path(folder))
    if run.record.role == "search":
        tidy(run, "none")


def _result(folder: Path, study: optuna.Study, ranges: Sequence[Range]) -> SearchResult:
    proposals: list[Proposal] = []
    for trial in study.get_trials(states=(TrialState.COMPLETE, TrialState.FAIL)):
        settings = tuple(f"{each.key}={trial.params[each.key]:.6e}" for each in ranges)
        run = str(trial.user_attrs.get(_RUN, ""))
        proposals.append(Proposal(len(proposals) + 1, settings, trial.value, run))
    finished = [each for each in proposals if each.accuracy is not None]
    best = max(finished, key=lambda each: each.accuracy or 0.0, default=None)
    return SearchResult(folder, tuple(proposals), best)
