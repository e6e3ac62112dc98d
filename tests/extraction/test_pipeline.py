"""Extraction as a whole: the result is the same however it was reached."""

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from egotool.errors import UsageError
from egotool.extraction import (
    Content,
    ExtractionParameters,
    SplitChoice,
    Status,
    extract_videos,
    plan_extraction,
    stages,
)
from egotool.extraction.pool import Report
from egotool.extraction.work import VideoLock
from egotool.motion import (
    CameraMotion,
    CameraTracker,
    TrackParameters,
    add_camera_motion,
    compensate_flow,
    estimate_camera_motion,
    motion_masks,
    to_gray,
)
from egotool.progress import SilentProgress
from egotool.store import Array, Codec, Store, receipt_file, verify
from egotool.video import find_videos, write_video
from tests.extraction.conftest import SMALL, make_video
from tests.motion.scenes import scene_of_a_hand
from tests.store.samples import damage_description

ALL = [array.value for array in Array if array is not Array.FRAME_NUMBERS]

AFRESH = {"motion_masks", "homography", "homography_valid", "warp_flow"}
"""What remembers earlier frames, and begins anew with, or some frames before, each part."""

SHIFT = np.array([[1, 0, 0.75], [0, 1, -0.5], [0, 0, 1.0]])
"""A camera motion: in pictures this small none is found."""


def extracted(
    videos: Path, out: Path, *, parameters: ExtractionParameters = SMALL, workers: int = 0, **options
):
    return extract_videos(find_videos([videos]), out=out, parameters=parameters, workers=workers, **options)


def contents(out: Path) -> dict[str, np.ndarray]:
    """Return every array of every file of a store."""
    arrays = {}
    for path in sorted(out.rglob("*.h5")):
        with h5py.File(path, "r") as file:
            for name, dataset in file.items():
                arrays[f"{path.relative_to(out)}:{name}"] = dataset[()]
    return arrays


def times(out: Path) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in out.rglob("*")
        if path.is_file() and ".work" not in path.parts
    }


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> tuple[Path, Path]:
    """Videos, and the store made of them at one go."""
    folder = tmp_path_factory.mktemp("reference")
    videos = folder / "videos"
    make_video(videos / "S1" / "take_cup" / "1.mp4")
    make_video(videos / "S2" / "take_cup" / "1.mp4", frames=7, first=3)
    summary = extracted(videos, folder / "store")
    assert summary.ok
    return videos, folder / "store"


def test_what_is_stored(reference):
    _, out = reference
    store = Store(out)
    assert store.videos() == ["S1/take_cup/1.mp4", "S2/take_cup/1.mp4"]
    video = store.open("S1/take_cup/1.mp4")
    assert (video.frame_count, video.height, video.width) == (12, 48, 68)
    assert video.frames(range(12)).shape == (12, 48, 68, 3)
    assert video.flow(range(11)).shape == (11, 2, 48, 68)
    assert video.warp_flow(range(11)).shape == (11, 2, 48, 68)
    assert video.masks(range(12)).shape == (12, 48, 68)
    assert np.all(np.isin(video.masks(range(12)), (0, 255)))
    np.testing.assert_allclose(video.timestamps(), np.arange(12) / 10, atol=1e-6)
    for name in store.videos():
        assert verify(out, name) == []
    receipt = store.receipt("S1/take_cup/1.mp4")
    assert receipt.arrays == ALL
    assert receipt.complete
    assert receipt.parameters["schedule"] == "turbo"
    assert not list((out / ".work").rglob("*.h5"))


def test_parts_do_not_change_frames_and_flow(reference, tmp_path):
    videos, out = reference
    extracted(videos, tmp_path / "whole", parameters=replace(SMALL, part_frames=100))
    whole, parts = contents(tmp_path / "whole"), contents(out)
    for name in parts:
        if name.split(":")[1] not in AFRESH:
            np.testing.assert_array_equal(whole[name], parts[name], err_msg=name)


@pytest.mark.parametrize("part_frames", [6, 100])
def test_the_camera_is_tracked_through_a_part(tmp_path, part_frames):
    pictures = [np.repeat(gray[..., None], 3, axis=2) for gray in scene_of_a_hand(12)]
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a.mp4", pictures, frame_rate=15)
    parameters = replace(SMALL, short_side=128, part_frames=part_frames, schedule="fast")
    extracted(tmp_path / "videos", tmp_path / "store", parameters=parameters)
    video = Store(tmp_path / "store").open("a.mp4")
    grays, flows = [to_gray(frame) for frame in video.frames(range(12))], video.flow(range(11))
    found, known = video.homographies(range(11))
    assert known.all()
    remembered = 0
    for t in range(11):
        if t % part_frames == 0:
            tracker = CameraTracker()
        motion = tracker.next_motion(grays[t], grays[t + 1], flows[t])
        np.testing.assert_array_equal(found[t], motion.homography)
        alone = estimate_camera_motion(grays[t], grays[t + 1], flows[t])
        remembered += not np.array_equal(alone.homography, motion.homography)
    assert remembered > 5


def test_masks_are_made_of_the_stored_warp_flow(tmp_path, monkeypatch):
    camera = CameraMotion(SHIFT, True, 100, 100)
    monkeypatch.setattr(CameraTracker, "next_motion", lambda *_, exclude: camera)
    make_video(tmp_path / "videos" / "a.mp4", frames=16)
    tracks = replace(TrackParameters.published(), track_length=4, minimum_length=3, least_motion=0.1)
    extracted(
        tmp_path / "videos", tmp_path / "store", parameters=replace(SMALL, part_frames=100, tracks=tracks)
    )
    video = Store(tmp_path / "store").open("a.mp4")
    grays = [to_gray(frame) for frame in video.frames(range(16))]
    homographies, valid = video.homographies(range(15))
    followed = [
        add_camera_motion(*pair) for pair in zip(video.warp_flow(range(15)), homographies, strict=True)
    ]
    masks, others = (
        np.stack(list(motion_masks(grays, flows, homographies, valid=valid, parameters=tracks)))
        for flows in (followed, video.flow(range(15)))
    )
    np.testing.assert_array_equal(video.masks(range(16)), masks)
    assert not np.array_equal(masks, others)


def test_masks_of_parts_are_nearly_those_of_the_whole(tmp_path):
    make_video(tmp_path / "videos" / "a.mp4", frames=16)
    extracted(tmp_path / "videos", tmp_path / "whole", parameters=replace(SMALL, part_frames=100))
    extracted(tmp_path / "videos", tmp_path / "parts")
    whole = contents(tmp_path / "whole")["a.mp4.h5:motion_masks"] > 0
    parts = contents(tmp_path / "parts")["a.mp4.h5:motion_masks"] > 0
    assert whole.any()
    assert (whole & parts).sum() > 0.8 * (whole | parts).sum()


def test_workers_do_not_change_the_result(reference, tmp_path):
    videos, out = reference
    summary = extracted(videos, tmp_path / "store", workers=2)
    assert summary.ok
    assert_same(contents(tmp_path / "store"), contents(out))


def test_a_second_run_does_nothing(reference):
    videos, out = reference
    before = times(out)
    summary = extracted(videos, out)
    assert [video.status for video in summary.videos] == [Status.UNCHANGED] * 2
    assert summary.ok
    assert times(out) == before


@pytest.mark.parametrize("first", [{Content.RGB}, {Content.FLOW}, {Content.MASKS}, {Content.WARP_FLOW}])
def test_adding_later_equals_all_at_once(reference, tmp_path, first):
    videos, out = reference
    later = tmp_path / "store"
    extracted(videos, later, parameters=replace(SMALL, contents=frozenset(first)))
    receipt = Store(later).receipt("S1/take_cup/1.mp4")
    assert set(receipt.arrays) < set(ALL)
    summary = extracted(videos, later)
    assert [video.status for video in summary.videos] == [Status.EXTRACTED] * 2
    assert_same(contents(later), contents(out))


def test_what_is_stored_is_not_computed_again(reference, tmp_path, monkeypatch):
    videos, out = reference
    shutil.copytree(out, tmp_path / "store")

    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("flow was computed again")

    monkeypatch.setattr("egotool.extraction.stages.tvl1", never)
    monkeypatch.setattr("egotool.extraction.stages.read_frames", never)
    summary = extracted(videos, tmp_path / "store", parameters=replace(SMALL, codec=Codec.GZIP))
    assert [video.status for video in summary.videos] == [Status.EXTRACTED] * 2
    assert_same(contents(tmp_path / "store"), contents(out))


def test_asking_for_less_keeps_what_is_there(reference):
    videos, out = reference
    before = times(out)
    extracted(videos, out, parameters=replace(SMALL, contents=frozenset({Content.RGB})))
    assert times(out) == before


OTHER = {
    "--size": replace(SMALL, short_side=32),
    "--schedule": replace(SMALL, schedule="fast"),
    "--warp-flow": replace(SMALL, warp_flow="compensated"),
    "other part_frames": replace(SMALL, part_frames=SMALL.part_frames + 1),
    "other tracks": replace(SMALL, tracks=TrackParameters.published()),
}


@pytest.mark.parametrize("difference", OTHER)
def test_what_was_made_with_other_parameters_is_replaced_only_when_asked(reference, tmp_path, difference):
    videos, out = reference
    shutil.copytree(out, tmp_path / "store")
    before = times(tmp_path / "store")
    other = replace(OTHER[difference], contents=frozenset({Content.RGB}))
    summary = extracted(videos, tmp_path / "store", parameters=other)
    assert [video.status for video in summary.videos] == [Status.FAILED] * 2
    assert all(difference in video.problem and "--overwrite" in video.problem for video in summary.videos)
    assert {path: time for path, time in times(tmp_path / "store").items() if path.suffix == ".h5"} == {
        path: time for path, time in before.items() if path.suffix == ".h5"
    }
    assert extracted(videos, tmp_path / "store", parameters=other, overwrite=True).ok
    assert Store(tmp_path / "store").receipt("S1/take_cup/1.mp4").arrays == ["rgb", "timestamps"]


@pytest.mark.parametrize("difference", ["--schedule", "--warp-flow", "other part_frames", "other tracks"])
def test_frames_do_not_depend_on_how_flow_is_made(videos, tmp_path, difference):
    extracted(videos, tmp_path, parameters=replace(SMALL, contents=frozenset({Content.RGB})))
    assert extracted(videos, tmp_path, parameters=OTHER[difference]).ok
    assert "warp_flow" in Store(tmp_path).receipt("S1/take_cup/1.mp4").arrays


def test_compensated_warp_flow_is_made_of_the_stored_flow(reference, tmp_path, monkeypatch):
    videos, _ = reference
    camera = CameraMotion(SHIFT, True, 100, 100)
    monkeypatch.setattr(CameraTracker, "next_motion", lambda *_, exclude: camera)
    extracted(videos, tmp_path, parameters=replace(SMALL, warp_flow="compensated"))
    assert Store(tmp_path).receipt("S1/take_cup/1.mp4").parameters["warp_flow"] == "compensated"
    video = Store(tmp_path).open("S1/take_cup/1.mp4")
    for t in range(11):
        left = compensate_flow(video.flow([t])[0], SHIFT)
        np.testing.assert_allclose(video.warp_flow([t])[0], left, atol=1 / 64)


def test_receipts_from_before_the_choice_of_warp_flow_fit():
    before = {name: value for name, value in SMALL.recorded_with_codec().items() if name != "warp_flow"}
    assert SMALL.fit_as_it_is(before) and SMALL.fit_as_it_is(SMALL.recorded_with_codec())
    assert not replace(SMALL, warp_flow="compensated").fit(before)
    assert SMALL.fit(before | {"codec": "gzip"}) and not SMALL.fit_as_it_is(before | {"codec": "gzip"})
    assert not SMALL.fit(before | {"schedule": "fast"})


class Notes(SilentProgress):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.messages: list[str] = []

    def start(self, task: str, *, total: int | None, unit: str) -> None:
        self.tasks.append(task)

    def message(self, text: str) -> None:
        self.messages.append(text)


def test_kernels_are_compiled_before_the_first_video_and_not_when_all_is_there(videos, tmp_path):
    first, again = Notes(), Notes()
    extracted(videos, tmp_path, progress=first)
    extracted(videos, tmp_path, progress=again)
    assert any("kernels" in task for task in first.tasks)
    assert not any("kernels" in task for task in again.tasks)


def test_flow_of_an_earlier_version_stays_and_is_told_of(videos, tmp_path):
    out = tmp_path / "store"
    extracted(videos, out)
    for video in Store(out).videos():
        path = receipt_file(out, video)
        receipt = json.loads(path.read_text())
        del receipt["parameters"]["flow_revision"]  # as they were before it was recorded
        del receipt["parameters"]["tracks"]["least_local_motion"]
        path.write_text(json.dumps(receipt))
    before, notes = times(out), Notes()
    summary = extracted(videos, out, progress=notes)
    assert {result.status for result in summary.videos} == {Status.UNCHANGED}
    assert {path: time for path, time in times(out).items() if path.suffix == ".h5"} == {
        path: time for path, time in before.items() if path.suffix == ".h5"
    }
    assert sum("earlier version" in message and "--overwrite" in message for message in notes.messages) == 1
    extracted(videos, out, overwrite=True, progress=(quiet := Notes()))
    assert not quiet.messages


def test_new_arrays_are_not_mixed_with_flow_of_an_earlier_version():
    before = SMALL.recorded_with_codec() | {"flow_revision": 1}
    assert SMALL.fit_as_it_is(before) and not SMALL.fit(before)


def test_a_changed_video_replaces_what_is_finished_only_when_asked(videos, tmp_path):
    out = tmp_path / "store"
    extracted(videos, out)
    make_video(videos / "S1" / "take_cup" / "1.mp4", frames=9, first=2)
    summary = extracted(videos, out)
    assert [video.status for video in summary.videos] == [Status.FAILED, Status.UNCHANGED]
    assert "another video than it was made of" in summary.videos[0].problem
    plan = plan_extraction(find_videos([videos]), out=out, parameters=SMALL)
    assert "another video than it was made of" in plan.videos[0].problem
    receipt_file(out, "S1/take_cup/1.mp4").unlink()  # as the sentence says, for this one alone
    summary = extracted(videos, out)
    assert [video.status for video in summary.videos] == [Status.EXTRACTED, Status.UNCHANGED]
    assert summary.videos[0].frames == 9


def test_a_video_that_was_incomplete_is_made_anew_once_it_is_whole(videos, tmp_path):
    out, video = tmp_path / "store", videos / "S1" / "take_cup" / "1.mp4"
    extracted(videos, out)
    path = receipt_file(out, "S1/take_cup/1.mp4")
    receipt = json.loads(path.read_text())
    path.write_text(json.dumps(receipt | {"complete": False, "warnings": ["it breaks off"]}))
    make_video(video, frames=9, first=2)
    assert extracted(videos, out).videos[0].status is Status.EXTRACTED


def test_a_finished_store_on_a_read_only_disk_is_looked_at(reference, tmp_path, monkeypatch):
    videos, out = reference
    shutil.copytree(out, tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / ".work", ignore_errors=True)
    mkdir = Path.mkdir

    def refusing(path: Path, *arguments, **options) -> None:
        if ".work" in path.parts:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", refusing)
    summary = extracted(videos, tmp_path / "store")
    assert [video.status for video in summary.videos] == [Status.UNCHANGED] * 2
    more = replace(SMALL, codec=Codec.GZIP)
    problems = [video.problem for video in extracted(videos, tmp_path / "store", parameters=more).videos]
    assert all("ead-only file system" in problem for problem in problems)


class InterruptionError(Exception):
    """Stands in for a kill: nothing after it runs."""


@pytest.mark.parametrize("stage", ["prepare_index", "compute_frames_part", "compute_masks_part", "join"])
@pytest.mark.parametrize("call", [1, 3])
def test_interrupted_anywhere_it_goes_on(reference, tmp_path, monkeypatch, stage, call):
    videos, out = reference
    calls = 0
    with monkeypatch.context() as patch:
        import egotool.extraction.job as job

        function = getattr(job, stage)

        def interrupting(*arguments: object):
            nonlocal calls
            calls += 1
            if calls == call:
                raise InterruptionError
            return function(*arguments)

        patch.setattr(job, stage, interrupting)
        broken = extracted(videos, tmp_path / "store")
        assert broken.ok == (calls < call)
    assert extracted(videos, tmp_path / "store").ok
    assert_same(contents(tmp_path / "store"), contents(out))
    assert not list((tmp_path / "store" / ".work").rglob("*.h5"))


@pytest.mark.parametrize("moment", ["old receipt gone", "file in place"])
def test_interrupted_while_publishing(reference, tmp_path, monkeypatch, moment):
    videos, out = reference
    store = tmp_path / "store"
    extracted(videos, store, parameters=replace(SMALL, contents=frozenset({Content.RGB})))
    real_replace = Path.replace
    name = "joined.h5" if moment == "old receipt gone" else "receipt.json"

    def failing(self: Path, target: Path) -> Path:
        if self.name == name and ".work" in self.parts and Path(target).parent != self.parent:
            raise InterruptionError
        return real_replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        assert not extracted(videos, store).ok
    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.stages.tvl1", None)  # nothing is left to compute
        summary = extracted(videos, store)
    assert summary.ok
    assert_same(contents(store), contents(out))
    assert all(verify(store, name) == [] for name in Store(store).videos())


def test_left_parts_are_used(reference, tmp_path, monkeypatch):
    videos, _ = reference
    import egotool.extraction.job as job

    done: list[int] = []
    real = job.compute_frames_part

    def counting(plan, part, report: Report) -> None:
        if len(done) == 2:
            raise InterruptionError
        done.append(part.start)
        real(plan, part, report)

    with monkeypatch.context() as patch:
        patch.setattr(job, "compute_frames_part", counting)
        extracted(videos / "S1", tmp_path / "store")
    again: list[int] = []

    def noting(plan, part, report: Report) -> None:
        again.append(part.start)
        real(plan, part, report)

    monkeypatch.setattr(job, "compute_frames_part", noting)
    extracted(videos / "S1", tmp_path / "store")
    assert done == [0, 4]
    assert again == [8]


def test_left_parts_of_other_parameters_are_not_used(reference, tmp_path, monkeypatch):
    videos, out = reference
    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.job.join", lambda *arguments: 1 / 0)
        assert not extracted(videos, tmp_path / "store", parameters=replace(SMALL, short_side=40)).ok
    assert list((tmp_path / "store" / ".work").rglob("frames-*.h5"))
    assert extracted(videos, tmp_path / "store").ok
    assert_same(contents(tmp_path / "store"), contents(out))


def test_a_video_that_another_process_has_is_done_last(videos, tmp_path, monkeypatch):
    lock = VideoLock(tmp_path / "store", "S1/take_cup/1.mp4")
    assert lock.acquire()
    told: list[str] = []

    def others_end(seconds: float) -> None:
        lock.release()

    class Listener:
        def start(self, task: str, *, total: int | None, unit: str) -> None: ...
        def advance(self, task: str, amount: int = 1) -> None: ...
        def finish(self, task: str) -> None:
            told.append(task)

        def message(self, text: str) -> None:
            told.append(text)

    monkeypatch.setattr("egotool.extraction.pipeline.time.sleep", others_end)
    summary = extracted(videos, tmp_path / "store", progress=Listener())
    assert summary.ok
    assert told == [
        "loading kernels, compiled once per machine",
        "S2/take_cup/1.mp4",
        "Another process works on 1 video: waiting for it.",
        "S1/take_cup/1.mp4",
    ]


def test_one_frame_and_odd_sizes(tmp_path):
    make_video(tmp_path / "videos" / "one.mp4", frames=1)
    make_video(tmp_path / "videos" / "odd.mp4", frames=3, size=(33, 21))
    make_video(tmp_path / "videos" / "tiny.mp4", frames=3, size=(16, 16))
    summary = extracted(tmp_path / "videos", tmp_path / "store")
    assert summary.ok
    one = Store(tmp_path / "store").open("one.mp4")
    assert one.frame_count == 1
    assert one.masks([0]).max() == 0
    assert one.flow([]).shape == (0, 2, 48, 68)
    assert all(verify(tmp_path / "store", name) == [] for name in ("one.mp4", "odd.mp4", "tiny.mp4"))
    assert [v.status for v in extracted(tmp_path / "videos", tmp_path / "store").videos] == [
        Status.UNCHANGED
    ] * 3


def test_bad_videos_fail_and_the_others_are_done(videos, tmp_path):
    (videos / "empty.mp4").touch()
    (videos / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    whole = (videos / "S1" / "take_cup" / "1.mp4").read_bytes()
    (videos / "half.mp4").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "store"
    for _ in range(2):  # the second time it says the same
        summary = extracted(videos, out)
        status = {video.video: video.status for video in summary.videos}
        assert status["empty.mp4"] == status["noise.mp4"] == status["half.mp4"] == Status.FAILED
        assert all(result.problem and result.video in result.problem for result in summary.failures)
        assert not summary.ok
    assert Store(out).videos() == ["S1/take_cup/1.mp4", "S2/take_cup/1.mp4"]
    assert sorted(path.name for path in (out / ".work").rglob("*")) == [".lock"]


def broken_off(path: Path, folder: Path) -> Path:
    """Write a video (Matroska needs no table at its end) of which a part is missing."""
    import av

    whole = folder / "whole.mkv"
    with (
        av.open(str(make_video(folder / "source.mp4", frames=16))) as source,
        av.open(str(whole), "w") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = whole.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[: int(len(data) * 0.6)])
    return path


def test_a_video_that_breaks_off_keeps_its_frames_and_counts_as_failure(tmp_path):
    broken_off(tmp_path / "videos" / "wash" / "a.mkv", tmp_path)
    out = tmp_path / "store"
    first = extracted(tmp_path / "videos", out)
    before = times(out)
    second = extracted(tmp_path / "videos", out)
    assert times(out) == before
    assert [summary.videos[0].status for summary in (first, second)] == [Status.EXTRACTED, Status.UNCHANGED]
    for summary in (first, second):
        (video,) = summary.videos
        assert not summary.ok
        assert not video.complete
        assert 0 < video.frames < 16
        assert "breaks off" in (video.problem or "")
    assert not Store(out).receipt("wash/a.mkv").complete
    assert (
        (out / "manifest.csv")
        .read_text()
        .splitlines()[1]
        .startswith(f"wash/a,wash/a.mkv,0,{video.frames},wash")
    )


def test_on_error_stop(videos, tmp_path):
    (videos / "S1" / "a.mp4").touch()
    summary = extracted(videos, tmp_path / "store", on_error="stop")
    assert [video.status for video in summary.videos] == [Status.FAILED, Status.NOT_DONE, Status.NOT_DONE]
    (videos / "S1" / "a.mp4").unlink()
    assert extracted(videos, tmp_path / "store").ok


def test_a_newer_store_is_not_touched(reference, tmp_path):
    videos, out = reference
    shutil.copytree(out, tmp_path / "store")
    receipt = tmp_path / "store" / "S1" / "take_cup" / "1.mp4.json"
    receipt.write_text(receipt.read_text().replace('"format_version": 1', '"format_version": 99'))
    before = times(tmp_path / "store")
    summary = extracted(videos / "S1", tmp_path / "other")
    assert summary.ok
    summary = extracted(videos, tmp_path / "store")
    (failure,) = summary.failures
    assert "newer" in (failure.problem or "")
    assert receipt.stat().st_mtime_ns == before[receipt]


def test_a_damaged_receipt_is_made_anew(reference, tmp_path):
    videos, out = reference
    shutil.copytree(out, tmp_path / "store")
    (tmp_path / "store" / "S1" / "take_cup" / "1.mp4.json").write_text("{")
    summary = extracted(videos, tmp_path / "store")
    assert [video.status for video in summary.videos] == [Status.EXTRACTED, Status.UNCHANGED]
    assert_same(contents(tmp_path / "store"), contents(out))


def test_an_unknown_test_subject_stops_before_any_work(videos, tmp_path):
    with pytest.raises(UsageError, match="S1, S2"):
        extracted(videos, tmp_path / "store", choice=SplitChoice(test_subjects=("S3",)))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("everything", [True, False])
def test_a_damaged_part_is_made_anew(videos, tmp_path, monkeypatch, everything):
    out = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.job.join", lambda *arguments: 1 / 0)
        extracted(videos / "S1", out)
    for part in (out / ".work").rglob("frames-*.h5"):
        if not everything:
            damage_description(part, Array.WARP_FLOW)
            continue
        data = bytearray(part.read_bytes())
        data[len(data) // 3 :] = bytes(len(data) - len(data) // 3)
        part.write_bytes(data)
    (failure,) = extracted(videos / "S1", out).failures
    assert "damaged" in (failure.problem or "")
    assert extracted(videos / "S1", out).ok


def test_a_subject_of_the_store_can_test(videos, tmp_path):
    extracted(videos, tmp_path / "store", parameters=replace(SMALL, contents=frozenset({Content.RGB})))
    shutil.rmtree(videos / "S2")
    summary = extracted(videos, tmp_path / "store", choice=SplitChoice(test_subjects=("S2",)))
    assert summary.ok
    assert dict(summary.labels.splits)["test"] == 1


def test_a_video_that_is_replaced_meanwhile_is_not_mixed_with_the_other(tmp_path, monkeypatch):
    video = make_video(tmp_path / "videos" / "a.mp4", frames=12)
    other = make_video(tmp_path / "b.mp4", frames=12, first=4)
    computed = stages.compute_frames_part

    def replaced_after_one(plan, part, report):
        computed(plan, part, report)
        if other.exists():
            other.replace(video)

    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.job.compute_frames_part", replaced_after_one)
        summary = extracted(tmp_path / "videos", tmp_path / "store")
    assert not summary.ok
    assert not list((tmp_path / "store").glob("*.json"))
    assert extracted(tmp_path / "videos", tmp_path / "store").ok
    assert extracted(tmp_path / "videos", tmp_path / "again").ok
    assert_same(contents(tmp_path / "store"), contents(tmp_path / "again"))
