"""The page as one HTML file that needs nothing else: style and charts are in it."""

import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from egotool import __version__
from egotool.files import write_text
from egotool.reporting.cells import alignments, headings, row_cells
from egotool.reporting.commands import sweep_command
from egotool.reporting.comparison_documents import ROWS, cells, method, verdict, warnings_of
from egotool.reporting.page.charts import COLOURS, MOST_ACTIONS, confusion_chart, curves_chart, interval_chart
from egotool.reporting.page.content import AgainstBaseline, Page
from egotool.reporting.recipes import training_in_words
from egotool.runs.paper import read_paper

GENERATOR = "egotool report --page"
"""Stands in every page: what has it may be replaced by a newer one."""
_TEMPLATE = "page.html.jinja"


def write_page(page: Page, out: Path) -> None:
    """Write `page` to the file `out`, whole or not at all; replaced if it exists."""
    write_text(out, _render(page))


def is_page(path: Path) -> bool:
    """Tell whether the file at `path` is such a page."""
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(2000)


def _render(page: Page) -> str:
    environment = Environment(
        loader=PackageLoader("egotool.reporting.page", package_path=""),
        autoescape=True,  # names come from other people's files
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    environment.filters["plain"] = _without_underscores
    return environment.get_template(_TEMPLATE).render(
        page=page,
        paper=read_paper().paper,
        version=__version__,
        generator=GENERATOR,
        alignments=alignments,
        headings=headings,
        row_cells=row_cells,
        sweep_command=sweep_command,
        comparison_rows=ROWS,
        comparison_cells=cells,
        verdict=verdict,
        warnings_of=warnings_of,
        methods=_methods,
        interval_chart=interval_chart,
        curves_chart=curves_chart,
        confusion_chart=confusion_chart,
        training_in_words=training_in_words,
        most_actions=MOST_ACTIONS,
        colours=COLOURS,
    )


def _code(sentence: str) -> Markup:
    """Escape a sentence; what stands in backquotes becomes code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def _methods(against: Sequence[AgainstBaseline]) -> dict[str, list[str]]:
    """Return how intervals were computed, and of which rows: with several trials otherwise than with one."""
    found: dict[str, list[str]] = {}
    for each in against:
        if each.compared is not None:
            found.setdefault(method(each.compared), []).append(each.label)
    return found


def _without_underscores(action: str) -> str:
    """Return an action's name with spaces, so that a narrow column can break it."""
    return action.replace("_", " ")
