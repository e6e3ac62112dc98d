"""From predictions to scores."""

from dataclasses import dataclass

import numpy as np
import torch
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_confusion_matrix

from egotool.evaluation.predictions import Predictions
from egotool.evaluation.statistics import wilson_interval
from egotool.runs import ClassScore, Protocol, Run, RunRecord, Scores, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where predictions come from: what scores say of it."""

    name: str
    """Name of the folder."""
    model: str
    recipe: str
    protocol: Protocol
    selection: str
    """In words: which epoch this is and what chose it."""

    @classmethod
    def of(cls, run: Run) -> "Origin":
        """Return what scores say of `run`."""
        record = run.record
        return cls(
            name=run.name,
            model=record.model,
            recipe=record.recipe,
            protocol=record.protocol,
            selection=_selection(record),
        )


def _selection(record: RunRecord) -> str:
    """Return what chose the epoch; of an unfinished training, among how many so far."""
    if record.status == "finished" or record.best is None:
        return record.selection
    so_far = f"the best of {record.epochs_done} of {record.epochs} epochs so far"
    return f"epoch {record.best.epoch + 1}, {so_far}"


def score(predictions: Predictions, *, origin: Origin, split: str, manifest_fingerprint: str) -> Scores:
    """Return the scores of `predictions`, which `origin` made for `split`.

    Mean class accuracy averages over the actions that the split shows; with fewer than five actions top-5
    counts as many as there are.
    """
    classes, total = len(predictions.actions), len(predictions.segments)
    probabilities = torch.from_numpy(predictions.probabilities)
    labels = torch.from_numpy(predictions.labels)
    confusion = multiclass_confusion_matrix(probabilities, labels, num_classes=classes).numpy()
    top5 = multiclass_accuracy(
        probabilities, labels, num_classes=classes, top_k=min(5, classes), average="micro"
    )
    counts, right = confusion.sum(axis=1), confusion.diagonal()
    shown = counts > 0
    rates = np.where(shown, right / np.maximum(counts, 1), 0.0)
    interval = wilson_interval(int(right.sum()), total)
    given = predictions.probabilities[np.arange(total), predictions.labels]
    return Scores(
        run=origin.name,
        model=origin.model,
        recipe=origin.recipe,
        protocol=origin.protocol,
        selection=origin.selection,
        split=split,
        segments=total,
        top1=float(right.sum() / total),
        top5=float(top5),
        mean_class_accuracy=float(rates[shown].mean()),
        interval_low=interval.low,
        interval_high=interval.high,
        chance=float(counts.max() / total),
        loss=float(-np.log(np.maximum(given, 1e-12)).mean()),
        actions=predictions.actions,
        per_class=tuple(
            ClassScore(action=action, segments=int(count), correct=int(hits), accuracy=float(rate))
            for action, count, hits, rate in zip(predictions.actions, counts, right, rates, strict=True)
        ),
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion),
        manifest_fingerprint=manifest_fingerprint,
        created=utc_now(),
    )
