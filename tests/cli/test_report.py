import csv
import io
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from egotool.cli.report import report
from egotool.errors import UsageError
from tests.reporting.fabricated import make_run

app = typer.Typer()
app.command()(report)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_runs_the_screen_has_dashes_and_commands() -> None:
    result = CliRunner().invoke(app, ["--table", "4"])
    assert result.exit_code == 0
    for said in ("70.39", "68.38", "66.37", "67.81", "62.9", "egotool train idt-net"):
        assert said in result.stdout


def test_own_runs_are_beside_the_published_numbers() -> None:
    make_run(Path("runs"), "run", model="dynamic-net", correct=(9, 8))
    result = CliRunner().invoke(app, ["--table", "4"])
    assert result.exit_code == 0
    assert "85.0" in result.stdout


def test_json_is_one_document_and_nothing_else() -> None:
    make_run(Path("runs"), "run", model="dynamic-net", correct=(9, 8))
    result = CliRunner().invoke(app, ["--table", "4", "--json"])
    rows = {row["model"]: row for row in json.loads(result.stdout)["rows"]}
    assert rows["dynamic-net"]["measured"]["mean"] == 85.0


def test_csv_goes_to_stdout_and_its_footnotes_to_stderr() -> None:
    result = CliRunner().invoke(app, ["--format", "csv"])
    assert len(list(csv.reader(io.StringIO(result.stdout)))) == 6
    assert "116" in result.stderr


def test_damaged_runs_are_named_and_the_exit_status_is_1() -> None:
    make_run(Path("runs"), "good", model="dynamic-net")
    make_run(Path("runs"), "bad", model="dynamic-net")
    Path("runs/bad/run.json").write_text("?")
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 1
    assert "Run bad is left out" in result.stdout


def test_unfinished_runs_are_named_and_the_exit_status_is_0() -> None:
    make_run(Path("runs"), "going", model="dynamic-net", status="training")
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert "Run going is not finished" in result.stdout


def test_a_table_is_written_to_a_file_or_only_announced() -> None:
    assert CliRunner().invoke(app, ["--format", "latex", "--out", "t.tex", "--dry-run"]).exit_code == 0
    assert not Path("t.tex").exists()
    assert CliRunner().invoke(app, ["--format", "latex", "--out", "t.tex"]).exit_code == 0
    assert Path("t.tex").read_text().startswith("% needs")
    again = CliRunner().invoke(app, ["--format", "markdown", "--out", "t.tex"])
    assert isinstance(again.exception, UsageError)
    assert Path("t.tex").read_text().startswith("% needs")
    assert CliRunner().invoke(app, ["--format", "markdown", "--out", "t.tex", "--overwrite"]).exit_code == 0
    assert Path("t.tex").read_text().startswith("**Table")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--table", "7"], "no Table 7"),
        (["--runs", "nowhere"], "no folder nowhere"),
        (["--recipe", "big"], "no run of recipe 'big'"),
        (["--out", "t.txt"], "--format"),
        (["--figure", "1", "--protocol", "paper"], "name a figure's runs with --run"),
        (["--figure", "1", "--no-folds"], "name a figure's runs with --run"),
        (["--figure", "1", "--split", "train"], "name a figure's runs with --run"),
        (["--compare", "dynamic-net", "rgb", "--recipe", "big"], "no run of dynamic-net scored on the test"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], said: str) -> None:
    make_run(Path("runs"), "run", model="dynamic-net")
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


def test_protocol_and_folds_choose_among_groups_of_runs() -> None:
    make_run(Path("runs"), "honest", model="dynamic-net", correct=(5, 5))
    make_run(Path("runs"), "paper", model="dynamic-net", correct=(9, 9), protocol="paper")

    def mean(*arguments: str) -> float | None:
        result = CliRunner().invoke(app, ["--table", "4", "--json", *arguments])
        rows = {row["model"]: row for row in json.loads(result.stdout)["rows"]}
        measured = rows["dynamic-net"]["measured"]
        return measured and measured["mean"]

    assert mean("--protocol", "honest") == 50.0
    assert mean("--protocol", "paper") == 90.0
    assert mean("--protocol", "paper", "--no-folds") == 90.0
    assert mean("--folds") is None
    refused = CliRunner().invoke(app, ["--protocol", "fair"])
    assert isinstance(refused.exception, UsageError)


def test_store_and_manifest_choose_the_data() -> None:
    make_run(Path("runs"), "one", model="dynamic-net", correct=(9, 9))
    for number in range(2):
        run = make_run(Path("runs"), f"other{number}", model="dynamic-net", seed=number, data="e" * 64)
        run.update(data=run.record.data.model_copy(update={"store": "store2", "manifest": "labels.csv"}))

    def shown(*words: str) -> list[str]:
        document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
        return [run for row in document["rows"] if row["measured"] for run in row["measured"]["runs"]]

    assert shown() == ["other0", "other1"]
    assert shown("--store", "store") == ["one"]
    assert shown("--store", "store2", "--manifest", "labels.csv") == ["other0", "other1"]
    result = CliRunner().invoke(app, ["--store", "store3"])
    assert isinstance(result.exception, UsageError)
    assert "--store store2 --manifest labels.csv" in str(result.exception)
