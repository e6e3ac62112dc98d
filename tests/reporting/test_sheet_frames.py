from pathlib import Path

import pytest

from egotool.errors import UsageError
from egotool.manifests import Segment
from egotool.reporting.sheet_frames import choose_rows
from egotool.store import Array, Store
from tests.reporting.fabricated import make_labels, make_store

VIDEOS = [f"S{subject}/{action}/1.mp4" for subject in (1, 2) for action in ("open", "push", "take")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = make_store(tmp_path_factory.mktemp("labelled"), VIDEOS, arrays=[Array.RGB], height=8, width=8)
    segments = [
        Segment(
            segment=f"{video}#0",
            video=video,
            start_frame=1,
            stop_frame=5,
            action=video.split("/")[1],
            subject=video.split("/")[0],
            split="test" if video.startswith("S2") else "train",
        )
        for video in VIDEOS
    ]
    make_labels(path, [*segments, Segment("gone", "not/here.mp4", 0, 3, "open")])
    return Store(path)


def test_actions_take_turns_and_test_segments_come_first(store: Store) -> None:
    rows = choose_rows(store, count=3)
    assert [row.segment.action for row in rows] == ["open", "push", "take"]
    assert {row.segment.split for row in rows} == {"test"}
    assert len({row.segment.segment for row in choose_rows(store, count=50)}) == 6


def test_fewer_rows_than_actions_are_spread(store: Store) -> None:
    assert [row.segment.action for row in choose_rows(store, count=2)] == ["open", "take"]


def test_middle_frame_of_a_segment_with_a_successor(store: Store) -> None:
    for row in choose_rows(store, count=6):
        assert 1 <= row.frame < 4


def test_frames_of_one_segment_are_even_and_unique(store: Store) -> None:
    rows = choose_rows(store, segment=f"{VIDEOS[0]}#0", count=8)
    assert [row.frame for row in rows] == [1, 2, 3]  # frame 4 has no successor in the segment
    assert [row.frame for row in choose_rows(store, video=VIDEOS[0], count=2)] == [1, 3]


def test_unknown_names_are_errors_that_list_some(store: Store) -> None:
    with pytest.raises(UsageError, match=r"no video 'x': it has S1/open/1.mp4"):
        choose_rows(store, video="x")
    with pytest.raises(UsageError, match="no segment is called 'x'"):
        choose_rows(store, segment="x")
    with pytest.raises(UsageError, match="--count"):
        choose_rows(store, count=0)


def test_without_a_manifest_every_video_is_a_segment(tmp_path: Path) -> None:
    store = Store(make_store(tmp_path, ["b.mp4", "a.mp4", "c.mp4"], arrays=[Array.RGB], height=8, width=8))
    assert [row.segment.video for row in choose_rows(store)] == ["a.mp4", "b.mp4", "c.mp4"]
    assert [row.segment.video for row in choose_rows(store, count=2)] == ["a.mp4", "c.mp4"]


def test_one_frame_is_enough(tmp_path: Path) -> None:
    store = Store(make_store(tmp_path, ["a.mp4"], arrays=[Array.RGB], frames=1, height=8, width=8))
    assert [row.frame for row in choose_rows(store)] == [0]


def test_rows_of_a_video_are_spread_over_all_ranges_that_are_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = store.receipt(VIDEOS[0]).model_copy(
        update={"ranges": [(10, 20), (100, 140), (300, 301), (500, 550)], "frame_count": 600}
    )
    monkeypatch.setattr(Store, "receipt", lambda *_: receipt)
    frames = [row.frame for row in choose_rows(store, video=VIDEOS[0], count=99)]
    stored = [*range(10, 19), *range(100, 139), 300, *range(500, 549)]
    assert len(frames) == 98 and set(frames) <= set(stored) and frames == sorted(frames)
    few = [row.frame for row in choose_rows(store, video=VIDEOS[0], count=4)]
    assert [frame // 100 for frame in few] == [1, 1, 5, 5]
