"""The receipt of a video: what was made from what, and that it is complete."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from egotool.errors import StoreError
from egotool.files import write_text
from egotool.store._layout import check_format_version


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
    """Number of frames, N."""
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


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Write `receipt` to `path`, whole or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    try:
        write_text(path, receipt.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise StoreError(
            f"the receipt {path} cannot be written ({error.strerror}): check the disk"
        ) from error
