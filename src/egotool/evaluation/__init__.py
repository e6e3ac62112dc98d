"""Scoring a run on a split, comparing two on the same segments, and fusing the scores of several."""

import importlib
from typing import TYPE_CHECKING

from egotool.evaluation.alignment import align
from egotool.evaluation.comparison import Comparison, PairedCounts, compare_predictions
from egotool.evaluation.fusion import fuse_predictions
from egotool.evaluation.predictions import Predictions, pooled, read_predictions, write_predictions
from egotool.evaluation.statistics import Interval, bootstrap_difference, mcnemar, wilson_interval

if TYPE_CHECKING:
    from egotool.evaluation.evaluating import evaluate_run, predict
    from egotool.evaluation.scoring import Origin, score

__all__ = [
    "Comparison",
    "Interval",
    "Origin",
    "PairedCounts",
    "Predictions",
    "align",
    "bootstrap_difference",
    "compare_predictions",
    "evaluate_run",
    "fuse_predictions",
    "mcnemar",
    "pooled",
    "predict",
    "read_predictions",
    "score",
    "wilson_interval",
    "write_predictions",
]

_NEED_TORCH = {"evaluate_run": "evaluating", "predict": "evaluating", "Origin": "scoring", "score": "scoring"}
"""Names by module that are imported on first use: who only compares predictions need not wait for torch."""


def __getattr__(name: str) -> object:
    """Import what needs torch when it is first asked for."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NEED_TORCH[name]}"), name)
