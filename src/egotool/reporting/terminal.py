"""A table as rich renderables: for a screen of 80 columns or more."""

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from egotool.reporting.cells import (
    DASH,
    SETTING_HEADINGS,
    accuracy_cell,
    increase_cell,
    interval_cell,
    setting_cells,
)
from egotool.reporting.tables import ComparisonTable, TableRow

_MISSING = "bright_black"
_COMMAND_WIDTH = 33


def render_terminal(table: ComparisonTable) -> RenderableType:
    """Return the table with its title above and its footnotes below, for `rich.console.Console.print`."""
    title = Text.assemble((f"Table {table.number}", "bold"), f"  {table.caption}")
    grid = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1),
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
    grid.add_column("yours\n% ± sd", justify="right", no_wrap=True, header_style="bold cyan")
    grid.add_column("\nn", justify="right", no_wrap=True, header_style="bold cyan")
    grid.add_column("yours\n95 %", justify="center", no_wrap=True, header_style="bold cyan")
    if table.has_increase:
        grid.add_column("yours\nΔ RGB", justify="right", no_wrap=True, header_style="bold cyan")
    for row in table.rows:
        if row.baseline:
            grid.add_section()
        grid.add_row(*_cells(table, row))
    return Group(title, Text(), grid, Text(), *_to_fill(table), *_footnotes(table))


def _cells(table: ComparisonTable, row: TableRow) -> list[Text]:
    missing = row.measured is None
    if table.has_settings:
        cells = [Text(cell) for cell in setting_cells(row.settings)]
    else:
        cells = [Text(row.label)]
        if missing and _short_commands(table):
            cells[0].append(f"\n{row.command}", style=_MISSING)
    cells.append(Text(f"{row.published}"))
    if table.has_increase:
        cells.append(Text(increase_cell(row.published_increase)))
    cells.append(Text(accuracy_cell(row.measured), style=_MISSING if missing else "bold cyan"))
    cells.append(Text(str(row.measured.trials) if row.measured else DASH, style=_MISSING if missing else ""))
    cells.append(Text(interval_cell(row.measured), style=_MISSING if missing else ""))
    if table.has_increase:
        cells.append(
            Text(
                increase_cell(row.measured.increase if row.measured else None),
                style=_MISSING if missing else "",
            )
        )
    return cells


def _short_commands(table: ComparisonTable) -> bool:
    """Return whether the commands fit under the labels without pushing the numbers off a narrow screen."""
    return not table.has_settings and all(len(row.command) <= _COMMAND_WIDTH for row in table.rows)


def _to_fill(table: ComparisonTable) -> list[RenderableType]:
    """Return the commands of the rows without runs, where they are too long for the table itself."""
    missing = [(index, row) for index, row in enumerate(table.rows, start=1) if row.measured is None]
    if _short_commands(table) or not missing:
        return []
    lines: list[RenderableType] = [Text("Rows without runs are filled by", style="bold")]
    shown = missing[:1] if table.has_settings else missing
    for index, row in shown:
        name = f"row {index}" if table.has_settings else row.label
        lines.append(Padding(Text.assemble((f"{name}: ", _MISSING), row.command), (0, 0, 0, 2)))
    if len(missing) > len(shown):
        everything = f"egotool report --table {table.number} --format markdown"
        lines.append(Padding(Text(f"and so on; all commands: {everything}", style=_MISSING), (0, 0, 0, 2)))
    return [*lines, Text()]


def _footnotes(table: ComparisonTable) -> list[RenderableType]:
    notes = Table.grid(padding=(0, 1))
    notes.add_column(justify="right", style=_MISSING)
    notes.add_column()
    for number, note in enumerate(table.footnotes, start=1):
        notes.add_row(str(number), Text(note.replace("`", "")))
    return [notes]
