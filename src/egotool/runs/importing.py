"""Weights that others trained, made into a run that can be evaluated; nothing is lost or silently guessed.

A file of weights says how large a network is, but neither where its head is attached, nor how many frames it
was trained on, nor what its classes are called. What it does not say is taken from the `paper` recipe of the
model and told in a note.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from egotool.errors import RunError, UsageError
from egotool.files import sha256_of_file
from egotool.runs.data import read_labelled_data
from egotool.runs.folder import DataRecord, Run, RunRecord, create_run, read_run, utc_now
from egotool.runs.foreign import read_foreign_weights
from egotool.runs.layouts import JointOrder, Kind, Translation, kind_of, translate
from egotool.runs.loading import load_recipe, model_names
from egotool.runs.network import build_network, save_weights
from egotool.runs.recipe import Recipe
from egotool.runs.shapes import ForeignShapes

_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class WeightsPlan:
    """What an import will write.

    Attributes:
        file: the weights.
        digest: SHA-256 of the file.
        model: whose weights they are.
        recipe: of a network that they fit.
        classes: number of actions.
        actions: their names in the order of the classes.
        data: the store that was given, or an empty record.
        translation: the tensors under our names, and what became of the others.
        notes: sentences on what the file does not say.
        folder: of the run.
        exists: whether this import was done before.
        joint_order: which stream's columns come first in a joint classifier of the file.
    """

    file: Path
    digest: str
    model: str
    recipe: Recipe
    classes: int
    actions: tuple[str, ...]
    data: DataRecord
    translation: Translation
    notes: tuple[str, ...]
    folder: Path
    exists: bool
    joint_order: JointOrder = "flow-rgb"


def plan_import(
    file: Path,
    *,
    model: str | None = None,
    actions: Sequence[str] | None = None,
    store: Path | None = None,
    runs: Path,
    overrides: Sequence[str] = (),
    joint_order: JointOrder = "flow-rgb",
) -> WeightsPlan:
    """Read `file` and find the network it belongs to; writes nothing.

    Args:
        file: a state dict as torch saves it, or a checkpoint that holds one.
        model: whose weights they are; needed where the file fits several: default is said in a note.
        actions: names of the classes in their order.
        store: a store whose manifest names the actions, and which `evaluate` will then use.
        runs: folder of run folders.
        overrides: changes to the recipe, as `--set`: what the file does not say (`clips.length=7`).
        joint_order: which stream's columns come first in a joint classifier.

    Raises:
        RunError: if the file is no state dict of these networks, is incomplete, or has tensors without place.
        UsageError: if `model` is another kind of network, or the actions are not as many as the classes.
    """
    foreign = read_foreign_weights(file)
    kind = kind_of(foreign.tensors)
    if kind is None:
        raise RunError(
            f"{file} holds none of the networks that can be imported: its tensors are named "
            f"{_listed(list(foreign.tensors))}; expected are resNet.* with lstm_cell.*, conv1 … fc_action, "
            "or flowModel.* with frameModel.*"
        )
    translation = translate(foreign.tensors, kind, joint_order=joint_order)
    if translation.missing:
        raise RunError(f"{file} is incomplete: it has no {_listed(translation.missing)}")
    if translation.odd:
        raise RunError(f"{file} cannot be imported, its gates differ in shape: {_listed(translation.odd)}")
    shapes = ForeignShapes(translation.tensors, file)
    chosen, notes = _choose_model(
        kind, translation.tensors, model, has_cam="weight_softmax" in foreign.tensors
    )
    recipe = _recipe(chosen, shapes, overrides)
    classes = shapes.rows("backbone.fc.weight" if kind == "flow" else "classifier.weight")
    data, names, more = _data(actions, store, classes)
    notes += [*translation.notes, *more]
    if foreign.leftover:
        notes.append(f"What is no tensor was left aside: {_listed(foreign.leftover)}.")
    _complete(translation, recipe, classes, file)
    digest = sha256_of_file(file)
    folder = runs / f"{chosen}-imported-{_identity(digest, recipe, names, joint_order)[:8]}"
    return WeightsPlan(
        file=file, digest=digest, model=chosen, recipe=recipe, classes=classes, actions=names, data=data,
        translation=translation, notes=tuple(notes), folder=folder, exists=(folder / "run.json").is_file(),
        joint_order=joint_order,
    )  # fmt: skip


def import_weights(plan: WeightsPlan, *, versions: Mapping[str, str], command: str) -> Run:
    """Write the run that `plan` describes, or return it if it is there already.

    A run that was imported without a store, or with another, gets the one that is given now.

    Raises:
        RunError: if it has been scored on the other store.
    """
    if plan.exists:
        run = read_run(plan.folder)
        if plan.data.store and plan.data.fingerprint != run.record.data.fingerprint:
            if run.scores("test") is not None:
                raise RunError(
                    f"{run.folder} was imported before and is scored on {run.record.data.store}: "
                    "move it away, or choose another --runs folder"
                )
            run.update(data=plan.data)
        return run
    network = build_network(plan.recipe, plan.classes)
    network.load_state_dict(plan.translation.tensors)
    identity = _identity(plan.digest, plan.recipe, plan.actions, plan.joint_order)
    save_weights(network, plan.folder / "checkpoints" / "best.ckpt", identity=identity, epoch=0)
    origin = f"imported from {plan.file.name}"
    now = utc_now()
    record = RunRecord(
        identity=identity,
        role="model",
        model=plan.model,
        stage=plan.recipe.stages[-1].name,
        status="finished",
        recipe=plan.recipe.name,
        recipe_reason=origin,
        seed=0,
        protocol="paper",
        selection="imported weights: which split chose the epoch is not known",
        actions=plan.actions,
        data=plan.data,
        weights=f"{origin} (sha256 {plan.digest})",
        trainable=(),
        parameters_trainable=0,
        parameters_total=sum(parameter.numel() for parameter in network.parameters()),
        epochs=0,
        device="cpu",
        precision="32-true",
        versions=dict(versions),
        command=command,
        started=now,
        finished=now,
    )
    return create_run(plan.folder, record=record, recipe=plan.recipe)


def _identity(digest: str, recipe: Recipe, actions: Sequence[str], joint_order: JointOrder) -> str:
    order = () if joint_order == "flow-rgb" else (joint_order,)  # others keep the identity they had
    text = "\n".join((digest, recipe.model_dump_json(), *actions, *order))
    return hashlib.sha256(text.encode()).hexdigest()


def _choose_model(
    kind: Kind, tensors: Mapping[str, Tensor], wanted: str | None, *, has_cam: bool
) -> tuple[str, list[str]]:
    """Return the model, and a note where the file would fit another one as well."""
    if kind != "convlstm":
        fitting, why = [str(kind)], ""
    elif "head.conv.3.weight" in tensors:
        fitting, why = ["dynamic-net", "convlstm-dynamic"], "where its head was attached"
    elif any(name.startswith("head.") for name in tensors):
        fitting, why = ["idt-net", "convlstm-idt"], "where its head was attached"
    else:
        fitting, why = ["convlstm-attention", "convlstm"], "whether the network had attention"
        if has_cam:
            why += " (it has weight_softmax, though, which only attention uses)"
    if wanted is None:
        if not why:
            return fitting[0], []
        return fitting[0], [
            f"The file does not say {why}: taken for {fitting[0]}; give --model {fitting[1]} if it is one."
        ]
    if wanted not in fitting:
        assert wanted in model_names()
        raise UsageError(f"--model: these are weights of {' or '.join(fitting)}, not of {wanted}")
    return wanted, []


def _recipe(model: str, shapes: ForeignShapes, overrides: Sequence[str]) -> Recipe:
    """Return the model's `paper` recipe with the sizes of the file's network."""
    if model == "two-stream":
        own = [
            *shapes.backbone("rgb.backbone.", "streams.rgb.", flow=False),
            f"streams.rgb.network.hidden={shapes.hidden('rgb.')}",
            *shapes.backbone("flow.backbone.", "streams.flow.", flow=True),
            *_mirrored([f"flow.stack={shapes.stack('flow.backbone.')}"]),
        ]
        return load_recipe(model, "paper", overrides=(*own, *_mirrored(overrides)))
    if model == "flow":
        own = [*shapes.backbone("backbone.", "", flow=True), f"flow.stack={shapes.stack('backbone.')}"]
    else:
        own = [*shapes.backbone("backbone.", "", flow=False), f"network.hidden={shapes.hidden('')}"]
        if any(shapes.has(name) for name in ("head.conv.1.weight", "head.fc.0.weight")):
            own += shapes.head()
    return load_recipe(model, "paper", overrides=(*own, *overrides))


def _mirrored(overrides: Sequence[str]) -> list[str]:
    """Change clips and flow in the streams of a two-stream recipe too: they have to agree."""
    made: list[str] = []
    for override in overrides:
        made.append(override)
        if override.startswith("clips."):
            made += [f"streams.rgb.{override}", f"streams.flow.{override}"]
        elif override.startswith("flow."):
            made.append(f"streams.flow.{override}")
    return made


def _data(
    actions: Sequence[str] | None, store: Path | None, classes: int
) -> tuple[DataRecord, tuple[str, ...], list[str]]:
    """Return the record of the store, the names of the classes, and notes."""
    record = DataRecord(store="", manifest="", fingerprint="", manifest_fingerprint="", videos=0, segments={})
    notes: list[str] = []
    names = tuple(actions) if actions is not None else None
    if store is not None:
        data = read_labelled_data(store)
        record = data.record
        if names is None:
            names = data.actions
            notes.append(
                f"The classes are the {len(names)} actions of {data.manifest_file} in alphabetical order, as "
                "the original programs number them; --actions FILE gives another order."
            )
    if names is None:
        names = tuple(f"class-{number:03d}" for number in range(classes))
        notes.append(
            "The classes have no names yet, so evaluate will not know them: import with --store STORE or "
            "--actions FILE."
        )
    if len(names) != classes:
        source = "--actions names" if actions is not None else f"the manifest of {store} has"
        raise UsageError(f"the network tells {classes} classes apart, but {source} {len(names)} actions")
    if len(set(names)) != len(names):
        raise UsageError("--actions names an action twice")
    return record, names, notes


def _complete(translation: Translation, recipe: Recipe, classes: int, file: Path) -> None:
    """Make sure that every tensor has its place and every place its tensor, and read them into memory.

    Until here the tensors may be a file that is mapped, which someone else may overwrite. Counters of batch
    norms, which files from before 2018 lack, become zero.

    Raises:
        RunError: listing what is missing, left over, or of another shape, under their place in our network.
    """
    with torch.device("meta"):  # only names and shapes are wanted
        wanted = build_network(recipe, classes).state_dict()
    found = translation.tensors
    for name, tensor in wanted.items():
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, torch.zeros((), dtype=tensor.dtype))
    problems = []
    missing = [name for name in wanted if name not in found]
    extra = [*translation.unknown, *(name for name in found if name not in wanted)]
    others = [
        f"{name} {tuple(found[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]
    wrong = [name for name in wanted if name in found and not found[name].isfinite().all()]
    for what, names in (
        ("nothing becomes", missing),
        ("there is no place for", extra),
        ("of another shape:", others),
        ("not finite numbers:", wrong),
    ):
        if names:
            problems.append(f"{what} {_listed(names)}")
    if problems:
        raise RunError(f"{file} cannot be imported as {recipe.model}: {'; '.join(problems)}")
    for name, tensor in wanted.items():
        found[name] = found[name].to(tensor.dtype, copy=True)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
