"""How the numbers of a table are written, the same in every format."""

from egotool.reporting.commands import short_number
from egotool.reporting.tables import Measured
from egotool.runs.paper import HyperParameters

DASH = "–"
SETTING_HEADINGS = ("lr", "lr super", "lr resnet", "α", "step", "loss")


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


def setting_cells(settings: HyperParameters | None) -> tuple[str, ...]:
    """Return the hyper-parameters in the order of `SETTING_HEADINGS`."""
    if settings is None:
        return (DASH,) * len(SETTING_HEADINGS)
    return (
        short_number(settings.learning_rate),
        short_number(settings.head_learning_rate),
        short_number(settings.backbone_learning_rate),
        short_number(settings.head_weight),
        " ".join(map(str, settings.steps)),
        settings.loss or DASH,
    )
