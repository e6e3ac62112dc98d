"""Videos as label files of datasets name them: by bare ids."""

from egotool.manifests.imported import VideoFolder


def test_of_two_videos_with_one_id_the_first_is_used_and_told_where_it_matters(tmp_path):
    for name in ("P01/P01_01.MP4", "copy/P01_01.MP4", "copy/1.mp4", "more/1.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    videos = VideoFolder(tmp_path, suffix=".MP4")
    assert [videos.name_of("p01_01") for _ in range(2)] == ["P01/P01_01.MP4"] * 2
    assert videos.name_of("P02_01") == "P02_01.MP4"
    twice, missing = videos.notes()
    assert twice == "copy/P01_01.MP4 is there twice: P01/P01_01.MP4 is used."
    assert missing.endswith(": P02_01.")
