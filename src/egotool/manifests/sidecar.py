"""`manifest.json` beside a manifest: what wrote it, so that what a person edited is never overwritten."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from egotool import __version__
from egotool.files import sha256_of_file, write_text
from egotool.manifests.csv_file import manifest_text, read_manifest
from egotool.manifests.segments import Manifest


@dataclass(frozen=True)
class Sidecar:
    """What is known of the manifest that a command wrote.

    Attributes:
        source: where its segments came from.
        sha256: digest of the file as it was written.
        sha256_before: digest of the file that it replaces; only until it has.
        splits_chosen: all splits were chosen by a command, none given.
    """

    source: str
    sha256: str
    sha256_before: str | None = None
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
                sha256_before=values.get("sha256_before"),
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
    return sidecar is None or sha256_of_file(path) not in (sidecar.sha256, sidecar.sha256_before)


def write_with_sidecar(path: Path, manifest: Manifest, *, source: str, **values: object) -> None:
    """Write a manifest, and beside it what made it; unchanged files keep their time.

    Whenever it is interrupted, the file that is there counts as written by a command if it did before: what
    lies beside it goes first, with the digest of both files, and forgets the old one in the end.

    Args:
        path: the manifest.
        manifest: its segments.
        source: where they come from.
        values: whatever else decided them.
    """
    record: dict[str, object] = {"source": source, **values}
    if path.exists() and read_manifest(path) == manifest:
        record["sha256"] = sha256_of_file(path)
    else:
        text = manifest_text(manifest)
        record["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        # A file that somebody edited stays theirs until it is replaced.
        if path.exists() and not is_edited(path):
            _write_record(path, {**record, "sha256_before": sha256_of_file(path)})
        else:
            _write_record(path, record)
        write_text(path, text)
    _write_record(path, record)


def _write_record(manifest: Path, record: Mapping[str, object]) -> None:
    text = json.dumps({**record, "tool_version": __version__}, indent=2, ensure_ascii=False) + "\n"
    sidecar = manifest.with_suffix(".json")
    if not sidecar.exists() or sidecar.read_text(encoding="utf-8") != text:
        write_text(sidecar, text)
