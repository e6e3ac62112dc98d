"""Scoring a run on a split."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch.utils.data import DataLoader

from egotool.clips import Clip, ClipDataset, clip_loader, shared_memory_problem
from egotool.errors import RunError
from egotool.evaluation.parts import parts_of_actions, score_parts
from egotool.evaluation.predictions import Predictions, write_predictions
from egotool.evaluation.scoring import Origin, score
from egotool.progress import Progress, SilentProgress
from egotool.runs import (
    LabelledData,
    Network,
    Run,
    Scores,
    check_splits,
    clip_settings,
    forward_clip,
    load_network,
    read_labelled_data,
)


def evaluate_run(
    run: Run,
    *,
    split: str = "test",
    store: Path | None = None,
    manifest: Path | None = None,
    device: torch.device | None = None,
    workers: int = 0,
    overwrite: bool = False,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> Scores:
    """Score the best weights of `run` on `split`; write predictions and scores into the run's folder.

    Args:
        run: a run whose training has at least one epoch behind it.
        split: which segments.
        store: default: the store the run was trained on.
        manifest: default: the run's own manifest, or the given store's.
        device: where to compute; default: the GPU if there is one.
        workers: processes that load clips.
        overwrite: replace the scores on the data that the run was trained with by those on other data.
        progress: hears of every segment.

    Raises:
        RunError: if the checkpoint is damaged or the manifest has actions that the network does not know, or
            there are scores on the run's own data and these are to be on other data.
        StoreError: if the store is missing.
        ManifestError: if there are no labels, or no segments in this split.
    """
    recorded = run.record.data
    if store is None and not recorded.store:
        raise RunError(
            f"the run {run.name} was imported without a store: say what to score it on with --store STORE"
        )
    if manifest is None and store is None:
        manifest = Path(recorded.manifest)
    data = read_labelled_data(store or Path(recorded.store), manifest, fold=recorded.fold)
    check_splits(data, [split], why="is to be scored")
    unknown = sorted({each.action for each in data.segments[split]} - set(run.record.actions))
    if unknown:
        raise RunError(
            f"the run {run.name} does not know the action {unknown[0]!r} of {data.manifest_file}: "
            "train again, or give the manifest it was trained with"
        )
    for sentence in data.skipped:
        progress.message(sentence)
    if not recorded.store:
        run.update(data=data.record)  # imported: from now on it belongs to what it is scored on
    elif data.record.fingerprint != recorded.fingerprint:
        _refuse_to_replace(run, split, data, overwrite=overwrite)
        progress.message("The manifest or the store is not, or no more, what this run was trained on.")
    elif run.trained_on(split):
        progress.message(
            f"The {split} split trained this run (protocol {run.record.protocol}): this is not what it "
            "reaches on segments that are new to it."
        )
    if not run.finished:
        progress.message(
            f"The training is not finished: {run.record.epochs_done} of {run.record.epochs} epochs are done."
        )
    network = load_network(run)
    predictions = predict(
        network, run, data=data, split=split, device=device, workers=workers, progress=progress
    )
    segments = [each for chosen in data.segments.values() for each in chosen]
    scores = score(
        predictions,
        origin=Origin.of(run),
        split=split,
        manifest_fingerprint=data.record.manifest_fingerprint,
    ).model_copy(
        update={
            "data_fingerprint": data.record.fingerprint,
            "verbs": score_parts(predictions, parts_of_actions(segments, "verb")),
            "nouns": score_parts(predictions, parts_of_actions(segments, "noun")),
        }
    )
    write_predictions(predictions, run.predictions_file(split))
    run.write_scores(scores)
    return scores


def _refuse_to_replace(run: Run, split: str, data: LabelledData, *, overwrite: bool) -> None:
    scores, own = run.scores(split), run.record.data
    if overwrite or scores is None or scores.manifest_fingerprint != own.manifest_fingerprint:
        return
    if scores.data_fingerprint in (None, own.fingerprint):
        raise RunError(
            f"{run.scores_file(split)} is on the data that {run.name} was trained with: --overwrite replaces "
            f"it by scores on {data.manifest_file} with the videos in {data.store}"
        )


def predict(
    network: Network,
    run: Run,
    *,
    data: LabelledData,
    split: str,
    device: torch.device | None = None,
    workers: int = 0,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> Predictions:
    """Return the probabilities that `network` gives the segments of `split` (centre crops).

    Raises:
        RunError: if the memory of the device, or that which workers share, does not suffice.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings = clip_settings(run.recipe, augment=False, targets=False)
    segments = data.segments[split]
    dataset = ClipDataset(data.store, segments, run.record.actions, settings, seed=0, cache_bytes=0)
    loader = clip_loader(dataset, batch_size=run.clips_at_once, workers=workers, shuffle=False, seed=0)
    network = network.to(device).eval()
    rows = []
    task = f"evaluate on {split}"
    progress.start(task, total=len(segments), unit="segments")
    with torch.inference_mode():
        for batch in _batches(loader, workers):
            inputs = {name: batch[name].to(device) for name in ("frames", "flow") if name in batch}
            try:
                logits = forward_clip(network, cast(Clip, inputs)).logits
            except torch.OutOfMemoryError as error:
                raise RunError(
                    f"the memory of the GPU cannot hold {run.clips_at_once} clips of {run.name} at once: "
                    "--device cpu has the computer's memory"
                ) from error
            rows.append(logits.double().softmax(dim=1).cpu().numpy())
            progress.advance(task, len(batch["label"]))
    progress.finish(task)
    return Predictions(
        segments=tuple(segment.segment for segment in segments),
        actions=run.record.actions,
        labels=np.array(dataset.labels, dtype=np.int64),
        probabilities=np.concatenate(rows),
    )


def _batches(loader: DataLoader[Clip], workers: int) -> Iterator[Clip]:
    """Yield the batches of `loader`; memory that its workers lack is a sentence."""
    try:
        yield from loader
    except RuntimeError as error:
        problem = shared_memory_problem(error, workers)
        if problem is None:
            raise
        raise RunError(problem) from error
