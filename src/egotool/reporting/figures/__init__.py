"""The paper's four figures, made from one's own runs.

1 · class activation map and attention over frames
2 · the architecture, drawn from the module itself
3 · class activation maps without and with self-supervision, side by side
4 · dynamic filters: input, predicted next frame, true one, difference, and the filters
"""

from egotool.reporting.figures.choosing import FIGURES, FigureRuns, choose_figure_runs
from egotool.reporting.figures.writing import Figure, write_architecture, write_pictures

__all__ = [
    "FIGURES",
    "Figure",
    "FigureRuns",
    "choose_figure_runs",
    "write_architecture",
    "write_pictures",
]
