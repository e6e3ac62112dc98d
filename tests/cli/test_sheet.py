import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from egotool.cli.sheet import sheet
from egotool.errors import RunError, StoreError, UsageError
from egotool.store import Array
from tests.reporting.fabricated import TINY, make_run, make_store

app = typer.Typer()
app.command()(sheet)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_options_store_becomes_sheet_png() -> None:
    make_store(Path("store"), ["a.mp4", "b.mp4"])
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    assert "2 rows" in result.stderr
    assert CliRunner().invoke(app, ["--count", "1"]).exit_code == 0  # a sheet may be replaced


@pytest.mark.parametrize("name", ["holiday.png", "sheet.pdf", "sheet.svg"])
def test_only_sheets_are_replaced(name: str) -> None:
    make_store(Path("store"), ["a.mp4"], arrays=[Array.RGB])
    Path(name).write_text("something else")
    refused = CliRunner().invoke(app, ["--out", name])
    assert isinstance(refused.exception, UsageError)
    assert "--overwrite" in str(refused.exception)
    assert Path(name).read_text() == "something else"
    assert CliRunner().invoke(app, ["--out", name, "--overwrite"]).exit_code == 0
    assert CliRunner().invoke(app, ["--out", name]).exit_code == 0


def test_dry_run_lists_the_rows_and_writes_nothing() -> None:
    make_store(Path("store"), ["a.mp4"])
    result = CliRunner().invoke(app, ["--dry-run", "--count", "2"])
    assert result.stdout.splitlines() == ["a.mp4  frame 1", "a.mp4  frame 3"]
    assert not Path("sheet.png").exists()


def test_json_and_a_run_by_the_beginning_of_its_name() -> None:
    make_store(Path("store"), ["a.mp4"])
    make_run(
        Path("runs"), "convlstm-attention-tiny", model="convlstm-attention", overrides=TINY, with_weights=True
    )
    result = CliRunner().invoke(app, ["--run", "convlstm-att", "--count", "1", "--json"])
    document = json.loads(result.stdout)
    assert document["columns"][-1] == "attention"
    assert document["written"]
    assert [row["video"] for row in document["rows"]] == ["a.mp4"]


def test_the_newest_run_of_a_model_is_taken() -> None:
    make_store(Path("store"), ["a.mp4"])
    for day in (2, 3, 1):
        make_run(
            Path("runs"),
            f"run{day}",
            model="convlstm-attention",
            overrides=TINY,
            with_weights=day == 3,
            finished=f"2026-01-0{day}T00:00:00+00:00",
        )
    make_run(Path("runs"), "other", model="dynamic-net", finished="2027-01-01T00:00:00+00:00")
    result = CliRunner().invoke(app, ["--model", "rgb", "--count", "1", "--json"])
    assert json.loads(result.stdout)["columns"][-1] == "attention"
    assert isinstance(CliRunner().invoke(app, ["--model", "idt-net"]).exception, RunError)
    assert isinstance(CliRunner().invoke(app, ["--model", "rgb", "--run", "run3"]).exception, UsageError)


def test_what_is_not_there_is_one_sentence() -> None:
    assert isinstance(CliRunner().invoke(app, []).exception, StoreError)
    make_store(Path("store"), ["a.mp4"])
    assert isinstance(CliRunner().invoke(app, ["--run", "x"]).exception, RunError)
    assert isinstance(CliRunner().invoke(app, ["--video", "x"]).exception, UsageError)
    assert not Path("sheet.png").exists()
