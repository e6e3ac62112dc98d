"""A comparison of two sides as text: for the terminal, markdown, CSV, JSON and LaTeX."""

import csv
import dataclasses
import io
import json

from egotool.reporting.comparing import SidesCompared


def heading(compared: SidesCompared) -> str:
    """Return "A against B on 528 test segments"."""
    a, b = compared.a.name, compared.b.name
    return f"{a} against {b} on {compared.comparison.segments} {compared.split} segments"


def sentences(compared: SidesCompared) -> list[str]:
    """Return what was compared and what the numbers are, a sentence each."""
    sides = (f"A: {compared.a.sentence}.", f"B: {compared.b.sentence}.")
    return [*sides, method(compared), verdict(compared), *warnings_of(compared)]


def method(compared: SidesCompared) -> str:
    """Return how the interval and the test were computed."""
    comparison = compared.comparison
    resampled = "segments"
    if len(compared.a.trials) > 1 or len(compared.b.trials) > 1:
        resampled += " and pairs of trials of one seed" if comparison.paired_trials else " and trials"
    return (
        f"{comparison.confidence:.0%} interval of the difference: bootstrap over {resampled}, "
        f"{comparison.resamples} resamples, seed {comparison.seed}. McNemar's test: exact, two-sided, on the "
        "segments that exactly one of the two gets right."
    )


def warnings_of(compared: SidesCompared) -> list[str]:
    """Return what makes the comparison say less than it seems, a sentence each."""
    unpaired = (
        [] if compared.comparison.pairs else ["McNemar's test needs one trial of each: no seeds match."]
    )
    return [*unpaired, *compared.notes]


def verdict(compared: SidesCompared) -> str:
    """Return in words whether the interval separates the two."""
    comparison = compared.comparison
    if not comparison.separated:
        return "The interval includes 0: these runs do not say which of the two is better."
    better = "A" if comparison.difference > 0 else "B"
    return f"The interval excludes 0: {better} is better on these segments."


ROWS = (
    "accuracy A",
    "accuracy B",
    "difference",
    "interval",
    "both right",
    "only A",
    "only B",
    "both wrong",
    "p",
)


def cells(compared: SidesCompared) -> list[tuple[str, ...]]:
    """Return the lines of the table: all trials together first, then one per pair of trials."""
    comparison = compared.comparison
    low, high = 100 * comparison.interval.low, 100 * comparison.interval.high
    whole = (
        f"{100 * comparison.accuracy_a:.1f}",
        f"{100 * comparison.accuracy_b:.1f}",
        signed(100 * comparison.difference),
        f"{signed(low)} to {signed(high)}",
    )
    if len(comparison.pairs) == 1 and len(compared.a.trials) == len(compared.b.trials) == 1:
        return [(_pair_name(compared, 0), *whole, *_counts(compared, 0))]
    lines: list[tuple[str, ...]] = [("all trials", *whole, "", "", "", "", "")]
    for number, pair in enumerate(comparison.pairs):
        one, other = comparison.accuracies_a[pair.trial_a], comparison.accuracies_b[pair.trial_b]
        own = (f"{100 * one:.1f}", f"{100 * other:.1f}", signed(100 * (one - other)), "")
        lines.append((_pair_name(compared, number), *own, *_counts(compared, number)))
    return lines


def _pair_name(compared: SidesCompared, number: int) -> str:
    pair = compared.comparison.pairs[number]
    one, other = compared.a.seeds[pair.trial_a], compared.b.seeds[pair.trial_b]
    if one == other and one is not None:
        return f"seed {one}"
    return " / ".join("fusion" if seed is None else f"seed {seed}" for seed in (one, other))


def _counts(compared: SidesCompared, number: int) -> tuple[str, ...]:
    pair = compared.comparison.pairs[number]
    counts = (pair.both_right, pair.only_a, pair.only_b, pair.both_wrong)
    return (*map(str, counts), f"{pair.p_value:.2g}")


def signed(points: float) -> str:
    """Return "+1.2", "−3.4" (a true minus sign), "0.0"."""
    text = f"{points:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def to_markdown(compared: SidesCompared) -> str:
    """Return heading, table and sentences as markdown."""
    lines = [f"**{_plain(heading(compared))}**", "", "| trials | " + " | ".join(ROWS) + " |"]
    lines.append("|---|" + "---:|" * len(ROWS))
    lines += [f"| {' | '.join(line)} |" for line in cells(compared)]
    return "\n".join([*lines, "", *(f"- {_plain(sentence)}" for sentence in sentences(compared))]) + "\n"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def to_csv(compared: SidesCompared) -> str:
    """Return the table, unrounded, rates between −1 and 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("accuracy_a", "accuracy_b", "difference", "interval_low", "interval_high")
    counts = ("both_right", "only_a", "only_b", "both_wrong", "p_value")
    writer.writerow(["trials", *names, *counts])
    comparison = compared.comparison
    interval = comparison.interval
    means = (comparison.accuracy_a, comparison.accuracy_b, comparison.difference)
    writer.writerow(["all", *means, interval.low, interval.high, "", "", "", "", ""])
    for number, pair in enumerate(comparison.pairs):
        one, other = comparison.accuracies_a[pair.trial_a], comparison.accuracies_b[pair.trial_b]
        found = [getattr(pair, name) for name in counts]
        writer.writerow([_pair_name(compared, number), one, other, one - other, "", "", *found])
    return text.getvalue()


def to_json(compared: SidesCompared) -> str:
    """Return one JSON document; rates between −1 and 1."""
    comparison = dataclasses.asdict(compared.comparison)
    comparison["interval"] = list(compared.comparison.interval)
    comparison |= {
        "accuracy_a": compared.comparison.accuracy_a,
        "accuracy_b": compared.comparison.accuracy_b,
        "separated": compared.comparison.separated,
    }
    sides = {
        name: {
            "name": side.name,
            "runs": [member.name for member in side.members],
            "seeds": side.seeds,
            "folds": side.folds,
            "models": [each.model for each in side.scores],
            "recipes": [each.recipe for each in side.scores],
            "protocols": [each.protocol for each in side.scores],
            "selections": [each.selection for each in side.scores],
        }
        for name, side in (("a", compared.a), ("b", compared.b))
    }
    document = {**sides, "split": compared.split, "comparison": comparison, "notes": compared.notes}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


_LATEX = str.maketrans(
    {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "−": "$-$", "`": "", "{": r"\{", "}": r"\}"}
)


def to_latex(compared: SidesCompared) -> str:
    """Return a booktabs table; the sentences are comments above it."""
    lines = [f"% {sentence}" for sentence in sentences(compared)]
    lines += [r"\begin{tabular}{l" + "r" * len(ROWS) + "}", r"\toprule"]
    lines.append(" & ".join(("trials", *ROWS)) + r" \\")
    lines.append(r"\midrule")
    lines += [" & ".join(cell.translate(_LATEX) for cell in line) + r" \\" for line in cells(compared)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"
