from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from egotool.clips import ClipDataset, ClipSettings
from egotool.errors import StoreError, UsageError
from egotool.extraction import Status, extract_videos, parse_contents, plan_extraction, stages
from egotool.inspection import check_store
from egotool.manifests import Manifest, Segment, write_manifest
from egotool.store import Array, Store, verify
from egotool.video import find_videos, write_video
from tests.extraction.conftest import SMALL, pictures

NAME = "lang/größe.mp4"
FRAMES = 60
SEGMENTS = (
    Segment("one", NAME, 10, 14, "take", split="train"),
    Segment("two", NAME, 30, 32, "put", split="train"),
    Segment("three", NAME, 58, 60, "put", split="test"),
)
RANGES = ((2, 19), (22, 37), (50, 60))
"""Eight frames before a segment (two tracks of four), five behind it."""


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    (folder / "lang").mkdir()
    there_and_back = [picture[:, :90] for picture in (*pictures(), *pictures()[::-1])]
    write_video(folder / NAME, (there_and_back * 2)[:FRAMES], frame_rate=10, keyframe_interval=8)
    write_video(folder / "other.mp4", there_and_back[:5], frame_rate=10)
    write_manifest(Manifest(SEGMENTS), folder / "labels.csv")
    return folder


def extract(videos: Path, out: Path, *, segments_only: bool = True, manifest: str = "labels.csv", **options):
    options.setdefault("parameters", SMALL)
    return extract_videos(
        find_videos([videos]),
        out=out,
        workers=0,
        manifest=videos / manifest,
        segments_only=segments_only,
        **options,
    )


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory) -> Store:
    out = tmp_path_factory.mktemp("whole")
    assert extract(videos, out, segments_only=False).videos[0].ok
    return Store(out)


@pytest.fixture
def sparse(videos, tmp_path) -> Store:
    summary = extract(videos, tmp_path / "sparse")
    assert summary.ok, summary
    assert [video.video for video in summary.videos] == [NAME]
    return Store(tmp_path / "sparse")


def test_frames_and_flow_are_those_of_the_whole_video_under_the_same_numbers(whole, sparse):
    all_frames, some = whole.open(NAME), sparse.open(NAME)
    assert some.ranges == RANGES
    assert some.frame_count == all_frames.frame_count == FRAMES
    assert (all_frames.receipt.format_version, some.receipt.format_version) == (1, 2)
    numbers = some.frame_numbers()
    assert numbers.tolist() == [n for start, stop in RANGES for n in range(start, stop)]
    np.testing.assert_array_equal(some.frames(numbers[::-1]), all_frames.frames(numbers[::-1]))
    np.testing.assert_array_equal(some.timestamps(), all_frames.timestamps()[numbers])
    pairs = [n for start, stop in RANGES for n in range(start, stop - 1)]
    np.testing.assert_array_equal(some.flow(pairs), all_frames.flow(pairs))
    np.testing.assert_array_equal(some.warp_flow(pairs), all_frames.warp_flow(pairs))
    np.testing.assert_array_equal(some.homographies(pairs)[0], all_frames.homographies(pairs)[0])
    inside = [n for each in SEGMENTS for n in range(each.start_frame, each.stop_frame)]
    assert (some.masks(inside) != all_frames.masks(inside)).mean() < 0.05


def test_what_was_left_out_is_refused(sparse):
    video = sparse.open(NAME)
    for number in (0, 1, 19, 21, 40, 60, -1):
        with pytest.raises(StoreError, match="--segments-only"):
            video.frames([10, number])
    with pytest.raises(StoreError):
        video.flow([18])  # frame 18 is there, frame 19 is not
    assert video.has(2, 19) and not video.has(2, 20) and not video.has(18, 23)


def test_the_store_is_sound_and_labels_are_kept(sparse):
    assert verify(sparse.path, NAME, deep=True) == []
    report = check_store(sparse.path, deep=True)
    assert [finding.kind for finding in report.problems] == []
    assert report.counts.segments == 3


def test_clips_are_those_of_the_whole_store(whole, sparse):
    settings = ClipSettings(
        clip_length=3, short_side=48, crop_size=48, with_next_frame=True, with_flow=True, flow_stack=2
    )
    pairs = [
        ClipDataset(store.path, SEGMENTS, ("put", "take"), settings, seed=0) for store in (whole, sparse)
    ]
    for index in range(len(SEGMENTS)):
        one, other = pairs[0][index], pairs[1][index]
        for key in ("frames", "next_frames", "flow", "label"):
            np.testing.assert_array_equal(one[key], other[key])


def test_only_the_ranges_are_decoded(videos, tmp_path, monkeypatch):
    read: list[tuple[int, int]] = []

    def noted(path, *, start, stop, **options):
        read.append((start, stop))
        return original(path, start=start, stop=stop, **options)

    original = stages.read_frames
    monkeypatch.setattr(stages, "read_frames", noted)
    monkeypatch.setattr(stages, "index_video", None)  # packets will do
    assert extract(videos, tmp_path).ok
    assert all(any(a <= start and stop <= b for a, b in RANGES) for start, stop in read)


def test_typed_again_nothing_is_done_and_further_segments_are_added(videos, sparse):
    again = extract(videos, sparse.path)
    assert [video.status for video in again.videos] == [Status.UNCHANGED]
    more = Segment("four", NAME, 44, 46, "take", split="train")
    write_manifest(Manifest((more,)), videos / "more.csv")
    added = extract(videos, sparse.path, manifest="more.csv")
    assert added.ok and added.videos[0].status is Status.EXTRACTED
    assert sparse.open(NAME).ranges == ((2, 19), (22, 60))  # what was there stays
    assert verify(sparse.path, NAME, deep=True) == []


def test_arrays_are_added_without_decoding(videos, sparse, tmp_path, monkeypatch):
    parameters = replace(SMALL, contents=parse_contents("rgb"))
    assert extract(videos, tmp_path / "later", parameters=parameters).ok
    monkeypatch.setattr(stages, "read_frames", None)
    assert extract(videos, tmp_path / "later").ok
    assert (tmp_path / "later" / f"{NAME}.h5").read_bytes() == (sparse.path / f"{NAME}.h5").read_bytes()


def test_all_frames_replace_some_and_stay(videos, sparse, whole):
    assert extract(videos, sparse.path, segments_only=False).videos[0].status is Status.EXTRACTED
    one, other = sparse.open(NAME), whole.open(NAME)
    assert one.receipt.ranges is None
    assert one.receipt.file_sha256 == other.receipt.file_sha256
    assert extract(videos, sparse.path).videos[0].status is Status.UNCHANGED


@pytest.mark.parametrize("call", [1, 4])
def test_interrupted_it_goes_on(videos, sparse, tmp_path, monkeypatch, call):
    calls = iter(range(1, 100))
    original = stages.encode_flow

    def interrupted(flow):
        if next(calls) == 12 * call:
            raise KeyboardInterrupt
        return original(flow)

    monkeypatch.setattr(stages, "encode_flow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(videos, tmp_path / "broken")
    monkeypatch.setattr(stages, "encode_flow", original)
    assert extract(videos, tmp_path / "broken").ok
    assert (tmp_path / "broken" / f"{NAME}.h5").read_bytes() == (sparse.path / f"{NAME}.h5").read_bytes()


def test_segments_outside_and_without_a_video_are_named(videos, tmp_path):
    strange = (
        Segment("far", NAME, 100, 110, "put"),
        Segment("near", NAME, 10, 12, "put"),
        Segment("gone", "gone.mp4", 0, 3, "put"),
    )
    write_manifest(Manifest(strange), videos / "strange.csv")
    summary = extract(videos, tmp_path / "store", manifest="strange.csv")
    assert not summary.ok
    assert "far" in " ".join(summary.labels.problems) and "gone" in " ".join(summary.labels.problems)
    assert summary.labels.segments == 1
    write_manifest(Manifest(strange[:1]), videos / "strange.csv")
    summary = extract(videos, tmp_path / "nothing", manifest="strange.csv")
    assert "no segment of the manifest lies within the 60 frames" in summary.failures[0].problem
    write_manifest(Manifest(strange[2:]), videos / "strange.csv")
    with pytest.raises(UsageError, match="none of the videos"):
        extract(videos, tmp_path / "nothing", manifest="strange.csv")
    with pytest.raises(UsageError, match="--manifest"):
        extract_videos(find_videos([videos]), out=tmp_path, segments_only=True)


def test_the_plan_counts_the_ranges(videos, tmp_path):
    plan = plan_extraction(
        find_videos([videos]),
        out=tmp_path,
        parameters=SMALL,
        workers=1,
        manifest=videos / "labels.csv",
        segments_only=True,
    )
    assert [(video.video, video.frames) for video in plan.videos] == [(NAME, 42)]


def test_a_segment_that_was_left_out_is_found_by_the_check(sparse):
    left_out = Segment("x", NAME, 40, 45, "put", split="train")
    write_manifest(Manifest((*SEGMENTS, left_out)), sparse.path / "manifest.csv")
    (finding,) = check_store(sparse.path).problems
    assert finding.kind == "missing segment"
    assert "segment x" in finding.text


def test_a_container_without_times_is_decoded_whole(tmp_path):
    from tests.video.samples import encode
    from tests.video.samples import pictures as drawn

    encode(tmp_path / "v.avi", drawn(40), options={"bf": "2"})
    write_manifest(Manifest((Segment("a", "v.avi", 20, 23, "x"),)), tmp_path / "labels.csv")
    summary = extract(tmp_path, tmp_path / "store", parameters=replace(SMALL, contents=parse_contents("rgb")))
    assert summary.videos[0].ok
    sparse = Store(tmp_path / "store").open("v.avi")
    from egotool.video import read_frames

    frames = [frame.rgb for frame in read_frames(tmp_path / "v.avi", short_side=48)]
    numbers = sparse.frame_numbers()
    assert numbers[0] == 12
    np.testing.assert_array_equal(sparse.frames(numbers), np.stack(frames)[numbers])
    assert Array.FRAME_NUMBERS in sparse.arrays
