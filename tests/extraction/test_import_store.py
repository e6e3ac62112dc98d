"""Folders of frames become a store: layouts, quirks, interruption, damage."""

from pathlib import Path

import numpy as np
import pytest

from egotool.errors import UsageError
from egotool.extraction import ImportParameters, import_store, imported, plan_frames
from egotool.extraction.imported import flow_of_bytes
from egotool.manifests import read_descriptor, read_manifest
from egotool.store import Array, Store, verify
from tests.extraction.frame_copies import ego_rnn, flat, gtea61_copy, picture, save

SEGMENTS = {"S1/take_cup/1": 6, "S1/stir_cup/1": 3, "S2/take_cup/1": 5, "S10/take_cup/1": 2}


def run(root: Path, out: Path, dataset: str | None = None, *, overwrite: bool = False, **parameters):
    plan = plan_frames(root, None if dataset is None else read_descriptor(dataset), validation=False)
    values = {"layout": str(plan.found.layout), "frame_rate": 15.0, **parameters}
    return import_store(
        plan, out=out, parameters=ImportParameters(**values), source=root, workers=2, overwrite=overwrite
    )


def test_the_preprocessed_copy_of_gtea_61(tmp_path):
    root = gtea61_copy(tmp_path / "in", SEGMENTS, without_first_map=("S2/take_cup/1",))
    result = run(root, tmp_path / "store", "gtea-61")
    assert result.plan.problems == ()
    assert "The last flow of 4 videos has no successor and is dropped." in result.plan.quirks
    assert "1 motion map is missing in 1 video: the next one serves." in result.plan.quirks
    store = Store(tmp_path / "store")
    assert sorted(store.videos()) == sorted(SEGMENTS)
    for name, frames in SEGMENTS.items():
        assert verify(tmp_path / "store", name, deep=True) == []
        video = store.open(name)
        assert video.frame_count == frames
        assert set(video.arrays) == {Array.RGB, Array.TIMESTAMPS, Array.WARP_FLOW, Array.MASKS}
        assert video.receipt.parameters["imported_from"] == "gtea61-copy"
        assert video.receipt.parameters["flow_array"] == "warp_flow"
        np.testing.assert_allclose(video.timestamps(), np.arange(frames) / 15)
        rows = video.masks(range(frames))[:, :, 0] > 0
        first = 2 if name == "S2/take_cup/1" else 1
        assert rows.sum(axis=1).tolist() == [first, *range(2, frames + 1)]
    video = store.open("S1/take_cup/1")
    np.testing.assert_array_equal(video.frames([0, 5]), [picture(1), picture(6)])
    flow = video.warp_flow(range(5))
    expected = [[(100 + n) * 40 / 255 - 20, (100 - n) * 40 / 255 - 20] for n in range(1, 6)]
    np.testing.assert_allclose(flow[:, :, 3, 4], expected, atol=1 / 128)


def test_labels_and_splits_are_those_of_the_dataset(tmp_path):
    root = gtea61_copy(tmp_path / "in", SEGMENTS)
    run(root, tmp_path / "store", "gtea-61")
    segments = {
        segment.segment: segment for segment in read_manifest(tmp_path / "store" / "manifest.csv").segments
    }
    assert list(segments) == ["S1/stir_cup/1", "S1/take_cup/1", "S2/take_cup/1", "S10/take_cup/1"]
    assert {name: segment.split for name, segment in segments.items()} == {
        "S1/stir_cup/1": "train",
        "S1/take_cup/1": "train",
        "S2/take_cup/1": "test",
        "S10/take_cup/1": "train",
    }
    assert segments["S1/stir_cup/1"].action == "stir_spoon,cup"
    assert segments["S1/take_cup/1"].stop_frame == 6


@pytest.mark.parametrize("split_first", [True, False])
@pytest.mark.parametrize("first_number", [0, 1])
def test_ego_rnns_own_layout(tmp_path, split_first, first_number):
    names = {"train/S1/take_cup/1": 4, "train/S3/take_cup/1": 3, "test/S2/take_cup/1": 5}
    root = ego_rnn(tmp_path / "in", names, split_first=split_first, first_number=first_number)
    result = run(root, tmp_path / "store", frame_rate=None)
    assert result.plan.found.layout == "ego-rnn"
    manifest = read_manifest(result.manifest_file)
    assert {(s.video, s.split, s.stop_frame) for s in manifest.segments} == {
        (name.partition("/")[2], name.partition("/")[0], frames) for name, frames in names.items()
    }
    video = Store(tmp_path / "store").open("S2/take_cup/1")
    assert set(video.arrays) == {Array.RGB, Array.WARP_FLOW}
    assert video.receipt.frame_rate is None
    assert video.warp_flow(range(4)).shape == (4, 2, 24, 32)
    assert abs(int(video.frames([2])[0, 5, 5, 0]) - (first_number + 2)) <= 4


def test_any_folders_of_frames_with_links_and_strays(tmp_path):
    real = tmp_path / "elsewhere"
    for number in range(1, 4):
        save(real / f"frame_{number:010d}.jpg", picture(number))
    root = tmp_path / "in"
    (root / "Ann" / "öffnen_Käse, alt").mkdir(parents=True)
    (root / "Ann" / "öffnen_Käse, alt" / "a b").symlink_to(real)
    (root / "Ann" / "loop").symlink_to(root)
    (root / "notes.txt").write_text("no picture")
    result = run(root, tmp_path / "store")
    (segment,) = read_manifest(result.manifest_file).segments
    assert (segment.subject, segment.action, segment.verb) == ("Ann", "öffnen_Käse, alt", "öffnen")
    assert Store(tmp_path / "store").videos() == ["Ann/öffnen_Käse, alt/a b"]
    assert result.plan.quirks == ("1 video without pictures of flow.", "1 video without motion maps.")


def test_large_pictures_shrink_with_their_flow_and_small_ones_stay(tmp_path):
    for number in (1, 2):
        save(tmp_path / "in" / "a" / f"img_{number:05d}.png", picture(number, height=100, width=200))
        for axis in "xy":
            flow = flat(255, height=50, width=50)
            save(tmp_path / "in" / "a" / f"flow_{axis}_{number:05d}.png", flow)
    run(tmp_path / "in", tmp_path / "store", short_side=50)
    video = Store(tmp_path / "store").open("a")
    assert (video.width, video.height) == (100, 50)
    # 20 pixels of a flow 50 wide are 40 of frames 100 wide
    np.testing.assert_allclose(video.warp_flow([0])[0, :, 0, 0], [40, 20], atol=0.01)
    run(tmp_path / "in", tmp_path / "large", short_side=500)
    assert Store(tmp_path / "large").open("a").width == 200


def test_typed_again_it_leaves_what_is_there_alone_and_does_what_changed(tmp_path):
    root = gtea61_copy(tmp_path / "in", SEGMENTS)
    statuses = [str(video.status) for video in run(root, tmp_path / "store").videos]
    assert statuses == ["extracted"] * 4
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.h5")}
    save(root / "GTEA61/processed_frames2/S1/take_cup/1/rgb/rgb0001.png", picture(99))
    again = {video.video: str(video.status) for video in run(root, tmp_path / "store").videos}
    assert [name for name, status in again.items() if status == "extracted"] == ["S1/take_cup/1"]
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.h5")}
    changed = [path for path in after if before[path] != after[path]]
    assert changed == [tmp_path / "store" / "S1/take_cup/1.h5"]
    with_other_flow = run(root, tmp_path / "store", flow="flow")
    assert {str(video.status) for video in with_other_flow.videos} == {"extracted"}
    assert Array.FLOW in Store(tmp_path / "store").open("S1/take_cup/1").arrays


def test_a_part_that_was_whole_is_used_after_an_interruption(tmp_path, monkeypatch):
    root = gtea61_copy(tmp_path / "in", {"S1/take_cup/1": 7})
    monkeypatch.setattr(imported, "_PART_FRAMES", 3)
    run(root, tmp_path / "right")

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    join_parts = imported.join_parts
    monkeypatch.setattr(imported, "join_parts", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(root, tmp_path / "store")
    parts = sorted((tmp_path / "store" / ".work" / "S1/take_cup/1").glob("frames-*.h5"))
    assert len(parts) == 3
    parts[1].unlink()
    whole = [parts[0].stat().st_mtime_ns, parts[2].stat().st_mtime_ns]
    seen = []

    def watch(*arguments, **options):
        seen.extend([parts[0].stat().st_mtime_ns, parts[2].stat().st_mtime_ns])
        join_parts(*arguments, **options)

    monkeypatch.setattr(imported, "join_parts", watch)
    run(root, tmp_path / "store")
    assert seen == whole
    right, after = ((tmp_path / name / "S1/take_cup/1.h5").read_bytes() for name in ("right", "store"))
    assert right == after
    assert not (tmp_path / "store" / ".work" / "S1").exists()


def test_what_is_damaged_is_named_and_the_rest_is_imported(tmp_path):
    further = {"S3/take_cup/1": 4, "S4/take_cup/1": 4, "S4/take_cup/2": 4}
    root = gtea61_copy(tmp_path / "in", {**SEGMENTS, **further})
    top = root / "GTEA61"
    (top / "processed_frames2/S1/take_cup/1/rgb/rgb0003.png").unlink()
    (top / "flow_x_processed/S2/take_cup/1/flow_x_00005.png").unlink()
    (top / "processed_frames2/S3/take_cup/1/rgb/rgb0002.png").write_bytes(b"no picture")
    (top / "processed_frames2/S4/take_cup/1/rgb/rgb0002.png").write_bytes(b"")
    save(top / "processed_frames2/S4/take_cup/2/rgb/rgb0004.png", picture(1, width=40))
    result = run(root, tmp_path / "store")
    assert result.plan.problems == (
        "S1/take_cup/1: frame 3 is missing (1 in all): copy the folder again.",
        "S2/take_cup/1: 4 pictures of x flow and 5 of y flow.",
    )
    failed = {video.video: video.problem for video in result.videos if video.problem}
    assert set(failed) == set(further)
    assert "is 40×24, the first frame 32×24" in failed["S4/take_cup/2"]
    assert "rgb0002.png is no picture" in failed["S3/take_cup/1"]
    assert Store(tmp_path / "store").videos() == ["S1/stir_cup/1", "S10/take_cup/1"]
    assert len(read_manifest(result.manifest_file).segments) == 2


def test_an_edited_manifest_is_kept_and_earlier_imports_stay(tmp_path):
    first = gtea61_copy(tmp_path / "first", {"S1/take_cup/1": 2})
    second = gtea61_copy(tmp_path / "second", {"S2/take_cup/1": 2})
    run(first, tmp_path / "store")
    result = run(second, tmp_path / "store")
    manifest = read_manifest(result.manifest_file)
    assert [segment.segment for segment in manifest.segments] == ["S1/take_cup/1", "S2/take_cup/1"]
    edited = result.manifest_file.read_text().replace("take_cup,take", "grab_cup,grab")
    result.manifest_file.write_text(edited)
    kept = run(second, tmp_path / "store").kept
    assert kept is not None and "--overwrite" in kept
    assert result.manifest_file.read_text() == edited
    assert run(second, tmp_path / "store", overwrite=True).kept is None
    assert "grab" not in result.manifest_file.read_text()


def test_nothing_to_import(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        plan_frames(tmp_path / "none", None)
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(UsageError, match="numbered pictures"):
        plan_frames(tmp_path, None)


def test_bytes_of_flow_in_pixels():
    flow = flow_of_bytes([flat(0), flat(255)], (32, 24))
    np.testing.assert_allclose(flow[:, 0, 0], [-20, 20], atol=1e-5)
