"""Draws boxes and arrows with matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as MatplotlibPath

from egotool.reporting.figures.architecture import Box, Drawing, Look
from egotool.reporting.sheet_drawing import SIGNATURE

_WIDTH, _HEIGHT = 92.0, 60.0
_STEP, _ROW = 114.0, 108.0
_MARGIN, _HEADING, _LEGEND = 16.0, 52.0, 40.0
_INK, _QUIET = "#1a1a1a", "#5a5a5a"
_LOOKS: dict[Look, tuple[str, str, str]] = {
    "data": ("#ffffff", "#6b6b6b", "pictures and flow"),
    "operation": ("#eef3f8", "#7f93a8", "no parameters"),
    "trained": ("#ffd9a8", "#c8761b", "all parameters trained"),
    "partly": ("#fff0d9", "#c8761b", "some trained (how many of all)"),
    "frozen": ("#e4e4e4", "#8a8a8a", "frozen"),
}


def draw_architecture(
    path: Path, drawing: Drawing, *, title: str, notes: Sequence[str] = (), dots_per_inch: int = 160
) -> None:
    """Draw `drawing` to `path`; its suffix decides between PNG, PDF and SVG.

    Args:
        path: file to write.
        drawing: boxes and arrows.
        title: one line above.
        notes: lines below the title.
        dots_per_inch: 100 makes a box 92 pixels wide.
    """
    columns = [box.column for box in drawing.boxes]
    rows = [box.row for box in drawing.boxes]
    width = 2 * _MARGIN + (max(columns) - min(columns)) * _STEP + _WIDTH
    heading = _HEADING + 15 * max(len(notes) - 1, 0)
    height = 2 * _MARGIN + heading + (max(rows) - min(rows)) * _ROW + _HEIGHT + _LEGEND
    figure = Figure(figsize=(width / 100, height / 100), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    axes.text(_MARGIN, _MARGIN + 8, title, fontsize=8.5, weight="bold", color=_INK, va="center")
    for line, note in enumerate(notes):
        axes.text(_MARGIN, _MARGIN + 26 + 15 * line, note, fontsize=6.5, color=_QUIET, va="center")
    corners = {
        box.name: (
            _MARGIN + (box.column - min(columns)) * _STEP,
            _MARGIN + heading + (box.row - min(rows)) * _ROW,
        )
        for box in drawing.boxes
    }
    for start, end, label in drawing.arrows:
        has_row = any(
            source == start and corners[other][1] == corners[start][1] for source, other, _ in drawing.arrows
        )
        _arrow(axes, corners[start], corners[end], label, from_side=not has_row)
    for box in drawing.boxes:
        _box(axes, box, *corners[box.name])
    _legend(axes, drawing, height - _MARGIN - 10)
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"Software" if kind == "png" else "Creator": SIGNATURE}
    figure.savefig(path, dpi=dots_per_inch, format=kind, metadata=metadata)


def _box(axes: Axes, box: Box, left: float, top: float) -> None:
    fill, edge, _ = _LOOKS[box.look]
    axes.add_patch(
        FancyBboxPatch(
            (left, top),
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0,rounding_size=5",
            facecolor=fill,
            edgecolor=edge,
            linewidth=0.8,
            linestyle="--" if box.look == "operation" else "-",
        )
    )
    middle = left + _WIDTH / 2
    spacing = _HEIGHT / (len(box.lines) + 2)
    axes.text(
        middle, top + spacing, box.title, fontsize=7, weight="bold", color=_INK, ha="center", va="center"
    )
    for number, line in enumerate(box.lines, start=2):
        axes.text(middle, top + spacing * number, line, fontsize=6.5, color=_INK, ha="center", va="center")


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], label: str, *, from_side: bool
) -> None:
    """Draw an arrow: straight along a row or column, else with right angles.

    Args:
        axes: in layout points.
        start: upper left corner of the box it leaves.
        end: upper left corner of the box it enters.
        label: written beside its beginning.
        from_side: whether it leaves a box at the right although the other one is in another row.
    """
    (x1, y1), (x2, y2) = start, end
    right, middle = (x1 + _WIDTH, y1 + _HEIGHT / 2), x2 + _WIDTH / 2
    down = y2 > y1
    edge = y2 if down else y2 + _HEIGHT
    if y1 == y2:
        points = [right, (x2, right[1])]
        at = ((right[0] + x2) / 2, right[1] - 8)
    elif from_side:
        points = [right, (middle, right[1]), (middle, edge)]
        at = (right[0] + 8 + 2.2 * len(label), right[1] - 8)
    else:
        leave = (x1 + _WIDTH / 2, y1 + _HEIGHT if down else y1)
        bend = (leave[1] + edge) / 2
        points = [leave, (leave[0], bend), (middle, bend), (middle, edge)]
        at = (leave[0] + 6 + 2.2 * len(label), (leave[1] + bend) / 2)
    axes.add_patch(
        FancyArrowPatch(
            path=MatplotlibPath(points),
            arrowstyle="-|>",
            mutation_scale=7,
            color=_INK,
            linewidth=0.8,
            joinstyle="miter",
        )
    )
    if label:
        axes.text(*at, label, fontsize=6, color=_QUIET, ha="center", va="center")


def _legend(axes: Axes, drawing: Drawing, y: float) -> None:
    used = {box.look for box in drawing.boxes}
    left = _MARGIN
    for look, (fill, edge, text) in _LOOKS.items():
        if look not in used:
            continue
        axes.add_patch(
            FancyBboxPatch(
                (left, y - 5),
                14,
                10,
                boxstyle="round,pad=0,rounding_size=2",
                facecolor=fill,
                edgecolor=edge,
                linewidth=0.8,
            )
        )
        axes.text(left + 20, y, text, fontsize=6.5, color=_QUIET, va="center")
        left += 44 + 4.7 * len(text)
