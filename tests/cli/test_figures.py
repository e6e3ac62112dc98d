import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from egotool.errors import RunError, UsageError
from tests.cli.test_train import SETTINGS, egotool
from tests.training.small_store import make_labelled_store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    make_labelled_store(folder / "store")
    for model in ("rgb", "dynamic-net"):
        egotool(folder, "train", model, "--device", "cpu", *SETTINGS)
    return folder


@pytest.mark.parametrize(("figure", "runs"), [(1, 1), (2, 1), (3, 2), (4, 1)])
def test_every_figure_is_written_as_png_and_pdf(folder: Path, figure: int, runs: int) -> None:
    arguments = ("report", "--figure", str(figure), "--count", "2", "--json")
    status, out, _ = egotool(folder, *arguments, "--dry-run")
    assert status == 0 and not json.loads(out)["written"]
    assert not (folder / f"figure{figure}.png").exists()
    for _ in range(2):  # a figure replaces a figure
        status, out, _ = egotool(folder, *arguments)
        document = json.loads(out)
        assert status == 0 and len(document["runs"]) == runs and document["notes"]
    assert document["files"] == [f"figure{figure}.png", f"figure{figure}.pdf"]
    picture = cv2.imread(str(folder / f"figure{figure}.png"))
    assert min(picture.shape[:2]) > 300 and picture.std() > 10
    assert (folder / f"figure{figure}.pdf").read_bytes().startswith(b"%PDF")


def test_the_caption_says_what_copying_would_give(folder: Path) -> None:
    status, out, _ = egotool(
        folder, "report", "--figure", "4", "--segment", "push_left-4", "--out", "four.png"
    )
    assert status == 0 and "Figure 4 is in four.png." in out
    assert "of taking the input itself" in out and "full colour is" in out
    assert not (folder / "four.pdf").exists()


def test_foreign_files_are_not_replaced(folder: Path) -> None:
    (folder / "mine.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is no figure"):
        egotool(folder, "report", "--figure", "2", "--out", "mine.png")
    assert (folder / "mine.png").read_bytes() == b"mine"
    status, _, _ = egotool(folder, "report", "--figure", "2", "--out", "mine.png", "--overwrite")
    assert status == 0 and np.ptp(cv2.imread(str(folder / "mine.png"))) > 0


def test_figure_2_needs_no_run(tmp_path: Path) -> None:
    status, out, _ = egotool(tmp_path, "report", "--figure", "2", "--run", "two-stream")
    assert status == 0 and "two-stream: ResNet-34 and ResNet-34, 61 actions" in out


def test_compare_is_reached_from_report(folder: Path) -> None:
    status, out, _ = egotool(folder, "report", "--compare", "dynamic-net", "rgb", "--json")
    assert status == 0 and json.loads(out)


def test_wrong_use_is_named(folder: Path) -> None:
    with pytest.raises(UsageError, match="three different things"):
        egotool(folder, "report", "--figure", "1", "--table", "4")
    with pytest.raises(UsageError, match="belong to --figure"):
        egotool(folder, "report", "--run", "rgb")
    with pytest.raises(UsageError, match="belong to --figure"):
        egotool(folder, "report", "--table", "4", "--count", "3")
    with pytest.raises(UsageError, match="Figure 2 has none"):
        egotool(folder, "report", "--figure", "2", "--segment", "nothing")
    with pytest.raises(UsageError, match="leave out --format"):
        egotool(folder, "report", "--figure", "1", "--format", "csv")
    with pytest.raises(UsageError, match=r"not as f\.gif"):
        egotool(folder, "report", "--figure", "1", "--out", "f.gif")
    with pytest.raises(RunError, match="there is no run 'nothing'"):
        egotool(folder, "report", "--figure", "1", "--run", "nothing")
