"""Run folders with curves, predictions and weights."""

from pathlib import Path

import numpy as np

from egotool.evaluation import Predictions, write_predictions
from egotool.runs import Run
from tests.reporting.fabricated import ACTIONS, make_run

METRICS = """epoch,lr,train/loss,train/head_loss,train/accuracy,validation/loss,validation/accuracy
0,0.1,2.5,0.5,0.25,2.0,0.5
1,0.1,1.5,0.25,0.5,nan,0.75
"""


def trained(runs: Path, name: str, *, model: str, right: int = 7, segments: int = 10, seed: int = 0) -> Run:
    """Write a run that answers the first `right` of `segments` segments of each action rightly."""
    run = make_run(runs, name, model=model, correct=(right, right), totals=(segments, segments), seed=seed)
    (run.folder / "metrics.csv").write_text(METRICS)
    run.best_checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run.best_checkpoint.write_bytes(name.encode())
    labels = np.repeat(np.arange(len(ACTIONS)), segments)
    right_ones = np.tile(np.arange(segments) < right, len(ACTIONS))
    predicted = np.where(right_ones, labels, 1 - labels)
    predictions = Predictions(
        segments=tuple(f"{ACTIONS[label]}/{place}" for place, label in enumerate(labels)),
        actions=ACTIONS,
        labels=labels,
        probabilities=np.eye(len(ACTIONS))[predicted],
    )
    write_predictions(predictions, run.predictions_file("test"))
    return run
