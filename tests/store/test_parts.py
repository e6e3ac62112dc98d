"""Part files and joining them."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from egotool.errors import StoreError
from egotool.store import Array, Codec, PartWriter, join_parts, read_part
from tests.store.samples import contents, damage_description, write_parts


@pytest.mark.parametrize("codec", list(Codec))
def test_a_part_gives_back_what_was_appended(tmp_path: Path, codec: Codec) -> None:
    data = contents()
    (path,) = write_parts(tmp_path, data, [0], codec=codec)
    with read_part(path) as part:
        assert set(part.arrays) == set(data)
        for array, items in data.items():
            assert part.count(array) == len(items)
            np.testing.assert_array_equal(part.read(array, 2, 5), items[2:5])
            np.testing.assert_array_equal(part.read(array), items)
    with h5py.File(path) as file:
        assert all(file[array].fletcher32 for array in data)
        assert file["rgb"].chunks == (1, 20, 30, 3)


def test_any_subset_of_arrays_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "part.h5"
    with PartWriter(path, attributes={"start": 5, "name": "a/b.mp4"}) as part:
        part.append(Array.TIMESTAMPS, 0.5)
    with read_part(path) as read:
        assert read.arrays == (Array.TIMESTAMPS,)
        assert (read.attributes["start"], read.attributes["name"]) == (5, "a/b.mp4")
        assert read.count(Array.RGB) == 0
        with pytest.raises(StoreError, match="rgb"):
            read.read(Array.RGB)
        with pytest.raises(StoreError, match="timestamps 0 to 2"):
            read.read(Array.TIMESTAMPS, 0, 2)


def test_small_arrays_longer_than_a_chunk(tmp_path: Path) -> None:
    path = tmp_path / "part.h5"
    times = np.arange(2500) / 30
    with PartWriter(path) as part:
        for time in times:
            part.append(Array.TIMESTAMPS, time)
    with read_part(path) as read:
        np.testing.assert_array_equal(read.read(Array.TIMESTAMPS), times)
        np.testing.assert_array_equal(read.read(Array.TIMESTAMPS, 1000, 2100), times[1000:2100])


def test_a_failing_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="decoder"), PartWriter(tmp_path / "part.h5") as part:
        part.append(Array.TIMESTAMPS, 0.0)
        raise RuntimeError("decoder")
    assert list(tmp_path.iterdir()) == []


def test_wrong_items_are_refused(tmp_path: Path) -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    with PartWriter(tmp_path / "part.h5") as part:
        with pytest.raises(ValueError, match="dimensions"):
            part.append(Array.RGB, picture.astype(np.float32))
        with pytest.raises(ValueError, match="dimensions"):
            part.append(Array.FLOW, np.zeros((2, 4, 5), np.float32))  # pixels, not the stored form
        with pytest.raises(ValueError, match="dimensions"):
            part.append(Array.RGB, picture[0])
        part.append(Array.RGB, picture)
        with pytest.raises(ValueError, match="shape"):
            part.append(Array.RGB, np.zeros((4, 6, 3), np.uint8))


def test_a_killed_writer_leaves_no_file_of_the_final_name(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from pathlib import Path
        import numpy as np
        from egotool.store import Array, PartWriter
        with PartWriter(Path(sys.argv[1])) as part:
            for _ in range(20):
                part.append(Array.RGB, np.zeros((64, 64, 3), np.uint8))
            os.kill(os.getpid(), signal.SIGKILL)
    """
    target = tmp_path / "part.h5"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()
    with PartWriter(target) as part:  # and a new writer is not disturbed by what lies about
        part.append(Array.TIMESTAMPS, 1.0)
    with read_part(target) as read:
        assert read.count(Array.TIMESTAMPS) == 1


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX does")
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    script = """
        import resource, signal, sys
        from pathlib import Path
        import numpy as np
        from egotool.errors import StoreError
        from egotool.store import Array, Codec, PartWriter
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        written = 0
        try:
            with PartWriter(Path(sys.argv[1]), codec=Codec.NONE) as part:
                for written in range(100):
                    part.append(Array.RGB, np.ones((64, 64, 3), np.uint8))
        except StoreError as error:
            print(written, error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "part.h5")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    written, _, sentence = done.stdout.partition(" ")
    assert int(written) < 99  # it stopped where the disk was full, not at the end
    assert sentence.startswith("the disk is full: ")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("written", [Codec.BLOSC2_LZ4, Codec.GZIP])
@pytest.mark.parametrize("wanted", list(Codec))
def test_joining_concatenates_whatever_the_codecs(tmp_path: Path, written: Codec, wanted: Codec) -> None:
    data = contents()
    paths = write_parts(tmp_path, data, [0, 3, 6, 8], codec=written)
    target = tmp_path / "joined.h5"
    join_parts(target, dict.fromkeys(data, paths), codec=wanted, attributes={"source_name": "clip.mp4"})
    with read_part(target) as joined:
        for array, items in data.items():
            np.testing.assert_array_equal(joined.read(array), items)
        assert joined.attributes["source_name"] == "clip.mp4"
    (whole,) = write_parts(tmp_path, data, [0], codec=wanted, prefix="whole")
    with h5py.File(target) as one, h5py.File(whole) as other:
        for array in data:
            assert _filters(one[array]) == _filters(other[array])


def _filters(dataset: h5py.Dataset) -> list[int]:
    properties = dataset.id.get_create_plist()
    return [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]


def test_joining_is_deterministic(tmp_path: Path) -> None:
    data = contents()
    for name, bounds in (("a", [0, 4]), ("b", [0, 4]), ("c", [0, 2, 7])):
        paths = write_parts(tmp_path / name, data, bounds, codec=Codec.BLOSC2_ZSTD)
        join_parts(tmp_path / f"{name}.h5", dict.fromkeys(data, paths), codec=Codec.BLOSC2_ZSTD)
    one = (tmp_path / "a.h5").read_bytes()
    assert (tmp_path / "b.h5").read_bytes() == one
    assert (tmp_path / "c.h5").read_bytes() == one  # wherever the parts were cut


def test_arrays_may_come_from_different_parts(tmp_path: Path) -> None:
    data = contents()
    rgb = write_parts(tmp_path, {Array.RGB: data[Array.RGB]}, [0, 5], codec=Codec.ZSTD, prefix="rgb")
    flow = write_parts(tmp_path, {Array.FLOW: data[Array.FLOW]}, [0, 2, 4], codec=Codec.ZSTD, prefix="flow")
    join_parts(tmp_path / "joined.h5", {Array.FLOW: flow, Array.RGB: rgb}, codec=Codec.ZSTD)
    with read_part(tmp_path / "joined.h5") as joined:
        np.testing.assert_array_equal(joined.read(Array.RGB), data[Array.RGB])
        np.testing.assert_array_equal(joined.read(Array.FLOW), data[Array.FLOW])


def test_parts_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    data = contents()
    first, second = write_parts(tmp_path, data, [0, 5], codec=Codec.NONE)
    with pytest.raises(StoreError, match="do not fit together"):
        join_parts(tmp_path / "joined.h5", {Array.RGB: [first], Array.FLOW: [first, second]})
    with PartWriter(tmp_path / "other.h5") as part:
        part.append(Array.RGB, np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(StoreError, match=r"other\.h5"):
        join_parts(tmp_path / "joined.h5", {Array.RGB: [first, tmp_path / "other.h5"]})
    with pytest.raises(StoreError, match="missing"):
        join_parts(tmp_path / "joined.h5", {Array.RGB: [tmp_path / "gone.h5"]})
    assert not (tmp_path / "joined.h5").exists()


def test_one_frame_has_empty_arrays_between_frames(tmp_path: Path) -> None:
    data = contents(1)
    paths = write_parts(tmp_path, data, [0], codec=Codec.BLOSC2_LZ4)
    join_parts(tmp_path / "joined.h5", dict.fromkeys(data, paths))
    with h5py.File(tmp_path / "joined.h5") as file:
        assert file["flow"].shape == (0, 2, 20, 30)
        assert file["homography"].shape == (0, 3, 3)
        assert file["rgb"].shape == (1, 20, 30, 3)


def test_a_damaged_description_of_an_array_is_told(tmp_path: Path) -> None:
    paths = write_parts(tmp_path, contents(), [0, 4], codec=Codec.NONE)
    damage_description(paths[1], Array.RGB)
    told = (
        r"is damaged: rgb cannot be read \([^\\]*\); run its `egotool extract` again"  # a part has no receipt
    )
    with read_part(paths[1]) as part, pytest.raises(StoreError, match=told):
        part.read(Array.RGB)
    with pytest.raises(StoreError, match="is damaged: rgb cannot be read"):
        join_parts(tmp_path / "joined.h5", {Array.RGB: paths}, codec=Codec.NONE)
    assert not (tmp_path / "joined.h5").exists()
