"""A table as rich renderables: for a screen of 80 columns or more."""

from collections.abc import Mapping

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egotool.reporting.cells import (
    DASH,
    SETTING_HEADINGS,
    accuracy_cell,
    difference_cell,
    increase_cell,
    interval_cell,
    last_epoch_cell,
    own_setting_cells,
    own_settings_differ,
    setting_cells,
)
from egotool.reporting.commands import table_command
from egotool.reporting.tables import ComparisonTable, TableRow

_MISSING = "bright_black"
_OWN = "cyan"
_SHORT = {"cross-entropy": "CE"}
"""Words that would push the numbers off a narrow screen."""


def render_terminal(table: ComparisonTable) -> RenderableType:
    """Return the table with its title above and its footnotes below, for `rich.console.Console.print`."""
    title = Text.assemble((f"Table {table.number}", "bold"), f"  {table.caption}")
    return Group(title, Text(), _Grid(table), Text(), *_to_fill(table), *_footnotes(table))


class _Grid:
    """The numbers, with narrow gaps and short words where the screen is narrow."""

    def __init__(self, table: ComparisonTable) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unlimited = options.update(max_width=1000)
        grid = _grid(self.table, narrow=False)
        narrow = Measurement.get(console, unlimited, grid).maximum > options.max_width
        if narrow:
            grid = _grid(self.table, narrow=True)
        yield grid
        legend = _legend(self.table, narrow=narrow)
        if legend:
            yield Text(f"\n{legend}", style=_MISSING)
        needed = Measurement.get(console, unlimited, grid).maximum
        if needed > options.max_width:
            whole = table_command(self.table.number, self.table.runs, "--format", "markdown")
            yield Text(f"\nCut off: the table needs {needed} columns. Whole: {whole}", style=_MISSING)


def _grid(table: ComparisonTable, *, narrow: bool) -> Table:
    grid = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 0 if narrow else 1),
        collapse_padding=True,
        expand=False,
    )
    if table.has_settings:
        for heading in SETTING_HEADINGS:
            grid.add_column(
                heading.replace(" ", "\n") if " " in heading else f"\n{heading}",
                justify="right",
                no_wrap=True,
            )
    else:
        grid.add_column("\nmodel", no_wrap=True)
    grid.add_column("paper\n%", justify="right", no_wrap=True)
    if table.has_increase:
        grid.add_column("paper\nΔ RGB", justify="right", no_wrap=True)
    for heading in _own_headings(table):
        grid.add_column(heading, justify="right", no_wrap=True, header_style=f"bold {_OWN}")
    for row in table.rows:
        if row.baseline:
            grid.add_section()
        grid.add_row(*_cells(table, row, words=_SHORT if narrow else {}))
    return grid


def _own_headings(table: ComparisonTable) -> list[str]:
    headings = ["yours\n% ± sd", "\nn", "yours\n95 %", "yours\n−paper"]
    if table.has_increase:
        headings.append("yours\nΔ RGB")
    if table.has_last_epoch:
        headings.append("last\nepoch")
    return headings


def _cells(table: ComparisonTable, row: TableRow, *, words: Mapping[str, str]) -> list[Text]:
    measured = row.measured
    if table.has_settings:
        pairs = zip(setting_cells(row.settings), own_setting_cells(row), strict=True)
        cells = [_setting(words.get(theirs, theirs), words.get(ours, ours)) for theirs, ours in pairs]
    else:
        cells = [Text(row.label)]
    cells.append(Text(f"{row.published}"))
    if table.has_increase:
        cells.append(Text(increase_cell(row.published_increase)))
    own = [
        str(measured.trials) if measured else DASH,
        interval_cell(measured),
        difference_cell(measured),
    ]
    if table.has_increase:
        own.append(increase_cell(measured.increase if measured else None))
    if table.has_last_epoch:
        own.append(last_epoch_cell(measured))
    cells.append(Text(accuracy_cell(measured), style=_MISSING if measured is None else f"bold {_OWN}"))
    return cells + [Text(cell, style=_MISSING if measured is None else "") for cell in own]


def _setting(published: str, own: str) -> Text:
    """Return the paper's hyper-parameter, and below it one's own where it differs."""
    cell = Text(published)
    if own:
        cell.append(f"\n{own}", style=_OWN)
    return cell


def _legend(table: ComparisonTable, *, narrow: bool) -> str:
    """Explain what the columns themselves do not say."""
    said = []
    if own_settings_differ(table):
        said.append("Below the paper's hyper-parameters: yours, where they differ.")
    if narrow and any(row.settings and row.settings.loss in _SHORT for row in table.rows):
        said.append("CE: cross-entropy.")
    return " ".join(said)


def _to_fill(table: ComparisonTable) -> list[RenderableType]:
    """Return the commands of the rows without runs."""
    missing = [(index, row) for index, row in enumerate(table.rows, start=1) if row.measured is None]
    if not missing:
        return []
    lines: list[RenderableType] = [Text("Rows without runs are filled by", style="bold")]
    shown = missing[:1] if table.has_settings else missing
    for index, row in shown:
        name = f"row {index}" if table.has_settings else row.label
        lines.append(Padding(Text.assemble((f"{name}: ", _MISSING), row.command), (0, 0, 0, 2)))
    if len(missing) > len(shown):
        everything = table_command(table.number, table.runs, "--format", "markdown")
        lines.append(Padding(Text(f"and so on; all commands: {everything}", style=_MISSING), (0, 0, 0, 2)))
    return [*lines, Text()]


def _footnotes(table: ComparisonTable) -> list[RenderableType]:
    notes = Table.grid(padding=(0, 1))
    notes.add_column(justify="right", style=_MISSING)
    notes.add_column()
    for number, note in enumerate(table.footnotes, start=1):
        notes.add_row(str(number), Text(note.replace("`", "")))
    return [notes]
