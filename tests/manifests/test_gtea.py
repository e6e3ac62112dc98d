"""GTEA's label files, with everything that occurs in them."""

from pathlib import Path

import numpy as np

from egotool.manifests import Segment, read_descriptor
from egotool.manifests.gtea import import_gtea
from egotool.manifests.imported import VideoFolder
from egotool.video import write_video

CHEESE = (
    "<take><bread> (11-52) [1]\r\n"
    "<bread> (40-60)\r\n"
    "\r\n"
    "  <pour> <honey , bread>  ( 60 - 80 )  \r\n"
    "<stir><cup> (90-99) [2]\r\n"
    "<put><tea> (100-120) [1]\r\n"
    "<take><bread> (130-140)\r\n"
)


def imported(files: dict[str, str], name: str = "gtea-61", videos: Path | None = None):
    return import_gtea(files, read_descriptor(name), VideoFolder(videos))


def test_the_official_format():
    labels = imported({"S1_Cheese_C1.txt": CHEESE})
    assert labels.problems == ()
    assert labels.manifest.segments == (
        Segment("S1/take_bread/1", "S1_Cheese_C1.mp4", 10, 52, "take_bread", "take", "bread", "S1"),
        Segment(
            "S1/pour_honey,bread/1",
            "S1_Cheese_C1.mp4",
            59,
            80,
            "pour_honey,bread",
            "pour",
            "honey,bread",
            "S1",
        ),
        Segment(
            "S1/stir_spoon,cup/1", "S1_Cheese_C1.mp4", 89, 99, "stir_spoon,cup", "stir", "spoon,cup", "S1"
        ),
        Segment("S1/take_bread/2", "S1_Cheese_C1.mp4", 129, 140, "take_bread", "take", "bread", "S1"),
    )
    quirks = " ".join(labels.quirks)
    assert "1 segment stir_cup became stir_spoon,cup" in quirks
    assert "1 segment left out: put_tea" in quirks
    assert "1 line without an action" in quirks


def test_gtea_71_leaves_out_stir_cup_and_put_tea_of_everybody():
    labels = imported({"S3_Tea_C1.txt": CHEESE}, "gtea-71")
    assert labels.manifest.actions == ("pour_honey,bread", "take_bread")
    in_61 = imported({"S3_Tea_C1.txt": CHEESE})
    assert "put_tea" in in_61.manifest.actions


def test_instances_go_on_in_the_next_file_of_a_subject_and_begin_anew_for_another():
    line = "<take><cup> (1-2)\n"
    labels = imported({"S2_Tea_C1.txt": line, "S1_Tea_C1.txt": line, "S1_Coffee_C1.txt": line})
    assert [(s.segment, s.video) for s in labels.manifest.segments] == [
        ("S1/take_cup/1", "S1_Coffee_C1.mp4"),
        ("S1/take_cup/2", "S1_Tea_C1.mp4"),
        ("S2/take_cup/1", "S2_Tea_C1.mp4"),
    ]


def test_lines_that_do_not_parse_are_named_and_the_rest_is_read():
    text = "<take><cup> (5-9)\n<take><cup> 5-9\n<take><cup> (9-5)\n<take><cup> (0-5)\n<take><> (1-5)\n"
    labels = imported({"S1_Tea_C1.txt": text})
    assert len(labels.manifest.segments) == 1
    assert [problem.split(":")[0] for problem in labels.problems] == [
        f"S1_Tea_C1.txt, line {number}" for number in (2, 3, 4, 5)
    ]


def test_videos_at_hand_give_names_and_other_frame_rates(tmp_path):
    black = [np.zeros((32, 32, 3), np.uint8)] * 90
    write_video(tmp_path / "more" / "S1_Tea_C1.mp4", black, frame_rate=30)
    write_video(tmp_path / "S2_Tea_C1.mp4", black, frame_rate=15)
    line = "<take><cup> (1-15)\n"
    labels = imported({f"S{n}_Tea_C1.txt": line for n in (1, 2, 3)}, videos=tmp_path)
    assert [(s.video, s.start_frame, s.stop_frame) for s in labels.manifest.segments] == [
        ("more/S1_Tea_C1.mp4", 0, 30),
        ("S2_Tea_C1.mp4", 0, 15),
        ("S3_Tea_C1.mp4", 0, 15),
    ]
    assert "30" in labels.quirks[0]
    assert labels.notes == (f"1 video is not in {tmp_path}: S3_Tea_C1.",)
