"""A table as a text document: markdown, CSV, JSON or LaTeX."""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from egotool import __version__
from egotool.reporting.cells import (
    DASH,
    SETTING_HEADINGS,
    accuracy_cell,
    increase_cell,
    interval_cell,
    setting_cells,
)
from egotool.reporting.tables import ComparisonTable, TableRow
from egotool.runs.paper import read_paper


def to_json(table: ComparisonTable) -> str:
    """Return one JSON document: every number unrounded, accuracies in percent, missing values null."""
    document = {
        "tool": f"egotool {__version__}",
        "paper": dataclasses.asdict(_paper_facts()),
        "table": table.number,
        "caption": table.caption,
        "unit": "percent",
        "interval": "95 % Wilson, from the number of different test segments",
        "runs_share": None if table.cohort is None else dataclasses.asdict(table.cohort),
        "rows": [_json_row(row) for row in table.rows],
        "footnotes": list(table.footnotes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@dataclasses.dataclass(frozen=True, slots=True)
class _Facts:
    title: str
    author: str
    dataset: str
    test_segments: int
    protocol: str


def _paper_facts() -> _Facts:
    facts = read_paper().paper
    return _Facts(facts.title, facts.author, facts.dataset, facts.test_segments, facts.protocol)


def _json_row(row: TableRow) -> dict[str, object]:
    content = {
        field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "settings"
    }
    content["settings"] = row.settings.model_dump() if row.settings else None
    content["measured"] = dataclasses.asdict(row.measured) if row.measured else None
    return content


CSV_HEADER = (
    "table",
    "label",
    "model",
    "lr",
    "lr_super",
    "lr_resnet",
    "alpha",
    "steps",
    "loss",
    "published",
    "published_increase",
    "mean",
    "standard_deviation",
    "trials",
    "interval_low",
    "interval_high",
    "test_segments",
    "increase",
    "recipe",
    "protocol",
    "data",
    "seeds",
    "command",
)


def to_csv(table: ComparisonTable) -> str:
    """Return one line per row with unrounded numbers in percent; missing values are empty. No footnotes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for row in table.rows:
        settings = setting_cells(row.settings) if row.settings else ("",) * len(SETTING_HEADINGS)
        writer.writerow(
            [
                table.number,
                row.label,
                row.model,
                *("" if cell == DASH else cell for cell in settings),
                row.published,
                _or_empty(row.published_increase),
                *_csv_measured(table, row),
                row.command,
            ]
        )
    return text.getvalue()


def _csv_measured(table: ComparisonTable, row: TableRow) -> list[object]:
    measured, cohort = row.measured, table.cohort
    if measured is None or cohort is None:
        return [""] * 11
    return [
        measured.mean,
        _or_empty(measured.standard_deviation),
        measured.trials,
        measured.interval_low,
        measured.interval_high,
        measured.segments,
        _or_empty(measured.increase),
        cohort.recipe,
        cohort.protocol,
        cohort.data,
        " ".join(map(str, measured.seeds)),
    ]


def _or_empty(value: float | None) -> object:
    return "" if value is None else value


def _headings(table: ComparisonTable) -> list[str]:
    headings = list(SETTING_HEADINGS) if table.has_settings else ["model"]
    headings.append("paper, %")
    if table.has_increase:
        headings.append("paper, Δ RGB")
    headings += ["yours, % ± sd", "trials", "95 % interval"]
    if table.has_increase:
        headings.append("yours, Δ RGB")
    return headings


def _cells(table: ComparisonTable, row: TableRow) -> list[str]:
    cells = list(setting_cells(row.settings)) if table.has_settings else [row.label]
    cells.append(f"{row.published}")
    if table.has_increase:
        cells.append(increase_cell(row.published_increase))
    cells += [
        accuracy_cell(row.measured),
        str(row.measured.trials) if row.measured else DASH,
        interval_cell(row.measured),
    ]
    if table.has_increase:
        cells.append(increase_cell(row.measured.increase if row.measured else None))
    return cells


def to_markdown(table: ComparisonTable) -> str:
    """Return a pipe table with a column for the commands of rows without runs, footnotes as a list."""
    headings = [*_headings(table), "to fill this row"]
    text_columns = {0, len(headings) - 1} if not table.has_settings else {len(headings) - 1}
    lines = [f"**Table {table.number}.** {_markdown(table.caption)}", "", _pipe_line(headings)]
    lines.append(_pipe_line([":---" if index in text_columns else "---:" for index in range(len(headings))]))
    for row in table.rows:
        command = f"`{row.command}`" if row.measured is None else ""
        lines.append(_pipe_line([*(_markdown(cell) for cell in _cells(table, row)), command]))
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(table.footnotes, start=1))]
    return "\n".join(lines) + "\n"


def _pipe_line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text)


def to_latex(table: ComparisonTable) -> str:
    """Return a `table` environment that needs only the package booktabs; footnotes as small print below."""
    headings = _headings(table)
    columns = ("r" * len(SETTING_HEADINGS) if table.has_settings else "l") + "r" * (
        len(headings) - (len(SETTING_HEADINGS) if table.has_settings else 1)
    )
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_latex(table.caption)}}}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        "    " + " & ".join(_latex(heading) for heading in headings) + r" \\",
        r"    \midrule",
    ]
    for row in table.rows:
        if row.baseline:
            lines.append(r"    \midrule")
        lines.append("    " + " & ".join(_latex(cell) for cell in _cells(table, row)) + r" \\")
    lines += [
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \par\medskip",
        r"  \begin{minipage}{\linewidth}\footnotesize",
    ]
    lines += [
        rf"    \textsuperscript{{{n}}} {_latex(note)}\par" for n, note in enumerate(table.footnotes, start=1)
    ]
    lines += [
        rf"    {_latex(row.label)}: \texttt{{{_latex(row.command)}}}\par"
        for row in table.rows
        if row.measured is None
    ]
    lines += [r"  \end{minipage}", r"\end{table}"]
    return "\n".join(lines) + "\n"


_LATEX: Mapping[str, str] = MappingProxyType(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "%": r"\%",
        "&": r"\&",
        "#": r"\#",
        "$": r"\$",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "[": "{[}",  # right after \\ a bracket would be read as an option
        "`": "",
        "–": "--",
        "−": "$-$",
        "±": r"$\pm$",
        "Δ": r"$\Delta$",
        "α": r"$\alpha$",
        "×": r"$\times$",
        "…": r"\dots{}",
    }
)


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


DOCUMENTS: Mapping[str, Callable[[ComparisonTable], str]] = MappingProxyType(
    {"markdown": to_markdown, "csv": to_csv, "json": to_json, "latex": to_latex}
)
"""Text formats by name."""
