"""The sentences below a table that say what its numbers are."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from egotool.reporting.outcomes import Cohort, Outcome

_PROTOCOLS = {
    "honest": "protocol `honest` (the validation split picks the epoch, the test split is used once)",
    "paper": "protocol `paper` (the test split picks the epoch, as the paper's author did: optimistic)",
}


def own_footnotes(
    trials: Sequence[Outcome],
    *,
    members: Sequence[Outcome],
    others: Mapping[Cohort, Sequence[Outcome]],
    with_increase: bool,
) -> tuple[str, ...]:
    """Return the footnotes about the own numbers of a table.

    Args:
        trials: the trials that were averaged, all of one cohort.
        members: all trials of that cohort that fit a row of the table, averaged or not.
        others: further cohorts with trials for this table, which are not shown.
        with_increase: whether the table has a column of differences to RGB.
    """
    notes: list[str] = []
    if trials:
        notes.append(_what_was_measured(trials))
        notes.append(_comparable(trials))
        notes.append(_how_computed(trials, with_increase=with_increase))
        notes += [note for note in (_epochs(trials), _last_epoch(trials), _changes(trials)) if note]
    unused = sorted({member.run for member in members} - {trial.run for trial in trials})
    if unused:
        notes.append(
            "Left out, trained with other hyper-parameters or a repetition of the same seed: "
            f"{_listed(unused)}."
        )
    notes.extend(_not_shown(cohort, rest) for cohort, rest in sorted(others.items()))
    return tuple(notes)


def _what_was_measured(trials: Sequence[Outcome]) -> str:
    first = trials[0]
    reasons = sorted({trial.recipe_reason for trial in trials if trial.recipe_reason})
    chosen = f" ({'; '.join(reasons)})" if reasons else ""
    protocol = _PROTOCOLS.get(first.protocol, f"protocol `{first.protocol}`")
    seeds = sorted({trial.seed for trial in trials})
    return (
        f"Yours: recipe `{first.recipe}`{chosen}, clips of {_either(t.clip_length for t in trials)} frames; "
        f"{protocol}; {first.split} split of {_either(t.segments for t in trials)} segments with "
        f"{first.actions} actions (always the most frequent one: {first.chance:.1f} %); "
        f"data {first.data_name} ({first.data[:12]}); "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}."
    )


def _either(values: Iterable[int]) -> str:
    return " or ".join(str(value) for value in sorted(set(values)))


def _epochs(trials: Sequence[Outcome]) -> str:
    """Say which epochs were scored, model by model."""
    parts = []
    for model, members in _by_model(trials).items():
        chosen = ", ".join("?" if trial.epoch is None else str(trial.epoch) for trial in members)
        parts.append(f"{model} {chosen} of {_either(trial.epochs for trial in members)}")
    return f"Best epoch on the {trials[0].selection_split} split, by trial: {'; '.join(parts)}."


def _changes(trials: Sequence[Outcome]) -> str:
    """Say what `--set` changed; differences between rows may come from it."""
    parts = [
        f"{model} {', '.join(sorted(changed))}"
        for model, members in _by_model(trials).items()
        if (changed := {override for trial in members for override in trial.overrides})
    ]
    return f"Changed in the recipe with --set: {'; '.join(parts)}." if parts else ""


def _by_model(trials: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    models: dict[str, list[Outcome]] = {}
    for trial in trials:
        models.setdefault(trial.model, []).append(trial)
    return models


def _comparable(trials: Sequence[Outcome]) -> str:
    recipe = trials[0].recipe
    if recipe == "paper":
        return (
            "Recipe `paper` follows the publication; a difference to the published numbers means "
            "something only on the same data, GTEA-61 with its fixed split."
        )
    return (
        f"Recipe `{recipe}` is not comparable with the published numbers: another network, another "
        "training and other data than the paper's; compare your own rows with each other only."
    )


def _how_computed(trials: Sequence[Outcome], *, with_increase: bool) -> str:
    difference = (
        " Δ RGB: points above the mean of convlstm-attention of the same recipe, data and protocol."
        if with_increase
        else ""
    )
    return (
        "± is the standard deviation over trials (n − 1). 95 % interval: Wilson's, from the mean share of "
        "right answers and the number of different test segments; trials share these segments, so repeating "
        "a training does not narrow it." + difference
    )


def _last_epoch(trials: Sequence[Outcome]) -> str:
    means = [
        f"{model} {statistics.fmean(values):.1f}"
        for model, members in _by_model(trials).items()
        if (values := [trial.accuracy_last for trial in members if trial.accuracy_last is not None])
    ]
    return f"Last epoch instead of best: {', '.join(means)}." if means else ""


def _not_shown(cohort: Cohort, outcomes: Sequence[Outcome]) -> str:
    count = len({outcome.run for outcome in outcomes})
    return (
        f"Not shown: {count} {'run' if count == 1 else 'runs'} of recipe `{cohort.recipe}`, protocol "
        f"`{cohort.protocol}`, {cohort.split} split, on data "
        f"{outcomes[0].data_name} ({cohort.data[:12]}); "
        "different recipes, data or protocols are never averaged (choose with --recipe or --runs)."
    )


def _listed(names: Sequence[str], *, at_most: int = 6) -> str:
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
