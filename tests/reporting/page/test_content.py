from pathlib import Path

import pytest

from egotool.errors import UsageError
from egotool.reporting import collect_outcomes
from egotool.reporting.page import Page, read_page
from tests.reporting.page.samples import trained


def page(runs: Path, **options: object) -> Page:
    return read_page(collect_outcomes(runs), runs=runs, **options)


def test_tables_with_runs_are_shown_and_the_others_named(tmp_path: Path) -> None:
    trained(tmp_path, "rgb", model="convlstm-attention")
    trained(tmp_path, "dynamic", model="dynamic-net")
    shown = page(tmp_path)
    numbers = [each.table.number for each in shown.tables]
    assert 4 in numbers
    assert sorted([*numbers, *(each.number for each in shown.empty)]) == [1, 2, 3, 4, 5, 6]
    assert [each.table.number for each in page(tmp_path, table=4).tables] == [4]
    with pytest.raises(UsageError, match="no Table 9"):
        page(tmp_path, table=9)


def test_a_training_that_two_tables_show_is_described_once(tmp_path: Path) -> None:
    # the settings of `paper` are those of a row of the grid search, too
    trained(tmp_path, "dynamic", model="dynamic-net")
    shown = page(tmp_path)
    assert {2, 4} <= {each.table.number for each in shown.tables}
    assert len(shown.trainings) == 1
    assert [(each.label, each.anchor) for each in shown.trainings] == [("Dynamic-net", "training-1")]


def test_rows_are_compared_with_rgb_segment_by_segment(tmp_path: Path) -> None:
    trained(tmp_path, "rgb", model="convlstm-attention", right=5)
    trained(tmp_path, "dynamic", model="dynamic-net", right=9)
    (table,) = page(tmp_path, table=4).tables
    (against,) = table.against
    assert against.compared is not None
    comparison = against.compared.comparison
    assert comparison.difference == pytest.approx(0.4)
    assert (comparison.pairs[0].only_a, comparison.pairs[0].only_b) == (8, 0)
    assert table.baseline and table.baseline != against.label
    assert (against.compared.a.name, against.compared.b.name) == (against.label, table.baseline)


def test_without_predictions_there_is_no_comparison_but_its_reason(tmp_path: Path) -> None:
    trained(tmp_path, "rgb", model="convlstm-attention")
    run = trained(tmp_path, "dynamic", model="dynamic-net")
    run.predictions_file("test").unlink()
    (against,) = page(tmp_path, table=4).tables[0].against
    assert against.compared is None and "predictions" in against.problem


def test_without_rgb_nothing_is_compared(tmp_path: Path) -> None:
    trained(tmp_path, "dynamic", model="dynamic-net")
    (table,) = page(tmp_path, table=4).tables
    assert (table.baseline, table.against) == ("", ())


def test_filters_choose_as_for_tables(tmp_path: Path) -> None:
    trained(tmp_path, "dynamic", model="dynamic-net")
    assert page(tmp_path, protocol="paper").tables == ()
    assert page(tmp_path, recipe="small").tables != ()
