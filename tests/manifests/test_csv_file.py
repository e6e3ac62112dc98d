"""Reading and writing manifests."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.errors import ManifestError
from egotool.manifests import Manifest, Segment, read_manifest, write_manifest

HEADER = "segment,video,start_frame,stop_frame,action,verb,noun,subject,split\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


names = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="\\/."), min_size=1, max_size=8
)


@given(
    rows=st.lists(st.tuples(names, names, names, names), max_size=6, unique_by=lambda row: row[0]),
    start=st.integers(0, 10**9),
)
def test_what_was_written_is_read(tmp_path_factory, rows, start):
    segments = tuple(
        Segment(segment, video, start, start + 1, action, "a,b", 'c "d"', subject, "train")
        for segment, video, action, subject in rows
    )
    path = tmp_path_factory.mktemp("manifest") / "manifest.csv"
    write_manifest(Manifest(segments), path)
    assert read_manifest(path) == Manifest(segments)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_files_from_spreadsheets(tmp_path, mark, line_end, separator):
    lines = [
        separator.join(["Action", "segment", "video", "start_frame", "stop_frame", "note"]),
        separator.join([' "öffnen_Käse, alt" '.strip(), "a", "S1/x.mp4", " 0", "10 ", ""]),
        "",
        separator.join(["", "b", "S1/y.mp4", "0", "5"]),
    ]
    manifest = read_manifest(written(tmp_path, mark + line_end.join(lines).encode()))
    assert manifest.segments == (
        Segment("a", "S1/x.mp4", 0, 10, "öffnen_Käse, alt"),
        Segment("b", "S1/y.mp4", 0, 5),
    )


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (f"a,v.mp4,0,{'9' * 20},x,,,,", f"stop_frame {'9' * 20} that is larger than any video on line 2"),
        (f"a,v.mp4,0,{'9' * 5000},x,,,,", "that is larger than any video on line 2"),
        ("a,v.mp4,one,5,x,,,,", "start_frame 'one' that is no whole number from 0 up on line 2"),
        ("a,v.mp4,0,-5,x,,,,", "stop_frame '-5'"),
        ("a,v.mp4,0,5.0,x,,,,", "stop_frame '5.0'"),
        ("a,v.mp4,5,5,x,,,,", "start_frame 5 not before stop_frame 5 on line 2"),
        ("a,v.mp4,0,5,x,,,,val", "unknown split 'val'"),
        (",v.mp4,0,5,x,,,,", "no segment id on line 2"),
        ("a,,0,5,x,,,,", "no video on line 2"),
        ("a,./,0,5,x,,,,", "no video on line 2"),
        ("a,/v.mp4,0,5,x,,,,", "absolute video path '/v.mp4'"),
        ("a,C:/v.mp4,0,5,x,,,,", "absolute video path 'C:/v.mp4'"),
        ("a,../v.mp4,0,5,x,,,,", "that leaves its folder"),
        ("a,./../v.mp4,0,5,x,,,,", "that leaves its folder"),
        ("a,v.mp4,0,5,x,,,,\na,v.mp4,6,9,x,,,,", "segment id 'a' of line 2 again on line 3"),
        ("a,v.mp4,0,5,x,y,,,,,,z", "12 fields for 9 columns"),
    ],
)
def test_wrong_rows_are_named(tmp_path, row, complaint):
    path = written(tmp_path, HEADER + row + "\n")
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_names_as_find_prints_them(tmp_path):
    rows = "a,./v.mp4,0,5,x,,,,\nb,S1//v.mp4,0,5,x,,,,\nc,S1/./v.mp4,0,5,x,,,,\n"
    manifest = read_manifest(written(tmp_path, HEADER + rows))
    assert [segment.video for segment in manifest.segments] == ["v.mp4", "S1/v.mp4", "S1/v.mp4"]


def test_several_wrong_rows_are_counted(tmp_path):
    rows = "".join(f"{number},v.mp4,x,5,y,,,,\n" for number in range(8))
    with pytest.raises(ManifestError, match=r"line 2; .* on line 6; and 3 more"):
        read_manifest(written(tmp_path, HEADER + rows))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("segment,video,start_frame\n", "lacks the columns stop_frame, action"),
        ("segment,video,start_frame,stop_frame,action,action\n", "column action twice"),
        ("é".encode("latin-1"), "not UTF-8"),
    ],
)
def test_wrong_files(tmp_path, text, complaint):
    with pytest.raises(ManifestError, match=complaint):
        read_manifest(written(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv")


def test_a_hundred_thousand_rows(tmp_path):
    rows = "".join(
        f"s{row},S1/v{row % 500}.mp4,{row},{row + 9},take_cup,take,cup,S1,train\n" for row in range(100_000)
    )
    manifest = read_manifest(written(tmp_path, HEADER + rows))
    assert len(manifest.of_split("train")) == 100_000
    assert manifest.actions == ("take_cup",)
