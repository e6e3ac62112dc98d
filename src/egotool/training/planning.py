"""What a training consists of: its stages, which of them exist already, and where each is kept."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from egotool.errors import ManifestError, RunError
from egotool.runs import (
    LabelledData,
    Protocol,
    Recipe,
    StageRecipe,
    build_network,
    check_splits,
    read_labelled_data,
    read_run,
    trainable_tensors,
)
from egotool.training.callbacks import checkpoint_is_whole
from egotool.training.weights import ImageNetWeights, find_imagenet_weights, no_weights_message

StageState = Literal["train", "resume", "reuse"]


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
        workers: processes that load clips.
        weights: a file with ImageNet weights.
        again: train the last stage anew although an identical run is finished.
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
    workers: int = 0
    weights: Path | None = None
    again: bool = False
    command: str = ""


@dataclass(frozen=True)
class StagePlan:
    """One stage of a training.

    Attributes:
        recipe: the recipe up to and including this stage.
        identity: digest of all that decides the result.
        folder: the run folder.
        state: `train` from the beginning, `resume` where it was interrupted, or `reuse` the finished run.
        is_last: whether this is the model itself.
        parent: folder of the stage this one starts from.
        imagenet: the weights this one starts from.
        trainable: names of the tensors it trains.
        parameters_trainable: how many numbers these are.
        parameters_total: of the whole network.
    """

    recipe: Recipe
    identity: str
    folder: Path
    state: StageState
    is_last: bool
    parent: Path | None
    imagenet: ImageNetWeights | None
    trainable: tuple[str, ...]
    parameters_trainable: int
    parameters_total: int

    @property
    def stage(self) -> StageRecipe:
        """The stage's own recipe."""
        return self.recipe.stages[-1]


@dataclass(frozen=True)
class TrainingPlan:
    """The stages of a training and the data they see."""

    request: TrainingRequest
    data: LabelledData
    stages: tuple[StagePlan, ...]

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
        ManifestError: if labels or splits are missing, or there is only one action.
        RunError: if ImageNet weights are needed and cannot be had.
    """
    data = read_labelled_data(request.store, request.manifest)
    _check_data(data, request.protocol)
    imagenet = None
    backbone = request.recipe.network.backbone
    if backbone.weights == "imagenet":
        imagenet = find_imagenet_weights(backbone.depth, file=request.weights)
        if imagenet is None:
            raise RunError(no_weights_message(backbone.depth))
    stages: list[StagePlan] = []
    for number in range(len(request.recipe.stages)):
        before = stages[-1] if stages else None
        stages.append(_plan_stage(request, number, data=data, before=before, imagenet=imagenet))
    return TrainingPlan(request, data, tuple(stages))


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
    number: int,
    *,
    data: LabelledData,
    before: StagePlan | None,
    imagenet: ImageNetWeights | None,
) -> StagePlan:
    recipe = request.recipe.until(number)
    is_last = number == len(request.recipe.stages) - 1
    identity = _identity(request, recipe, data=data, is_last=is_last, before=before, imagenet=imagenet)
    folder = request.runs / f"{_readable_name(recipe, is_last=is_last)}-{identity[:8]}"
    with torch.device("meta"):  # only names and sizes are wanted
        network = build_network(recipe, len(data.actions))
    trainable = trainable_tensors(network, recipe.stages[-1]).names
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    return StagePlan(
        recipe=recipe,
        identity=identity,
        folder=folder,
        state=stage_state(folder, identity, again=request.again and is_last),
        is_last=is_last,
        parent=before.folder if before else None,
        imagenet=None if before else imagenet,
        trainable=trainable,
        parameters_trainable=sum(sizes[name] for name in trainable),
        parameters_total=sum(sizes.values()),
    )


def _identity(
    request: TrainingRequest,
    recipe: Recipe,
    *,
    data: LabelledData,
    is_last: bool,
    before: StagePlan | None,
    imagenet: ImageNetWeights | None,
) -> str:
    parts = recipe.model_dump(mode="json", include={"clips", "network", "head"})
    decides = {
        "format": 1,
        "model": recipe.model if is_last else None,  # models share the stages they start from
        "parts": parts,
        "stage": recipe.stages[-1].model_dump(mode="json"),
        "parent": before.identity if before else None,
        "weights": imagenet.digest if imagenet else None,
        "data": data.record.fingerprint,
        "actions": data.actions,
        "seed": request.seed,
        "protocol": request.protocol,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _readable_name(recipe: Recipe, *, is_last: bool) -> str:
    if is_last:
        return f"{recipe.model}-{recipe.name}"
    network = recipe.network
    kind = "attention" if network.attention else "plain"
    return f"{recipe.stages[-1].name}-resnet{network.backbone.depth}-{kind}-{recipe.name}"


def stage_state(folder: Path, identity: str, *, again: bool = False) -> StageState:
    """Return what is to be done about a stage, given what is in its folder.

    Raises:
        RunError: if the folder holds something else.
    """
    if again or not (folder / "run.json").is_file():
        return "train"
    run = read_run(folder)
    if run.record.identity != identity:
        raise RunError(f"{folder} holds another training: move it away, or choose another --runs folder")
    if run.finished and run.best_checkpoint.is_file():
        return "reuse"
    return "resume" if checkpoint_is_whole(run.last_checkpoint) else "train"
