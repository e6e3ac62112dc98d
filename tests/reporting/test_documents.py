import csv
import io
import json
import re
from pathlib import Path

import pytest

from egotool.reporting import DOCUMENTS, ComparisonTable, collect_outcomes, comparison_table
from egotool.runs.rows import load_row_recipe
from tests.reporting.fabricated import make_run


@pytest.fixture
def table(tmp_path: Path) -> ComparisonTable:
    for seed, correct in enumerate([(8, 7), (9, 9), (6, 8)]):
        make_run(
            tmp_path, f"d{seed}", model="dynamic-net", seed=seed, correct=correct, reason="50% & {more}_$x^#~"
        )
    make_run(tmp_path, "a", model="convlstm-attention", correct=(5, 6))
    return comparison_table(4, collect_outcomes(tmp_path).outcomes)


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_published_number_is_in_every_format(name: str, number: int) -> None:
    table = comparison_table(number, [])
    text = DOCUMENTS[name](table)
    for row in table.rows:
        assert str(row.published) in text


def test_json_has_unrounded_numbers_and_nulls(table: ComparisonTable) -> None:
    document = json.loads(DOCUMENTS["json"](table))
    rows = {row["model"]: row for row in document["rows"]}
    assert rows["dynamic-net"]["measured"]["mean"] == pytest.approx(235 / 3)
    assert rows["dynamic-net"]["measured"]["seeds"] == [0, 1, 2]
    assert rows["convlstm-attention"]["measured"]["standard_deviation"] is None
    assert rows["idt-net"]["measured"] is None
    assert rows["idt-net"]["command"] == "egotool train idt-net"
    assert document["runs_share"]["recipe"] == "small"
    assert document["footnotes"]


def test_csv_has_one_line_per_row_and_empty_cells_for_dashes(table: ComparisonTable) -> None:
    lines = {line["model"]: line for line in csv.DictReader(io.StringIO(DOCUMENTS["csv"](table)))}
    assert float(lines["dynamic-net"]["mean"]) == pytest.approx(235 / 3)
    assert lines["dynamic-net"]["trials"] == "3"
    assert lines["dynamic-net"]["seeds"] == "0 1 2"
    assert float(lines["dynamic-net"]["published_increase"]) == 5.4
    assert lines["idt-net"]["mean"] == ""
    assert lines["idt-net"]["command"] == "egotool train idt-net"
    assert None not in lines["idt-net"]  # as many cells as headings


def test_csv_of_a_grid_has_its_hyper_parameters() -> None:
    first = next(csv.DictReader(io.StringIO(DOCUMENTS["csv"](comparison_table(3, [])))))
    assert (first["lr"], first["lr_super"], first["alpha"], first["steps"]) == ("2e-4", "2e-4", "1", "45 90")
    assert first["loss"] == "cross-entropy"


def test_markdown_shows_both_numbers_and_the_command(table: ComparisonTable) -> None:
    text = DOCUMENTS["markdown"](table)
    assert "| Dynamic-net | 68.38 | +5.4 | 78.3 ± 10.4 | 3 | 56.6–90.9 | +10.0 | +23.3 |  |" in text
    assert "| IDT-net | 70.39 | +7.4 | – | – | – | – | – | `egotool train idt-net` |" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1


@pytest.mark.parametrize("number", range(1, 7))
def test_latex_is_balanced_and_its_rows_fit_the_columns(number: int, table: ComparisonTable) -> None:
    shown = table if number == 4 else comparison_table(number, [])
    text = DOCUMENTS["latex"](shown)
    opened: list[str] = []
    for what, environment in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if what == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert opened == []
    plain = text.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1])  # type: ignore[index]
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(lines) == len(shown.rows) + 1
    assert all(len(re.findall(r"(?<!\\)&", line)) == columns - 1 for line in lines)
    text.encode("ascii")  # compiles without packages for Unicode


def test_latex_escapes_what_means_something_to_latex(table: ComparisonTable) -> None:
    assert r"50\% \& \{more\}\_\$x\textasciicircum{}\#\textasciitilde{}" in DOCUMENTS["latex"](table)
    elsewhere = DOCUMENTS["latex"](comparison_table(4, [], runs=Path("elsewhere")))
    assert r"\texttt{egotool train idt-net -{}-runs elsewhere}" in elsewhere and "& -- &" in elsewhere


@pytest.fixture
def grid(tmp_path: Path) -> ComparisonTable:
    """Table 3 with its first row run: for fewer epochs, so that the steps are other than the paper's."""
    recipe = load_row_recipe(3, 1, recipe="small", overrides=["head.alpha=0.25"])
    make_run(tmp_path, "run", model="convlstm-idt", resolved=recipe, protocol="paper", correct=(9, 8))
    return comparison_table(3, collect_outcomes(tmp_path).outcomes)


def test_own_hyper_parameters_stand_beside_the_papers(grid: ComparisonTable) -> None:
    first, second, *_ = csv.DictReader(io.StringIO(DOCUMENTS["csv"](grid)))
    assert (first["alpha"], first["own_alpha"]) == ("1", "0.25")
    assert (first["steps"], first["own_steps"]) == ("45 90", "4 7")  # of 8 epochs, not of 100
    assert (first["loss"], first["own_loss"]) == ("cross-entropy", "cross-entropy")
    assert (second["own_alpha"], second["own_steps"], second["own_clip_length"]) == ("", "", "")
    assert "| α 0.25, step 4 7 | 65.5 |" in DOCUMENTS["markdown"](grid)
    assert r"& $\alpha$ 0.25, step 4 7 & 65.5 &" in DOCUMENTS["latex"](grid)
    document = json.loads(DOCUMENTS["json"](grid))["rows"][0]
    assert document["settings"]["steps"] == [45, 90]
    assert document["measured"]["settings"]["steps"] == [4, 7]
    assert document["measured"]["settings"]["head_weight"] == 0.25


@pytest.mark.parametrize("name", ["markdown", "latex"])
def test_without_other_hyper_parameters_there_is_no_column_for_them(name: str) -> None:
    assert "where different" not in DOCUMENTS[name](comparison_table(3, []))


def test_best_and_last_epoch_and_the_difference_are_side_by_side(grid: ComparisonTable) -> None:
    first = next(csv.DictReader(io.StringIO(DOCUMENTS["csv"](grid))))
    assert (first["mean"], first["mean_last_epoch"], first["protocol"]) == ("85.0", "25.0", "paper")
    assert float(first["difference"]) == pytest.approx(85 - 65.5)
    assert "| 85.0 | 1 | 64.0–94.8 | +19.5 | 25.0 |" in DOCUMENTS["markdown"](grid)
    assert "85.0 & 1 & 64.0--94.8 & +19.5 & 25.0" in DOCUMENTS["latex"](grid)
    measured = json.loads(DOCUMENTS["json"](grid))["rows"][0]["measured"]
    assert (measured["difference"], measured["mean_last_epoch"]) == (pytest.approx(19.5), 25.0)


def test_a_full_table_needs_no_column_of_commands(tmp_path: Path) -> None:
    for model in ("idt-net", "dynamic-net", "convlstm-dynamic", "convlstm-idt", "convlstm-attention"):
        make_run(tmp_path, model, model=model)
    text = DOCUMENTS["markdown"](comparison_table(4, collect_outcomes(tmp_path).outcomes))
    assert "to fill this row" not in text
    assert "egotool train" not in text


@pytest.mark.parametrize("name", ["csv", "json"])
def test_what_the_manual_says_is_there(name: str, table: ComparisonTable) -> None:
    """docs/report.md lists every column of CSV and every field of JSON."""
    manual = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    text = DOCUMENTS[name](table)
    if name == "csv":
        names = next(csv.reader(io.StringIO(text)))
    else:
        document = json.loads(text)
        (row,) = [row for row in document["rows"] if row["model"] == "dynamic-net"]
        names = [*document, *document["runs_share"], *row, *row["measured"]]
    for field in names:
        assert f"`{field}`" in manual


def test_markdown_of_names_with_meaning_to_markdown(tmp_path: Path) -> None:
    make_run(tmp_path, "run", model="dynamic-net", reason="*a* <b>|`c` [d](e)")
    text = DOCUMENTS["markdown"](comparison_table(4, collect_outcomes(tmp_path).outcomes))
    assert r"\*a\* \<b\>\|`c` \[d\](e)" in text
