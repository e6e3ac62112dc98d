"""Hand masks: whose they are, how they are read, and what they change."""

import dataclasses
import errno
import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from egotool.errors import StoreError, UsageError
from egotool.extraction import Content, HandMasks, Status, extract_videos, find_hand_masks, plan_extraction
from egotool.extraction.hand_masks import HandMaskError
from egotool.motion import CameraTracker, TrackParameters, to_gray, tvl1
from egotool.progress import SilentProgress
from egotool.store import Array, Store, receipt_file, store_file
from egotool.video import FoundVideo, find_videos, write_video
from tests.extraction.conftest import SMALL, make_video
from tests.motion.scenes import scene_of_a_hand

FRAMES = 12
NAME = "S1/take_cup/1.mp4"
PARAMETERS = replace(SMALL, short_side=128, part_frames=5, schedule="fast")


def hand_mask(frame: int, height: int, width: int) -> np.ndarray:
    """Return a mask that is another one in every frame."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 2 - 2 * frame :] = 255
    return mask


def write_masks(folder: Path, masks: list[np.ndarray], name: str = "hand{}.png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, mask in enumerate(masks, 1):
        assert cv2.imwrite(str(folder / name.format(number)), mask)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path, list[np.ndarray]]:
    """A folder with a video of a hand, a folder with masks for it, and these."""
    folder = tmp_path_factory.mktemp("hands")
    pictures = [np.repeat(gray[..., None], 3, axis=2) for gray in scene_of_a_hand(FRAMES)]
    (folder / "videos/S1/take_cup").mkdir(parents=True)
    write_video(folder / "videos" / NAME, pictures, frame_rate=15)
    masks = [hand_mask(frame, *pictures[0].shape[:2]) for frame in range(FRAMES)]
    write_masks(folder / "hands/S1/take_cup/1", masks)
    return folder / "videos", folder / "hands", masks


def extracted(videos: Path, out: Path, hands: Path | None, parameters=PARAMETERS, **options):
    found = find_videos([videos])
    return extract_videos(found, out=out, parameters=parameters, workers=0, hands=hands, **options)


def problem(summary) -> str:
    (failure,) = summary.failures
    return failure.problem


def test_the_masks_of_each_frame_are_left_out(made, tmp_path):
    videos, hands, masks = made
    assert extracted(videos, tmp_path / "with", hands).ok
    assert extracted(videos, tmp_path / "without", None).ok
    video = Store(tmp_path / "with").open(NAME)
    grays, flows = [to_gray(frame) for frame in video.frames(range(FRAMES))], video.flow(range(FRAMES - 1))
    found, _ = video.homographies(range(FRAMES - 1))
    sized = [cv2.resize(mask, grays[0].shape[::-1], interpolation=cv2.INTER_NEAREST) for mask in masks]
    for t in range(FRAMES - 1):
        if t % 4 == 0:  # three parts
            tracker = CameraTracker()
        motion = tracker.next_motion(grays[t], grays[t + 1], flows[t], exclude=sized[t])
        np.testing.assert_allclose(found[t], motion.homography, atol=1e-9, err_msg=str(t))
    others, _ = Store(tmp_path / "without").open(NAME).homographies(range(FRAMES - 1))
    assert not np.allclose(found, others)


def test_a_second_run_does_nothing_and_other_masks_are_refused(made, tmp_path):
    videos, hands, masks = made
    assert extracted(videos, tmp_path / "store", hands).ok
    digest = Store(tmp_path / "store").receipt(NAME).parameters["hands_sha256"]
    assert digest == HandMasks.of_folder(hands / "S1/take_cup/1").sha256
    (again,) = extracted(videos, tmp_path / "store", hands).videos
    assert again.status is Status.UNCHANGED
    write_masks(tmp_path / "others/S1/take_cup/1", masks[::-1])
    assert "made with other --hands: --overwrite" in problem(
        extracted(videos, tmp_path / "store", tmp_path / "others")
    )
    assert "made with --hands (give them again), not without" in problem(
        extracted(videos, tmp_path / "store", None)
    )
    assert Store(tmp_path / "store").receipt(NAME).parameters["hands_sha256"] == digest
    assert extracted(videos, tmp_path / "store", None, overwrite=True).ok
    assert "hands_sha256" not in Store(tmp_path / "store").receipt(NAME).parameters
    assert "made with no --hands" in problem(extracted(videos, tmp_path / "store", hands))


def test_frames_and_flow_stay_when_warp_flow_with_masks_is_added(made, tmp_path, monkeypatch):
    videos, hands, _ = made
    flow_only = replace(PARAMETERS, contents=frozenset({Content.RGB, Content.FLOW}))
    assert extracted(videos, tmp_path / "store", None, flow_only).ok
    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.stages.tvl1", None)  # would fail
        patch.setattr("egotool.extraction.stages.read_frames", None)
        assert extracted(videos, tmp_path / "store", hands).ok
    assert extracted(videos, tmp_path / "at once", hands).ok
    for store in ("store", "at once"):
        assert Array.WARP_FLOW in Store(tmp_path / store).receipt(NAME).arrays
    later, at_once = (Store(tmp_path / store).open(NAME) for store in ("store", "at once"))
    np.testing.assert_array_equal(later.warp_flow(range(11)), at_once.warp_flow(range(11)))


def test_the_missing_array_is_made_by_a_command_with_hands(made, tmp_path):
    videos, hands, _ = made
    only = replace(PARAMETERS, contents=frozenset({Content.WARP_FLOW}))
    assert extracted(videos, tmp_path / "store", hands, only).ok
    with pytest.raises(StoreError, match="--hands HANDS"):
        Store(tmp_path / "store").open(NAME).frames([0])


@pytest.mark.parametrize("count", [FRAMES - 1, FRAMES + 1])
def test_every_frame_needs_a_mask(made, tmp_path, count):
    videos, *_ = made
    write_masks(tmp_path / "hands/S1/take_cup/1", [np.zeros((40, 40), np.uint8)] * count)
    text = problem(extracted(videos, tmp_path / "store", tmp_path / "hands"))
    assert f"has {count} hand masks" in text and f"has {FRAMES} frames" in text


def test_masks_beyond_where_a_video_breaks_off_are_no_error():
    masks = HandMasks(Path("hands"), 50, "", "")
    masks.check(Path("a.mp4"), 28, complete=False)
    with pytest.raises(HandMaskError):
        masks.check(Path("a.mp4"), 51, complete=False)


def test_masks_of_other_proportions_fail_the_video(made, tmp_path):
    videos, *_ = made
    write_masks(tmp_path / "hands/S1/take_cup/1", [np.zeros((40, 40), np.uint8)] * FRAMES)
    text = problem(extracted(videos, tmp_path / "store", tmp_path / "hands"))
    assert "hand1.png is 40×40, which is not the shape of its frame" in text
    assert not list((tmp_path / "store").rglob("*.h5"))


def masks_of(folder: Path, picture: np.ndarray, name: str) -> HandMasks:
    write_masks(folder, [picture], name)
    return HandMasks.of_folder(folder)


@pytest.mark.parametrize(
    ("suffix", "values", "expected"),
    [
        (".png", (0, 1, 2, 255), (0, 255, 255, 255)),  # numbers of classes
        (".png", (0, 0, 255, 255), (0, 0, 255, 255)),
        (".jpg", (3, 90, 200, 255), (0, 0, 255, 255)),  # compressed: nearly black is black
    ],
)
def test_what_counts_as_a_hand(tmp_path, suffix, values, expected):
    picture = np.repeat(np.repeat(np.array([values], np.uint8), 16, axis=1), 16, axis=0)
    found = masks_of(tmp_path, picture, "{}" + suffix).read(0, picture.shape)
    assert tuple(found[8, 8::16]) == expected


def test_a_jpeg_is_one_whatever_its_name(tmp_path):
    write_masks(tmp_path, [np.full((16, 16), 40, np.uint8)], "{}.jpg")
    (tmp_path / "1.jpg").rename(tmp_path / "1.png")
    assert not HandMasks.of_folder(tmp_path).read(0, (16, 16)).any()


def test_colours_and_transparency(tmp_path):
    picture = np.zeros((4, 6, 4), np.uint8)
    picture[..., 3] = 255
    picture[1, 2] = (0, 0, 128, 255)
    picture[2, 2] = (90, 90, 90, 0)  # cut out
    found = masks_of(tmp_path, picture, "{}.png").read(0, (4, 6))
    assert found[1, 2] == 255 and found.sum() == 255


def test_a_pixel_that_a_hand_touches_is_left_out(tmp_path):
    picture = np.zeros((40, 60), np.uint8)
    picture[7, 13] = 255
    found = masks_of(tmp_path, picture, "{}.png").read(0, (10, 15))
    assert found[1, 3] == 255 and found.sum() == 255


def test_sixteen_bits_are_refused(tmp_path):
    with pytest.raises(HandMaskError, match="16 bits"):
        masks_of(tmp_path, np.ones((4, 6), np.uint16), "{}.png")


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path):
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(HandMaskError, match=r"1\.png is no picture"):
        HandMasks.of_folder(tmp_path)


def test_names_count(tmp_path):
    write_masks(tmp_path, [np.full((4, 6), 255 * (number > 8), np.uint8) for number in range(11)])
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.png").touch()
    masks = HandMasks.of_folder(tmp_path)
    assert masks.count == 11
    assert [masks.read(number, (4, 6)).max() for number in range(11)] == [0] * 9 + [255] * 2


def test_whose_masks_they_are(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        make_video(tmp_path / "videos" / name, frames=2)
    one = [np.zeros((4, 6), np.uint8)]
    write_masks(tmp_path / "hands/a", one)
    write_masks(tmp_path / "hands/b.mp4", one)
    (tmp_path / "hands/c").mkdir()
    write_masks(tmp_path / "hands", one)
    found = find_videos([tmp_path / "videos"])
    hands = tmp_path / "hands"
    assert find_hand_masks(hands, found) == {"a.mp4": hands / "a", "b.mp4": hands / "b.mp4"}
    assert find_hand_masks(hands, found[2:]) == {"c.mp4": hands}  # a single video
    assert find_hand_masks(hands, []) == {}
    make_video(tmp_path / "videos" / "a.avi", frames=2)  # whose would they be?
    assert find_hand_masks(hands, find_videos([tmp_path / "videos"])) == {"b.mp4": hands / "b.mp4"}


def test_videos_without_masks_are_told_of(made, tmp_path):
    videos, hands, _ = made
    other = make_video(tmp_path / "b.mp4", frames=3)
    messages = []

    class Progress(SilentProgress):
        def message(self, text: str) -> None:
            messages.append(text)

    found = [*find_videos([videos]), *find_videos([other])]
    parameters = replace(PARAMETERS, short_side=48)
    options = {"parameters": parameters, "hands": hands, "progress": Progress()}
    plan = plan_extraction(found, out=tmp_path / "store", **options)
    assert [video.action for video in plan.videos] == ["extract", "extract"]
    summary = extract_videos(found, out=tmp_path / "store", workers=0, **options)
    assert summary.ok
    assert sum("1 of 2 videos without hand masks" in text and "b.mp4" in text for text in messages) == 2
    assert "hands_sha256" not in Store(tmp_path / "store").receipt("b.mp4").parameters
    plan = plan_extraction(found, out=tmp_path / "store", **options)
    assert [video.action for video in plan.videos] == ["nothing", "nothing"]
    plan = plan_extraction(found, out=tmp_path / "store", parameters=parameters)
    assert {video.video: video.action for video in plan.videos} == {NAME: "refuse", "b.mp4": "nothing"}


@pytest.mark.parametrize(
    ("names", "place"), [(["a.mp4", "b.mp4"], "masks/a"), (["a.mp4", "a.mkv"], "masks/a.mp4")]
)
def test_where_masks_would_be_is_told(tmp_path, names, place):
    (tmp_path / "masks").mkdir()
    found = [FoundVideo(tmp_path / name, name, tmp_path) for name in names]
    with pytest.raises(UsageError, match=re.escape(f"would be pictures in {tmp_path / place}, one for")):
        find_hand_masks(tmp_path / "masks", found)


@pytest.mark.parametrize(
    ("hands", "contents", "complaint"),
    [
        ("nowhere", set(Content), "is no folder"),
        (".", set(Content), "no video has masks"),
    ],
)
def test_wrong_usage(made, tmp_path, hands, contents, complaint):
    videos, real, _ = made
    found = find_videos([videos])
    given = real if hands == "hands" else tmp_path / hands
    for action in (extract_videos, plan_extraction):
        with pytest.raises(UsageError, match=complaint):
            action(
                found,
                out=tmp_path / "store",
                parameters=dataclasses.replace(PARAMETERS, contents=frozenset(contents)),
                hands=given,
            )
    assert not (tmp_path / "store").exists()


def test_masks_that_cannot_be_read_fail_their_video(made, tmp_path, monkeypatch):
    videos, hands, _ = made

    def refuse(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("egotool.extraction.hand_masks.sha256_of_file", refuse)
    text = problem(extracted(videos, tmp_path / "store", hands))
    assert "hand1.png cannot be read (Permission denied)" in text


class Killed(BaseException):
    pass


def interrupt(monkeypatch, call: int) -> None:
    """Make the given call of TV-L1 end the work."""
    calls = []

    def counting(*arguments, **options):
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return tvl1(*arguments, **options)

    monkeypatch.setattr("egotool.extraction.stages.tvl1", counting)


def homographies(store: Path) -> np.ndarray:
    return Store(store).open(NAME).homographies(range(FRAMES - 1))[0]


def test_left_parts_of_other_masks_are_not_used(made, tmp_path, monkeypatch):
    videos, hands, masks = made
    write_masks(tmp_path / "others/S1/take_cup/1", masks[::-1])
    with monkeypatch.context() as patch, pytest.raises(Killed):
        interrupt(patch, call=10)
        extracted(videos, tmp_path / "store", tmp_path / "others")
    assert list((tmp_path / "store/.work").rglob("frames-*.h5"))
    assert extracted(videos, tmp_path / "store", hands).ok
    assert extracted(videos, tmp_path / "at once", hands).ok
    np.testing.assert_array_equal(homographies(tmp_path / "store"), homographies(tmp_path / "at once"))


def test_trouble_with_masks_loses_no_part(made, tmp_path, monkeypatch):
    videos, hands, _ = made
    with monkeypatch.context() as patch, pytest.raises(Killed):
        interrupt(patch, call=10)
        extracted(videos, tmp_path / "store", hands)
    left = sorted((tmp_path / "store/.work").rglob("frames-*.h5"))
    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.hand_masks.sha256_of_file", broken)
        assert "Input/output error" in problem(extracted(videos, tmp_path / "store", hands))
    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.hand_masks.read_picture", broken)
        assert "something is wrong" in problem(extracted(videos, tmp_path / "store", hands))
    assert left and sorted((tmp_path / "store/.work").rglob("frames-*.h5")) == left


def broken(path: Path, mode: int | None = None) -> str:
    if mode is not None:
        raise StoreError(f"{path}: something is wrong")
    raise OSError(errno.EIO, "Input/output error", str(path))


def test_masks_that_change_while_in_use_are_noticed(made, tmp_path, monkeypatch):
    videos, _, masks = made
    folder = tmp_path / "hands/S1/take_cup/1"
    write_masks(folder, masks)

    def changing(*arguments, **options):
        if not (folder / "hand0.png").exists():
            write_masks(folder, masks[:1], "hand0.png")
        return tvl1(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("egotool.extraction.stages.tvl1", changing)
        text = problem(extracted(videos, tmp_path / "store", tmp_path / "hands"))
    assert "have changed while they were in use" in text
    assert not list((tmp_path / "store").rglob("frames-*.h5")) and not list(
        (tmp_path / "store").rglob("1.mp4.h5")
    )


def test_what_looks_wrong_is_a_warning(made, tmp_path):
    videos, hands, masks = made
    assert HandMasks.of_folder(hands / "S1/take_cup/1").warnings == ()
    write_masks(tmp_path / "hands/S1/take_cup/1", masks)
    (tmp_path / "hands/S1/take_cup/1/hand5.png").rename(tmp_path / "hands/S1/take_cup/1/hand13.png")
    summary = extracted(videos, tmp_path / "store", tmp_path / "hands")
    assert summary.ok and "jump after 4" in " ".join(summary.videos[0].warnings)


@pytest.mark.parametrize(
    ("value", "name", "said"),
    [
        (255, "{}.png", "all of them all hand"),
        (255, "{}.jpg", "all of them all hand"),
        (2, "{}.jpg", "the brightest is 2"),  # numbers of classes
        (0, "{}.png", None),  # no hands, which may be
        (0, "{}.jpg", None),
    ],
)
def test_masks_that_cannot_be_hands_are_a_warning(tmp_path, value, name, said):
    write_masks(tmp_path, [np.full((16, 24), value, np.uint8)] * 3, name)
    warnings = HandMasks.of_folder(tmp_path).warnings
    assert [said] * len(warnings) == [text[text.index(said) :].rstrip(".").split(";")[0] for text in warnings]
    assert len(warnings) == (said is not None)


def test_a_bad_picture_is_found_before_the_work(made, tmp_path):
    videos, _, masks = made
    write_masks(tmp_path / "hands/S1/take_cup/1", masks)
    (tmp_path / "hands/S1/take_cup/1/hand12.png").write_bytes(b"cut off")  # the last one, which no flow needs
    text = problem(extracted(videos, tmp_path / "store", tmp_path / "hands"))
    assert "hand12.png is no picture" in text


def test_a_damaged_store_file_is_not_made_anew_without_the_masks(made, tmp_path):
    videos, hands, _ = made
    assert extracted(videos, tmp_path / "store", hands).ok
    path = store_file(tmp_path / "store", NAME)
    path.write_bytes(path.read_bytes()[:-10])
    assert "give them again" in problem(extracted(videos, tmp_path / "store", None))
    assert extracted(videos, tmp_path / "store", hands).ok


def test_segments_have_the_masks_of_their_frames(made, tmp_path):
    videos, hands, masks = made
    (tmp_path / "manifest.csv").write_text(
        f"segment,video,start_frame,stop_frame,action\na,{NAME},11,12,take\n"
    )
    parameters = replace(
        PARAMETERS, part_frames=100, tracks=TrackParameters(track_length=2, minimum_length=2)
    )
    options = {"manifest": tmp_path / "manifest.csv", "segments_only": True}
    assert extracted(videos, tmp_path / "store", hands, parameters, **options).ok
    video = Store(tmp_path / "store").open(NAME)
    (start, stop), *_ = video.ranges
    assert start > 4 and stop == FRAMES
    grays = [to_gray(frame) for frame in video.frames(range(start, stop))]
    flows, found = video.flow(range(start, stop - 1)), video.homographies(range(start, stop - 1))[0]
    tracker = CameraTracker()
    for place, mask in enumerate(masks[start : stop - 1]):
        sized = cv2.resize(mask, grays[0].shape[::-1], interpolation=cv2.INTER_NEAREST)
        motion = tracker.next_motion(grays[place], grays[place + 1], flows[place], exclude=sized)
        np.testing.assert_allclose(found[place], motion.homography, atol=1e-9)


def test_frames_can_be_asked_for_without_the_masks(made, tmp_path):
    videos, hands, _ = made
    assert extracted(videos, tmp_path / "store", hands).ok
    frames_only = replace(PARAMETERS, contents=frozenset({Content.RGB}))
    (again,) = extracted(videos, tmp_path / "store", None, frames_only).videos
    assert again.status is Status.UNCHANGED
    found = find_videos([videos])
    (planned,) = plan_extraction(found, out=tmp_path / "store", parameters=frames_only).videos
    assert planned.action == "nothing"


def test_warp_flow_made_with_masks_is_not_made_anew_without(made, tmp_path):
    videos, hands, _ = made
    with_warp_flow = replace(PARAMETERS, contents=frozenset({Content.WARP_FLOW}))
    assert extracted(videos, tmp_path / "store", hands, with_warp_flow).ok
    path = receipt_file(tmp_path / "store", NAME)
    receipt = json.loads(path.read_text())
    receipt["complete"] = False
    receipt["parameters"]["flow_revision"] = 1
    path.write_text(json.dumps(receipt))
    frames_only = replace(PARAMETERS, contents=frozenset({Content.RGB}))
    assert "give them again" in problem(extracted(videos, tmp_path / "store", None, frames_only))
    assert Store(tmp_path / "store").receipt(NAME).arrays == [
        "timestamps",
        "warp_flow",
        "homography",
        "homography_valid",
    ]


@pytest.mark.parametrize("shape", [(16, 28), (16, 29), (8, 14), (1024, 1824)])
def test_small_masks_are_rounded(tmp_path, shape):
    picture = np.full(shape, 255, np.uint8)
    assert masks_of(tmp_path, picture, "{}.png").read(0, (256, 456)).shape == (256, 456)
