"""Lays out a picture sheet with matplotlib: titles, panels, legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from egotool.reporting.flow_colours import colour_wheel

WIDTH = 1200.0
"""Width in points of layout: at 100 dpi these are pixels, and 9 pt type is read comfortably."""
SIGNATURE = "egotool sheet"
"""Stands in the metadata of every sheet."""
_MARGIN, _GAP, _HEADING, _TITLE, _BELOW_ROW, _LEGEND = 16.0, 5.0, 30.0, 19.0, 9.0, 74.0
_INK, _QUIET, _OUTLINE, _ABSENT, _EDGE = (
    "#1a1a1a",
    "#6b6b6b",
    "#ffd60a",
    "#f0f0f0",
    "#c8c8c8",
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture of a sheet.

    Attributes:
        image: (H, W, 3) uint8; None: nothing to show here.
        outline: (H, W) mask drawn as a line around what is above 127.
        box: left, top and side of a square to be framed, pixels of the image.
    """

    image: NDArray[np.uint8] | None
    outline: NDArray[np.uint8] | None = None
    box: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class PictureRow:
    """One row: a title on the left, a note on the right, a panel for every column."""

    title: str
    note: str
    panels: tuple[Panel, ...]


def draw_sheet(
    path: Path,
    *,
    columns: Sequence[str],
    rows: Sequence[PictureRow],
    flow_scales: Sequence[float],
    notes: Sequence[str] = (),
    dots_per_inch: int = 160,
) -> None:
    """Draw the sheet to `path`; its suffix decides between PNG, PDF and SVG.

    Args:
        path: file to write.
        columns: headings.
        rows: the pictures.
        flow_scales: the scales in use, for the legend; without any there is no legend of flow.
        notes: at most three lines for the legend.
        dots_per_inch: 100 gives a PNG 1200 pixels wide.
    """
    widths = _column_widths(rows, len(columns))
    heights = [_row_height(row, widths) for row in rows]
    has_legend = bool(flow_scales) or bool(notes)
    legend = _LEGEND if has_legend else 0.0
    total = (
        _MARGIN + _HEADING + sum(_TITLE + height + _BELOW_ROW for height in heights) + legend + _MARGIN / 2
    )
    figure = Figure(figsize=(WIDTH / 100, total / 100), facecolor="white")
    FigureCanvasAgg(figure)
    page = _Page(figure, total)
    lefts = [_MARGIN + sum(widths[:index]) + index * _GAP for index in range(len(columns))]
    for left, width, heading in zip(lefts, widths, columns, strict=True):
        page.text(left + width / 2, _MARGIN + 8, heading, size=10.5, weight="bold", anchor="center")
    top = _MARGIN + _HEADING
    for row, height in zip(rows, heights, strict=True):
        # The note has the right of way: it says what the network answered, the title can be cut.
        room = (WIDTH - 2 * _MARGIN) / 5.6 - len(row.note)
        page.text(_MARGIN, top + 6, _shortened(row.title, int(room)), size=8.5, colour=_INK)
        page.text(WIDTH - _MARGIN, top + 6, row.note, size=8.5, colour=_QUIET, anchor="right")
        top += _TITLE
        for left, width, panel in zip(lefts, widths, row.panels, strict=True):
            page.panel(left, top, width, height, panel)
        top += height + _BELOW_ROW
    if has_legend:
        _draw_legend(page, top, flow_scales=flow_scales, notes=notes)
    kind = path.suffix.lower().removeprefix(".")
    metadata = {"Software" if kind == "png" else "Creator": SIGNATURE}
    figure.savefig(path, dpi=dots_per_inch, format=kind, metadata=metadata)


class _Page:
    """Places things on a figure by their distance from its upper left corner, in layout points."""

    def __init__(self, figure: Figure, height: float) -> None:
        self._figure = figure
        self._height = height

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        colour: str = _INK,
        weight: str = "normal",
        anchor: str = "left",
    ) -> None:
        """Write one line; names of files may contain dollars, which are no formulas."""
        self._figure.text(
            x / WIDTH,
            1 - y / self._height,
            text.replace("$", r"\$"),
            fontsize=size * 0.72 * 1.25,
            color=colour,
            fontweight=weight,
            ha=anchor,
            va="center",
        )

    def image(self, x: float, y: float, width: float, height: float, image: NDArray[np.uint8]) -> None:
        """Show a picture without frame."""
        axes = self._figure.add_axes(
            (x / WIDTH, 1 - (y + height) / self._height, width / WIDTH, height / self._height)
        )
        axes.imshow(image, interpolation="antialiased", aspect="auto")
        axes.set_axis_off()

    def panel(self, x: float, y: float, width: float, height: float, panel: Panel) -> None:
        """Show a panel as large as fits into width × height, centred."""
        if panel.image is None:
            self._figure.patches.append(
                Rectangle(
                    (x / WIDTH, 1 - (y + height) / self._height),
                    width / WIDTH,
                    height / self._height,
                    transform=self._figure.transFigure,
                    facecolor=_ABSENT,
                    edgecolor="none",
                )
            )
            self.text(x + width / 2, y + height / 2, "–", size=11, colour=_QUIET, anchor="center")
            return
        rows, columns = panel.image.shape[:2]
        scale = min(width / columns, height / rows)
        shown_width, shown_height = columns * scale, rows * scale
        left, top = x + (width - shown_width) / 2, y + (height - shown_height) / 2
        axes = self._figure.add_axes(
            (
                left / WIDTH,
                1 - (top + shown_height) / self._height,
                shown_width / WIDTH,
                shown_height / self._height,
            )
        )
        axes.imshow(panel.image, interpolation="antialiased", aspect="auto")
        if panel.outline is not None and panel.outline.max() > 127 and panel.outline.min() <= 127:
            axes.contour(panel.outline, levels=[127.5], colors=[_OUTLINE], linewidths=1.1)
        if panel.box is not None:
            box_left, box_top, side = panel.box
            axes.add_patch(
                Rectangle(
                    (box_left - 0.5, box_top - 0.5), side, side, fill=False, edgecolor="white", linewidth=0.8
                )
            )
        axes.set_xlim(-0.5, columns - 0.5)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():  # a white flow would melt into the page
            spine.set(edgecolor=_EDGE, linewidth=0.5)


def _column_widths(rows: Sequence[PictureRow], count: int) -> list[float]:
    """Share the width among the columns by the widest picture in each."""
    aspects = [
        max((_aspect(row.panels[index]) for row in rows if row.panels[index].image is not None), default=1.0)
        for index in range(count)
    ]
    available = WIDTH - 2 * _MARGIN - _GAP * (count - 1)
    return [available * aspect / sum(aspects) for aspect in aspects]


def _row_height(row: PictureRow, widths: Sequence[float]) -> float:
    """Return the height at which the row's largest picture fills its column."""
    heights = [
        width / _aspect(panel)
        for panel, width in zip(row.panels, widths, strict=True)
        if panel.image is not None
    ]
    return min(max(heights), 1.1 * max(widths))  # portrait pictures do not make the sheet endless


def _aspect(panel: Panel) -> float:
    assert panel.image is not None
    rows, columns = panel.image.shape[:2]
    return float(columns / rows)


def _shortened(text: str, length: int) -> str:
    """Cut the beginning, which is folders; the end tells clip, frame and action."""
    return text if len(text) <= max(length, 20) else "…" + text[-max(length, 20) + 1 :]


def _draw_legend(page: _Page, top: float, *, flow_scales: Sequence[float], notes: Sequence[str]) -> None:
    left = _MARGIN
    if flow_scales:
        size = 56.0
        page.image(left, top + 6, size, size, colour_wheel(224))
        left += size + 14
        rim = (
            f"full colour: {flow_scales[0]:g} px per frame"
            if len(flow_scales) == 1
            else "full colour: as many px per frame as each row says"
        )
        page.text(left, top + 20, "Flow: hue is the direction, white is no motion;", size=8.5, colour=_QUIET)
        page.text(left, top + 34, f"{rim}; longer vectors are darker.", size=8.5, colour=_QUIET)
        page.text(left, top + 48, "Warp flow: camera compensated, same scale.", size=8.5, colour=_QUIET)
        left += 420
    for line, note in enumerate(notes):
        page.text(left, top + 20 + 14 * line, note, size=8.5, colour=_QUIET)
