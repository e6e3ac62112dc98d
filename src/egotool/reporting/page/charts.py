"""The page's charts, as SVG pictures."""

import base64
import io
import warnings
from collections.abc import Sequence
from contextlib import ContextDecorator

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from egotool.reporting.page.trainings import TrainedRun, Training
from egotool.reporting.tables import ComparisonTable, TableRow

_INK, _QUIET, _GRID = "#1a1a1a", "#6b6b6b", "#dddddd"
_OWN, _PUBLISHED = "#0b6e99", "#c8761b"
COLOURS = ("#0b6e99", "#c8761b", "#4c8c4a", "#8e5ea2", "#a33b3b", "#5f6b7a")
"""Of the runs of a training, one after the other."""
_TEXT = 8
MOST_ACTIONS = 120
"""With more actions a confusion matrix is no picture any more."""
_COUNTED_ACTIONS = 20
"""With more of them the counts do not fit into the matrix."""


def _style() -> ContextDecorator:
    return mpl.rc_context(
        {
            "svg.fonttype": "none",  # text stays text, in whatever font the reader has
            "svg.hashsalt": "egotool",  # the same runs give the same page
            "font.family": "sans-serif",
            "font.size": _TEXT,
        }
    )


@_style()
def interval_chart(table: ComparisonTable, split: str) -> str:
    """Return a chart of the rows with runs: own mean, its 95 % interval, the published value. A data URI."""
    rows = [row for row in table.rows if row.measured is not None]
    height = 0.26 * len(rows)
    figure = _figure(8.6, height + 0.6)
    whole = figure.get_figheight()
    axes = figure.add_axes((0.24, 0.45 / whole, 0.56, height / whole))
    for place, row in enumerate(rows):
        measured = row.measured
        assert measured is not None
        axes.plot([measured.interval_low, measured.interval_high], [place, place], color=_OWN, linewidth=2)
        axes.plot([measured.mean], [place], "o", color=_OWN, markersize=5, label="yours, 95 % interval")
        axes.plot(
            [row.published], [place], "D", color=_PUBLISHED, markersize=5, fillstyle="none", label="paper"
        )
    axes.set_yticks(range(len(rows)), [_row_name(table, row) for row in rows], parse_math=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"accuracy, {split} split, %", color=_QUIET)
    _plain(axes, grid="x")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[:2], labels[:2], loc="upper left", bbox_to_anchor=(1.01, 1.05), frameon=False)
    return _uri(figure)


def _row_name(table: ComparisonTable, row: TableRow) -> str:
    return f"row {table.rows.index(row) + 1}" if table.has_settings else row.label


@_style()
def curves_chart(training: Training) -> str:
    """Return losses and accuracies by epoch, one colour per run; "" if no run has any. A data URI."""
    drawn = [each for each in training.runs if each.curves is not None]
    if not drawn:
        return ""
    figure = _figure(7.4, 2.3)
    losses = figure.add_axes((0.07, 0.19, 0.41, 0.7))
    accuracies = figure.add_axes((0.57, 0.19, 0.41, 0.7))
    for number, trained in enumerate(drawn):
        _draw_curves(losses, accuracies, trained, COLOURS[number % len(COLOURS)])
    losses.set_title("loss", loc="left", fontsize=_TEXT, color=_INK)
    accuracies.set_title("accuracy, %", loc="left", fontsize=_TEXT, color=_INK)
    losses.set_ylim(bottom=0)
    accuracies.set_ylim(0, 100)
    for axes in (losses, accuracies):
        axes.set_xlabel("epoch", color=_QUIET)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _plain(axes, grid="y")
    return _uri(figure)


def _draw_curves(losses: Axes, accuracies: Axes, trained: TrainedRun, colour: str) -> None:
    curves = trained.curves
    assert curves is not None
    _line(losses, curves.epochs, curves.training_loss, colour, style="--")
    _line(losses, curves.epochs, curves.selection_loss, colour)
    if curves.head_loss:
        _line(losses, curves.epochs, curves.head_loss, colour, style=":")
    _line(accuracies, curves.epochs, curves.training_accuracy, colour, style="--")
    _line(accuracies, curves.epochs, curves.selection_accuracy, colour)
    best = trained.run.record.best
    if best is not None:
        accuracies.plot(
            [best.epoch + 1], [100 * best.accuracy], "o", color=colour, markersize=4.5, clip_on=False
        )


@_style()
def confusion_chart(actions: Sequence[str], confusion: NDArray[np.int64]) -> str:
    """Return the confusion matrix, every row in parts of its action; "" with too many actions. A data URI."""
    number = len(actions)
    if number > MOST_ACTIONS:
        return ""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    cell = 0.34 if number <= _COUNTED_ACTIONS else 0.15
    size = cell * number
    longest = max(len(action) for action in actions)
    font = _TEXT if number <= _COUNTED_ACTIONS else 6
    margin = 0.25 + 0.0095 * font * longest
    figure = _figure(margin + size + 0.15, margin + size + 0.15)
    whole = figure.get_figwidth()
    axes = figure.add_axes((margin / whole, 0.15 / whole, size / whole, size / whole))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="none")
    axes.set_xticks(range(number), list(actions), rotation=90, parse_math=False, fontsize=font)
    axes.set_yticks(range(number), list(actions), parse_math=False, fontsize=font)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, colors=_INK)
    axes.spines[:].set_color(_GRID)
    if number <= _COUNTED_ACTIONS:
        for true, predicted in zip(*np.nonzero(confusion), strict=True):
            colour = "white" if shares[true, predicted] > 0.55 else _INK
            axes.text(
                predicted, true, str(confusion[true, predicted]), ha="center", va="center", color=colour
            )
    return _uri(figure)


def _line(
    axes: Axes, epochs: Sequence[int], values: Sequence[float], colour: str, *, style: str = "-"
) -> None:
    axes.plot(
        epochs,
        values,
        color=colour,
        linestyle=style,
        linewidth=1.5 if style == "-" else 0.9,
        marker="." if len(epochs) == 1 else "",  # a line of one point is not seen
    )


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasSVG(figure)
    return figure


def _plain(axes: Axes, *, grid: str) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    axes.tick_params(length=0, colors=_INK)
    axes.grid(axis="x" if grid == "x" else "y", color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # of other scripts than the Latin one: the reader's browser has them
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
