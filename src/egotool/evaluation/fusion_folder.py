"""The folder of a late fusion, kept like a run of its own.

runs/late-fusion-1f2e3d4c/
    fusion.json         FusionRecord: members, weights, what was averaged; written last
    predictions/        <split>.csv: the fused probabilities
    scores/             <split>.json: Scores
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from egotool.errors import RunError
from egotool.files import inside
from egotool.runs import Protocol, Scores

FUSION_FORMAT_VERSION = 1
MODEL = "late-fusion"
"""What scores name as the model of a fusion; the beginning of its folder's name too."""
Form = Literal["probabilities", "scores"]


class _Document(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class FusionMember(_Document):
    """One run that takes part."""

    run: str
    """Name of the run's folder."""
    folder: str
    identity: str
    weight: float
    model: str
    recipe: str
    protocol: Protocol
    seed: int
    selection: str


class FusedSplit(_Document):
    """When and from what a split was fused."""

    created: str
    """ISO 8601, UTC."""
    command: str
    predictions: tuple[str, ...]
    """SHA-256 of each member's predictions, in the order of the members."""


class FusionRecord(_Document):
    """The content of fusion.json."""

    format_version: int = FUSION_FORMAT_VERSION
    form: Form
    """What was averaged: probabilities, or scores before the softmax."""
    members: tuple[FusionMember, ...]
    protocol: Protocol
    """`paper` as soon as the test split picked the epoch of one member."""
    splits: dict[str, FusedSplit]


class Fusion:
    """One fusion folder that exists."""

    def __init__(self, folder: Path, *, record: FusionRecord) -> None:
        self.folder = folder
        self.record = record

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    def predictions_file(self, split: str) -> Path:
        """Return where the fused probabilities for `split` are kept."""
        return inside(self.folder / "predictions", f"{split}.csv")

    def scores_file(self, split: str) -> Path:
        """Return where the scores on `split` are kept."""
        return inside(self.folder / "scores", f"{split}.json")

    def scores(self, split: str = "test") -> Scores | None:
        """Return the scores on `split`, or None if it has not been fused.

        Raises:
            RunError: if the file is damaged.
        """
        path = self.scores_file(split)
        if split not in self.record.splits or not path.is_file():
            return None
        try:
            return Scores.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise RunError(f"{path} is damaged: remove it and fuse again with `egotool fuse`") from error


def is_fusion(folder: Path) -> bool:
    """Return whether `folder` is a fusion folder."""
    return (folder / "fusion.json").is_file()


def read_fusion(folder: Path) -> Fusion:
    """Return the fusion in `folder`.

    Raises:
        RunError: if it is no fusion folder, is damaged, or was written by a newer version.
    """
    path = folder / "fusion.json"
    try:
        return Fusion(folder, record=FusionRecord.model_validate_json(path.read_bytes()))
    except OSError as error:
        raise RunError(f"{folder} is not a fusion folder ({path.name} cannot be read)") from error
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RunError(
            f"{path} is damaged or from another version of egotool (at {key or 'its beginning'}): "
            "remove the folder and fuse again with `egotool fuse`"
        ) from error
