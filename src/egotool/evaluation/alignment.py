"""Predictions of different networks brought to the same order of segments and actions."""

import numpy as np

from egotool.errors import RunError
from egotool.evaluation.predictions import Predictions

_TRAIN = "train both on one manifest"
_SCORE = "score both with one manifest: `egotool evaluate RUN --manifest FILE`"


def align(predictions: Predictions, reference: Predictions, *, names: tuple[str, str]) -> Predictions:
    """Return `predictions` with segments and actions in the order that `reference` has them in.

    Args:
        predictions: of one network.
        reference: of another, for the same segments.
        names: what to call the two in errors.

    Raises:
        RunError: if the two do not answer the same questions: other actions, segments or labels.
    """
    first, second = names
    _same(
        predictions.actions,
        reference.actions,
        what="action",
        names=names,
        remedy="train both on one manifest",
    )
    _same(
        predictions.segments,
        reference.segments,
        what="segment",
        names=names,
        remedy="score both with one manifest: `egotool evaluate RUN --manifest FILE`",
    )
    places = {segment: place for place, segment in enumerate(predictions.segments)}
    rows = np.array([places[segment] for segment in reference.segments], dtype=np.intp)
    columns = np.array([predictions.actions.index(action) for action in reference.actions], dtype=np.intp)
    class_in_reference = np.argsort(columns)
    labels = class_in_reference[predictions.labels[rows]].astype(np.int64)
    different = np.flatnonzero(labels != reference.labels)
    if different.size:
        example = reference.segments[int(different[0])]
        raise RunError(
            f"{first} and {second} were scored with different labels: {different.size} of "
            f"{len(reference.segments)} segments differ, such as {example}; {_SCORE}"
        )
    return Predictions(
        reference.segments, reference.actions, labels, predictions.probabilities[np.ix_(rows, columns)]
    )


def _same(
    one: tuple[str, ...], other: tuple[str, ...], *, what: str, names: tuple[str, str], remedy: str
) -> None:
    for words, name in zip((one, other), names, strict=True):
        if len(set(words)) != len(words):
            raise RunError(
                f"the predictions of {name} name a {what} twice: run `egotool evaluate` on it again"
            )
    only_one, only_other = sorted(set(one) - set(other)), sorted(set(other) - set(one))
    if only_one or only_other:
        raise RunError(
            f"{names[0]} and {names[1]} were scored on different {what}s: {len(only_one)} only in the first, "
            f"{len(only_other)} only in the second, such as {(only_one or only_other)[0]}; {remedy}"
        )
