"""Tables of the paper beside one's own runs, and picture sheets: runs in, tables and pictures out."""

from egotool.reporting.collecting import Collection, chosen_runs, collect_outcomes
from egotool.reporting.documents import DOCUMENTS
from egotool.reporting.outcomes import Cohort, Outcome, wilson_interval
from egotool.reporting.tables import ComparisonTable, Measured, TableRow, comparison_table
from egotool.reporting.terminal import render_terminal
from egotool.runs.paper import Paper, PaperRow, PaperTable, read_paper

__all__ = [
    "DOCUMENTS",
    "Cohort",
    "Collection",
    "ComparisonTable",
    "Measured",
    "Outcome",
    "Paper",
    "PaperRow",
    "PaperTable",
    "TableRow",
    "chosen_runs",
    "collect_outcomes",
    "comparison_table",
    "read_paper",
    "render_terminal",
    "wilson_interval",
]
