"""The paper's tables, read from `paper.toml`."""

import functools
import tomllib
from importlib import resources

from pydantic import BaseModel, ConfigDict

from egotool.errors import UsageError


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=False, extra="forbid")


class HyperParameters(_Frozen):
    """One row of a grid search (Tables 2, 3, 5 and 6)."""

    learning_rate: float
    """ConvLSTM and classifier ("lr")."""
    head_learning_rate: float
    """Self-supervised head ("lr super")."""
    backbone_learning_rate: float
    """Convolutions of layer4 and the ImageNet classifier ("lr resnet")."""
    head_weight: float
    """Weight of the head's loss (α)."""
    steps: tuple[int, ...]
    """Epochs after which the learning rates fall ("step")."""
    loss: str | None = None
    """Form of the motion segmentation loss: "mse" or "cross-entropy"; None for dynamic filters."""


class PaperRow(_Frozen):
    """One accuracy the paper prints, and what it was measured on."""

    accuracy: float
    """Percent, digits as printed."""
    label: str | None = None
    """Name as printed; None where the row is named by its hyper-parameters."""
    model: str | None = None
    """egotool's name of the model; None where the whole table is about one model."""
    clip_length: int | None = None
    increase: float | None = None
    """Printed difference to RGB, in points."""
    baseline: bool = False
    """Whether this is the RGB model the increases refer to."""
    settings: HyperParameters | None = None


class PaperTable(_Frozen):
    """One table of the paper."""

    number: int
    caption: str
    trials: int
    """Number of trials behind each published accuracy."""
    model: str | None = None
    notes: tuple[str, ...] = ()
    rows: tuple[PaperRow, ...]

    def name_of(self, row: PaperRow) -> str:
        """Return the name of `row`, such as table2-row3 (counted from 1)."""
        return f"table{self.number}-row{self.rows.index(row) + 1}"

    def model_of(self, row: PaperRow) -> str:
        """Return egotool's name of the model of `row`."""
        model = row.model or self.model
        assert model is not None, "paper.toml names a model in the row or in the table"
        return model


class PaperFacts(_Frozen):
    """What holds for all published numbers."""

    title: str
    author: str
    dataset: str
    train_segments: int
    test_segments: int
    protocol: str
    notes: tuple[str, ...]


class Paper(_Frozen):
    """All published numbers."""

    paper: PaperFacts
    tables: tuple[PaperTable, ...]

    def table(self, number: int) -> PaperTable:
        """Return the table with this number.

        Raises:
            UsageError: if the paper has no such table.
        """
        for table in self.tables:
            if table.number == number:
                return table
        known = ", ".join(str(table.number) for table in self.tables)
        raise UsageError(f"the paper has no Table {number}: choose one of {known} with --table")


@functools.cache
def read_paper() -> Paper:
    """Return the paper's numbers."""
    text = resources.files("egotool.runs").joinpath("paper.toml").read_text(encoding="utf-8")
    return Paper.model_validate(tomllib.loads(text))
