"""A video that shows what was extracted from a segment: frame, moving parts, flow and warp flow.

```text
    segment, action                frame
    ┌────────────┐ ┌────────────┐
    │   frame    │ │ motion mask│
    ├────────────┤ ├────────────┤
    │    flow    │ │ warp flow  │
    └────────────┘ └────────────┘
    (colour wheel)  what the colours mean
```
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from egotool.errors import UsageError
from egotool.manifests import Segment
from egotool.progress import Progress, SilentProgress
from egotool.reporting.flow_colours import colour_wheel, flow_to_colours, nice_scale
from egotool.store import Array, Store, StoredVideo
from egotool.video import write_video

Picture = NDArray[np.uint8]

_PANEL_WIDTH = 320
"""Narrower frames are enlarged by a whole factor to at least this many pixels."""
_MARGIN, _GAP, _TITLE, _HEADING, _LEGEND = 10, 8, 30, 22, 84
_INK, _QUIET = "#1a1a1a", "#5c5c5c"
_OUTLINE = (255, 214, 10)
_FRAME_RATE = 15.0
"""Of the overlay where the source does not tell."""
_FLOWS_SAMPLED = 12


@dataclass(frozen=True, slots=True)
class OverlayVideo:
    """A video that was written.

    Attributes:
        path: the file.
        frames: how many it has.
        panels: the headings of what it shows.
        flow_scale: pixels per frame in full colour; None if there is no flow.
    """

    path: Path
    frames: int
    panels: tuple[str, ...]
    flow_scale: float | None


def write_overlay_video(
    store: Store,
    segment: Segment,
    out: Path,
    *,
    flow_scale: float | None = None,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> OverlayVideo:
    """Write an overlay video of `segment`; one frame at a time is in memory.

    Args:
        store: the store.
        segment: whose frames.
        out: an .mp4 file to write or replace.
        flow_scale: pixels per frame in full colour; None: a round number that fits the segment.
        progress: is told of every frame.

    Raises:
        UsageError: if `out` is no .mp4.
        StoreError: if the video is missing or damaged.
        VideoError: if the file cannot be written.
    """
    if out.suffix.lower() != ".mp4":
        raise UsageError(f"an overlay video is written as .mp4, not as {out.name}: choose with --video")
    video = store.open(segment.video)
    try:
        panels = _panels(video)
        scale = None
        if {"flow", "warp flow"} & set(panels):
            scale = flow_scale if flow_scale is not None else _scale_of(video, segment)
        layout = _Layout.of(video, tuple(panels), segment, scale)
        task = f"overlay {out.name}"
        count = segment.stop_frame - segment.start_frame
        progress.start(task, total=count, unit="frames")

        def pictures() -> Iterator[Picture]:
            for number in range(segment.start_frame, segment.stop_frame):
                drawn = [draw(number, scale or 1.0) for draw in panels.values()]
                note = "" if _camera_found(video, number) else "camera motion not found  |  "
                yield layout.compose(drawn, f"{note}frame {number} of {segment.stop_frame - 1}")
                progress.advance(task)

        write_video(out, pictures(), frame_rate=video.receipt.frame_rate or _FRAME_RATE, quality=18)
        progress.finish(task)
    finally:
        video.close()
    return OverlayVideo(out, count, tuple(panels), scale)


_Draw = Callable[[int, float], Picture | None]


def _panels(video: StoredVideo) -> dict[str, _Draw]:
    """Return heading → drawing function of what the video has; None is drawn where nothing can be shown."""
    arrays = set(video.arrays)
    panels: dict[str, _Draw] = {"frame": lambda number, _scale: video.frames([number])[0]}
    if Array.MASKS in arrays:
        panels["motion mask"] = lambda number, _scale: _outlined(
            video.frames([number])[0], video.masks([number])[0]
        )
    if Array.FLOW in arrays:
        panels["flow"] = lambda number, scale: (
            flow_to_colours(video.flow([number])[0], scale=scale) if _has_next(video, number) else None
        )
    if Array.WARP_FLOW in arrays:
        panels["warp flow"] = lambda number, scale: (
            flow_to_colours(video.warp_flow([number])[0], scale=scale) if _has_next(video, number) else None
        )
    return panels


def _has_next(video: StoredVideo, number: int) -> bool:
    return video.has(number, number + 2)


def _camera_found(video: StoredVideo, number: int) -> bool:
    """Whether the camera's motion to the next frame is known; where it is not, warp flow is the flow."""
    known = Array.HOMOGRAPHY_VALID not in video.arrays or not _has_next(video, number)
    return known or bool(video.homographies([number])[1][0])


def _scale_of(video: StoredVideo, segment: Segment) -> float:
    """Return the pixels in full colour: nearly all flow of the segment stays within."""
    last = segment.stop_frame - 2
    numbers = np.unique(np.linspace(segment.start_frame, last, _FLOWS_SAMPLED).astype(int))
    numbers = numbers[numbers >= segment.start_frame]
    if not numbers.size:
        return 1.0
    read = video.flow if Array.FLOW in video.arrays else video.warp_flow
    flows = read(numbers)
    return nice_scale(np.hypot(flows[:, 0], flows[:, 1]).ravel())


def _outlined(rgb: Picture, mask: Picture) -> Picture:
    """Show what moves in its own colours on a pale grey picture, outlined."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    pale = np.repeat((140 + gray * 0.45).astype(np.uint8)[..., None], 3, axis=2)
    moving = mask > 127
    picture: Picture = np.where(moving[..., None], rgb, pale)
    contours, _ = cv2.findContours(moving.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, _OUTLINE, 1)
    return picture


@dataclass(frozen=True)
class _Layout:
    """The page that stays the same, and where the panels and the frame number go on it."""

    page: Picture
    corners: tuple[tuple[int, int], ...]
    height: int
    width: int

    @classmethod
    def of(
        cls, video: StoredVideo, headings: Sequence[str], segment: Segment, scale: float | None
    ) -> "_Layout":
        """Lay out panels in two columns, with a title above and the legend below."""
        factor = -(-_PANEL_WIDTH // video.width)
        height, width = video.height * factor, video.width * factor
        columns = min(2, len(headings))
        rows = -(-len(headings) // columns)
        corners = tuple(
            (
                _TITLE + _HEADING + (number // columns) * (height + _HEADING + _GAP),
                _MARGIN + (number % columns) * (width + _GAP),
            )
            for number in range(len(headings))
        )
        total_width = 2 * _MARGIN + columns * width + (columns - 1) * _GAP
        below = _TITLE + rows * (height + _HEADING + _GAP)
        total_height = below + (_LEGEND if scale is not None else _MARGIN)
        canvas = _Canvas(total_height + total_height % 2, total_width + total_width % 2)
        title = "  ·  ".join(word for word in (segment.segment or segment.video, segment.action) if word)
        canvas.text(_MARGIN, _TITLE / 2, title, bold=True, room=total_width - 2 * _MARGIN - 300)
        for (top, left), heading in zip(corners, headings, strict=True):
            canvas.text(left, top - _HEADING / 2, heading, colour=_QUIET)
        page = canvas.picture()
        if scale is not None:
            page = _with_legend(canvas, below, scale)
        return cls(page, corners, height, width)

    def compose(self, panels: Sequence[Picture | None], text: str) -> Picture:
        """Return the page with `panels` in their places and `text` (ASCII) above them."""
        page = self.page.copy()
        for (top, left), panel in zip(self.corners, panels, strict=True):
            place = page[top : top + self.height, left : left + self.width]
            if panel is None:
                place[:] = 236
            else:
                place[:] = cv2.resize(panel, (self.width, self.height), interpolation=cv2.INTER_NEAREST)
            edge = (left - 1, top - 1), (left + self.width, top + self.height)
            cv2.rectangle(page, *edge, (200, 200, 200), 1)  # a white flow would melt into the page
        font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.45
        (text_width, text_height), _ = cv2.getTextSize(text, font, size, 1)
        place_of_text = (page.shape[1] - _MARGIN - text_width, (_TITLE + text_height) // 2)
        cv2.putText(page, text, place_of_text, font, size, (70, 70, 70), 1, cv2.LINE_AA)
        return page


def _with_legend(canvas: "_Canvas", top: int, scale: float) -> Picture:
    side = _LEGEND - 20
    left = _MARGIN + side + 14
    lines = (
        "Flow: the hue is the direction, white is no motion;",
        f"full colour: {scale:g} px per frame; longer vectors are darker.",
        "Warp flow: camera compensated. Motion mask: what moves by itself.",
    )
    for number, line in enumerate(lines):
        canvas.text(left, top + 18 + 21 * number, line, colour=_QUIET)
    page = canvas.picture()
    wheel = colour_wheel(side)
    weight = wheel[..., 3:].astype(np.float32) / 255
    place = page[top + 6 : top + 6 + side, _MARGIN : _MARGIN + side]
    place[:] = (place * (1 - weight) + wheel[..., :3] * weight).round().astype(np.uint8)
    return page


class _Canvas:
    """A white page with text in any script, measured in pixels."""

    def __init__(self, height: int, width: int) -> None:
        self._height, self._width = height, width
        self._figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
        self._canvas = FigureCanvasAgg(self._figure)

    def text(
        self, x: float, y: float, text: str, *, colour: str = _INK, bold: bool = False, room: float = 1e9
    ) -> None:
        """Write one line whose middle is at height `y`; its beginning is cut to fit into `room`."""
        drawn = self._figure.text(
            x / self._width,
            1 - y / self._height,
            text.replace("$", r"\$"),
            fontsize=9,
            color=colour,
            fontweight="bold" if bold else "normal",
            va="center",
        )
        while len(text) > 1 and drawn.get_window_extent().width > room:
            text = text[1:]
            drawn.set_text("…" + text.replace("$", r"\$"))

    def picture(self) -> Picture:
        """Return the page, (H, W, 3)."""
        self._canvas.draw()  # type: ignore[no-untyped-call]
        drawn: Picture = np.asarray(self._canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return drawn[..., :3].copy()
