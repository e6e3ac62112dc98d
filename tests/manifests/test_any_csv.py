"""CSV files of any columns."""

import numpy as np
import pytest

from egotool.errors import UsageError
from egotool.manifests.any_csv import Counting, import_csv, parse_map
from egotool.manifests.imported import VideoFolder
from egotool.video import write_video


def imported(text, columns="", *, videos=None, **counting):
    return import_csv("my.csv", text, parse_map(columns), VideoFolder(videos), Counting(**counting))


def test_columns_are_named_by_the_user():
    text = (
        'path;from;to;label;who;Set\n./S1/ä b.mp4;1;10;"pour_milk; cream";Ann;Val\n'
        "S1/c.mp4;5;5;stir;Bob;training\n"
    )
    labels = imported(
        text,
        "video=path,start_frame=from,stop_frame=to,action=label,subject=who,split=Set",
        first=1,
        inclusive=True,
    )
    first, second = labels.manifest.segments
    assert (first.video, first.start_frame, first.stop_frame) == ("S1/ä b.mp4", 0, 10)
    assert (first.action, first.verb, first.noun) == ("pour_milk; cream", "pour", "milk; cream")
    assert (first.subject, first.split) == ("Ann", "validation")
    assert (second.start_frame, second.stop_frame, second.split) == (4, 5, "train")
    assert first.segment != second.segment


def test_rows_that_cannot_be_used_are_named():
    text = (
        "video,start_frame,stop_frame,split,segment\n/etc/a.mp4,0,1,,a\n../a.mp4,0,1,,b\na.mp4,x,1,,c\n"
        "a.mp4,3,1,,d\na.mp4,0,1,dev,e\na.mp4,,,,f\na.mp4,0,1,,g\na.mp4,0,1,,g\na.mp4,0,1,,h,more\n"
    )
    labels = imported(text)
    assert [segment.segment for segment in labels.manifest.segments] == ["g"]
    assert [int(p.split("line ")[1].split(":")[0]) for p in labels.problems] == [2, 3, 4, 5, 6, 7, 9, 10]


def test_times_by_the_video_or_by_a_frame_rate(tmp_path):
    write_video(tmp_path / "a.mp4", [np.zeros((32, 32, 3), np.uint8)] * 30, frame_rate=10)
    text = "video,start_seconds,stop_seconds\na.mp4,0.5,1\nb.mp4,0.5,1\n"
    by_video, by_rate = imported(text, videos=tmp_path, frame_rate=100).manifest.segments
    assert (by_video.start_frame, by_video.stop_frame) == (5, 10)
    assert (by_rate.start_frame, by_rate.stop_frame) == (50, 100)
    assert "--frame-rate" in imported(text).problems[0]


def test_without_frames_and_times_a_segment_is_its_whole_video(tmp_path):
    write_video(tmp_path / "a.mp4", [np.zeros((32, 32, 3), np.uint8)] * 30, frame_rate=10)
    labels = imported("video,action\na.mp4,take_cup\nb.mp4,take_cup\n", videos=tmp_path)
    (segment,) = labels.manifest.segments
    assert (segment.start_frame, segment.stop_frame, segment.verb) == (0, 30, "take")
    assert "line 3" in labels.problems[0]


@pytest.mark.parametrize("columns", ["action", "action=", "colour=x"])
def test_a_map_that_is_none(columns):
    with pytest.raises(UsageError, match="--map"):
        parse_map(columns)


def test_a_map_to_a_column_that_is_not_there():
    with pytest.raises(UsageError, match="no column 'label'; it has path"):
        imported("path\na.mp4\n", "video=path,action=label")
    with pytest.raises(UsageError, match="which column"):
        imported("path\na.mp4\n")
