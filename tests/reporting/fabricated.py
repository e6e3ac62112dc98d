"""Run folders and stores as the package writes them, with made-up content."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from egotool.manifests import Manifest, Segment, write_manifest
from egotool.runs import (
    ClassScore,
    DataRecord,
    EpochRecord,
    Recipe,
    Run,
    RunRecord,
    Scores,
    build_network,
    create_run,
    load_recipe,
    save_weights,
)
from egotool.store import Array, encode_flow
from tests.store.samples import write_video

ACTIONS = ("open_jar", "take_cup")
TINY = (
    "clips.length=3",
    "clips.short_side=64",
    "clips.crop_size=56",
    "network.hidden=16",
    "network.backbone.depth=18",
    "network.backbone.width=8",
    "network.backbone.compact=true",
    "network.backbone.weights=random",
    "network.backbone.classifier=actions",
)


def make_run(
    runs: Path,
    name: str,
    *,
    model: str,
    correct: Sequence[int] = (3, 4),
    totals: Sequence[int] = (10, 10),
    recipe: str = "small",
    seed: int = 0,
    protocol: Literal["honest", "paper"] = "honest",
    overrides: Sequence[str] = (),
    data: str = "d" * 64,
    status: Literal["training", "finished"] = "finished",
    scored: bool = True,
    finished: str = "2026-01-01T00:00:00+00:00",
    reason: str = "auto: there is no GPU",
    with_weights: bool = False,
    resolved: Recipe | None = None,
    role: Literal["model", "stage", "search"] = "model",
    parents: Sequence[str] = (),
    epochs: int = 5,
    fold: str = "",
    training_segments: int = 0,
) -> Run:
    """Write a run folder; `correct` of `totals` segments of each action are right.

    The recipe is the model's `paper` recipe with `overrides`, whatever name is recorded, or `resolved`.
    """
    resolved = resolved or load_recipe(model, "paper", overrides=overrides)
    record = RunRecord(
        identity="0" * 16,
        role=role,
        model=model,
        stage=resolved.stages[-1].name,
        status=status,
        recipe=recipe,
        recipe_reason=reason,
        overrides=tuple(overrides),
        seed=seed,
        protocol=protocol,
        selection=f"epoch {seed + 1}, the best of 5 on the validation split",
        actions=ACTIONS,
        data=DataRecord(
            store="store",
            manifest="store/manifest.csv",
            fingerprint=_own_digest(data, fold),
            manifest_fingerprint=_own_digest(data, fold),
            videos=2,
            segments={
                "train": {ACTIONS[0]: training_segments},
                "test": dict(zip(ACTIONS, totals, strict=True)),
            },
            fold=fold,
            whole_fingerprint=data if fold else "",
        ),
        parents=tuple(parents),
        weights="random",
        trainable=("classifier.weight",),
        parameters_trainable=1,
        parameters_total=2,
        epochs=epochs,
        epochs_done=epochs if status == "finished" else 2,
        best=EpochRecord(epoch=3, accuracy=0.5, loss=1.0) if epochs else None,
        last=EpochRecord(epoch=5, accuracy=0.25, loss=1.0) if epochs else None,
        device="cpu",
        precision="32",
        versions={},
        command=f"egotool train {model}",
        started=finished,
        finished=finished if status == "finished" else None,
    )
    run = create_run(runs / name, record=record, recipe=resolved)
    if status == "finished" and scored:
        run.write_scores(_scores(run, correct, totals))
    if with_weights:
        save_weights(build_network(resolved, len(ACTIONS)), run.best_checkpoint, identity="0" * 16, epoch=3)
    return run


def _own_digest(data: str, fold: str) -> str:
    """Return a digest of the data with the splits of a fold: another one for every subject."""
    return fold.ljust(64, "0") if fold else data


def _scores(run: Run, correct: Sequence[int], totals: Sequence[int]) -> Scores:
    share = sum(correct) / sum(totals)
    return Scores(
        run=run.name,
        model=run.record.model,
        recipe=run.record.recipe,
        protocol=run.record.protocol,
        selection=run.record.selection,
        split="test",
        segments=sum(totals),
        top1=share,
        top5=1.0,
        mean_class_accuracy=sum(right / total for right, total in zip(correct, totals, strict=True))
        / len(totals),
        interval_low=0.0,
        interval_high=1.0,
        chance=max(totals) / sum(totals),
        loss=1.0,
        actions=ACTIONS,
        per_class=tuple(
            ClassScore(action=action, segments=total, correct=right, accuracy=right / total)
            for action, right, total in zip(ACTIONS, correct, totals, strict=True)
        ),
        confusion=((correct[0], totals[0] - correct[0]), (totals[1] - correct[1], correct[1])),
        manifest_fingerprint=run.record.data.manifest_fingerprint,
        created="2026-01-01T00:00:00+00:00",
    )


def make_store(
    store: Path,
    videos: Sequence[str],
    *,
    frames: int = 6,
    height: int = 64,
    width: int = 80,
    arrays: Sequence[Array] = tuple(Array),
) -> Path:
    """Write a store of moving noise: flow is (2, −1) px everywhere, warp flow 0, a square moves."""
    rng = np.random.default_rng(0)
    flow = encode_flow(
        np.stack([np.full((height, width), 2.0), np.full((height, width), -1.0)]).astype(np.float32)
    )
    mask = np.zeros((height, width), np.uint8)
    mask[20:40, 20:50] = 255
    between = frames - 1
    for video in videos:
        everything = {
            Array.RGB: rng.integers(0, 256, (frames, height, width, 3), dtype=np.uint8),
            Array.TIMESTAMPS: np.zeros(frames),
            Array.FLOW: np.repeat(flow[None], between, axis=0),
            Array.WARP_FLOW: np.zeros((between, *flow.shape), np.int16),
            Array.HOMOGRAPHY: np.repeat(np.eye(3)[None], between, axis=0),
            Array.HOMOGRAPHY_VALID: np.ones(between, np.bool_),
            Array.MASKS: np.repeat(mask[None], frames, axis=0),
        }
        write_video(
            store, video, {array: everything[array] for array in everything if array in arrays}, parts=(0,)
        )
    return store


def make_labels(store: Path, segments: Sequence[Segment]) -> None:
    """Write the store's manifest."""
    write_manifest(Manifest(tuple(segments)), store / "manifest.csv")
