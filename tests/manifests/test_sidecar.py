"""What lies beside a manifest says whether somebody edited it."""

import json
from pathlib import Path

import pytest

from egotool.files import sha256_of_file
from egotool.manifests import (
    Manifest,
    Segment,
    Sidecar,
    is_edited,
    read_manifest,
    sidecar,
    write_with_sidecar,
)

OLD = Manifest((Segment("a", "a.mp4", 0, 5, "take"),))
NEW = Manifest((Segment("b", "b.mp4", 0, 5, "öffnen"),))


@pytest.mark.parametrize("writes", [0, 1, 2])
@pytest.mark.parametrize("before", [None, OLD])
def test_an_interrupted_manifest_is_nobodys_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: Manifest | None, writes: int
) -> None:
    path = tmp_path / "manifest.csv"
    if before is not None:
        write_with_sidecar(path, before, source="here")
    done = []

    def until_killed(target: Path, text: str) -> None:
        if len(done) == writes:
            raise KeyboardInterrupt
        done.append(target)
        target.write_text(text, encoding="utf-8")

    with monkeypatch.context() as patch:
        patch.setattr(sidecar, "write_text", until_killed)
        if before is None and writes == 2:  # a first manifest is two files
            write_with_sidecar(path, NEW, source="there")
        else:
            with pytest.raises(KeyboardInterrupt):
                write_with_sidecar(path, NEW, source="there")
    assert not is_edited(path)
    write_with_sidecar(path, NEW, source="there")
    assert read_manifest(path) == NEW
    assert not is_edited(path)
    assert Sidecar.read(path) == Sidecar("there", sha256_of_file(path))


def test_what_somebody_edited_stays_theirs_until_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.csv"
    write_with_sidecar(path, OLD, source="here")
    first = path.read_text(encoding="utf-8")
    path.write_text(first.replace("take", "grab"), encoding="utf-8")
    assert is_edited(path)

    def only_beside(target: Path, text: str) -> None:
        if target == path:
            raise KeyboardInterrupt
        target.write_text(text, encoding="utf-8")

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sidecar, "write_text", only_beside)
        write_with_sidecar(path, NEW, source="there")
    assert is_edited(path)
    write_with_sidecar(path, NEW, source="there")
    assert not is_edited(path)
    path.write_text(first, encoding="utf-8")  # an older one that somebody put back
    assert is_edited(path)


def test_earlier_versions_wrote_one_digest(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    write_with_sidecar(path, OLD, source="folders")
    record = {"source": "folders", "sha256": sha256_of_file(path)}
    path.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    assert not is_edited(path)
    assert Sidecar.read(path) == Sidecar("folders", record["sha256"], splits_chosen=True)
