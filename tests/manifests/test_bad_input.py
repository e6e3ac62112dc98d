"""Whatever stands in a label file: no importer fails, and what it reads can be right."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from egotool.errors import ManifestError
from egotool.manifests import read_descriptor, video_name_problem
from egotool.manifests.any_csv import Counting, import_csv
from egotool.manifests.egtea import import_egtea_raw, import_egtea_split
from egotool.manifests.epic import EpicTables, import_epic
from egotool.manifests.gtea import import_gtea
from egotool.manifests.imported import VideoFolder, label_files, read_label_text

NOWHERE = VideoFolder(None)
GTEA_LINES = st.lists(st.text("<>()[] -,0159tkecupé\t", max_size=30), max_size=6).map("\n".join)
FIELDS = st.lists(
    st.lists(
        st.sampled_from(
            ["P01", "P01_11", "../x", "/x", "00:00:01.5", "00:00:09", "1", "7", "", "\"a\"", "['a', 'b']",
             "[]", "x y", "\"", "a;b", "é"]
        ),
        max_size=17,
    ),
    max_size=6,
)  # fmt: skip


def check(labels):
    ids = [segment.segment for segment in labels.manifest.segments]
    assert len(set(ids)) == len(ids)
    for segment in labels.manifest.segments:
        assert 0 <= segment.start_frame < segment.stop_frame
        assert video_name_problem(segment.video) is None
    assert all("\n" not in problem and ", line " in problem for problem in labels.problems)


@given(GTEA_LINES)
@example("<take><cup>(1-2)\n<take><cup>(2-1)\n<<><>>(1-2)")
def test_gtea(text):
    check(import_gtea({"S1_Tea_C1.txt": text}, read_descriptor("gtea-61"), NOWHERE))


@given(FIELDS)
def test_epic(rows):
    columns = (
        "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,"
        "stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes"
    )
    text = "\n".join([columns, *(",".join(row) for row in rows)])
    descriptor = read_descriptor("epic-kitchens-100")
    check(import_epic({"EPIC_100_train.csv": text}, descriptor, NOWHERE, EpicTables.read({}, descriptor)))


@given(FIELDS)
def test_egtea(rows):
    text = "\n".join("; ".join(row) for row in rows)
    check(import_egtea_raw("action_labels.csv", text, NOWHERE, frame_rate=24))
    check(import_egtea_split({"train": ("train_split1.txt", text)}, {}, NOWHERE))


@given(FIELDS)
def test_any_csv(rows):
    columns = "segment,video,start_frame,stop_frame,action,start_seconds,stop_seconds,split"
    text = "\n".join([columns, *(",".join(row) for row in rows)])
    check(import_csv("my.csv", text, {}, NOWHERE, Counting(frame_rate=10)))


def test_files_of_editors_of_all_times(tmp_path):
    for name, data in (
        ("a", "é\r\nx".encode("utf-8-sig")),
        ("b", "é\nx".encode("cp1252")),
        ("c", b"\xe9\rx"),
    ):
        (tmp_path / name).write_bytes(data)
        assert read_label_text(tmp_path / name) == "é\nx"
    (tmp_path / "d").write_bytes(b"\0\xff\xfe")
    with pytest.raises(ManifestError, match="no text file"):
        read_label_text(tmp_path / "d")


def test_links_are_followed_and_hidden_files_passed_over(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "S1_Tea_C1.txt").write_text("")
    (real / ".S2_Tea_C1.txt").write_text("")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "link").symlink_to(real)
    (tmp_path / "given" / "back").symlink_to(tmp_path / "given")
    found = label_files([tmp_path / "given"], r"S\d+_.+\.txt")
    assert [path.name for path in found] == ["S1_Tea_C1.txt"]
