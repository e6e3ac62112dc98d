import base64
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from egotool.reporting import collect_outcomes
from egotool.reporting.page import read_page
from egotool.reporting.page.charts import MOST_ACTIONS, confusion_chart, curves_chart, interval_chart
from tests.reporting.page.samples import trained

START = "data:image/svg+xml;base64,"


def texts(uri: str) -> list[str]:
    """Return what can be read in a chart."""
    assert uri.startswith(START)
    picture = ElementTree.fromstring(base64.b64decode(uri.removeprefix(START)))
    return ["".join(each.itertext()) for each in picture.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.filterwarnings("error")
def test_an_interval_for_every_row_with_runs(tmp_path: Path) -> None:
    trained(tmp_path, "rgb", model="convlstm-attention")
    trained(tmp_path, "dynamic", model="dynamic-net")
    (table,) = read_page(collect_outcomes(tmp_path), runs=tmp_path, table=4).tables
    said = texts(interval_chart(table.table, "test"))
    assert {row.label for row in table.table.rows if row.measured} <= set(said)
    assert not {row.label for row in table.table.rows if not row.measured} & set(said)
    assert {"yours, 95 % interval", "paper", "accuracy, test split, %"} <= set(said)
    (again,) = read_page(collect_outcomes(tmp_path), runs=tmp_path, table=4).tables
    assert interval_chart(again.table, "test") == interval_chart(table.table, "test")


def test_curves_of_those_runs_that_have_any(tmp_path: Path) -> None:
    trained(tmp_path, "a", model="dynamic-net")
    trained(tmp_path, "b", model="dynamic-net", seed=1)
    (tmp_path / "b/metrics.csv").unlink()
    (training,) = read_page(collect_outcomes(tmp_path), runs=tmp_path, table=4).trainings
    assert {"loss", "accuracy, %", "epoch"} <= set(texts(curves_chart(training)))
    (tmp_path / "a/metrics.csv").unlink()
    (training,) = read_page(collect_outcomes(tmp_path), runs=tmp_path, table=4).trainings
    assert curves_chart(training) == ""


@pytest.mark.filterwarnings("error")
def test_a_matrix_says_its_actions_as_they_are_written() -> None:
    actions = ("pay $5 or $6", "<b>open</b> & close", "取る")
    said = texts(confusion_chart(actions, np.array([[4, 1, 0], [0, 5, 0], [0, 0, 0]])))
    assert [said.count(action) for action in actions] == [2, 2, 2]  # a row and a column
    assert {"4", "1", "5"} <= set(said) and "0" not in said


def test_large_matrices_have_no_counts_and_still_larger_ones_are_no_picture() -> None:
    names = [f"action {number}" for number in range(MOST_ACTIONS + 1)]
    said = texts(confusion_chart(names[:30], np.diag(np.full(30, 7))))
    assert "action 29" in said and "7" not in said
    assert confusion_chart(names, np.eye(MOST_ACTIONS + 1, dtype=np.int64)) == ""
