"""One HTML page of everything that runs show: tables, paired comparisons, and the trainings behind them."""

from egotool.reporting.page.content import AgainstBaseline, Page, PageTable, read_page
from egotool.reporting.page.trainings import Training
from egotool.reporting.page.writing import is_page, write_page

__all__ = ["AgainstBaseline", "Page", "PageTable", "Training", "is_page", "read_page", "write_page"]
