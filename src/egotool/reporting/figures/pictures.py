"""Figures 1, 3 and 4: rows of pictures of segments, as runs see them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egotool.manifests import Segment
from egotool.progress import Progress
from egotool.reporting.network_view import ClipView, NetworkViewer
from egotool.reporting.overlays import class_activation_map, difference_panel, filter_panel, heat_panel
from egotool.reporting.sheet_drawing import Panel, PictureRow
from egotool.reporting.sheet_frames import SheetRow
from egotool.runs import Run
from egotool.store import Store

DIFFERENCE_GAIN = 3
"""Differences are drawn this many times stronger."""


@dataclass(frozen=True, slots=True)
class PictureFigure:
    """What a page of pictures shows.

    Attributes:
        columns: headings.
        rows: the pictures.
        notes: at most three lines below them.
    """

    columns: tuple[str, ...]
    rows: tuple[PictureRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One frame, and how every run sees its clip; `step` is the frame's place in the clip."""

    segment: Segment
    frame: int
    rgb: NDArray[np.uint8]
    views: tuple[ClipView, ...]
    steps: tuple[int, ...]


def picture_figure(
    figure: int, runs: Sequence[Run], store: Store, rows: Sequence[SheetRow], *, progress: Progress
) -> PictureFigure:
    """Return Figure 1, 3 or 4 of `runs` for `rows` of the store."""
    viewers = [NetworkViewer(run, store) for run in runs]
    task = f"figure {figure}"
    progress.start(task, total=len(rows), unit="rows")
    seen = []
    for row in rows:
        seen.append(_look(row, viewers, store))
        progress.advance(task)
    progress.finish(task)
    makers = {1: _attention_figure, 3: _comparison_figure, 4: _dynamic_figure}
    return makers[figure](seen, runs)


def _look(row: SheetRow, viewers: Sequence[NetworkViewer], store: Store) -> _Seen:
    views = tuple(viewer.look(row.segment) for viewer in viewers)
    frame = int(views[0].frames[int(np.abs(views[0].frames - row.frame).argmin())])
    steps = tuple(int(np.abs(view.frames - frame).argmin()) for view in views)
    video = store.open(row.segment.video)
    try:
        return _Seen(row.segment, frame, video.frames([frame])[0], views, steps)
    finally:
        video.close()


def _attention_figure(seen: Sequence[_Seen], runs: Sequence[Run]) -> PictureFigure:
    rows = [
        PictureRow(
            _title(each),
            _answer(each, 0),
            (Panel(each.rgb, box=each.views[0].box), _map_panel(each, 0), _attention_panel(each, 0)),
        )
        for each in seen
    ]
    notes = (
        "Class activation map (equation 2) of the class that the backbone's own classifier gives the frame, "
        "least to most; attention is its softmax (equation 3).",
        "The square is what the network sees. The answer is that of the whole network for the whole clip.",
        _source(runs[0]),
    )
    return PictureFigure(("frame", "class activation map", "attention"), tuple(rows), notes)


def _comparison_figure(seen: Sequence[_Seen], runs: Sequence[Run]) -> PictureFigure:
    rows = [
        PictureRow(
            _title(each),
            "  |  ".join(_answer(each, side) for side in (0, 1)),
            (Panel(each.rgb, box=each.views[0].box), _map_panel(each, 0), _map_panel(each, 1)),
        )
        for each in seen
    ]
    columns = ("frame", f"without: {runs[0].record.model}", f"with: {runs[1].record.model}")
    notes = (
        "Class activation maps (equation 2), least to most, without and with self-supervision.",
        *(_source(run) for run in runs),
    )
    return PictureFigure(columns, tuple(rows), notes)


def _dynamic_figure(seen: Sequence[_Seen], runs: Sequence[Run]) -> PictureFigure:
    full = max(float(np.abs(_filters(each)).max()) for each in seen)
    rows, errors = [], []
    for each in seen:
        view, step = each.views[0], each.steps[0]
        assert view.inputs is not None and view.predicted is not None
        assert view.following is not None and view.errors is not None
        predicted, copied = view.errors[step]
        errors.append(view.errors[step])
        rows.append(
            PictureRow(
                _title(each),
                f"squared error {predicted:.4f}, of copying the input {copied:.4f}",
                (
                    Panel(view.inputs[step]),
                    Panel(view.predicted[step]),
                    Panel(view.following[step]),
                    difference_panel(view.predicted[step], view.following[step], gain=DIFFERENCE_GAIN),
                    difference_panel(view.inputs[step], view.following[step], gain=DIFFERENCE_GAIN),
                    filter_panel(_filters(each), full=full),
                ),
            )
        )
    head = runs[0].recipe.head
    full_form = head is not None and head.form == "full"
    meaning = (
        "rows: red, green, blue of the output; columns: of the input" if full_form else "red, green, blue"
    )
    predicted, copied = np.mean(errors, axis=0)
    columns = (
        "input",
        "predicted next",
        "true next",
        f"predicted − true ×{DIFFERENCE_GAIN}",
        f"input − true ×{DIFFERENCE_GAIN}",
        "filters",
    )
    notes = (
        f"Filters: {meaning}; red adds, blue subtracts, full colour is ±{full:.2g}. Mean squared error of "
        f"these frames (normalised colours): {predicted:.4f}; of taking the input itself: {copied:.4f}.",
        _source(runs[0]),
    )
    return PictureFigure(columns, tuple(rows), notes)


def _filters(seen: _Seen) -> NDArray[np.float32]:
    filters = seen.views[0].filters
    assert filters is not None  # the figure is refused for runs without dynamic filters
    return np.asarray(filters[seen.steps[0]])


def _map_panel(seen: _Seen, side: int) -> Panel:
    view = seen.views[side]
    assert view.attention is not None  # as above
    values = class_activation_map(view.attention[seen.steps[side]])
    return heat_panel(seen.rgb, values, box=view.box, full=1.0)


def _attention_panel(seen: _Seen, side: int) -> Panel:
    view = seen.views[side]
    assert view.attention is not None
    values = view.attention[seen.steps[side]]
    return heat_panel(seen.rgb, values, box=view.box, full=float(values.max()))


def _title(seen: _Seen) -> str:
    parts = (seen.segment.video, f"frame {seen.frame}", seen.segment.action)
    return "  ·  ".join(part for part in parts if part)


def _answer(seen: _Seen, side: int) -> str:
    view = seen.views[side]
    mark = "" if not seen.segment.action else "✓ " if view.answer == seen.segment.action else "✗ "
    return f"{mark}{view.answer} {100 * view.probability:.0f} %"


def _source(run: Run) -> str:
    record, scores = run.record, run.scores()
    accuracy = f", {100 * scores.top1:.1f} % on test" if scores else ""
    return (
        f"Run {run.name}: {record.model}, recipe {record.recipe}, protocol {record.protocol}, "
        f"seed {record.seed}{accuracy}."
    )
