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
    alignments,
    headings,
    row_cells,
    setting_cells,
)
from egotool.reporting.tables import ComparisonTable, Measured, TableRow
from egotool.runs.paper import HyperParameters, read_paper


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
    content = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    content["settings"] = row.settings.model_dump() if row.settings else None
    content["measured"] = _json_measured(row.measured) if row.measured else None
    return content


def _json_measured(measured: Measured) -> dict[str, object]:
    content = {field.name: getattr(measured, field.name) for field in dataclasses.fields(measured)}
    content["settings"] = measured.settings.model_dump() if measured.settings else None
    content["folds"] = [dataclasses.asdict(fold) for fold in measured.folds]
    return content


_CSV_SETTINGS = ("lr", "lr_super", "lr_resnet", "alpha", "steps", "loss")
_CSV_MEASURED = (
    "mean",
    "standard_deviation",
    "trials",
    "interval_low",
    "interval_high",
    "test_segments",
    "difference",
    "increase",
    "mean_last_epoch",
    "recipe",
    "protocol",
    "data",
    "folds",
    "seeds",
    "best_epochs",
    "epochs",
    "own_clip_length",
    *(f"own_{name}" for name in _CSV_SETTINGS),
    "own_changes",
)
CSV_HEADER = (
    "table",
    "row",
    "label",
    "model",
    "clip_length",
    *_CSV_SETTINGS,
    "published",
    "published_increase",
    *_CSV_MEASURED,
    "command",
)


def to_csv(table: ComparisonTable) -> str:
    """Return one line per row with unrounded numbers in percent; missing values are empty. No footnotes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for place, row in enumerate(table.rows, start=1):
        writer.writerow(
            [
                table.number,
                place,
                row.label,
                row.model,
                _or_empty(row.clip_length),
                *_csv_settings(row.settings),
                row.published,
                _or_empty(row.published_increase),
                *_csv_measured(table, row),
                row.command,
            ]
        )
    return text.getvalue()


def _csv_settings(settings: HyperParameters | None) -> list[str]:
    return ["" if cell == DASH else cell for cell in setting_cells(settings)]


def _csv_measured(table: ComparisonTable, row: TableRow) -> list[object]:
    measured, cohort = row.measured, table.cohort
    if measured is None or cohort is None:
        return [""] * len(_CSV_MEASURED)
    return [
        measured.mean,
        _or_empty(measured.standard_deviation),
        measured.trials,
        measured.interval_low,
        measured.interval_high,
        measured.segments,
        measured.difference,
        _or_empty(measured.increase),
        _or_empty(measured.mean_last_epoch),
        cohort.recipe,
        cohort.protocol,
        cohort.data,
        cohort.folds,
        " ".join(map(str, measured.seeds)),
        " ".join("?" if epoch is None else str(epoch) for epoch in measured.best_epochs),
        measured.epochs,
        _or_empty(measured.clip_length),
        *_csv_settings(measured.settings),
        " ".join(measured.overrides),
    ]


def _or_empty(value: float | None) -> object:
    return "" if value is None else value


def to_markdown(table: ComparisonTable) -> str:
    """Return a pipe table, with a column for the commands of rows without runs; footnotes as a list."""
    titles, columns = headings(table), alignments(table)
    unfilled = any(row.measured is None for row in table.rows)
    if unfilled:
        titles.append("to fill this row")
        columns += "l"
    lines = [f"**Table {table.number}.** {_markdown(table.caption)}", "", _pipe_line(titles)]
    lines.append(_pipe_line([":---" if column == "l" else "---:" for column in columns]))
    for row in table.rows:
        cells = [_markdown(cell) for cell in row_cells(table, row)]
        if unfilled:
            cells.append(f"`{row.command}`" if row.measured is None else "")
        lines.append(_pipe_line(cells))
    lines += ["", *(f"{number}. {_note(note)}" for number, note in enumerate(table.footnotes, start=1))]
    return "\n".join(lines) + "\n"


def _pipe_line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text)


def _note(text: str) -> str:
    """Escape a sentence, but for what stands in backquotes: there nothing is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return _markdown(text)
    return "`".join(part if index % 2 else _markdown(part) for index, part in enumerate(parts))


def to_latex(table: ComparisonTable) -> str:
    """Return a `table` environment that needs only the package booktabs; footnotes as small print below."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering\small\setlength{\tabcolsep}{3pt}",
        rf"  \caption{{{_latex(table.caption)}}}",
        rf"  \begin{{tabular}}{{{alignments(table)}}}",
        r"    \toprule",
        "    " + " & ".join(_latex(heading) for heading in headings(table)) + r" \\",
        r"    \midrule",
    ]
    for row in table.rows:
        if row.baseline:
            lines.append(r"    \midrule")
        lines.append("    " + " & ".join(_latex(cell) for cell in row_cells(table, row)) + r" \\")
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
    parts = text.split("--")  # an option, and no dash
    return "-{}-".join("".join(_LATEX.get(character, character) for character in part) for part in parts)


DOCUMENTS: Mapping[str, Callable[[ComparisonTable], str]] = MappingProxyType(
    {"markdown": to_markdown, "csv": to_csv, "json": to_json, "latex": to_latex}
)
"""Text formats by name."""
