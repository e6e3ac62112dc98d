"""Scoring a run on a split: predictions, accuracies with their intervals, confusion."""

from egotool.evaluation.evaluating import evaluate_run, predict
from egotool.evaluation.predictions import Predictions, read_predictions, write_predictions
from egotool.evaluation.scoring import score
from egotool.evaluation.statistics import Interval, wilson_interval

__all__ = [
    "Interval",
    "Predictions",
    "evaluate_run",
    "predict",
    "read_predictions",
    "score",
    "wilson_interval",
    "write_predictions",
]
