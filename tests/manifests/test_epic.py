"""EPIC-KITCHENS: label files in the official formats of both editions."""

import numpy as np
import pytest

from egotool.manifests import overlap_note, read_descriptor, read_manifest, write_manifest
from egotool.manifests.epic import EpicTables, import_epic, parse_nouns, split_of_file
from egotool.manifests.imported import VideoFolder
from egotool.video import write_video

HEADER_100 = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,"
    "stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
)
ROWS_100 = (
    "P01_11_0,P01,P01_11,00:00:00.560,00:00:00.00,00:00:01.89,1,113,take plate,take,0,plate,2,['plate'],[2]\n"
    "P01_11_1,P01,P01_11,00:00:01.700,00:00:01.56,00:00:02.45,93,147,put down plate,put-down,1,plate,2,"
    "['plate'],[2]\n"
    'P01_101_2,P01,P01_101,,00:01:00.00,01:00:00.50,3000,180025,"put bin, again",put-onto,1,bin,36,'
    "\"['bin', 'bin:other']\",\"[36, 36]\"\n"
)
HEADER_55 = (
    "uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,"
    "verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
)


def imported(files, *, name="epic-kitchens-100", videos=None, tables=None, **options):
    descriptor = read_descriptor(name)
    tables = EpicTables.read(tables or {}, descriptor)
    return import_epic(files, descriptor, VideoFolder(videos, suffix=".MP4"), tables, **options)


def test_the_official_format_of_100():
    labels = imported({"EPIC_100_train.csv": HEADER_100 + ROWS_100})
    assert labels.problems == ()
    first, second, third = labels.manifest.segments
    assert (first.segment, first.video, first.subject, first.split) == (
        "P01_11_0",
        "P01_11.MP4",
        "P01",
        "train",
    )
    # 60000/1001 frames per second, not the 60 of the published frame numbers
    assert (first.start_frame, first.stop_frame) == (0, 114)
    assert (second.start_frame, second.stop_frame) == (94, 147)
    # the class, not the word that was said
    assert (second.action, second.verb, second.noun) == ("put_plate", "put", "plate")
    # recordings of 2020 have 50 frames per second
    assert (third.start_frame, third.stop_frame) == (3000, 180025)
    assert third.action == "put_bin"
    (note,) = overlap_note(labels.manifest)
    assert note.startswith("1 segment overlaps")


@pytest.mark.parametrize(("label", "action"), [("action", "take_plate"), ("verb", "take"), ("noun", "plate")])
def test_label_chooses_what_is_recognised_and_keeps_the_rest(label, action):
    labels = imported({"EPIC_100_validation.csv": HEADER_100 + ROWS_100}, label=label)
    first = labels.manifest.segments[0]
    assert (first.action, first.verb, first.noun, first.split) == (action, "take", "plate", "validation")


def test_the_official_format_of_55():
    row = (
        "8,P01,P01_01,close the fridge,00:00:10.00,00:00:11.00,601,661,close,3,fridge,10,"
        """"['fridge', ""chef's knife""]","[10, 11]"\n"""
    )
    tables = {
        "EPIC_verb_classes.csv": "verb_id,class_key,verbs\n3,close,\"['close']\"\n",
        "EPIC_video_info.csv": "video,resolution,duration,fps\nP01_01,1920x1080,99.5,29.97\n",
    }
    text = {"EPIC_train_action_labels.csv": HEADER_55 + row}
    labels = imported(text, name="epic-kitchens-55", tables=tables)
    assert labels.problems == ()
    (segment,) = labels.manifest.segments
    assert segment.segment == "P01_01_8"
    assert (segment.start_frame, segment.stop_frame) == (300, 330)
    assert (segment.verb, segment.noun) == ("close", "noun 10")
    assert any("EPIC_noun_classes.csv" in note for note in labels.notes)


def test_lists_are_parsed_and_never_evaluated():
    assert parse_nouns("['bin', 'it''s, \"q\"']") == ["bin", 'its, "q"']
    for text in ("__import__('os').getcwd()", "['a'] * 3", "[1, 2]", "'a'", "[" * 10_000):
        with pytest.raises(ValueError, match="is no list of nouns"):
            parse_nouns(text)


def test_rows_that_cannot_be_right_are_named_and_the_rest_is_read():
    good = ROWS_100.splitlines()[0]
    rows = [
        good,
        good,  # twice
        good.replace("P01_11_0", "a").replace("00:00:01.89", "1.89"),
        good.replace("P01_11_0", "b").replace("P01_11,", "../P01_11,"),
        good.replace("P01_11_0", "c").replace("['plate']", "plate"),
        good.replace("P01_11_0", "d").replace("00:00:01.89", "00:00:00.00"),
        good + ",more",
        good.replace("P01_11_0", "e").replace("take,0", "take,zero"),
        ROWS_100.splitlines()[1],
    ]
    labels = imported({"EPIC_100_train.csv": HEADER_100 + "\r\n".join(rows) + "\r\n"})
    assert [segment.segment for segment in labels.manifest.segments] == ["P01_11_0", "P01_11_1"]
    assert [int(p.split("line ")[1].split(":")[0]) for p in labels.problems] == [3, 4, 5, 6, 7, 8, 9]


def test_a_file_of_something_else_is_a_problem():
    labels = imported({"EPIC_100_train.csv": "a,b\n1,2\n"})
    assert labels.problems == ("EPIC_100_train.csv, line 1: the first line names no column video_id.",)


def test_test_segments_have_no_label():
    text = (
        "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,"
        "stop_frame\nP01_101_0,P01,P01_101,00:00:02.851,00:00:02.86,00:00:03.87,143,193\n"
    )
    labels = imported({"EPIC_100_test_timestamps.csv": text})
    (segment,) = labels.manifest.segments
    assert (segment.action, segment.verb, segment.noun, segment.split) == ("", "", "", "test")
    assert (segment.start_frame, segment.stop_frame) == (143, 194)
    assert any("no label" in note for note in labels.notes)


def test_published_frames_are_counted_from_one():
    labels = imported({"EPIC_100_train.csv": HEADER_100 + ROWS_100}, published_frames=True)
    assert [(s.start_frame, s.stop_frame) for s in labels.manifest.segments][:2] == [(0, 113), (92, 147)]


def test_the_videos_own_time_base_decides(tmp_path):
    black = [np.zeros((32, 32, 3), np.uint8)] * 60
    write_video(tmp_path / "P01" / "P01_11.mp4", black, frame_rate=20)
    labels = imported({"EPIC_100_train.csv": HEADER_100 + ROWS_100}, videos=tmp_path)
    first, second, _ = labels.manifest.segments
    assert first.video == "P01/P01_11.mp4"
    assert (first.start_frame, first.stop_frame) == (0, 38)
    assert (second.start_frame, second.stop_frame) == (32, 49)
    assert "Times of 1 video became frames by their own time base." in labels.quirks


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("EPIC_100_train.csv", "train"),
        ("EPIC_100_validation.csv", "validation"),
        ("EPIC_test_s1_timestamps.csv", "test"),
        ("EPIC_train_action_labels.csv", "train"),
    ],
)
def test_the_name_of_a_file_says_its_split(name, split):
    assert split_of_file(name) == split


def test_a_hundred_thousand_rows_are_read_written_and_checked(tmp_path):
    rows = "".join(
        f"P{n % 37:02d}_{n},P01,P{n % 37:02d}_{n % 19:02d},,"
        f"00:00:{n % 50:02d}.00,00:00:{n % 50 + 2:02d}.50,1,2,"
        f"tæke “plåte”,take,0,plate,2,\"['plate', 'knife']\",\"[2, 4]\"\n"
        for n in range(100_000)
    )
    labels = imported({"EPIC_100_train.csv": HEADER_100 + rows})
    assert len(labels.manifest.segments) == 100_000
    path = tmp_path / "manifest.csv"
    write_manifest(labels.manifest, path)
    assert read_manifest(path) == labels.manifest
    assert len(overlap_note(labels.manifest)) == 1
