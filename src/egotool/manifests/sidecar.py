"""`manifest.json` beside a manifest: what wrote it, so that what a person edited is never overwritten."""

import json
from dataclasses import dataclass
from pathlib import Path

from egotool import __version__
from egotool.files import sha256_of_file, write_text
from egotool.manifests.csv_file import read_manifest, write_manifest
from egotool.manifests.segments import Manifest


@dataclass(frozen=True)
class Sidecar:
    """What is known of the manifest that a command wrote.

    Attributes:
        source: where its segments came from.
        sha256: digest of the file as it was written.
        splits_chosen: all splits were chosen by a command, none given.
    """

    source: str
    sha256: str
    splits_chosen: bool = False

    @classmethod
    def read(cls, manifest: Path) -> "Sidecar | None":
        """Read what lies beside `manifest`; None if there is nothing, or nothing legible."""
        try:
            values = json.loads(manifest.with_suffix(".json").read_text(encoding="utf-8"))
            source = str(values["source"])
            return cls(
                source=source,
                sha256=str(values["sha256"]),
                # not recorded in earlier versions, but splits of folders are always chosen
                splits_chosen=values.get("splits_chosen", source == "folders") is True,
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def is_edited(path: Path) -> bool:
    """Return whether the manifest `path` is there and is not as a command wrote it."""
    if not path.exists():
        return False
    sidecar = Sidecar.read(path)
    return sidecar is None or sha256_of_file(path) != sidecar.sha256


def write_with_sidecar(path: Path, manifest: Manifest, *, source: str, **values: object) -> None:
    """Write a manifest, and beside it what made it; unchanged files keep their time.

    Args:
        path: the manifest.
        manifest: its segments.
        source: where they come from.
        values: whatever else decided them.
    """
    if not path.exists() or read_manifest(path) != manifest:
        write_manifest(manifest, path)
    record = {"source": source, **values, "sha256": sha256_of_file(path), "tool_version": __version__}
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    sidecar = path.with_suffix(".json")
    if not sidecar.exists() or sidecar.read_text(encoding="utf-8") != text:
        write_text(sidecar, text)
