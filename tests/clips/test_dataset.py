import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from egotool.clips import ClipDataset, ClipSettings
from egotool.errors import ManifestError, StoreError
from egotool.manifests import Segment
from egotool.store import Array, StoredVideo
from tests.clips.stores import make_video, motion_mask

ACTIONS = ("close_jar", "open_jar")
# Values of the frames are the coordinates themselves.
RAW = ClipSettings(
    clip_length=4,
    short_side=64,
    crop_size=56,
    mean=(0.0, 0.0, 0.0),
    std=(1 / 255, 1 / 255, 1 / 255),
    with_next_frame=True,
    with_mask=True,
)


def segment(
    start: int = 0, stop: int = 12, *, action: str = "open_jar", video: str = "a/clip.mp4"
) -> Segment:
    return Segment(f"{video}:{start}", video, start, stop, action, "", "", "", "train")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = make_video(tmp_path_factory.mktemp("store"))
    make_video(path, "b/large.mp4", height=128, width=170, frames=7)
    make_video(path, "b/upright.mp4", height=90, width=64, frames=5)
    make_video(path, "b/one frame.mp4", frames=1)
    make_video(path, "b/rgb only.mp4", arrays=(Array.RGB,))
    return path


def dataset(store: Path, *segments: Segment, settings: ClipSettings = RAW, seed: int = 0, **options: int):
    return ClipDataset(store, segments or (segment(),), ACTIONS, settings, seed=seed, **options)


def test_centre_crop_of_the_sampled_frames(store):
    item = dataset(store, segment(2, 11))[0]
    # 9 frames of which 4: floor(linspace(1, 9, 4, endpoint=False)) - 1 = 0, 2, 4, 6, counted from frame 2.
    assert item["frames"].shape == item["next_frames"].shape == (4, 3, 56, 56)
    assert item["frames"].dtype == torch.float32
    assert item["frames"][:, 2, 0, 0].tolist() == [2, 4, 6, 8]
    assert item["next_frames"][:, 2, 0, 0].tolist() == [3, 5, 7, 9]
    assert item["frames"][0, 0, 0].tolist() == list(range(14, 70))
    assert item["frames"][0, 1, :, 0].tolist() == list(range(4, 60))
    assert item["label"].item() == 1
    assert item["label"].dtype == item["index"].dtype == torch.int64


def test_normalised_with_imagenet_statistics_by_default(store):
    plain = dataset(store)[0]["frames"]
    normalised = dataset(store, settings=ClipSettings(clip_length=4, short_side=64, crop_size=56))[0]
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    torch.testing.assert_close(normalised["frames"], (plain / 255 - mean) / std)
    assert set(normalised) == {"frames", "label", "index"}


def test_a_short_segment_repeats_frames(store):
    item = dataset(store, segment(5, 7), settings=replace(RAW, clip_length=6))[0]
    assert item["frames"][:, 2, 0, 0].tolist() == [5] * 6
    assert item["next_frames"][:, 2, 0, 0].tolist() == [6] * 6


def test_next_frames_stay_in_the_segment(store):
    """The last frame of a segment is its own target, though the video goes on."""
    item = dataset(store, segment(5, 6))[0]
    assert item["frames"][:, 2, 0, 0].tolist() == item["next_frames"][:, 2, 0, 0].tolist() == [5] * 4


def test_mask_of_the_centre_crop_is_the_average_of_the_frames_own_mask(store):
    item = dataset(store)[0]
    frames = item["frames"].permute(0, 2, 3, 1).numpy().astype(np.uint8)
    own = motion_mask(frames).astype(float) / 255
    expected = own.reshape(4, 7, 8, 7, 8).mean(axis=(2, 4))
    assert item["masks"].shape == (4, 1, 7, 7)
    np.testing.assert_allclose(item["masks"][:, 0].numpy(), expected, atol=1e-6)
    assert 0 < float(item["masks"].mean()) < 1


@pytest.mark.parametrize("video", ["a/clip.mp4", "b/upright.mp4", "b/large.mp4"])
def test_one_box_and_flip_for_all_that_belongs_to_a_clip(store, video):
    """Frames say where each pixel comes from: next frames, masks and flow must come from there too."""
    settings = replace(RAW, augment=True, with_flow=True, flow_stack=2)
    items = dataset(store, segment(0, 5, video=video), settings=settings)
    stored = 128 if video == "b/large.mp4" else 64
    width = {"a/clip.mp4": 85, "b/upright.mp4": 64, "b/large.mp4": 170}[video]
    seen = set()
    for epoch in range(40):
        items.set_epoch(epoch)
        item = items[0]
        frames, following = item["frames"], item["next_frames"]
        columns, rows = frames[0, 0, 28], frames[0, 1, :, 28]
        assert (frames[:, :2] == frames[:1, :2]).all()
        assert (following[:, :2] == frames[:, :2]).all()
        assert (following[:, 2] - frames[:, 2] == 1).all()
        flipped = bool(columns[0] > columns[-1])
        assert bool(rows[0] < rows[-1])
        side = float(rows[-6] - rows[5]) / 45 * 56  # in stored pixels
        seen.add((round(side / stored, 1), flipped, bool(rows[0] < 3), bool(columns.min() < 3)))

        # The mask is 1 right of column 60 - t: share of each grid column that lies there.
        edge = 60 - frames[:, 2, 0, 0]
        share = (frames[:, 0] > edge[:, None, None]).float().view(4, 7, 8, 7, 8).mean(dim=(2, 4))
        assert float((item["masks"][:, 0] - share).abs().max()) < 0.2

        # The flow at a pixel is (x - middle) / 8 and y / 16 in stored pixels.
        zoom = 56 / side
        mean, std = sum(settings.mean) / 3, sum(settings.std) / 3
        flow = ((item["flow"] * std + mean) * 40 - 20).view(1, 2, 2, 56, 56)
        expected_x = (frames[0, 0] - (width - 1) / 2) / 8 * zoom * (-1 if flipped else 1)
        expected_y = frames[0, 1] / 16 * zoom
        assert float((flow[0, :, 0] - expected_x.clamp(-20, 20)).abs().max()) < 0.6
        assert float((flow[0, :, 1] - expected_y.clamp(-20, 20)).abs().max()) < 0.6
    assert len(seen) > 8


def test_augmentation_depends_on_seed_epoch_and_index_alone(store):
    settings = replace(RAW, augment=True)
    segments = [segment(), segment(action="close_jar"), segment(3, 9)]
    first, again = (dataset(store, *segments, settings=settings, seed=7) for _ in range(2))
    other = dataset(store, *segments, settings=settings, seed=8)

    def boxes(items: ClipDataset, epoch: int, order: list[int]) -> dict[int, tuple[float, ...]]:
        items.set_epoch(epoch)
        return {i: tuple(items[i]["frames"][0, :2, [0, -1], [0, -1]].flatten().tolist()) for i in order}

    for epoch in range(3):
        assert boxes(first, epoch, [0, 1, 2]) == boxes(again, epoch, [2, 0, 1])
    every = [
        boxes(items, epoch, [0, 1, 2])[i] for items in (first, other) for epoch in range(6) for i in range(3)
    ]
    assert len(set(every)) > 10  # of 18 draws from 40 views


def test_without_augmentation_epochs_are_equal(store):
    items = dataset(store)
    before = items[0]["frames"]
    items.set_epoch(5)
    assert torch.equal(items[0]["frames"], before)


def test_larger_and_smaller_frames_are_brought_to_the_short_side(store):
    large = dataset(store, segment(0, 7, video="b/large.mp4"))[0]["frames"][0, 0, 0]
    # 128×170 → 64×85, centre 56: columns 14 to 69, each the mean of two stored columns.
    np.testing.assert_allclose(large.numpy(), np.arange(14, 70) * 2 + 0.5, atol=1.01)
    small = dataset(store, settings=replace(RAW, short_side=128, crop_size=112))[0]
    assert small["frames"].shape == (4, 3, 112, 112)
    assert small["masks"].shape == (4, 1, 7, 7)


def test_flow_stacks_for_testing_and_training(store):
    settings = replace(RAW, with_flow=True, flow_stack=3, flow_stacks=4)
    test = dataset(store, settings=settings)[0]["flow"]
    train = dataset(store, settings=replace(settings, augment=True))[0]["flow"]
    assert test.shape == (4, 6, 56, 56)
    assert train.shape == (1, 6, 56, 56)
    # Eight bits over ±20 pixels: the range of values is that of [0, 1], normalised.
    steps = (test * (1 / 255) + 0.0) * 255
    assert torch.allclose(steps, steps.round(), atol=1e-3)
    assert steps.min() >= 0 and steps.max() <= 255


def test_flow_source(store):
    warp, plain = (
        dataset(store, settings=replace(RAW, with_flow=True, flow_source=source))[0]["flow"]
        for source in ("warp_flow", "flow")
    )
    # Stored with opposite signs; half-way values round to even, so a step of the 8 bits may lie between.
    torch.testing.assert_close(warp, 255 - plain, atol=1.01, rtol=0)
    assert float((warp - plain).abs().max()) > 10


def test_flow_alone_reads_no_frames(store, monkeypatch):
    both = replace(RAW, with_next_frame=False, with_mask=False, with_flow=True, augment=True)
    alone = replace(both, with_frames=False)
    expected = dataset(store, settings=both, seed=3)[0]
    monkeypatch.setattr(StoredVideo, "frames", lambda *_: pytest.fail("frames were read"))
    item = dataset(store, settings=alone, seed=3)[0]
    assert "frames" not in item
    torch.testing.assert_close(item["flow"], expected["flow"])  # the same crop


def test_a_clip_without_anything_is_refused():
    with pytest.raises(ValueError, match="has frames, or flow"):
        replace(RAW, with_frames=False, with_next_frame=False, with_mask=False)
    with pytest.raises(ValueError, match="go with frames"):
        replace(RAW, with_frames=False, with_flow=True)


def test_one_frame(store):
    settings = replace(RAW, with_flow=True)
    item = dataset(store, segment(0, 1, video="b/one frame.mp4"), settings=settings)[0]
    assert item["frames"].shape == (4, 3, 56, 56)
    assert item["flow"].shape == (5, 10, 56, 56)
    assert item["flow"].unique().tolist() == pytest.approx([128])  # 0 pixels in 8 bits


class Reads:
    """Counts how often frames are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        original = StoredVideo.frames

        def frames(video: StoredVideo, indices: object) -> object:
            self.count += 1
            return original(video, indices)

        monkeypatch.setattr(StoredVideo, "frames", frames)


@pytest.mark.parametrize("augment", [False, True])
def test_the_cache_changes_nothing_but_the_reading(store, monkeypatch, augment):
    settings = replace(RAW, augment=augment)
    segments = [segment(), segment(0, 7, video="b/large.mp4")]
    with_cache = dataset(store, *segments, settings=settings)
    without = dataset(store, *segments, settings=settings, cache_bytes=0)
    reads = Reads(monkeypatch)
    for epoch in range(3):
        for items in (with_cache, without):
            items.set_epoch(epoch)
        for index in range(2):
            expected = without[index]
            for key, value in with_cache[index].items():
                assert torch.equal(value, expected[key])
    assert reads.count == 2 + 6


def test_the_cache_keeps_to_its_bytes(store, monkeypatch):
    one = 4 * 64 * 85 * (3 + 3 + 1)  # frames, next frames and masks of a clip
    items = dataset(store, *[segment(start, 12) for start in range(4)], cache_bytes=2 * one + 1)
    reads = Reads(monkeypatch)
    for _ in range(3):
        for index in range(4):
            items[index]
    assert reads.count == 2 + 2 * 3


def test_the_cached_pictures_are_never_written_to(store):
    items = dataset(store)
    item = items[0]
    kept = {key: value.clone() for key, value in item.items()}
    for value in item.values():
        value.zero_()
    assert all(torch.equal(items[0][key], value) for key, value in kept.items())


def test_pickling_leaves_handles_and_pictures_behind(store):
    items = dataset(store)
    empty = len(pickle.dumps(items))
    before = items[0]
    assert len(pickle.dumps(items)) == empty
    copy = pickle.loads(pickle.dumps(items))
    assert torch.equal(copy[0]["frames"], before["frames"])


def test_many_videos_do_not_stay_open(tmp_path, monkeypatch):
    monkeypatch.setattr("egotool.clips.dataset._OPEN_VIDEOS", 3)
    segments = []
    for number in range(6):
        make_video(tmp_path, f"{number}.mp4", frames=4)
        segments.append(segment(0, 4, video=f"{number}.mp4"))
    closed: list[str] = []
    original = StoredVideo.close

    def close(video: StoredVideo) -> None:
        closed.append(str(video.path.name))
        original(video)

    monkeypatch.setattr(StoredVideo, "close", close)
    items = dataset(tmp_path, *segments, cache_bytes=0)
    for index in (0, 1, 2, 0, 3, 4, 5):
        items[index]
    assert closed == ["1.mp4.h5", "2.mp4.h5", "0.mp4.h5"]


def test_unlabelled_segments(store):
    assert dataset(store, segment(action=""))[0]["label"].item() == -1


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (segment(action="cut_bread"), ManifestError, "'cut_bread', which is none of the 2 actions"),
        (segment(0, 13), ManifestError, "does not lie within the 12 frames"),
        (segment(5, 5), ManifestError, "does not lie within"),
        (segment(video="c.mp4"), StoreError, r"c\.mp4"),
        (
            segment(video="b/rgb only.mp4"),
            StoreError,
            "b/rgb only.mp4.h5 has no motion_masks.*--only rgb,masks --out",
        ),
    ],
)
def test_bad_input_is_named(store, bad, error, message):
    with pytest.raises(error, match=message):
        dataset(store, bad)


def test_missing_store(tmp_path):
    with pytest.raises(StoreError):
        dataset(tmp_path / "none")
