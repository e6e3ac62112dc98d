"""Late fusion: the weighted average of the class scores of several runs."""

import hashlib
import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.special import softmax

from egotool.errors import RunError, UsageError
from egotool.evaluation.alignment import align
from egotool.evaluation.fusion_folder import (
    MODEL,
    Form,
    FusedSplit,
    Fusion,
    FusionMember,
    FusionRecord,
    read_fusion,
)
from egotool.evaluation.predictions import Predictions, read_predictions, write_predictions
from egotool.files import sha256_of_file, write_text
from egotool.runs import Run, Scores, utc_now

State = Literal["new", "finished", "changed"]


def fuse_predictions(
    predictions: Sequence[Predictions],
    weights: Sequence[float],
    *,
    form: Form = "probabilities",
    names: Sequence[str] = (),
) -> Predictions:
    """Return the weighted average of several networks' class scores.

    With weights w and probabilities p of the members i, `probabilities` gives Σ wᵢ pᵢ / Σ wᵢ, and `scores`
    gives softmax(Σ wᵢ log pᵢ / Σ wᵢ). The logarithm of a probability is the class score before the softmax
    up to a constant per segment, which the softmax takes out again.

    Args:
        predictions: of two or more networks for the same segments; the order of segments may differ.
        weights: one per network, not negative, not all zero.
        form: what is averaged.
        names: what to call the networks in errors; default: their numbers.

    Raises:
        UsageError: if the weights are impossible or not one per network.
        RunError: if the networks were not scored on the same segments, labels and actions.

    Source: "scores" as in L. Wang et al., "Temporal Segment Networks", ECCV 2016: streams are fused before
    the softmax.
    """
    check_weights(weights, members=len(predictions))
    names = names or [f"member {number}" for number in range(1, len(predictions) + 1)]
    aligned = [
        align(each, predictions[0], names=(name, names[0]))
        for each, name in zip(predictions, names, strict=True)
    ]
    for each, name in zip(aligned, names, strict=True):
        if not np.isfinite(each.probabilities).all():
            raise RunError(f"the predictions of {name} contain values that are not numbers: train it again")
    shares = np.array(weights, dtype=np.float64) / math.fsum(weights)
    stacked = np.stack([each.probabilities for each in aligned])
    if form == "scores":
        smallest = np.finfo(np.float64).tiny  # a probability that was rounded to 0 has no logarithm
        fused = softmax(np.tensordot(shares, np.log(np.maximum(stacked, smallest)), axes=1), axis=1)
    else:
        fused = np.tensordot(shares, stacked, axes=1)
    return Predictions(aligned[0].segments, aligned[0].actions, aligned[0].labels, fused)


def check_weights(weights: Sequence[float], *, members: int) -> None:
    """Refuse impossible weights.

    Raises:
        UsageError: if there are fewer than two members, not one weight per member, or a weight is negative
            or not finite, or all are zero.
    """
    if members < 2:
        raise UsageError("a fusion needs two or more runs: `egotool fuse RUN_A RUN_B`")
    if len(weights) != members:
        raise UsageError(
            f"--weights has {len(weights)} number{'s' if len(weights) != 1 else ''} for {members} runs: "
            "give one per run, such as --weights 1 1.5"
        )
    if any(not math.isfinite(weight) or weight < 0 for weight in weights):
        raise UsageError(
            f"--weights {' '.join(map(short_weight, weights))}: a weight is a number that is not negative"
        )
    if not any(weights) or not math.isfinite(math.fsum(weights)):
        raise UsageError(
            f"--weights {' '.join(map(short_weight, weights))}: give at least one a weight above zero"
        )


def short_weight(weight: float) -> str:
    """Return "1" for 1.0, "1.5" for 1.5."""
    return f"{weight:g}"


@dataclass(frozen=True, slots=True)
class FusionPlan:
    """What a fusion would do; everything it needs is read and checked."""

    runs: tuple[Run, ...]
    weights: tuple[float, ...]
    form: Form
    split: str
    folder: Path
    predictions: tuple[Predictions, ...]
    """Of the members, in the order of segments and actions of the first."""
    digests: tuple[str, ...]
    """SHA-256 of the files that hold them."""
    manifest_fingerprint: str
    state: State
    """`finished`: fused already from the same predictions; `changed`: fused from earlier predictions."""


@dataclass(frozen=True, slots=True)
class FusionResult:
    """A fusion and what it and its members reach."""

    fusion: Fusion
    scores: Scores
    member_scores: tuple[Scores, ...]
    """In the order of the plan's runs."""


def plan_fusion(
    members: Sequence[Run],
    weights: Sequence[float],
    *,
    form: Form = "probabilities",
    split: str = "test",
    runs: Path = Path("runs"),
) -> FusionPlan:
    """Read the members' predictions, check that they fit, and say where the fusion will be.

    Args:
        members: two or more runs that were scored on `split`.
        weights: one per run.
        form: what is averaged; see `fuse_predictions`.
        split: which segments.
        runs: the folder in which the fusion's folder will be.

    Raises:
        UsageError: if the weights are impossible or a run is named twice.
        RunError: if a run was not scored on `split`, or on other segments, labels or actions.
    """
    check_weights(weights, members=len(members))
    folders = [run.folder.resolve() for run in members]
    for place, folder in enumerate(folders):
        if folder in folders[:place]:
            raise UsageError(f"the run {folder.name} is named twice: a run takes part once, with one weight")
    scores = [scores_of(run, split=split) for run in members]
    predictions = [read_predictions(run.predictions_file(split)) for run in members]
    aligned = tuple(
        align(each, predictions[0], names=(run.name, members[0].name))
        for each, run in zip(predictions, members, strict=True)
    )
    digests = tuple(sha256_of_file(run.predictions_file(split)) for run in members)
    folder = runs / f"{MODEL}-{_digest(members, weights, form)}"
    return FusionPlan(
        runs=tuple(members),
        weights=tuple(weights),
        form=form,
        split=split,
        folder=folder,
        predictions=aligned,
        digests=digests,
        manifest_fingerprint=scores[0].manifest_fingerprint,  # the segments and labels of all are the same
        state=_state(folder, digests, split=split),
    )


def scores_of(run: Run | Fusion, *, split: str) -> Scores:
    """Return the scores of `run` on `split`, whose predictions are there too.

    Raises:
        RunError: if the run was not scored on `split`, or before its training ended; says the command.
    """
    scores = run.scores(split)
    if scores is None or not run.predictions_file(split).is_file():
        if isinstance(run, Fusion):
            raise RunError(f"{run.folder} has no {split} predictions: fuse its members with --split {split}")
        raise RunError(
            f"the run {run.name} is not scored on the {split} split: "
            f"`egotool evaluate {shlex.quote(str(run.folder))} --split {split}`"
        )
    if isinstance(run, Run) and run.finished and not run.ended_with(scores):
        raise RunError(
            f"the run {run.name} was scored on the {split} split before its training ended: "
            f"`egotool evaluate {shlex.quote(str(run.folder))} --split {split}` scores it again"
        )
    return scores


def fuse_runs(plan: FusionPlan, *, command: str) -> FusionResult:
    """Fuse as planned and write the fusion's folder; what is finished is read, not computed again.

    Args:
        plan: from `plan_fusion`.
        command: the command line, for the record.

    Raises:
        RunError: if a member's predictions are not numbers, or finished scores are damaged.
    """
    from egotool.evaluation.scoring import Origin, score  # torch: who only plans need not wait for it

    member_scores = tuple(
        score(
            each,
            origin=Origin.of(run),
            split=plan.split,
            manifest_fingerprint=plan.manifest_fingerprint,
        )
        for each, run in zip(plan.predictions, plan.runs, strict=True)
    )
    if plan.state == "finished":
        fusion = read_fusion(plan.folder)
        return FusionResult(fusion, scores_of(fusion, split=plan.split), member_scores)
    fused = fuse_predictions(
        plan.predictions, plan.weights, form=plan.form, names=[run.name for run in plan.runs]
    )
    record = _record(plan, command=command)
    fusion = Fusion(plan.folder, record=record)
    scores = score(
        fused,
        origin=Origin(
            name=fusion.name,
            model=MODEL,
            recipe=" + ".join(sorted({member.recipe for member in record.members})),
            protocol=record.protocol,
            selection=_selection(record),
        ),
        split=plan.split,
        manifest_fingerprint=plan.manifest_fingerprint,
    )
    write_predictions(fused, fusion.predictions_file(plan.split))
    write_text(fusion.scores_file(plan.split), scores.model_dump_json(indent=2) + "\n")
    write_text(fusion.folder / "fusion.json", record.model_dump_json(indent=2) + "\n")
    return FusionResult(fusion, scores, member_scores)


def _record(plan: FusionPlan, *, command: str) -> FusionRecord:
    earlier = _read_or_none(plan.folder)
    members = tuple(
        FusionMember(
            run=run.name,
            folder=str(run.folder),
            identity=run.record.identity,
            weight=weight,
            model=run.record.model,
            recipe=run.record.recipe,
            protocol=run.record.protocol,
            seed=run.record.seed,
            selection=run.record.selection,
        )
        for run, weight in zip(plan.runs, plan.weights, strict=True)
    )
    split = FusedSplit(created=utc_now(), command=command, predictions=plan.digests)
    return FusionRecord(
        form=plan.form,
        members=members,
        protocol="paper" if any(member.protocol == "paper" for member in members) else "honest",
        splits={**(earlier.splits if earlier else {}), plan.split: split},
    )


def _state(folder: Path, digests: tuple[str, ...], *, split: str) -> State:
    record = _read_or_none(folder)
    if record is None or split not in record.splits:
        return "new"
    fusion = Fusion(folder, record=record)
    whole = fusion.predictions_file(split).is_file() and fusion.scores_file(split).is_file()
    return "finished" if whole and record.splits[split].predictions == digests else "changed"


def _read_or_none(folder: Path) -> FusionRecord | None:
    """A record that is missing or damaged is as none: the fusion is made again."""
    try:
        return read_fusion(folder).record
    except RunError:
        return None


def _digest(members: Sequence[Run], weights: Sequence[float], form: Form) -> str:
    content = [
        (run.name, run.record.identity, float(weight)) for run, weight in zip(members, weights, strict=True)
    ]
    return hashlib.sha256(json.dumps([form, content]).encode()).hexdigest()[:8]


def _selection(record: FusionRecord) -> str:
    parts = (f"{each.run} × {short_weight(each.weight)} ({each.selection})" for each in record.members)
    return f"weighted average of {record.form}: {', '.join(parts)}"
