"""How the numbers of a table are written, the same in every format."""

import math

from egotool.reporting.commands import short_number
from egotool.reporting.tables import ComparisonTable, Measured, TableRow
from egotool.runs.paper import HyperParameters

DASH = "–"
SETTING_HEADINGS = ("lr", "lr super", "lr resnet", "α", "step", "loss")
MODEL_HEADING = "model"
OWN_SETTINGS_HEADING = "yours, where different"


def accuracy_cell(measured: Measured | None) -> str:
    """Return "71.2 ± 1.3", without deviation for a single trial."""
    if measured is None:
        return DASH
    if measured.standard_deviation is None:
        return f"{measured.mean:.1f}"
    return f"{measured.mean:.1f} ± {measured.standard_deviation:.1f}"


def interval_cell(measured: Measured | None) -> str:
    """Return "62.4–78.9"."""
    return DASH if measured is None else f"{measured.interval_low:.1f}–{measured.interval_high:.1f}"


def increase_cell(increase: float | None) -> str:
    """Return a difference in points with its sign, "+7.4"; a true minus sign for losses."""
    if increase is None:
        return DASH
    return f"{increase:+.1f}".replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0")


def difference_cell(measured: Measured | None) -> str:
    """Return own minus published, in points."""
    return increase_cell(None if measured is None else measured.difference)


def last_epoch_cell(measured: Measured | None) -> str:
    """Return the mean of the last epoch, "70.1"."""
    if measured is None or measured.mean_last_epoch is None:
        return DASH
    return f"{measured.mean_last_epoch:.1f}"


def setting_cells(settings: HyperParameters | None) -> tuple[str, ...]:
    """Return the hyper-parameters in the order of `SETTING_HEADINGS`."""
    if settings is None:
        return (DASH,) * len(SETTING_HEADINGS)
    return (
        short_number(settings.learning_rate),
        short_number(settings.head_learning_rate),
        short_number(settings.backbone_learning_rate),
        short_number(settings.head_weight),
        " ".join(map(str, settings.steps)) or DASH,
        settings.loss or DASH,
    )


def own_setting_cells(row: TableRow) -> tuple[str, ...]:
    """Return the own hyper-parameters where they differ from the paper's, else "", in the same order."""
    own = row.measured.settings if row.measured is not None else None
    if row.settings is None or own is None:
        return ("",) * len(SETTING_HEADINGS)
    published = _values(row.settings)
    return tuple(
        "" if _same(ours, theirs) else cell
        for ours, theirs, cell in zip(_values(own), published, setting_cells(own), strict=True)
    )


def own_settings_differ(table: ComparisonTable) -> bool:
    """Tell whether an own run of the table has other hyper-parameters than the paper's row."""
    return any(any(own_setting_cells(row)) for row in table.rows)


def own_settings_cell(row: TableRow) -> str:
    """Return the own hyper-parameters that differ in one cell: "step 2 6, α 0.5"."""
    cells = zip(SETTING_HEADINGS, own_setting_cells(row), strict=True)
    return ", ".join(f"{heading} {cell}" for heading, cell in cells if cell)


def headings(table: ComparisonTable) -> list[str]:
    """Return the headings of a table's columns in documents."""
    found = list(SETTING_HEADINGS) if table.has_settings else [MODEL_HEADING]
    if own_settings_differ(table):
        found.append(OWN_SETTINGS_HEADING)
    found.append("paper, %")
    if table.has_increase:
        found.append("paper, Δ RGB")
    found += ["yours, % ± sd", "trials", "95 % interval", "yours − paper"]
    if table.has_increase:
        found.append("yours, Δ RGB")
    if table.has_last_epoch:
        found.append("last epoch, %")
    return found


def row_cells(table: ComparisonTable, row: TableRow) -> list[str]:
    """Return what stands in a row below `headings`."""
    cells = list(setting_cells(row.settings)) if table.has_settings else [row.label]
    if own_settings_differ(table):
        cells.append(own_settings_cell(row))
    cells.append(f"{row.published}")
    if table.has_increase:
        cells.append(increase_cell(row.published_increase))
    cells += [
        accuracy_cell(row.measured),
        str(row.measured.trials) if row.measured else DASH,
        interval_cell(row.measured),
        difference_cell(row.measured),
    ]
    if table.has_increase:
        cells.append(increase_cell(row.measured.increase if row.measured else None))
    if table.has_last_epoch:
        cells.append(last_epoch_cell(row.measured))
    return cells


def alignments(table: ComparisonTable) -> str:
    """Return the alignment of each column: l for text, r for numbers."""
    text = {MODEL_HEADING, OWN_SETTINGS_HEADING}
    return "".join("l" if heading in text else "r" for heading in headings(table))


def _values(settings: HyperParameters) -> tuple[float | tuple[int, ...] | str | None, ...]:
    return (
        settings.learning_rate,
        settings.head_learning_rate,
        settings.backbone_learning_rate,
        settings.head_weight,
        settings.steps,
        settings.loss,
    )


def _same(one: float | tuple[int, ...] | str | None, other: float | tuple[int, ...] | str | None) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other
