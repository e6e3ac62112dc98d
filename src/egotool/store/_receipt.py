"""The receipt of a video: what was made from what, and that it is complete."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError, model_validator

from egotool.errors import DiskFullError, StoreError
from egotool.files import write_text
from egotool.manifests import FrameRanges
from egotool.store._hdf5 import is_disk_full
from egotool.store._layout import RANGES_FORMAT_VERSION, Array, check_format_version


class Receipt(BaseModel):
    """Written last, as JSON beside the HDF5 file; its presence means that the file is complete."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format_version: int
    """Of the HDF5 file and of this receipt."""
    tool_version: str
    """Version of egotool."""
    video: str
    """Name of the video in the store and in manifests."""
    source_name: str
    """File name of the source."""
    source_bytes: int
    """Size of the source."""
    source_sha256: str
    """Digest of the source."""
    parameters: dict[str, JsonValue]
    """Every parameter that decides the content."""
    arrays: list[str]
    """Names of the arrays in the file."""
    frame_count: int
    """Number of frames of the video."""
    ranges: list[tuple[int, int]] | None = None
    """The ranges of frames that the file has, if not all: half-open, increasing, apart. N is their sum."""
    width: int
    """Pixels of the stored frames."""
    height: int
    """Pixels of the stored frames."""
    frame_rate: float | None
    """Average frames per second of the source, if known."""
    complete: bool
    """False if the source broke off: the frames that decode are there."""
    warnings: list[str]
    """Sentences about what was not as it should be."""
    file_sha256: str
    """Digest of the HDF5 file."""
    file_bytes: int
    """Size of the HDF5 file."""
    created: str
    """Date and time, ISO 8601 with time zone."""

    @model_validator(mode="after")
    def _ranges_fit(self) -> Self:
        if (self.ranges is not None) != (self.format_version >= RANGES_FORMAT_VERSION):
            raise ValueError("ranges of frames belong to format 2")
        before = -1
        for start, stop in self.ranges or ():
            if not before < start < stop <= self.frame_count:
                raise ValueError("ranges of frames increase and lie in the video")
            before = stop
        return self

    @property
    def stored_ranges(self) -> FrameRanges:
        """The frames that the file has: one range where it has all."""
        return tuple(self.ranges) if self.ranges is not None else ((0, self.frame_count),)

    @property
    def flow_revision(self) -> int | None:
        """Which revision of TV-L1 made the flow; None if there is none, or it came from elsewhere."""
        if "schedule" not in self.parameters or Array.FLOW.value not in self.arrays:
            return None
        revision = self.parameters.get("flow_revision", 1)  # older stores do not say
        return revision if isinstance(revision, int) else None

    @property
    def stored_frames(self) -> int:
        """How many frames the file has, N."""
        return sum(stop - start for start, stop in self.stored_ranges)


def ranges_of(receipts: Mapping[str, Receipt]) -> dict[str, FrameRanges]:
    """Return the stored ranges of those videos of which the store does not have all frames."""
    return {video: receipt.stored_ranges for video, receipt in receipts.items() if receipt.ranges is not None}


def read_receipt(path: Path) -> Receipt | None:
    """Read the receipt at `path`; None if there is none.

    Raises:
        StoreError: if it is damaged or of a newer format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the receipt {path} cannot be read ({error}): extract its video again") from error
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"the receipt {path} is damaged (no JSON): extract its video again") from error
    # Before the fields: a newer format may have others.
    check_format_version(fields.get("format_version") if isinstance(fields, dict) else None, path)
    try:
        return Receipt.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise StoreError(
            f"the receipt {path} is damaged ({field}: {first['msg']}): extract its video again"
        ) from error


def _absent(receipt: Receipt) -> set[str]:
    """Return the keys that a receipt of format 1 does not have."""
    return {"ranges"} if receipt.ranges is None else set()


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Write `receipt` to `path`, whole or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    try:
        write_text(path, receipt.model_dump_json(indent=1, exclude=_absent(receipt)) + "\n")
    except OSError as error:
        if is_disk_full(error):
            raise DiskFullError(
                f"the disk is full: {path} was not written; free some space and run it again"
            ) from error
        raise StoreError(
            f"the receipt {path} cannot be written ({error.strerror}): check the disk"
        ) from error
