import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from egotool.cli.report import report
from egotool.errors import UsageError
from tests.reporting.fabricated import make_run
from tests.reporting.page.samples import trained

app = typer.Typer()
app.command()(report)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def test_a_page_is_written_and_replaced_by_a_newer_one() -> None:
    trained(Path("runs"), "rgb", model="convlstm-attention")
    result = typed("--page", "report.html", "--table", "4")
    assert (result.exit_code, result.stdout) == (0, "report.html shows Table 4 and the 1 run behind them.\n")
    assert "62.9" in Path("report.html").read_text()
    trained(Path("runs"), "dynamic", model="dynamic-net")
    assert "the 2 runs" in typed("--page", "report.html", "--table", "4").stdout
    assert "68.38" in Path("report.html").read_text()


def test_what_is_no_page_stays_unless_overwritten() -> None:
    trained(Path("runs"), "dynamic", model="dynamic-net")
    Path("thesis.html").write_text("years of work")
    refused = typed("--page", "thesis.html")
    assert isinstance(refused.exception, UsageError) and "--overwrite" in str(refused.exception)
    assert Path("thesis.html").read_text() == "years of work"
    assert typed("--page", "thesis.html", "--overwrite").exit_code == 0
    assert "dynamic" in Path("thesis.html").read_text()


def test_a_dry_run_writes_nothing_and_json_is_one_document() -> None:
    trained(Path("runs"), "dynamic", model="dynamic-net")
    assert typed("--page", "r.html", "--dry-run").stdout.startswith("Would write ")
    planned = json.loads(typed("--page", "r.html", "--dry-run", "--json").stdout)
    assert planned["written"] is False and not Path("r.html").exists()
    written = json.loads(typed("--page", "r.html", "--json").stdout)
    assert written["written"] is True and Path("r.html").is_file()
    assert written["runs"] == ["dynamic"] and 4 in written["tables"]


def test_damaged_runs_are_named_and_the_exit_status_is_1() -> None:
    trained(Path("runs"), "good", model="dynamic-net")
    make_run(Path("runs"), "bad", model="dynamic-net")
    Path("runs/bad/run.json").write_text("?")
    result = typed("--page", "r.html")
    assert result.exit_code == 1
    assert "Run bad is left out" in result.stdout
    assert "Run bad is left out" in Path("r.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--page", "r.pdf"], "a page is written as .html"),
        (["--page", "folder.html"], "is a folder"),
        (["--page", "r.html", "--figure", "3"], "leave out --figure and --compare"),
        (["--page", "r.html", "--compare", "rgb", "flow"], "leave out --figure and --compare"),
        (["--page", "r.html", "--out", "x.md"], "leave out --out and --format"),
        (["--page", "r.html", "--format", "csv"], "leave out --out and --format"),
        (["--page", "r.html", "--table", "7"], "the paper has no Table 7"),
        (["--page", "r.html", "--table", "1"], "no run with test scores for Table 1"),
        (["--page", "r.html", "--split", "train"], "no run with train scores"),
        (["--page", "r.html", "--recipe", "nosuch"], "there is no run of recipe 'nosuch'"),
        (["--page", "r.html", "--store", "elsewhere"], "no run is on that data"),
    ],
)
def test_what_cannot_be_shown_is_said_and_nothing_written(words: list[str], said: str) -> None:
    trained(Path("runs"), "dynamic", model="dynamic-net")
    Path("folder.html").mkdir()
    result = typed(*words)
    assert isinstance(result.exception, UsageError) and said in str(result.exception)
    assert not Path("r.html").exists()
