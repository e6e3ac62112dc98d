"""The runs that a stage starts from: the stage before it, the two streams, or runs that the user names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from egotool.errors import RunError, UsageError
from egotool.models import ActionNetwork, TwoStreamNetwork
from egotool.runs import (
    DataRecord,
    LabelledData,
    Network,
    Protocol,
    Recipe,
    Run,
    build_network,
    load_weights,
    read_labelled_data,
    read_run,
)
from egotool.runs.network import without_head


@dataclass(frozen=True)
class Parent:
    """A run that a stage starts from.

    Attributes:
        folder: of the run.
        identity: of its training; part of the identity of what starts from it.
    """

    folder: Path
    identity: str


def given_parents(recipe: Recipe, folders: Sequence[Path], data: LabelledData) -> tuple[Parent, ...]:
    """Return the runs that the user wants the last stage of `recipe` to start from.

    A two-stream model takes two in any order and gives the one on frames first.

    Raises:
        UsageError: if their number is wrong.
        RunError: if one is not finished, has no weights, is of other actions or another kind of network, or
            has seen segments that are to test.
    """
    runs = [read_run(folder) for folder in folders]
    kinds = ["convlstm", "flow"] if recipe.streams is not None else [recipe.network.kind]
    if len(runs) != len(kinds):
        wanted = "two runs, one on frames and one on flow" if len(kinds) == 2 else "one run"
        raise UsageError(f"--from: the model {recipe.model} starts from {wanted}, not from {len(runs)}")
    for run in runs:
        _check(run, data)
        _check_untested(run, data)
    if len(kinds) == 2 and {run.recipe.network.kind for run in runs} != set(kinds):
        names = " and ".join(f"{run.name} ({run.record.model})" for run in runs)
        raise RunError(f"--from: {recipe.model} starts from a run on frames and one on flow, not {names}")
    runs.sort(key=lambda run: run.recipe.network.kind)  # convlstm before flow
    for run, kind in zip(runs, kinds, strict=True):
        if run.recipe.network.kind != kind:
            raise RunError(
                f"--from: the run {run.name} is a {run.record.model}, which {recipe.model} cannot start from"
            )
        stream = recipe
        if recipe.streams is not None:
            stream = recipe.streams.rgb if kind == "convlstm" else recipe.streams.flow
        _check_sizes(run, stream, len(data.actions))
    return tuple(Parent(run.folder, run.record.identity) for run in runs)


def _check(run: Run, data: LabelledData) -> None:
    if not run.finished:
        raise RunError(
            f"--from: the run {run.folder} is not finished: `{run.record.command}` goes on with it"
        )
    if not run.best_checkpoint.is_file():
        raise RunError(
            f"--from: the run {run.folder} does not keep the weights of its best epoch: its command with "
            "`--again --keep best` trains it anew"
        )
    if run.record.actions != data.actions:
        raise RunError(
            f"--from: the run {run.name} knows {len(run.record.actions)} actions, and they are not the "
            f"{len(data.actions)} of {data.manifest_file}: train one on these"
        )


def _check_untested(run: Run, data: LabelledData) -> None:
    """Raise RunError if `run`, on the same data with other splits, has seen segments that test here."""
    theirs, ours = run.record.data, data.record
    if theirs.fingerprint == ours.fingerprint or _whole(theirs) != _whole(ours):
        return  # the same splits; or other data, of which nothing is known
    splits = read_labelled_data(data.store, data.manifest_file, fold=theirs.fold).segments
    seen = {each.segment for split in ("train", "validation") for each in splits[split]}
    tested = {each.segment for each in data.segments["test"]}
    if tested & seen:
        held_out = f"subject {theirs.fold} tested" if theirs.fold else "the manifest's own split tested"
        raise RunError(
            f"--from: the run {run.name}, for which {held_out}, has seen {len(tested & seen)} of the "
            f"{len(tested)} segments that test here: give one of the same splits, or leave --from out"
        )


def _whole(record: DataRecord) -> str:
    """Return the digest of the data without the splits of a fold."""
    return record.whole_fingerprint or record.fingerprint


def notes_on_parents(parents: Sequence[Parent], protocol: Protocol) -> tuple[str, ...]:
    """Return a sentence for each run, given to start from, that makes a training less honest than it says."""
    runs = [read_run(parent.folder) for parent in parents] if protocol == "honest" else []
    return tuple(
        f"The run {run.name} is of protocol paper: the test split may have picked its epoch, and what starts "
        "from it is not honest either."
        for run in runs
        if run.record.protocol == "paper"
    )


def _check_sizes(run: Run, recipe: Recipe, classes: int) -> None:
    """Raise RunError unless the network of `run` is as large as that of `recipe`; heads do not count."""
    with torch.device("meta"):  # only names and shapes are wanted
        theirs = build_network(without_head(run.recipe), classes).state_dict()
        ours = build_network(without_head(recipe), classes).state_dict()
    for name, tensor in ours.items():
        shape = tuple(theirs[name].shape) if name in theirs else "missing"
        if shape != tuple(tensor.shape):
            raise RunError(
                f"--from: the network of {run.name} (recipe {run.record.recipe}) is another than that of the "
                f"recipe {recipe.name}: {name} is {shape}, not {tuple(tensor.shape)}; choose the "
                "run's recipe with --recipe, or its sizes with --set"
            )


def load_parents(network: Network, recipe: Recipe, folders: Sequence[Path]) -> None:
    """Load the weights of the runs in `folders` into `network`.

    A head that a run has and the network has not is left aside, and so is one of another form.

    Raises:
        RunError: if a checkpoint is damaged or of another network.
    """
    runs = [read_run(folder) for folder in folders]
    if isinstance(network, TwoStreamNetwork):
        rgb, flow = runs
        load_weights(network.rgb, rgb.best_checkpoint, identity=rgb.record.identity, without_head=True)
        load_weights(network.flow, flow.best_checkpoint, identity=flow.record.identity)
        return
    (run,) = runs
    has_head = isinstance(network, ActionNetwork) and network.head is not None
    load_weights(
        network,
        run.best_checkpoint,
        identity=run.record.identity,
        without_head=not (has_head and _same_head(run.recipe, recipe)),
    )


def _same_head(one: Recipe, other: Recipe) -> bool:
    if one.head is None or other.head is None:
        return one.head is other.head
    return (one.head.kind, one.head.tap, one.head.form) == (other.head.kind, other.head.tap, other.head.form)
