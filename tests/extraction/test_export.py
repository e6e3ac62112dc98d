"""A store goes out in every layout and comes back the same."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.clips import ClipDataset, ClipSettings
from egotool.errors import UsageError
from egotool.extraction import (
    ExportOptions,
    ImportParameters,
    Layout,
    export_store,
    import_store,
    plan_frames,
)
from egotool.extraction.export import bytes_of_flow, segment_places
from egotool.extraction.imported import flow_of_bytes
from egotool.manifests import Manifest, Segment, manifest_from_folders, read_manifest, write_manifest
from egotool.store import Array, Codec, Store, encode_flow
from egotool.synthetic import plan_dataset, render_dataset
from egotool.video import read_frames
from tests.store.samples import write_video

LEVEL = 40 / 255  # pixels between two values of 8-bit flow


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """A store of rendered videos: their frames, and flow and masks that are smooth and known."""
    folder = tmp_path_factory.mktemp("synthetic")
    options = {
        "subjects": 3,
        "repetitions": 2,
        "frames": 6,
        "width": 64,
        "height": 48,
        "head_motion": 2.0,
        "verbs": ("take", "open"),
        "objects": ("cup", "jar"),
    }
    names = plan_dataset(folder / "videos", **options).videos
    render_dataset(folder / "videos", workers=1, **options)
    y, x = np.mgrid[0:48, 0:64].astype(np.float32)
    for number, name in enumerate(names):
        frames = np.stack([frame.rgb for frame in read_frames(folder / "videos" / name)])
        flow = np.stack([np.stack([x / 8 - t, number - y / 6]) for t in range(len(frames) - 1)])
        moving = np.stack([np.where(x > 20 + t, 255, 0) for t in range(len(frames))])
        data = {
            Array.RGB: frames,
            Array.WARP_FLOW: encode_flow(flow),
            Array.MASKS: moving.astype(np.uint8),
        }
        write_video(folder / "store", name, data, codec=Codec.NONE, parts=(0,))
    manifest = manifest_from_folders(dict.fromkeys(names, 6))
    write_manifest(manifest, folder / "store" / "manifest.csv")
    return folder / "store"


def there_and_back(store, folder, layout, manifest=None):
    manifest = manifest or read_manifest(store / "manifest.csv")
    exported = export_store(store, manifest, folder / "out", options=ExportOptions(layout=layout), workers=1)
    assert [each.problem for each in exported] == [None] * len(exported)
    plan = plan_frames(folder / "out", None)
    parameters = ImportParameters(layout=str(plan.found.layout))
    imported = import_store(plan, out=folder / "back", parameters=parameters, source=folder / "out")
    assert all(video.problem is None for video in imported.videos)
    assert plan.problems == ()
    assert plan.found.layout == layout
    return manifest, read_manifest(imported.manifest_file)


@pytest.mark.parametrize("layout", [Layout.EGO_RNN, Layout.RAWFRAMES])
def test_the_manifest_and_the_clips_come_back_the_same(synthetic, tmp_path, layout):
    manifest, back = there_and_back(synthetic, tmp_path, layout)
    assert back == manifest
    settings = ClipSettings(
        clip_length=4,
        short_side=48,
        crop_size=40,
        with_mask=True,
        with_flow=True,
        mean=(0, 0, 0),
        std=(1, 1, 1),
    )
    clips, clips_back = (
        ClipDataset(store, manifest.segments, manifest.actions, settings, seed=0)
        for store in (synthetic, tmp_path / "back")
    )
    for index in range(len(clips)):
        before, after = clips[index], clips_back[index]
        assert before["label"] == after["label"]
        assert (before["masks"] == after["masks"]).all()
        # JPEG loses a little of the frames; flow has 255 steps, one of them lost where Ego-RNN wants JPEG
        assert (before["frames"] - after["frames"]).abs().mean() < 0.02
        steps = (before["flow"] - after["flow"]).abs() * 255
        assert steps.max() < (3.01 if layout is Layout.EGO_RNN else 1.01)


def test_masks_and_lossless_flow_are_exact_to_the_quantisation(synthetic, tmp_path):
    manifest, _ = there_and_back(synthetic, tmp_path, Layout.RAWFRAMES)
    stores = Store(synthetic), Store(tmp_path / "back")
    for segment in manifest.segments:
        before, after = (store.open(segment.video) for store in stores)
        np.testing.assert_array_equal(before.masks(range(6)), after.masks(range(6)))
        difference = np.abs(before.warp_flow(range(5)) - after.warp_flow(range(5)))
        assert difference.max() <= LEVEL / 2 + 1 / 64


def test_segments_of_one_video_become_videos_of_their_own(synthetic, tmp_path):
    whole = read_manifest(synthetic / "manifest.csv").segments[0]
    parts = Manifest(
        (
            replace(whole, segment="a", stop_frame=4),
            replace(whole, segment="b", start_frame=2, action="öffnen/schließen, alt"),
        )
    )
    _, back = there_and_back(synthetic, tmp_path, Layout.RAWFRAMES, parts)
    first, second = back.segments
    assert [(s.segment, s.start_frame, s.stop_frame) for s in (first, second)] == [("a", 0, 4), ("b", 0, 4)]
    assert second.action == "öffnen/schließen, alt"
    assert first.video != second.video
    stores = Store(synthetic), Store(tmp_path / "back")
    expected = stores[0].open(whole.video).masks(range(2, 6))
    np.testing.assert_array_equal(stores[1].open(second.video).masks(range(4)), expected)


def test_the_files_of_ego_rnn(synthetic, tmp_path):
    manifest = read_manifest(synthetic / "manifest.csv")
    export_store(synthetic, manifest, tmp_path, options=ExportOptions(layout=Layout.EGO_RNN))
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"train", "validation", "test"}
    for kind, name in (("frames", "image"), ("flow_x", "flow_x"), ("flow_y", "flow_y")):
        folder = tmp_path / "test" / kind / "S03" / "take_cup" / "1"
        assert [path.name for path in sorted(folder.iterdir())] == [
            f"{name}_{n:05d}.jpg" for n in range(1, 7)
        ]
    flow = cv2.imread(str(tmp_path / "test/flow_x/S03/take_cup/1/flow_x_00001.jpg"), cv2.IMREAD_GRAYSCALE)
    assert abs(int(flow[0, 0]) - 127) <= 2
    assert abs(int(flow[0, 63]) - round((63 / 8 + 20) / LEVEL)) <= 2


def test_the_lists_of_rawframes(synthetic, tmp_path):
    manifest = read_manifest(synthetic / "manifest.csv")
    export_store(synthetic, manifest, tmp_path, options=ExportOptions(layout=Layout.RAWFRAMES))
    assert (tmp_path / "classes.txt").read_text().split() == list(manifest.actions)
    lines = [line.split(" ") for line in (tmp_path / "test.txt").read_text().splitlines()]
    assert len(lines) == len(manifest.of_split("test"))
    for place, frames, label in lines:
        assert manifest.actions[int(label)] == place.split("/")[1]
        assert len(list((tmp_path / place).glob("img_*.jpg"))) == int(frames) == 6


def test_typed_again_it_writes_what_is_missing(synthetic, tmp_path):
    manifest = read_manifest(synthetic / "manifest.csv")
    options = ExportOptions(layout=Layout.RAWFRAMES)
    first = export_store(synthetic, manifest, tmp_path, options=options)
    (tmp_path / first[0].place / "img_00006.jpg").unlink()
    again = export_store(synthetic, manifest, tmp_path, options=options)
    assert [folder.written for folder in again] == [True] + [False] * (len(first) - 1)
    assert not list(tmp_path.rglob(".*.part"))


def test_what_a_killed_command_was_writing_goes(synthetic, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    for name in (".export.7-0a1b2c3d.tmp.jsonl", ".segments.7-0a1b2c3d.tmp.csv"):
        (out / name).write_text("half")
    (out / ".notes.tmp.txt").write_text("somebody's")
    options = ExportOptions(layout=Layout.RAWFRAMES)
    export_store(synthetic, read_manifest(synthetic / "manifest.csv"), out, options=options)
    assert [path.name for path in out.glob(".*")] == [".notes.tmp.txt"]


def test_what_cannot_be_exported_is_named_and_the_rest_is_written(synthetic, tmp_path):
    whole = read_manifest(synthetic / "manifest.csv").segments[0]
    segments = (
        replace(whole, segment="far", stop_frame=9),
        replace(whole, segment="lost", video="no.mp4"),
        whole,
    )
    options = ExportOptions(layout=Layout.RAWFRAMES)
    far, lost, good = export_store(synthetic, Manifest(segments), tmp_path, options=options)
    assert far.problem is not None and "has 6 frames" in far.problem
    assert lost.problem is not None and "no.mp4" in lost.problem
    assert good.problem is None
    wanted = ExportOptions(layout=Layout.RAWFRAMES, flow="flow")
    (no_flow,) = export_store(synthetic, Manifest((whole,)), tmp_path / "flow", options=wanted)
    assert no_flow.problem is not None and "--flow" in no_flow.problem


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_is_none(quality):
    with pytest.raises(UsageError, match="--quality"):
        ExportOptions(layout=Layout.EGO_RNN, quality=quality)


@given(
    st.lists(
        st.tuples(st.text(max_size=6), st.text(max_size=6), st.sampled_from(["train", "test", ""])),
        max_size=8,
    )
)
def test_places_are_distinct_and_stay_inside(labels):
    segments = [
        Segment(str(number), "v", 0, 1, action, subject=subject, split=split)
        for number, (subject, action, split) in enumerate(labels)
    ]
    for layout in (Layout.EGO_RNN, Layout.RAWFRAMES):
        places = segment_places(segments, layout)
        assert len(set(places)) == len(places)
        for place in places:
            parts = place.split("/")
            assert len(parts) == (4 if layout is Layout.EGO_RNN else 3)
            assert all(part and not part.startswith(".") for part in parts)


@given(st.floats(-40, 40, width=32))
def test_flow_in_8_bits_is_exact_to_half_a_level(pixels):
    stored = bytes_of_flow(np.full((2, 3, 3), pixels, np.float32))
    back = flow_of_bytes(list(stored), (3, 3))
    np.testing.assert_allclose(back, np.clip(pixels, -20, 20), atol=LEVEL / 2 + 1e-4)
