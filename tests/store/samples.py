"""Small stores for the tests: write any arrays as a finished video."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from egotool.files import sha256_of_file
from egotool.store import (
    FORMAT_VERSION,
    Array,
    Codec,
    PartWriter,
    Receipt,
    encode_flow,
    join_parts,
    receipt_file,
    store_file,
    write_receipt,
)

FRAMES, HEIGHT, WIDTH = 9, 20, 30
Contents = dict[Array, npt.NDArray[np.generic]]


def contents(frames: int = FRAMES, *, seed: int = 0) -> Contents:
    """Every array of a video of random data, as stored."""
    random = np.random.default_rng(seed)
    size, between = (HEIGHT, WIDTH), max(0, frames - 1)
    return {
        Array.RGB: random.integers(0, 256, (frames, *size, 3), dtype=np.uint8),
        Array.TIMESTAMPS: np.cumsum(random.random(frames)),
        Array.FLOW: encode_flow(random.normal(0, 9, (between, 2, *size)).astype(np.float32)),
        Array.WARP_FLOW: encode_flow(random.normal(0, 3, (between, 2, *size)).astype(np.float32)),
        Array.HOMOGRAPHY: random.normal(size=(between, 3, 3)),
        Array.HOMOGRAPHY_VALID: random.random(between) < 0.5,
        Array.MASKS: (random.random((frames, *size)) < 0.3).astype(np.uint8) * np.uint8(255),
    }


def damage_description(path: Path, array: Array) -> None:
    """Change a byte of what an HDF5 file says about an array (its object header)."""
    with h5py.File(path) as file:
        place = h5py.h5o.get_info(file[array.value].id).addr + 20
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def write_parts(
    folder: Path, data: Contents, bounds: Sequence[int], *, codec: Codec, prefix: str = "part"
) -> list[Path]:
    """Write `data` as parts that begin at `bounds`."""
    paths = []
    for start, stop in zip(bounds, [*bounds[1:], 10**9], strict=True):
        path = folder / f"{prefix}-{start}.h5"
        with PartWriter(path, codec=codec) as part:
            for array, items in data.items():
                for item in items[start:stop]:
                    part.append(array, item)
        paths.append(path)
    return paths


def write_video(
    store: Path, name: str, data: Contents, *, codec: Codec = Codec.BLOSC2_LZ4, parts: Sequence[int] = (0, 4)
) -> Path:
    """Write a finished video of the arrays in `data` (frames at least) and return its HDF5 file."""
    paths = write_parts(store / ".parts", data, parts, codec=codec)
    target = store_file(store, name)
    join_parts(target, dict.fromkeys(data, paths), codec=codec, attributes={"source_name": name})
    for path in paths:
        path.unlink()
    write_receipt(receipt_file(store, name), receipt_of(target, name, data))
    return target


def receipt_of(target: Path, name: str, data: Contents, *, format_version: int = FORMAT_VERSION) -> Receipt:
    """Return the receipt of a file; `data` has the frames (RGB)."""
    frames, height, width = data[Array.RGB].shape[:3]
    return Receipt(
        format_version=format_version,
        tool_version="0.1",
        video=name,
        source_name=Path(name).name,
        source_bytes=1,
        source_sha256="0" * 64,
        parameters={"short_side": 20, "arrays": ["rgb"], "nested": {"x": 1.5, "y": None}},
        arrays=[array.value for array in data],
        frame_count=frames,
        width=width,
        height=height,
        frame_rate=29.97,
        complete=True,
        warnings=[],
        file_sha256=sha256_of_file(target),
        file_bytes=target.stat().st_size,
        created="2026-01-01T00:00:00+00:00",
    )
