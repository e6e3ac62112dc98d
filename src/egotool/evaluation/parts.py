"""Verbs and nouns: how well the parts of actions are told apart by a network that tells actions apart.

As EGTEA Gaze+ and EPIC-KITCHENS report them, next to the actions. The score of a verb is the sum of the
probabilities of all actions that have it.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np

from egotool.evaluation.predictions import Predictions
from egotool.manifests import Segment
from egotool.runs import PartScores


def parts_of_actions(segments: Iterable[Segment], part: Literal["verb", "noun"]) -> dict[str, str]:
    """Return the verb, or the noun, of every action.

    Actions that have none in the manifest, or different ones in different segments (where the label is the
    verb, its nouns), are left out.
    """
    found: dict[str, set[str]] = {}
    for segment in segments:
        found.setdefault(segment.action, set()).add(segment.verb if part == "verb" else segment.noun)
    return {action: "".join(parts) for action, parts in found.items() if len(parts) == 1 and "" not in parts}


def score_parts(predictions: Predictions, part_of: Mapping[str, str]) -> PartScores | None:
    """Return the scores of verbs or nouns; None if an action has none, or all have the same.

    With fewer than five of them, top-5 counts as many as there are.

    Args:
        predictions: for N segments.
        part_of: action → its verb or noun.
    """
    if not predictions.segments or any(action not in part_of for action in predictions.actions):
        return None
    names = sorted({part_of[action] for action in predictions.actions})
    if len(names) < 2:
        return None
    numbers = np.array([names.index(part_of[action]) for action in predictions.actions])
    belongs = np.eye(len(names))[numbers]  # (actions, parts): 1 where the action has the part
    probabilities = predictions.probabilities @ belongs
    labels = numbers[predictions.labels]
    ranked = np.argsort(-probabilities, axis=1, kind="stable")
    right = ranked[:, 0] == labels
    rates = [right[labels == number].mean() for number in np.unique(labels)]
    return PartScores(
        classes=len(names),
        segments=len(labels),
        top1=float(right.mean()),
        top5=float((ranked[:, :5] == labels[:, None]).any(axis=1).mean()),
        mean_class_accuracy=float(np.mean(rates)),
    )
