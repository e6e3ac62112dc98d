"""Reading a store."""

import json
import multiprocessing
import os
import pickle
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from egotool.errors import StoreError
from egotool.store import Array, CameraCount, Store, StoredVideo, decode_flow, receipt_file
from tests.store.samples import FRAMES, HEIGHT, WIDTH, contents, damage_description, write_video

DATA = contents()
NAME = "S1/take/clip3.mp4"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    write_video(path, NAME, DATA)
    write_video(path, "b.mp4", {Array.RGB: DATA[Array.RGB], Array.TIMESTAMPS: DATA[Array.TIMESTAMPS]})
    return path


def test_found_camera_motions_are_counted(store: Path, tmp_path: Path) -> None:
    count = Store(store).open(NAME).camera_count()
    assert count == CameraCount(FRAMES - 1, int(DATA[Array.HOMOGRAPHY_VALID].sum()))
    assert Store(store).open("b.mp4").camera_count() is None
    write_video(tmp_path, "one.mp4", contents(1), parts=(0,))
    assert Store(tmp_path).open("one.mp4").camera_count() == CameraCount(0, 0)


def test_a_store_lists_its_finished_videos(store: Path) -> None:
    (store / ".parts").mkdir(exist_ok=True)
    (store / ".parts/x.mp4.json").write_text("{}")
    (store / "unfinished.mp4.h5").write_bytes(b"")
    (store / "note.json").write_text("{}")
    opened = Store(store)
    assert opened.videos() == [NAME, "b.mp4"]
    video = opened.open(NAME)
    assert (video.frame_count, video.width, video.height) == (FRAMES, WIDTH, HEIGHT)
    assert set(video.arrays) == set(Array) - {Array.FRAME_NUMBERS}
    assert opened.receipt("b.mp4").video == "b.mp4"


def test_no_store_an_empty_store_and_an_unknown_video_are_sentences(store: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(StoreError, match="egotool extract"):
            Store(path)
    with pytest.raises(StoreError, match=r"`egotool extract VIDEOS --out '.*my store'`"):
        Store(tmp_path / "my store")
    with pytest.raises(StoreError, match=r"unknown\.mp4"):
        Store(store).open("unknown.mp4")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(indices=st.lists(st.integers(0, FRAMES - 2), max_size=12))
def test_any_pattern_of_indices_equals_slicing_the_arrays(store: Path, indices: list[int]) -> None:
    video = Store(store).open(NAME)
    wanted = np.array(indices, dtype=np.int64)
    np.testing.assert_array_equal(video.frames(indices), DATA[Array.RGB][wanted])
    np.testing.assert_array_equal(video.flow(wanted), decode_flow(DATA[Array.FLOW][wanted]))  # type: ignore[arg-type]
    np.testing.assert_array_equal(video.warp_flow(indices), DATA[Array.WARP_FLOW][wanted] / 64)  # type: ignore[operator]
    np.testing.assert_array_equal(video.masks(indices), DATA[Array.MASKS][wanted])
    matrices, valid = video.homographies(indices)
    np.testing.assert_array_equal(matrices, DATA[Array.HOMOGRAPHY][wanted])
    np.testing.assert_array_equal(valid, DATA[Array.HOMOGRAPHY_VALID][wanted])
    video.close()


def test_types_and_times(store: Path) -> None:
    video = Store(store).open(NAME)
    np.testing.assert_array_equal(video.timestamps(), DATA[Array.TIMESTAMPS])
    assert video.frames([0]).dtype == np.uint8
    assert video.flow([0]).dtype == np.float32
    assert video.frames([]).shape == (0, HEIGHT, WIDTH, 3)
    assert video.flow([]).shape == (0, 2, HEIGHT, WIDTH)


@pytest.mark.parametrize("wrong", [-1, FRAMES, 10**12])
def test_indices_outside_are_refused(store: Path, wrong: int) -> None:
    with pytest.raises(StoreError, match=f"no number {wrong}"):
        Store(store).open(NAME).frames([0, wrong])


def test_an_array_that_was_not_extracted_names_the_command(store: Path) -> None:
    with pytest.raises(StoreError, match=f"egotool extract VIDEOS --only rgb,masks --out {store} --size 20`"):
        Store(store).open("b.mp4").masks([0])


def test_pickling_leaves_the_open_file_behind(store: Path) -> None:
    video = Store(store).open(NAME)
    video.frames([0])
    assert any(isinstance(value, h5py.File) for value in vars(video).values())
    copy = pickle.loads(pickle.dumps(video))
    assert not any(isinstance(value, h5py.File) for value in vars(copy).values())
    np.testing.assert_array_equal(copy.frames([3]), DATA[Array.RGB][[3]])


def _read_in_child(video: StoredVideo, results: "multiprocessing.Queue[object]") -> None:
    results.put((os.getpid(), video.frames([5]).sum(), video._process))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_the_file_for_itself(store: Path) -> None:
    video = Store(store).open(NAME)
    video.frames([0])
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_read_in_child, args=(video, results))
    child.start()
    pid, total, opened_by = results.get(timeout=30)
    child.join()
    assert pid == opened_by != os.getpid()
    assert total == DATA[Array.RGB][5].sum()
    np.testing.assert_array_equal(video.frames([1]), DATA[Array.RGB][[1]])


def test_a_read_only_disk_will_do(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    for path in (*copy.rglob("*"), copy):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        np.testing.assert_array_equal(Store(copy).open(NAME).frames([2]), DATA[Array.RGB][[2]])
    finally:
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755)


def _damage(path: Path, array: str, position: int) -> None:
    with h5py.File(path) as file:
        dataset = file[array]
        chunk = dataset.id.get_chunk_info_by_coord((position, *[0] * (dataset.ndim - 1)))
    data = bytearray(path.read_bytes())
    middle = chunk.byte_offset + chunk.size // 2
    data[middle : middle + 4] = bytes(byte ^ 0xFF for byte in data[middle : middle + 4])
    path.write_bytes(data)


def test_a_damaged_description_of_an_array_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, DATA)
    damage_description(path, Array.FLOW)
    video = Store(tmp_path).open(NAME)
    with pytest.raises(StoreError, match=r"is damaged: flow cannot be read .*remove .*clip3\.mp4\.json"):
        video.flow([0])
    assert np.array_equal(video.masks([1]), DATA[Array.MASKS][1:2])


@pytest.mark.parametrize("array", ["rgb", "flow", "motion_masks"])
def test_a_damaged_chunk_is_named_and_the_rest_still_reads(tmp_path: Path, array: str) -> None:
    path = write_video(tmp_path, NAME, DATA)
    _damage(path, array, 3)
    video = Store(tmp_path).open(NAME)
    read = {"rgb": video.frames, "flow": video.flow, "motion_masks": video.masks}[array]
    with pytest.raises(StoreError) as failed:
        read([1, 3])
    assert str(path) in str(failed.value)
    assert f"{array!r} of frame 3" in str(failed.value)
    assert "\n" not in str(failed.value)
    read([1, 2, 4])


def test_a_truncated_or_missing_file_is_a_sentence(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, DATA)
    video = Store(tmp_path).open(NAME)
    data = path.read_bytes()
    for part in (0, 100, len(data) // 2):
        path.write_bytes(data[:part])
        with pytest.raises(StoreError, match=r"remove .*\.json, and its"):
            video.frames([0])
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        video.frames([0])


def test_a_newer_format_of_file_or_receipt_says_upgrade(tmp_path: Path) -> None:
    path = write_video(tmp_path, NAME, DATA)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 7
    with pytest.raises(StoreError, match=r"made by a newer egotool \(format 7\); upgrade egotool"):
        Store(tmp_path).open(NAME).frames([0])
    receipt = receipt_file(tmp_path, NAME)
    fields = json.loads(receipt.read_text())
    receipt.write_text(json.dumps({**fields, "format_version": 7, "new": 1}))
    with pytest.raises(StoreError, match=r"made by a newer egotool \(format 7\); upgrade egotool"):
        Store(tmp_path).open(NAME)


def test_videos_behind_a_link_to_a_folder_are_listed(tmp_path: Path) -> None:
    other_disk = tmp_path / "disk2/S1"
    other_disk.mkdir(parents=True)
    (tmp_path / "store").mkdir()
    (tmp_path / "store/S1").symlink_to("../disk2/S1")
    (other_disk / "back").symlink_to(tmp_path / "store")
    write_video(tmp_path / "store", "S1/a.mp4", contents(2), parts=(0,))
    assert Store(tmp_path / "store").videos() == ["S1/a.mp4"]
    assert Store(tmp_path / "store").receipt("S1/a.mp4").video == "S1/a.mp4"
