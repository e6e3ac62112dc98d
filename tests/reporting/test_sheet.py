from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from egotool.errors import UsageError
from egotool.reporting.network_view import NetworkViewer
from egotool.reporting.sheet import write_sheet
from egotool.reporting.sheet_frames import choose_rows
from egotool.store import Array, Store
from tests.reporting.fabricated import TINY, make_run, make_store

SEEN = ("frame", "flow", "warp flow", "motion mask")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("store"), ["$a_b$.mp4"])


def test_sheet_shows_what_the_store_has(store: Path, tmp_path: Path) -> None:
    sheet = write_sheet(store, tmp_path / "sheet.png", count=2, flow_scale=2.0)
    assert sheet.columns == SEEN
    picture = np.round(imread(tmp_path / "sheet.png")[..., :3] * 255).astype(int)
    assert picture.shape[1] >= 1200
    pixels = {tuple(pixel) for pixel in picture.reshape(-1, 3)[::7].tolist()}
    outline = np.abs(picture - np.array([0xFF, 0xD6, 0x0A])).sum(axis=2).min()
    assert outline < 30
    assert (255, 255, 255) in pixels


def test_arrays_that_were_not_extracted_have_no_column(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", ["a.mp4"], arrays=[Array.RGB, Array.MASKS])
    assert write_sheet(store, tmp_path / "sheet.png", count=1).columns == ("frame", "motion mask")


def test_a_video_of_one_frame_has_a_sheet(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", ["a.mp4"], frames=1, arrays=[Array.RGB, Array.MASKS])
    assert len(write_sheet(store, tmp_path / "sheet.png").rows) == 1


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("dynamic-net", ("attention", "predicted next", "true next", "difference ×3")),
        ("idt-net", ("attention", "predicted mask")),
        ("convlstm-attention", ("attention",)),
    ],
)
def test_a_run_adds_what_its_network_sees(
    store: Path, tmp_path: Path, model: str, more: tuple[str, ...]
) -> None:
    run = make_run(tmp_path / "runs", "run", model=model, overrides=TINY, with_weights=True)
    sheet = write_sheet(store, tmp_path / "sheet.png", run=run, count=1)
    assert sheet.columns == SEEN + more
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_network_view_is_what_the_network_says(store: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs", "run", model="dynamic-net", overrides=TINY, with_weights=True)
    opened = Store(store)
    (row, *_) = choose_rows(opened, count=1)
    view = NetworkViewer(run, opened).look(row.segment)
    assert view.frames.tolist() == [0, 2, 4] or view.frames.tolist() == sorted(view.frames.tolist())
    assert view.attention is not None
    np.testing.assert_allclose(view.attention.sum(axis=(1, 2)), 1, rtol=1e-5)
    assert view.box == (12.0, 4.0, 56.0)  # the centre of 80×64
    assert view.following is not None
    left, top, side = (int(each) for each in view.box)
    true_next = opened.open(row.segment.video).frames(view.frames[:1] + 1)[0]
    np.testing.assert_array_equal(view.following[0], true_next[top : top + side, left : left + side])
    assert view.predicted is not None
    assert view.predicted.shape == (3, 56, 56, 3)


def test_wrong_names_are_usage_errors_and_nothing_is_written(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.png"):
        write_sheet(store, tmp_path / "sheet.jpg")
    with pytest.raises(UsageError, match="flow-scale"):
        write_sheet(store, tmp_path / "sheet.png", flow_scale=0)
    assert list(tmp_path.iterdir()) == []
