"""What a training consists of: its stages, which of them exist already, and where each is kept."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from egotool.errors import ManifestError, RunError, UsageError
from egotool.runs import (
    LabelledData,
    NetworkRecipe,
    ParameterGroup,
    Protocol,
    Recipe,
    StageRecipe,
    build_network,
    check_splits,
    choose_device,
    parameter_groups,
    read_labelled_data,
    read_run,
    trainable_tensors,
)
from egotool.training.callbacks import checkpoint_is_whole
from egotool.training.parents import Parent, given_parents, notes_on_parents
from egotool.training.weights import (
    ImageNetWeights,
    find_imagenet_weights,
    no_weights_message,
    published_imagenet_weights,
)

StageState = Literal["train", "resume", "reuse"]
Keep = Literal["best", "last", "both", "none"]


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """Everything a training depends on.

    Attributes:
        recipe: all hyper-parameters.
        recipe_reason: why this recipe, in words.
        overrides: the `key=value`s that went into the recipe.
        store: folder of the videos.
        manifest: labels; None: the store's own.
        runs: folder of run folders.
        seed: of weights, order, augmentation and dropout.
        protocol: `honest`: the validation split chooses the epoch; `paper`: the test split does.
        device: `auto`, `cpu` or `gpu`.
        precision: as Lightning names it, such as `32-true` or `bf16-mixed`.
        devices: how many.
        accumulate: in how many equal parts, one after the other, a batch is computed: it takes that much less
            memory, and the gradient is that of the whole batch, but for batch norm where it is trained.
        workers: processes that load clips.
        weights: a file with ImageNet weights.
        start_from: runs that the last stage starts from instead of training its own: one, or for a two-stream
            model the one on frames and the one on flow.
        keep: which weights stay once the run is finished and scored; `best` is what evaluating needs.
        balance: draw training clips of every action equally often, instead of every clip once.
        fold: the subject to test on (leave-one-subject-out); "": the manifest's own splits.
        role: `model`, or `search` for a trial of a hyper-parameter search.
        again: train the last stage anew although an identical run is finished; an unfinished one goes on.
        only_plan: nothing will be trained: ImageNet weights need not be at hand, only told.
        command: what the user typed.
    """

    recipe: Recipe
    recipe_reason: str = "asked for"
    overrides: tuple[str, ...] = ()
    store: Path
    manifest: Path | None = None
    runs: Path
    seed: int = 0
    protocol: Protocol = "honest"
    device: str = "auto"
    precision: str = "32-true"
    devices: int = 1
    accumulate: int = 1
    workers: int = 0
    weights: Path | None = None
    start_from: tuple[Path, ...] = ()
    keep: Keep = "best"
    balance: bool = False
    fold: str = ""
    role: Literal["model", "search"] = "model"
    again: bool = False
    only_plan: bool = False
    command: str = ""


@dataclass(frozen=True)
class StagePlan:
    """One stage of a training.

    Attributes:
        recipe: the recipe up to and including this stage.
        identity: digest of all that decides the result.
        folder: the run folder.
        state: `train` from the beginning, `resume` where it was interrupted, or `reuse` the finished run.
        role: `stage`: others start from it; else what it is once finished.
        is_last: whether this is what was asked for.
        parents: folders of the runs this one starts from; two for a two-stream model, RGB first.
        imagenet: the weights this one starts from.
        groups: the tensors it trains, by learning rate.
        sizes: number of parameters of every tensor of the network, trained or not.
        overrides: the `key=value`s that went into this recipe; of a stream those that were meant for it.
    """

    recipe: Recipe
    identity: str
    folder: Path
    state: StageState
    role: Literal["model", "stage", "search"]
    is_last: bool
    parents: tuple[Path, ...]
    imagenet: ImageNetWeights | None
    groups: tuple[ParameterGroup, ...]
    sizes: Mapping[str, int]
    overrides: tuple[str, ...] = ()

    @property
    def trainable(self) -> tuple[str, ...]:
        """Names of the tensors it trains."""
        return tuple(name for group in self.groups for name in group.tensors)

    @property
    def parameters_trainable(self) -> int:
        """How many parameters these are."""
        return sum(self.sizes[name] for name in self.trainable)

    @property
    def parameters_total(self) -> int:
        """Of the whole network."""
        return sum(self.sizes.values())

    @property
    def stage(self) -> StageRecipe:
        """The stage's own recipe."""
        return self.recipe.stages[-1]


@dataclass(frozen=True)
class TrainingPlan:
    """The stages of a training and the data they see; `notes` are sentences worth knowing beforehand."""

    request: TrainingRequest
    data: LabelledData
    stages: tuple[StagePlan, ...]
    notes: tuple[str, ...] = ()

    @property
    def train_splits(self) -> tuple[str, ...]:
        """Splits whose segments train: the paper trained on all but the test split."""
        return ("train", "validation") if self.request.protocol == "paper" else ("train",)

    @property
    def selection_split(self) -> str:
        """The split that chooses the epoch."""
        return "test" if self.request.protocol == "paper" else "validation"


def plan_training(request: TrainingRequest) -> TrainingPlan:
    """Return what `request` amounts to; writes nothing, downloads nothing.

    Raises:
        StoreError: if there is no store.
        UsageError: for ImageNet weights that nothing starts from, a precision that a CPU does not have, or
            batches that cannot be divided as `accumulate` asks.
        ManifestError: if labels or splits are missing, or there is only one action.
        RunError: if ImageNet weights are needed and cannot be had, or a run to start from does not fit.
    """
    if request.precision.startswith("16-") and choose_device(request.device).type == "cpu":
        raise UsageError(f"--precision {request.precision} needs a GPU: on a CPU there is bf16-mixed")
    data = read_labelled_data(request.store, request.manifest, fold=request.fold)
    _check_data(data, request.protocol)
    notes: tuple[str, ...] = ()
    if request.start_from:
        parents = given_parents(request.recipe, request.start_from, data)
        notes = notes_on_parents(parents, request.protocol)
        number = len(request.recipe.stages) - 1
        stages = [_plan_stage(request, request.recipe, number, data=data, parents=parents)]
    else:
        stages = _plan_chain(request, request.recipe, data)
        if request.weights is not None and all(stage.imagenet is None for stage in stages):
            raise UsageError(
                f"the recipe {request.recipe.name} starts from random weights: leave --weights out, or "
                "choose --recipe paper"
            )
    _check_parts(request, stages)
    stages[-1] = replace(stages[-1], is_last=True, state=_last_state(request, stages[-1]))
    if stages[-1].state == "reuse":
        stages = [replace(stage, state="reuse") for stage in stages]
    _check_kept(stages)
    return TrainingPlan(request, data, tuple(stages), notes)


def _check_kept(stages: Sequence[StagePlan]) -> None:
    """Raise RunError if a stage would be trained anew, and lose the weights that were kept of it.

    Those of its last epoch may be there (`--keep last`); what starts from a stage needs the best ones.
    """
    for stage in stages[:-1]:
        if stage.state == "train" and (stage.folder / "run.json").is_file():
            run = read_run(stage.folder)
            if run.finished and run.last_checkpoint.is_file():
                raise RunError(
                    f"the run {run.folder} keeps the weights of its last epoch only (--keep last), and what "
                    "is to be trained starts from the best: its command with `--again --keep both` makes them"
                )


def _last_state(request: TrainingRequest, stage: StagePlan) -> StageState:
    return stage_state(stage.folder, stage.identity, again=request.again, scored_is_enough=True)


def _plan_chain(request: TrainingRequest, recipe: Recipe, data: LabelledData) -> list[StagePlan]:
    """Return the stages of `recipe` in order, those of its streams first."""
    stages: list[StagePlan] = []
    parents: tuple[Parent, ...] = ()
    if recipe.streams is not None:
        rgb = _plan_chain(_for_stream(request, "rgb"), recipe.streams.rgb, data)
        flow = _plan_chain(_for_stream(request, "flow"), recipe.streams.flow, data)
        stages = [*rgb, *flow]
        parents = tuple(Parent(each.folder, each.identity) for each in (rgb[-1], flow[-1]))
    chain: list[StagePlan] = []
    for number in range(len(recipe.stages)):
        chain.append(_plan_stage(request, recipe, number, data=data, parents=parents))
        parents = (Parent(chain[-1].folder, chain[-1].identity),)
    if chain[-1].state == "reuse":
        chain = [replace(stage, state="reuse") for stage in chain]
    return stages + chain


def _for_stream(request: TrainingRequest, stream: str) -> TrainingRequest:
    """Return `request` with only those overrides that are meant for a stream, as it would have them alone."""
    prefix = f"streams.{stream}."
    meant = (each.removeprefix(prefix) for each in request.overrides if each.startswith(prefix))
    return replace(request, overrides=tuple(meant))


def _check_data(data: LabelledData, protocol: Protocol) -> None:
    if len(data.actions) < 2:
        raise ManifestError(
            f"all labelled segments in {data.manifest_file} show {data.actions[0]!r}: "
            "to tell actions apart takes at least two"
        )
    check_splits(data, ["train"], why="is what is trained on")
    if protocol == "honest":
        check_splits(data, ["validation"], why="chooses the epoch (or use --protocol paper)")
    check_splits(data, ["test"], why="the result is measured on")
    trained = {segment.action for segment in data.segments["train"]}
    if len(trained) < 2:
        raise ManifestError(f"all training segments in {data.manifest_file} show one action: two are needed")


def _plan_stage(
    request: TrainingRequest,
    whole: Recipe,
    number: int,
    *,
    data: LabelledData,
    parents: tuple[Parent, ...],
) -> StagePlan:
    recipe = whole.until(number)
    is_model = number == len(whole.stages) - 1
    imagenet = None if parents else _imagenet(request, recipe)
    identity = _identity(request, recipe, data=data, is_model=is_model, parents=parents, imagenet=imagenet)
    folder = request.runs / f"{_readable_name(recipe, is_model=is_model)}-{identity[:8]}"
    with torch.device("meta"):  # only names and sizes are wanted
        network = build_network(recipe, len(data.actions))
    groups = parameter_groups(trainable_tensors(network, recipe.stages[-1]), recipe.stages[-1])
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    return StagePlan(
        recipe=recipe,
        identity=identity,
        folder=folder,
        state=stage_state(folder, identity),
        role=request.role if is_model else "stage",
        is_last=False,
        parents=tuple(parent.folder for parent in parents),
        imagenet=imagenet,
        groups=groups,
        sizes=sizes,
        overrides=request.overrides,
    )


def _imagenet(request: TrainingRequest, recipe: Recipe) -> ImageNetWeights | None:
    backbone = recipe.backbones[0]
    if backbone.weights != "imagenet":
        return None
    found = find_imagenet_weights(backbone.depth, file=request.weights)
    if found is None and request.only_plan:
        missing = published_imagenet_weights(backbone.depth)
        return replace(missing, source=f"{missing.source} (not on this machine, no network: --weights FILE)")
    if found is None:
        raise RunError(no_weights_message(backbone.depth))
    return found


def _identity(
    request: TrainingRequest,
    recipe: Recipe,
    *,
    data: LabelledData,
    is_model: bool,
    parents: tuple[Parent, ...],
    imagenet: ImageNetWeights | None,
) -> str:
    decides = {
        "format": 2,
        "model": recipe.model if is_model else None,  # models share the stages they start from
        "parts": recipe.model_dump(mode="json", include={"clips", "flow", "network", "head"}),
        "stage": recipe.stages[-1].model_dump(mode="json"),
        "parents": [parent.identity for parent in parents],
        "weights": imagenet.digest if imagenet else None,
        "data": data.record.fingerprint,
        "actions": data.actions,
        "seed": request.seed,
        "protocol": request.protocol,
    }
    # left out otherwise: runs from before there was a choice keep their identity
    if request.balance:
        decides["balance"] = True
    if request.devices > 1:  # the batch size is per device
        decides["devices"] = request.devices
    if request.accumulate > 1:
        decides["accumulate"] = request.accumulate
    if request.precision != "32-true":
        decides["precision"] = request.precision
    if is_model and request.fold:  # the manifest's own splits may be those of a fold; its run is another's
        decides["fold"] = request.fold
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _check_parts(request: TrainingRequest, stages: Sequence[StagePlan]) -> None:
    """Raise UsageError unless the batches of every stage can be divided into equal parts."""
    for plan in stages:
        size = plan.stage.batch_size
        if size % request.accumulate:
            possible = [str(parts) for parts in range(2, size + 1) if size % parts == 0]
            raise UsageError(
                f"--accumulate {request.accumulate}: batches of {size} clips ({plan.stage.name}) cannot be "
                f"divided into so many equal parts, but into {', '.join(possible) or 'none'}"
            )


def _readable_name(recipe: Recipe, *, is_model: bool) -> str:
    network = recipe.network
    if is_model or not isinstance(network, NetworkRecipe):
        return f"{recipe.model}-{recipe.name}" if is_model else f"{recipe.stages[-1].name}-{recipe.name}"
    kind = "attention" if network.attention else "plain"
    return f"{recipe.stages[-1].name}-resnet{network.backbone.depth}-{kind}-{recipe.name}"


def stage_state(
    folder: Path, identity: str, *, again: bool = False, scored_is_enough: bool = False
) -> StageState:
    """Return what is to be done about a stage, given what is in its folder.

    Args:
        folder: of the run.
        identity: of the training.
        again: train anew what is finished; what was interrupted goes on even so.
        scored_is_enough: nothing starts from it, so its weights may be gone once its test scores are there.

    Raises:
        RunError: if the folder holds something else.
    """
    if not (folder / "run.json").is_file():
        return "train"
    run = read_run(folder)
    if run.record.identity != identity:
        raise RunError(f"{folder} holds another training: move it away, or choose another --runs folder")
    if again and run.finished:
        return "train"
    if run.finished and (
        run.best_checkpoint.is_file() or (scored_is_enough and run.scores_file("test").is_file())
    ):
        return "reuse"
    return "resume" if not run.finished and checkpoint_is_whole(run.last_checkpoint) else "train"
