"""Two runs, or the trials of two experiments, side by side on the same segments."""

import csv
import dataclasses
import io
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import UsageError
from egotool.evaluation import Comparison, Predictions, compare_predictions, read_predictions
from egotool.evaluation.fusion import scores_of
from egotool.evaluation.fusion_folder import Fusion, is_fusion, read_fusion
from egotool.reporting.recipes import recipe_digest
from egotool.runs import Run, Scores, find_runs, model_names, resolve_run
from egotool.runs.loading import ALIASES


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the trials of one experiment, or a single run or fusion."""

    name: str
    """What the user typed."""
    members: tuple[Run | Fusion, ...]
    scores: tuple[Scores, ...]
    predictions: tuple[Predictions, ...]

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seed of each trial; a fusion has none of its own."""
        return tuple(each.record.seed if isinstance(each, Run) else None for each in self.members)

    @property
    def sentence(self) -> str:
        """What was scored: model, recipe, protocol, epochs, runs."""
        first = self.scores[0]
        epochs = "; ".join(dict.fromkeys(each.selection for each in self.scores))
        names = ", ".join(member.name for member in self.members)
        return f"{first.model}, recipe {first.recipe}, protocol {first.protocol} ({epochs}): {names}"


@dataclass(frozen=True, slots=True)
class SidesCompared:
    """Both sides and what comes of comparing them."""

    a: Side
    b: Side
    split: str
    comparison: Comparison
    notes: tuple[str, ...]


def compare_sides(name_a: str, name_b: str, *, runs: Path, split: str = "test") -> SidesCompared:
    """Compare two runs, or all trials of two models.

    Args:
        name_a: a run or fusion (folder, name, or the beginning of one), several separated by commas, or a
            model's name for all trials of its own recipe.
        name_b: the same.
        runs: folder of runs.
        split: whose predictions are compared.

    Raises:
        UsageError: if both are the same, or a model has no scored run.
        RunError: if a run is missing, not scored on `split`, or was scored on other segments.
    """
    a = _side(name_a, runs=runs, split=split)
    b = _side(name_b, runs=runs, split=split)
    same = {member.folder.resolve() for member in a.members} & {
        member.folder.resolve() for member in b.members
    }
    if same:
        raise UsageError(f"--compare: {sorted(same)[0].name} is on both sides: name two different runs")
    comparison = compare_predictions(a.predictions, b.predictions, pairs=_pairs(a, b))
    return SidesCompared(a, b, split, comparison, tuple(_notes(a, b)))


def _side(name: str, *, runs: Path, split: str) -> Side:
    model = ALIASES.get(name, name)
    if model in model_names() and not (runs / name).is_dir() and not Path(name).is_dir():
        members: list[Run | Fusion] = [*_trials(model, runs=runs, split=split)]
    else:
        members = [_member(part.strip(), runs) for part in name.split(",") if part.strip()]
    if not members:
        raise UsageError("--compare takes two runs: `egotool report --compare RUN_A RUN_B`")
    scores = tuple(scores_of(member, split=split) for member in members)
    predictions = tuple(read_predictions(member.predictions_file(split)) for member in members)
    return Side(name, tuple(members), scores, predictions)


def _member(name: str, runs: Path) -> Run | Fusion:
    for folder in (Path(name), runs / name):
        if is_fusion(folder):
            return read_fusion(folder)
    fusions = sorted(path.parent for path in runs.glob("*/fusion.json")) if runs.is_dir() else []
    fitting = [folder for folder in fusions if folder.name.startswith(name)]
    return read_fusion(fitting[0]) if len(fitting) == 1 else resolve_run(name, runs=runs)


def _trials(model: str, *, runs: Path, split: str) -> list[Run]:
    """Return the trials of the model's own recipe; of several experiments the one with most, then newest."""
    groups: dict[tuple[bool, str, str, str], dict[int, Run]] = defaultdict(dict)
    for run in find_runs(runs, model=model):
        if run.scores(split) is not None:
            record = run.record
            own = not record.overrides and not record.balance and not run.recipe.row
            trained = f"{recipe_digest(run.recipe)}, balance {record.balance}"
            key = (own, trained, record.data.fingerprint, record.protocol)
            groups[key][record.seed] = run  # oldest first: of one seed the newest stays
    if not groups:
        raise UsageError(
            f"--compare: there is no run of {model} scored on the {split} split in {runs}: "
            f"`egotool train {model}` makes one"
        )
    chosen = max(
        groups,
        key=lambda key: (key[0], len(groups[key]), max(run.record.started for run in groups[key].values())),
    )
    return [groups[chosen][seed] for seed in sorted(groups[chosen])]


def _pairs(a: Side, b: Side) -> list[tuple[int, int]]:
    """Return the trials of equal seed; a single trial on each side is a pair whatever its seed."""
    if len(a.members) == len(b.members) == 1:
        return [(0, 0)]
    places = {seed: place for place, seed in enumerate(b.seeds) if seed is not None}
    return [
        (place, places[seed]) for place, seed in enumerate(a.seeds) if seed is not None and seed in places
    ]


def _notes(a: Side, b: Side) -> list[str]:
    notes = []
    if {each.protocol for each in a.scores} != {each.protocol for each in b.scores}:
        notes.append(
            "The protocols differ: under `paper` the test split picked the epoch, which flatters that side."
        )
    notes += [
        f"{side.name}: runs of different recipes are averaged."
        for side in (a, b)
        if len({each.recipe for each in side.scores}) > 1
    ]
    return notes


def heading(compared: SidesCompared) -> str:
    """Return "A against B on 528 test segments"."""
    a, b = compared.a.name, compared.b.name
    return f"{a} against {b} on {compared.comparison.segments} {compared.split} segments"


def sentences(compared: SidesCompared) -> list[str]:
    """Return what was compared and what the numbers are, a sentence each."""
    comparison = compared.comparison
    resampled = "segments"
    if len(compared.a.members) > 1 or len(compared.b.members) > 1:
        resampled += " and pairs of trials of one seed" if comparison.paired_trials else " and trials"
    lines = [
        f"A: {compared.a.sentence}.",
        f"B: {compared.b.sentence}.",
        f"{comparison.confidence:.0%} interval of the difference: bootstrap over {resampled}, "
        f"{comparison.resamples} resamples, seed {comparison.seed}. McNemar's test: exact, two-sided, on the "
        "segments that exactly one of the two gets right.",
        verdict(compared),
    ]
    if not comparison.pairs:
        lines.append("McNemar's test needs one trial of each: no seeds match.")
    return [*lines, *compared.notes]


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
    if len(comparison.pairs) == 1 and len(compared.a.members) == len(compared.b.members) == 1:
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
