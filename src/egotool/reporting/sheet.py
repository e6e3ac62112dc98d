"""Picture sheets: what the toolkit sees in a video, frame by frame, to be looked at by people."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import UsageError
from egotool.files import replacing
from egotool.progress import Progress, SilentProgress
from egotool.reporting.flow_colours import flow_to_colours, nice_scale
from egotool.reporting.network_view import ClipView, NetworkViewer
from egotool.reporting.overlays import difference_panel, heat_panel
from egotool.reporting.sheet_drawing import SIGNATURE, Panel, PictureRow, draw_sheet
from egotool.reporting.sheet_frames import SheetRow, choose_rows
from egotool.runs import Run
from egotool.store import Array, Store, StoredVideo

DIFFERENCE_GAIN = 3
"""Differences between predicted and true frame are drawn this many times stronger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A picture sheet that was written."""

    path: Path
    rows: tuple[SheetRow, ...]
    columns: tuple[str, ...]


def write_sheet(
    store_path: Path,
    out: Path,
    *,
    run: Run | None = None,
    manifest_file: Path | None = None,
    video: str | None = None,
    segment: str | None = None,
    count: int = 8,
    flow_scale: float | None = None,
    rows: Sequence[SheetRow] | None = None,
    progress: Progress | None = None,
) -> Sheet:
    """Write a picture sheet (PNG, or PDF or SVG by the suffix of `out`).

    Columns: frame, flow, warp flow, motion mask, as far as the store has them; with a run also attention, and
    what its self-supervised head predicts. Flow and warp flow of one video share one scale.

    Args:
        store_path: folder made by `egotool extract`.
        out: the file to write; replaced if it exists.
        run: a finished run, whose network looks at the same segments.
        manifest_file: see `choose_rows`, as `video`, `segment` and `count`.
        video: only this video.
        segment: only this segment.
        count: number of rows.
        flow_scale: pixels drawn in full colour; None: a round number per video.
        rows: the rows themselves, instead of choosing.
        progress: is told of every row.

    Raises:
        UsageError: if `out` is no picture file, or a video or segment does not exist.
        StoreError: if the store is missing or damaged.
        RunError: if the run has no usable checkpoint.
    """
    if out.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise UsageError(f"a sheet is written as .png, .pdf or .svg, not as {out.name}: choose with --out")
    if flow_scale is not None and not 0 < flow_scale < math.inf:
        raise UsageError(f"--flow-scale is above 0 px, not {flow_scale:g}")
    progress = progress or SilentProgress()
    store = Store(store_path)
    if rows is None:
        rows = choose_rows(store, manifest_file=manifest_file, video=video, segment=segment, count=count)
    viewer = None if run is None else NetworkViewer(run, store)
    task = f"sheet {out.name}"
    progress.start(task, total=len(rows), unit="rows")
    sources = []
    for row in rows:
        sources.append(_read(store, row, viewer))
        progress.advance(task)
    scales = _flow_scales(sources, flow_scale)
    columns, makers = _columns(sources)
    pictures = [
        PictureRow(
            title=_title(source),
            note=_note(source, scales),
            panels=tuple(make(source, scales.get(source.row.segment.video, 1.0)) for make in makers),
        )
        for source in sources
    ]
    with replacing(out) as temporary:
        draw_sheet(
            temporary,
            columns=columns,
            rows=pictures,
            flow_scales=sorted(set(scales.values())),
            notes=_legend(columns, run),
        )
    progress.finish(task)
    return Sheet(path=out, rows=tuple(rows), columns=tuple(columns))


def is_sheet(path: Path) -> bool:
    """Tell whether the file at `path` is a sheet, which a new one may replace."""
    return SIGNATURE.encode() in path.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What was read for one row."""

    row: SheetRow
    frame: int
    rgb: NDArray[np.uint8]
    flow: NDArray[np.float32] | None
    warp_flow: NDArray[np.float32] | None
    mask: NDArray[np.uint8] | None
    camera_found: bool
    view: ClipView | None
    step: int
    """Which of the clip's frames this row shows."""


def _read(store: Store, row: SheetRow, viewer: NetworkViewer | None) -> _Source:
    frame, view, step = row.frame, None, 0
    if viewer is not None:
        view = viewer.look(row.segment)
        step = int(np.abs(view.frames - frame).argmin())  # a row shows a frame the network has seen
        frame = int(view.frames[step])
    video: StoredVideo = store.open(row.segment.video)
    arrays = set(video.arrays)
    has_next = video.has(frame, frame + 2)
    try:
        return _Source(
            row=row,
            frame=frame,
            rgb=video.frames([frame])[0],
            flow=video.flow([frame])[0] if has_next and Array.FLOW in arrays else None,
            warp_flow=video.warp_flow([frame])[0] if has_next and Array.WARP_FLOW in arrays else None,
            mask=video.masks([frame])[0] if Array.MASKS in arrays else None,
            camera_found=not (has_next and Array.HOMOGRAPHY_VALID in arrays)
            or bool(video.homographies([frame])[1][0]),
            view=view,
            step=step,
        )
    finally:
        video.close()


def _flow_scales(sources: Sequence[_Source], wanted: float | None) -> dict[str, float]:
    """Return the pixels drawn in full colour for each video, from its own flow: 99 % of it stays within."""
    lengths: dict[str, list[NDArray[np.float32]]] = {}
    for source in sources:
        flow = source.flow if source.flow is not None else source.warp_flow
        if flow is not None:
            lengths.setdefault(source.row.segment.video, []).append(np.hypot(*flow).ravel())
    return {
        video: wanted if wanted is not None else nice_scale(np.concatenate(parts))
        for video, parts in lengths.items()
    }


_Maker = Callable[[_Source, float], Panel]


def _columns(sources: Sequence[_Source]) -> tuple[list[str], list[_Maker]]:
    """Return headings and panel makers of the columns that have something to show in any row."""
    views = [source.view for source in sources if source.view is not None]
    candidates: list[tuple[str, bool, _Maker]] = [
        ("frame", True, lambda source, scale: Panel(source.rgb)),
        ("flow", any(s.flow is not None for s in sources), lambda s, scale: _flow_panel(s.flow, scale)),
        (
            "warp flow",
            any(s.warp_flow is not None for s in sources),
            lambda s, scale: _flow_panel(s.warp_flow, scale),
        ),
        ("motion mask", any(s.mask is not None for s in sources), lambda s, scale: _mask_panel(s)),
        ("attention", any(v.attention is not None for v in views), lambda s, scale: _attention_panel(s)),
        (
            "predicted mask",
            any(v.predicted_mask is not None for v in views),
            lambda s, scale: _predicted_mask_panel(s),
        ),
        (
            "predicted next",
            any(v.predicted is not None for v in views),
            lambda s, scale: _clip_panel(s.view.predicted if s.view else None, s.step),
        ),
        (
            "true next",
            any(v.following is not None for v in views),
            lambda s, scale: _clip_panel(s.view.following if s.view else None, s.step),
        ),
        (
            f"difference ×{DIFFERENCE_GAIN}",
            any(v.predicted is not None for v in views),
            lambda s, scale: _difference_panel(s),
        ),
    ]
    shown = [(name, make) for name, present, make in candidates if present]
    return [name for name, _ in shown], [make for _, make in shown]


def _flow_panel(flow: NDArray[np.float32] | None, scale: float) -> Panel:
    return Panel(None if flow is None else flow_to_colours(flow, scale=scale))


def _mask_panel(source: _Source) -> Panel:
    """Show what moves in its own colours on a pale grey picture, outlined."""
    if source.mask is None:
        return Panel(None)
    moving = source.mask > 127
    return Panel(np.where(moving[..., None], source.rgb, _pale(source.rgb)), outline=source.mask)


def _pale(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.repeat((140 + gray.astype(np.float32) * 0.45).astype(np.uint8)[..., None], 3, axis=2)


def _attention_panel(source: _Source) -> Panel:
    if source.view is None or source.view.attention is None:
        return Panel(None)
    attention = source.view.attention[source.step]
    return heat_panel(source.rgb, attention, box=source.view.box, full=float(attention.max()))


def _predicted_mask_panel(source: _Source) -> Panel:
    if source.view is None or source.view.predicted_mask is None:
        return Panel(None)
    return heat_panel(source.rgb, source.view.predicted_mask[source.step], box=source.view.box, full=1.0)


def _clip_panel(pictures: NDArray[np.uint8] | None, step: int) -> Panel:
    return Panel(None if pictures is None else pictures[step])


def _difference_panel(source: _Source) -> Panel:
    view = source.view
    if view is None or view.predicted is None or view.following is None:
        return Panel(None)
    return difference_panel(view.predicted[source.step], view.following[source.step], gain=DIFFERENCE_GAIN)


def _title(source: _Source) -> str:
    segment = source.row.segment
    words = [segment.video, f"frame {source.frame}"]
    if segment.action:
        words.append(segment.action)
    return "  ·  ".join(words)


def _legend(columns: Sequence[str], run: Run | None) -> list[str]:
    notes = []
    if "motion mask" in columns:
        notes.append("Motion mask: in colour and outlined, what moves by itself.")
    if "attention" in columns:
        notes.append(
            "Attention: bright is most attended (of each frame); the square is what the network sees."
        )
    if run is not None:
        record = run.record
        notes.append(
            f"Network: run {run.name} ({record.model}, recipe {record.recipe}, protocol {record.protocol})."
        )
    return notes


def _note(source: _Source, scales: dict[str, float]) -> str:
    notes = []
    if not source.camera_found:
        notes.append("camera motion not found")
    if source.view is not None:
        notes.append(f"network: {source.view.answer} {100 * source.view.probability:.0f} %")
    if len(set(scales.values())) > 1 and source.row.segment.video in scales:
        notes.append(f"full colour = {scales[source.row.segment.video]:g} px")
    return "  ·  ".join(notes)
