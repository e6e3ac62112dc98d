import math
from pathlib import Path

import pytest

from egotool.errors import RunError
from egotool.reporting.page.curves import read_curves
from tests.reporting.page.samples import METRICS


def test_every_epoch_has_its_losses_and_accuracies(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(METRICS)
    curves = read_curves(tmp_path / "metrics.csv")
    assert curves is not None
    assert curves.epochs == (1, 2)
    assert curves.training_loss == (2.5, 1.5)
    assert curves.head_loss == (0.5, 0.25)
    assert curves.training_accuracy == (25, 50)
    assert curves.selection_split == "validation"
    assert curves.selection_accuracy == (50, 75)
    assert curves.selection_loss[0] == 2 and math.isnan(curves.selection_loss[1])


def test_without_a_head_there_is_no_head_loss(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(
        "epoch,train/loss,train/accuracy,test/loss,test/accuracy\n0,2,,1,0.5\n"
    )
    curves = read_curves(tmp_path / "metrics.csv")
    assert curves is not None
    assert curves.head_loss == ()
    assert curves.selection_split == "test"
    assert math.isnan(curves.training_accuracy[0])


def test_imported_weights_have_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path / "metrics.csv") is None
    (tmp_path / "metrics.csv").write_text("epoch,train/loss\n")
    assert read_curves(tmp_path / "metrics.csv") is None


@pytest.mark.parametrize(
    "content",
    [
        b"epoch,train/loss,train/accuracy,validation/loss,validation/accuracy\n0,what,1,1,1\n",
        b"epoch,train/loss,train/accuracy,validation/loss,validation/accuracy\none,1,1,1,1\n",
        b"nothing,of,this\n1,2,3\n",
        b"\xff\xfe,epoch\n1,2\n",
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(RunError, match=r"metrics\.csv is damaged"):
        read_curves(tmp_path / "metrics.csv")
