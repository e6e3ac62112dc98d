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


def folder_of(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(labels):
    return [segment.video for segment in labels.manifest.segments]


def test_videos_of_one_file_name_are_told_apart_by_their_folders(tmp_path):
    paths = ["S1/open_door/1.mp4", "S1/take_cup/1.mp4", "S2/take_cup/1.mp4"]
    folder = folder_of(tmp_path / "v", *paths)
    text = "video,start_frame,stop_frame\n" + "".join(f"{path},0,30\n" for path in reversed(paths))
    labels = imported(text, videos=folder)
    assert (names(labels), labels.problems, labels.notes) == (paths[::-1], (), ())
    in_other_words = (
        "video,start_frame,stop_frame\nopen_door/1,0,3\nv/s2/take_cup/1.AVI,0,3\n./S1/take_cup/1,0,3\n"
    )
    assert names(imported(in_other_words, videos=folder)) == [paths[0], paths[2], paths[1]]


def test_a_path_that_means_no_video_or_several_is_a_problem_of_its_row(tmp_path):
    folder = folder_of(tmp_path, "S1/open_door/1.mp4", "S2/take_cup/1.mp4", "S2/take_cup/2.mp4")
    head = "video,start_frame,stop_frame\n"
    labels = imported(f"{head}1.mp4,0,3\nS3/take_cup/1.mp4,0,3\n2,0,3\nS3/9.mp4,0,3\n", videos=folder)
    assert names(labels) == ["S2/take_cup/2.mp4", "S3/9.mp4"]
    several, elsewhere = labels.problems
    assert "line 2: 1.mp4 may be any of S1/open_door/1.mp4, S2/take_cup/1.mp4 in" in several
    assert "line 3: S3/take_cup/1.mp4 is not in" in elsewhere
    assert "S3/9.mp4" in labels.notes[0]
    assert "line 2" in imported(f"{head}S1/take_cup/1.mp4,0,3\n", videos=folder / "S2").problems[0]


def test_a_file_of_exactly_that_name_comes_first(tmp_path):
    folder = folder_of(tmp_path, "a.mp4", "a.mkv", "S1/a.mkv", "P01.02.mp4", "P01.mp4")
    text = "video,start_frame,stop_frame\na.mkv,0,3\na.mp4,0,3\nP01.02,0,3\n"
    assert names(imported(text, videos=folder)) == ["a.mkv", "a.mp4", "P01.02.mp4"]


@pytest.mark.parametrize("seconds", ["inf", "1e400", "nan", "1e300", "9e15", "soon"])
def test_times_that_are_none_are_problems_of_their_rows(seconds):
    labels = imported(f"video,start_seconds,stop_seconds\na.mp4,0,{seconds}\na.mp4,0,1\n", frame_rate=10)
    assert len(labels.manifest.segments) == 1
    assert "line 2" in labels.problems[0]
    assert seconds in labels.problems[0]


@pytest.mark.parametrize("frame", ["9" * 20, "9" * 5000])
def test_numbers_larger_than_any_video_are_problems_of_their_rows(frame):
    (problem,) = imported(f"video,start_frame,stop_frame\na.mp4,0,{frame}\n").problems
    assert "line 2" in problem
    assert "larger than any video" in problem


@pytest.mark.parametrize("columns", ["action", "action=", "colour=x", "video=a,video=b"])
def test_a_map_that_is_none(columns):
    with pytest.raises(UsageError, match="--map"):
        parse_map(columns)


def test_a_video_that_its_folder_lacks_is_named_where_times_need_it(tmp_path):
    (tmp_path / "other.mp4").write_bytes(b"")
    text = "video,start_seconds,stop_seconds\nlost.mp4,0,1\n"
    (problem,) = imported(text, videos=tmp_path).problems
    assert f"its video is not in {tmp_path}" in problem and "--videos" not in problem
    (problem,) = imported(text).problems
    assert "its times need --videos or --frame-rate" in problem
    (problem,) = imported("video\nlost.mp4\n", videos=tmp_path).problems
    assert f"its video is not in {tmp_path}" in problem


def test_a_map_to_a_column_that_is_not_there():
    with pytest.raises(UsageError, match="no column 'label'; it has path"):
        imported("path\na.mp4\n", "video=path,action=label")
    with pytest.raises(UsageError, match="which column"):
        imported("path\na.mp4\n")
