import json
from pathlib import Path

import numpy as np
import pytest

from egotool.errors import ManifestError, StoreError, UsageError
from egotool.extraction import ExtractionParameters
from egotool.inspection import (
    Expected,
    check_manifest_file,
    check_store,
    is_store,
    overview_of_manifest,
    overview_of_store,
)
from egotool.manifests import Manifest, Segment, write_manifest
from egotool.store import PARAMETER_OPTIONS, Array, Store, extract_command, receipt_file
from tests.store.samples import contents, write_video
from tests.video.samples import encode, pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two videos of 12 and 9 frames, and a manifest that fits them."""
    for name, frames in (("S1/a.mp4", 12), ("S2/größe.mp4", 9)):
        (tmp_path / name).parent.mkdir()
        encode(tmp_path / name, pictures(frames))
    label(tmp_path, Segment("a", "S1/a.mp4", 0, 12, "take", split="train"))
    return tmp_path


def label(folder: Path, *segments: Segment) -> Path:
    more = Segment("b", "S2/größe.mp4", 0, 9, "take", split="test")
    write_manifest(Manifest((*segments, more)), folder / "manifest.csv")
    return folder / "manifest.csv"


def kinds(report):
    return {finding.kind for finding in report.problems}


def test_a_whole_folder_of_videos(folder):
    report = check_manifest_file(folder / "manifest.csv")
    assert report.ok
    assert report.findings == ()
    assert report.videos == 2
    assert check_manifest_file(folder / "manifest.csv", deep=True).ok


def test_missing_dangling_and_broken_videos_are_named(folder):
    (folder / "S1" / "gone.mp4").symlink_to("nowhere.mp4")
    (folder / "S1" / "text.mp4").write_text("no video")
    names = ("S1/gone.mp4", "S1/text.mp4", "S1/never.mp4")
    label(folder, *(Segment(name, name, 0, 5, "take", split="train") for name in names))
    report = check_manifest_file(folder / "manifest.csv")
    texts = " ".join(finding.text for finding in report.problems)
    assert kinds(report) == {"missing video", "unreadable video"}
    assert "gone.mp4 is a link to a file that is not there" in texts
    assert all(name in texts for name in names)


def test_all_videos_missing_is_one_sentence(folder, tmp_path_factory):
    report = check_manifest_file(folder / "manifest.csv", videos=tmp_path_factory.mktemp("empty"))
    (finding,) = report.problems
    assert "--videos" in finding.text
    with pytest.raises(UsageError, match="no folder"):
        check_manifest_file(folder / "manifest.csv", videos=folder / "nowhere")


def test_segments_outside_their_video(folder):
    label(folder, Segment("a", "S1/a.mp4", 0, 13, "take", split="train"))
    report = check_manifest_file(folder / "manifest.csv")
    (finding,) = report.problems
    assert "segment a stops at frame 13" in finding.text


def test_the_same_content_under_two_names_also_through_a_link(folder):
    (folder / "S1" / "copy.mp4").write_bytes((folder / "S1" / "a.mp4").read_bytes())
    (folder / "S1" / "link.mp4").symlink_to("a.mp4")
    names = ("S1/a.mp4", "S1/copy.mp4", "S1/link.mp4")
    label(folder, *(Segment(name, name, 0, 5, "take", split="train") for name in names))
    (finding,) = check_manifest_file(folder / "manifest.csv").problems
    assert finding.kind == "duplicated video"
    assert all(name in finding.text for name in names)


def test_frame_rates(folder):
    report = check_manifest_file(folder / "manifest.csv", expected=Expected(name="GTEA", frame_rate=15))
    assert [finding.kind for finding in report.problems] == ["other frame rate"] * 2
    assert "GTEA has 15" in report.problems[0].text
    assert check_manifest_file(folder / "manifest.csv", expected=Expected(frame_rate=25.02)).ok


def test_bad_lines_are_named_and_the_rest_is_checked(folder):
    path = folder / "manifest.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "c,../x.mp4,0,3,take\nd,/x.mp4,0,3,take\ne,S1/a.mp4,x,3,take\n", encoding="utf-8")
    report = check_manifest_file(path)
    assert [finding.kind for finding in report.problems] == ["unreadable line"] * 3
    assert [line for line in (4, 5, 6) if f"line {line}" in report.problems[line - 4].text] == [4, 5, 6]
    assert report.counts.segments == 2


def store_with(tmp_path: Path, **videos) -> Path:
    for name, data in videos.items():
        write_video(tmp_path, f"{name}.mp4", data)
    rows = [Segment(name, f"{name}.mp4", 0, 9, "take", split="train") for name in videos]
    write_manifest(Manifest(tuple(rows)), tmp_path / "manifest.csv")
    return tmp_path


def test_videos_of_one_source_are_duplicates(tmp_path):
    (finding,) = check_store(store_with(tmp_path, a=contents(), b=contents(seed=1))).problems
    assert finding.kind == "duplicated video"  # the samples' receipts name one source


def test_a_damaged_chunk_is_found_and_its_frame_named(tmp_path):
    store = store_with(tmp_path, a=contents())
    assert check_store(store).ok
    path = store / "a.mp4.h5"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    texts = [finding.text for finding in check_store(store).problems]
    assert "SHA-256" in texts[0]
    assert "of frame" in texts[1]
    assert check_store(store, quick=True).ok


def test_what_other_videos_have_is_missing(tmp_path):
    some = {array: items for array, items in contents(seed=1).items() if array is not Array.MASKS}
    report = check_store(store_with(tmp_path, a=contents(), b=some))
    assert "b.mp4 has no motion masks" in " ".join(finding.text for finding in report.problems)
    assert "--only rgb,flow,warp-flow,masks" in " ".join(finding.text for finding in report.problems)
    only = {Array.RGB: contents()[Array.RGB]}
    report = check_store(store_with(tmp_path / "rgb", a=only))
    assert report.ok
    assert {finding.kind for finding in report.warnings} == {"no flow", "no warp flow", "no motion masks"}


def test_flow_of_an_earlier_version_beside_newer_is_told(tmp_path):
    store = store_with(tmp_path, a=contents(), b=contents(seed=1), c=contents(seed=2))
    for name, parameters in {
        "a": {"schedule": "fast", "flow_revision": 2},
        "b": {"schedule": "fast"},  # older receipts do not say
        "c": {"imported_from": "elsewhere"},
    }.items():
        path = receipt_file(store, f"{name}.mp4")
        receipt = json.loads(path.read_text()) | {"parameters": parameters}
        path.write_text(json.dumps(receipt))
    older = [finding for finding in check_store(store, quick=True).warnings if finding.kind == "earlier flow"]
    assert len(older) == 1 and older[0].text.startswith("b.mp4")


def test_files_without_their_other_half_and_missing_videos(tmp_path):
    store = store_with(tmp_path, a=contents(), b=contents(), c=contents())
    (store / "b.mp4.json").unlink()
    (store / "c.mp4.h5").unlink()
    report = check_store(store)
    assert {"unfinished video", "missing store file", "missing video"} <= kinds(report)


def test_no_store_and_no_manifest(tmp_path):
    with pytest.raises(StoreError):
        check_store(tmp_path / "nowhere")
    write_video(tmp_path, "a.mp4", contents())
    report = check_store(tmp_path)
    assert report.ok
    assert report.counts is None
    with pytest.raises(ManifestError):
        check_store(tmp_path, manifest_file=tmp_path / "nowhere.csv")


def test_rendered_videos_with_their_truth_are_no_store(folder):
    (folder / "S1" / "a.truth.h5").write_bytes(b"")
    (folder / "manifest.json").write_text("{}")
    assert not is_store(folder)
    write_video(folder, "a.mp4", contents())
    assert is_store(folder)


def test_overviews(folder, tmp_path_factory):
    label(folder, Segment("a", "S1/a.mp4", 0, 12, "take"), Segment("n", "never.mp4", 0, 5))
    overview = overview_of_manifest(folder / "manifest.csv")
    assert [video.frame_count for video in overview.videos] == [12, 9]
    assert overview.missing == ("never.mp4",)
    assert (overview.shortest, overview.median, overview.longest) == (5, 9, 12)
    assert overview.labelled_frames == 26
    assert overview.seconds == pytest.approx(21 / 25)
    store = store_with(tmp_path_factory.mktemp("store"), a=contents())
    overview = overview_of_store(store)
    assert overview.arrays["flow"] == 1
    assert overview.camera["a.mp4"].found == contents()[Array.HOMOGRAPHY_VALID].sum()
    assert overview.bytes == (store / "a.mp4.h5").stat().st_size
    (store / "manifest.csv").unlink()
    assert overview_of_store(store).counts is None


def test_every_length_is_in_the_histogram_once():
    from egotool.inspection.overview import histogram

    for lengths in ([1], [3, 3, 3], [*range(1, 500), 90_000], [17, 200, 201]):
        bars = histogram(np.array(lengths))
        assert sum(bar.segments for bar in bars) == len(lengths)
        assert all(bar.start < bar.stop for bar in bars)
        assert bars[0].start <= min(lengths)
        assert bars[-1].stop > max(lengths)
        assert len(bars) <= 14


def test_videos_made_otherwise_than_most_are_named_with_the_command_for_more(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        write_video(tmp_path, name, contents())
        path = receipt_file(tmp_path, name)
        receipt = json.loads(path.read_text())
        made = {"short_side": 64, "schedule": "turbo" if name == "c.mp4" else "exact"}
        path.write_text(json.dumps(receipt | {"parameters": made | {"warp_flow": "compensated"}}))
    texts = [f.text for f in check_store(tmp_path).findings if f.kind.startswith("other ")]
    assert len(texts) == 2 and all(text.startswith("c.mp4 has") for text in texts)
    assert "(turbo) than usual in the store (exact)" in texts[0]
    command = extract_command(tmp_path, "flow,masks", Store(tmp_path).receipt("a.mp4"))
    assert command == (
        f"egotool extract VIDEOS --only flow,masks --out {tmp_path} --size 64 --schedule exact "
        "--warp-flow compensated"
    )


def test_videos_with_and_without_hand_masks_are_told_of_once(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        write_video(tmp_path, name, contents())
        path = receipt_file(tmp_path, name)
        receipt = json.loads(path.read_text())
        made = {"schedule": "fast"} | ({"hands_sha256": name} if name == "b.mp4" else {})
        path.write_text(json.dumps(receipt | {"parameters": made}))
    (text,) = [each.text for each in check_store(tmp_path).findings if each.kind == "hand masks"]
    assert text.startswith(
        "1 of 3 videos have warp flow made with --hands, the others, such as a.mp4, without"
    )
    receipt_file(tmp_path, "b.mp4").with_suffix(".h5").unlink()
    assert not [each for each in check_store(tmp_path).findings if each.kind == "hand masks"]


def test_the_defaults_that_commands_leave_out_are_those_of_extract():
    recorded = ExtractionParameters().recorded()
    assert {name: recorded[name] for name in PARAMETER_OPTIONS} == {
        name: default for name, (_, default) in PARAMETER_OPTIONS.items()
    }


def test_a_store_behind_a_link_to_a_folder_is_checked(tmp_path):
    (tmp_path / "disk2").mkdir()
    (tmp_path / "store").mkdir()
    (tmp_path / "store/S1").symlink_to("../disk2")
    write_video(tmp_path / "store", "S1/a.mp4", contents(2), parts=(0,))
    assert is_store(tmp_path / "store")
    (tmp_path / "disk2/half.mp4.h5").touch()
    (tmp_path / "disk2/gone.mp4.json").write_text("{}")
    report = check_store(tmp_path / "store")
    assert report.videos == 1
    assert {"unfinished video", "missing store file"} <= kinds(report)
