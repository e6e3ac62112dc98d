"""Writes docs/results.md from finished runs: nothing in it is written by hand."""

import os
import platform
import shlex
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results_heads import head_result, head_section, prose

from egotool.evaluation import (
    Predictions,
    compare_predictions,
    fuse_predictions,
    read_predictions,
)
from egotool.evaluation.comparison import Comparison
from egotool.files import write_text
from egotool.reporting import DOCUMENTS, collect_outcomes, comparison_table, wilson_interval
from egotool.reporting.figures import choose_figure_runs, write_pictures
from egotool.reporting.sheet_frames import choose_rows
from egotool.runs import Run, find_runs, read_run
from egotool.store import Store

BASELINE = "convlstm-attention"
FUSION_WEIGHTS = ((1.0, 1.0), (1.0, 1.5), (1.5, 1.0))


@dataclass(frozen=True)
class Variant:
    """A model with something changed, and the seeds it was trained with."""

    model: str
    changes: tuple[str, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Trials:
    """The finished trials of one experiment, in the order of their seeds."""

    runs: tuple[Run, ...]
    predictions: tuple[Predictions, ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        return tuple(100 * float((each.predicted == each.labels).mean()) for each in self.predictions)

    def of_seeds(self, seeds: Sequence[int]) -> "Trials":
        places = [place for place, run in enumerate(self.runs) if run.record.seed in seeds]
        return Trials(
            tuple(self.runs[place] for place in places), tuple(self.predictions[place] for place in places)
        )


def write_page(
    folder: Path,
    page: Path,
    *,
    models: Sequence[str],
    variants: Sequence[Variant],
    commands: Sequence[Sequence[str]],
) -> None:
    """Write the page about the finished runs in `folder`."""
    here = Path.cwd()
    target = page.resolve()
    os.chdir(folder)  # runs name their store as it was typed there
    try:
        text = "\n".join(_lines(models, variants, commands))
        draw_figures(target.parent / "pictures")
    finally:
        os.chdir(here)
    write_text(target, text + "\n")


def _lines(
    models: Sequence[str], variants: Sequence[Variant], commands: Sequence[Sequence[str]]
) -> Iterator[str]:
    trials = {model: find_trials(model) for model in models}
    compared = {
        model: compare_predictions(each.predictions, trials[BASELINE].predictions)
        for model, each in trials.items()
        if model != BASELINE
    }
    yield from _head(trials, commands)
    yield from _main_table(trials, compared)
    yield from _conclusions(trials, compared)
    yield from _fusion(trials)
    yield from head_section({model: each.runs for model, each in trials.items()})
    yield from _variants(trials, variants)
    yield from _paper_tables()
    yield from _figures()
    yield from _costs()


def find_trials(model: str, overrides: tuple[str, ...] = ()) -> Trials:
    """Return the finished trials of a model that were trained with `overrides`, by seed."""
    runs = [
        run
        for run in find_runs(Path("runs"), model=model)
        if run.record.overrides == overrides and run.record.recipe == "small"
    ]
    runs.sort(key=lambda run: run.record.seed)
    return Trials(tuple(runs), tuple(read_predictions(run.predictions_file("test")) for run in runs))


def _head(trials: Mapping[str, Trials], commands: Sequence[Sequence[str]]) -> Iterator[str]:
    run = trials[BASELINE].runs[0]
    counts = {split: sum(each.values()) for split, each in run.record.data.segments.items()}
    seeds = ", ".join(str(each.record.seed) for each in trials[BASELINE].runs)
    yield "# Results on rendered data"
    yield ""
    yield prose(
        "Made by `make results`; nothing on this page is written by hand. Recipe `small` (a narrow ResNet-18 "
        "from scratch, 56×56 pixels, 8 frames), protocol `honest`: the validation split picks the epoch, the "
        f"test split is used once per trial. Seeds {seeds}. {len(run.record.actions)} actions in rendered "
        f"kitchens: {counts['train']} segments train, {counts['validation']} of the same people validate, "
        "and "
        f"{counts['test']} of people that no training has seen test. These numbers compare with each other, "
        "not with the published ones, which are of other data."
    )
    yield ""
    yield "```"
    yield from (f"egotool {shlex.join(command)}" for command in commands)
    yield "```"
    yield ""


def _main_table(trials: Mapping[str, Trials], compared: Mapping[str, Comparison]) -> Iterator[str]:
    yield "## All eight models"
    yield ""
    yield prose(
        "Accuracy in percent. **95 %**: Wilson's interval from the number of test segments. **Δ RGB**: "
        f"difference to `{BASELINE}` in points, with the 95 % bootstrap interval over segments and pairs of "
        "trials of one seed. "
        "**McNemar**: exact p-value against RGB of the same seed, by seed. Epochs (of the last stage) are "
        "counted from 1; minutes are those of the model's own last stage, all trials together, on one core."
    )
    yield ""
    yield "| model | by seed | mean ± sd | 95 % | Δ RGB | interval | McNemar | epoch | minutes |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for model, each in trials.items():
        mean = statistics.fmean(each.accuracies)
        total = len(each.predictions[0].segments)
        low, high = wilson_interval(mean / 100, total)
        difference, interval, p_values = "", "", ""
        if model in compared:
            comparison = compared[model]
            difference = f"{100 * comparison.difference:+.1f}"
            interval = f"{100 * comparison.interval.low:+.1f} to {100 * comparison.interval.high:+.1f}"
            p_values = ", ".join(f"{pair.p_value:.2g}" for pair in comparison.pairs)
        epochs = ", ".join(str(run.record.best.epoch + 1) if run.record.best else "?" for run in each.runs)
        minutes = sum(run.record.seconds for run in each.runs) / 60
        yield (
            f"| {model} | {', '.join(f'{accuracy:.1f}' for accuracy in each.accuracies)} "
            f"| {_mean_and_deviation(each.accuracies)} | {100 * low:.1f}–{100 * high:.1f} "
            f"| {difference} | {interval} | {p_values} | {epochs} | {minutes:.0f} |"
        )
    yield ""


def _mean_and_deviation(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.1f}"
    return f"{mean} ± {statistics.stdev(values):.1f}" if len(values) > 1 else mean


def _conclusions(trials: Mapping[str, Trials], compared: Mapping[str, Comparison]) -> Iterator[str]:
    yield "Does the interval separate each model from RGB?"
    yield ""
    for model, comparison in compared.items():
        head = trials[model].runs[0].recipe.head
        what = f" ({head.kind} at the {head.tap})" if head is not None else ""
        width = 50 * (comparison.interval.high - comparison.interval.low)
        if comparison.separated:
            verdict = "**better** than RGB" if comparison.difference > 0 else "**worse** than RGB"
        else:
            verdict = f"**not separated** from RGB: the difference is known to ± {width:.1f} points only"
        yield f"- `{model}`{what}: {100 * comparison.difference:+.1f} points, {verdict}."
    yield ""


def _fusion(trials: Mapping[str, Trials]) -> Iterator[str]:
    rgb, flow = trials[BASELINE], trials["flow"]
    yield "## Late fusion"
    yield ""
    yield prose(
        "What `egotool fuse RGB_RUN FLOW_RUN --weights …` gives: the weighted average of the probabilities "
        "of the trials of one seed, to be compared with the joint training of both (`two-stream`)."
    )
    yield ""
    yield "| weights RGB, flow | by seed | mean ± sd |"
    yield "|---|---|---|"
    for weights in FUSION_WEIGHTS:
        fused = [
            fuse_predictions(pair, weights) for pair in zip(rgb.predictions, flow.predictions, strict=True)
        ]
        accuracies = Trials((), tuple(fused)).accuracies
        values = ", ".join(f"{accuracy:.1f}" for accuracy in accuracies)
        yield f"| {weights[0]:g}, {weights[1]:g} | {values} | {_mean_and_deviation(accuracies)} |"
    yield ""


def _variants(trials: Mapping[str, Trials], variants: Sequence[Variant]) -> Iterator[str]:
    yield "## What else was tried"
    yield ""
    yield prose(
        "Beside the same model and seeds of the table above: a larger weight α for the head's loss, to see "
        "whether the task helps when it counts; and stage 2 of RGB for twice as long, to see whether RGB was "
        "trained to its end. All changes were tried once and are all shown; the first difference is to the "
        "unchanged model, the second to RGB, both with their interval."
    )
    yield ""
    yield "| model | changed | by seed | unchanged | difference | to RGB | skill of the head |"
    yield "|---|---|---|---|---|---|---|"
    for variant in variants:
        changed = find_trials(variant.model, variant.changes)
        seeds = [run.record.seed for run in changed.runs]
        plain, rgb = (trials[name].of_seeds(seeds) for name in (variant.model, BASELINE))
        has_head = changed.runs[0].recipe.head is not None
        skills = ", ".join(f"{head_result(run).skill:.2f}" for run in changed.runs) if has_head else ""
        yield (
            f"| {variant.model} | {', '.join(variant.changes)} | {_listed(changed.accuracies)} "
            f"| {_listed(plain.accuracies)} | {_difference(changed, plain)} | {_difference(changed, rgb)} "
            f"| {skills} |"
        )
    yield ""


def _listed(accuracies: Sequence[float]) -> str:
    return ", ".join(f"{accuracy:.1f}" for accuracy in accuracies)


def _difference(one: Trials, other: Trials) -> str:
    comparison = compare_predictions(one.predictions, other.predictions)
    low, high = 100 * comparison.interval.low, 100 * comparison.interval.high
    text = f"{100 * comparison.difference:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"**{text}**" if comparison.separated else text


def _paper_tables() -> Iterator[str]:
    found = collect_outcomes(Path("runs"))
    for number in (4,):
        table = comparison_table(number, found.outcomes, recipe="small")
        yield f"## As `egotool report --table {number}` prints it"
        yield ""
        yield DOCUMENTS["markdown"](table).strip()
        yield ""


def _figures() -> Iterator[str]:
    yield "## As `egotool report --figure 3` and `--figure 4` draw it"
    yield ""
    for number in (3, 4):
        yield f"![Figure {number}](pictures/figure{number}.png)"
        yield ""


def draw_figures(folder: Path) -> None:
    """Draw the page's figures into `folder`; the present folder is that of the runs."""
    for number in (3, 4):
        chosen = choose_figure_runs(number, [], runs=Path("runs"), recipe="small").runs
        store = Store(Path(chosen[0].record.data.store))
        rows = choose_rows(store, count=3)
        write_pictures(number, chosen, store, rows, files=[folder / f"figure{number}.png"])


def _costs() -> Iterator[str]:
    runs = [read_run(path.parent) for path in sorted(Path("runs").glob("*/run.json"))]
    hours = sum(run.record.seconds for run in runs) / 3600
    versions = runs[0].record.versions
    yield "## Cost"
    yield ""
    yield (
        f"{len(runs)} trainings (stages that several models start from are trained once per seed), "
        f"{hours:.1f} hours on one core each; two ran side by side."
    )
    yield (
        f"{platform.machine()}, {os.cpu_count()} cores; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + "."
    )
