"""EGTEA Gaze+: split files and raw annotations in the official format."""

import numpy as np

from egotool.manifests.egtea import import_egtea_raw, import_egtea_split, read_class_names
from egotool.manifests.imported import VideoFolder
from egotool.video import write_video

CLIP = "OP01-R01-PastaSalad-66680-68130-F001597-F001639"
INDEX = {
    "action_idx.txt": "Take eating_utensil 1\r\nTransfer cucumber,cutting_board,bowl 2\n",
    "verb_idx.txt": "Take 1\nTransfer 2\n",
    "noun_idx.txt": "eating_utensil 1\ncucumber 2\ncutting_board 3\n",
}


def test_class_names_may_hold_spaces():
    assert read_class_names("Wash hand 3\n\nOpen/Close fridge drawer 12\nbroken\n") == {
        3: "Wash hand",
        12: "Open/Close fridge drawer",
    }


def test_split_files():
    files = {
        "train": ("train_split1.txt", f"{CLIP} 1 1 1\r\nbroken 1 1 1\n{CLIP}x 1\n"),
        "test": ("test_split1.txt", "P05-R02-Pizza-1-900-F000001-F000021 2 2 2 3\n\n"),
    }
    labels = import_egtea_split(files, INDEX, VideoFolder(None))
    first, second = labels.manifest.segments
    assert (first.segment, first.video) == (CLIP, "OP01-R01-PastaSalad.mp4")
    assert (first.start_frame, first.stop_frame) == (1597, 1639)
    assert (first.action, first.verb, first.noun) == ("Take eating_utensil", "Take", "eating_utensil")
    assert (first.subject, first.split) == ("OP01", "train")
    assert (second.noun, second.subject, second.split) == ("cucumber,cutting_board", "P05", "test")
    assert second.action == "Transfer cucumber,cutting_board,bowl"
    assert [p.split(":")[0] for p in labels.problems] == [
        "train_split1.txt, line 2",
        "train_split1.txt, line 3",
    ]


def test_without_index_files_classes_are_called_by_their_numbers():
    files = {"train": ("train_split1.txt", f"{CLIP} 106 19 51\n")}
    labels = import_egtea_split(files, {}, VideoFolder(None))
    assert labels.manifest.actions == ("action 106",)
    assert len(labels.notes) == 3
    assert "action_idx.txt was not found" in labels.notes[0]


def test_trimmed_clips_are_segments_from_end_to_end(tmp_path):
    black = [np.zeros((32, 32, 3), np.uint8)] * 40
    write_video(tmp_path / "OP01-R01-PastaSalad" / f"{CLIP}.mp4", black, frame_rate=24)
    labels = import_egtea_split(
        {"train": ("train_split1.txt", f"{CLIP} 1 1 1\n")}, INDEX, VideoFolder(tmp_path)
    )
    (segment,) = labels.manifest.segments
    assert segment.video == f"OP01-R01-PastaSalad/{CLIP}.mp4"
    assert (segment.start_frame, segment.stop_frame) == (0, 40)
    assert "1 segment is a whole trimmed clip" in labels.quirks[0]


def test_raw_annotations():
    text = (
        "# Clip ID (Unique, used only internally); Clip Prefix (Unique); Video Session; Starting Time (ms);  "
        "Ending Time (ms); Action Label; Verb Label; Noun Label(s)\n"
        "1; P05-R01-PastaSalad-583261-586055; P05-R01-PastaSalad; 1000; 2000; Cut tomato; Cut; tomato\n"
        "2; P07-R01-PastaSalad-5-4; P07-R01-PastaSalad; 5; 4; Take cup; Take; cup\n"
        "3; P03-R01-PastaSalad-0-500; P03-R01-PastaSalad; 0; 500; Transfer a,b; Transfer; a, b\n"
        "4; short\n"
    )
    labels = import_egtea_raw("action_labels.csv", text, VideoFolder(None), frame_rate=24)
    assert [(s.start_frame, s.stop_frame, s.action, s.noun) for s in labels.manifest.segments] == [
        (24, 48, "Cut tomato", "tomato"),
        (0, 12, "Transfer a,b", "a,b"),
    ]
    assert [p.split(":")[0] for p in labels.problems] == [f"action_labels.csv, line {n}" for n in (3, 5)]
