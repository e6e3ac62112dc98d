"""Figures to files: PNG and PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.errors import UsageError
from egotool.files import replacing
from egotool.progress import Progress, SilentProgress
from egotool.reporting.figures.architecture import draw_parts
from egotool.reporting.figures.architecture_drawing import draw_architecture
from egotool.reporting.figures.pictures import picture_figure
from egotool.reporting.figures.tracing import trace_network
from egotool.reporting.sheet_drawing import draw_sheet
from egotool.reporting.sheet_frames import SheetRow
from egotool.runs import Recipe, Run
from egotool.store import Store

SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure that was written.

    Attributes:
        number: in the paper, 1 to 4.
        files: what was written.
        runs: names of the runs it shows.
        notes: what stands below it.
    """

    number: int
    files: tuple[Path, ...]
    runs: tuple[str, ...]
    notes: tuple[str, ...]


def write_pictures(
    figure: int,
    runs: Sequence[Run],
    store: Store,
    rows: Sequence[SheetRow],
    *,
    files: Sequence[Path],
    progress: Progress | None = None,
) -> Figure:
    """Write Figure 1, 3 or 4.

    Args:
        figure: its number.
        runs: one run; for Figure 3 the one without and the one with self-supervision.
        store: the videos.
        rows: the frames to show.
        files: where to, by suffix PNG, PDF or SVG; replaced if they exist.
        progress: hears of every row.

    Raises:
        UsageError: if a file is no picture file.
        StoreError: if the store is damaged.
        RunError: if a run has no usable checkpoint.
    """
    _check(files)
    page = picture_figure(figure, runs, store, rows, progress=progress or SilentProgress())
    for file in files:
        with replacing(file) as temporary:
            draw_sheet(temporary, columns=page.columns, rows=page.rows, flow_scales=(), notes=page.notes)
    return Figure(number=figure, files=tuple(files), runs=tuple(run.name for run in runs), notes=page.notes)


def write_architecture(
    recipe: Recipe, classes: int, *, files: Sequence[Path], run: Run | None = None
) -> Figure:
    """Write Figure 2: the network of `recipe`, with shapes and parameters read off the module itself.

    Args:
        recipe: of the network.
        classes: number of actions.
        files: see `write_pictures`.
        run: the run it comes from, for the caption.

    Raises:
        UsageError: if a file is no picture file.
    """
    _check(files)
    trace = trace_network(recipe, classes)
    total = sum(parameter.numel() for parameter in trace.network.parameters())
    trained = sum(
        parameter.numel() for name, parameter in trace.network.named_parameters() if name in trace.trained
    )
    backbones = " and ".join(f"ResNet-{each.depth}" for each in recipe.backbones)
    title = f"{recipe.model}: {backbones}, {classes} actions"
    origin = f"run {run.name}" if run is not None else "no run"
    notes = (
        f"Recipe {recipe.name} ({origin}); its last stage, {recipe.stages[-1].name}, trains "
        f"{trained / 1e6:.3g} M of {total / 1e6:.3g} M parameters.",
        "In every box: what comes out (of each frame, or stack of flows), and the number of parameters.",
    )
    drawing = draw_parts(trace)
    for file in files:
        with replacing(file) as temporary:
            draw_architecture(temporary, drawing, title=title, notes=notes)
    return Figure(number=2, files=tuple(files), runs=(run.name,) if run else (), notes=(title, *notes))


def _check(files: Sequence[Path]) -> None:
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"a figure is written as .png, .pdf or .svg, not as {file.name}: choose with --out"
            )
