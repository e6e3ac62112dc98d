"""How the pictures of a store are compressed."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import hdf5plugin
import numpy as np


class Codec(StrEnum):
    """A lossless compression of the pictures of a store."""

    BLOSC2_LZ4 = "blosc2-lz4"
    """Blosc2 with LZ4: fastest to read, quick to write; HDF5 filter 32026."""
    BLOSC2_LZ4HC = "blosc2-lz4hc"
    """Blosc2 with LZ4's thorough search: read as fast, a quarter smaller, very slow to write."""
    BLOSC2_ZSTD = "blosc2-zstd"
    """Blosc2 with Zstandard: small, slower to read; HDF5 filter 32026."""
    ZSTD = "zstd"
    """Zstandard alone; HDF5 filter 32015."""
    GZIP = "gzip"
    """Deflate: read by every HDF5 program without a plug-in (MATLAB, R); slow."""
    NONE = "none"
    """No compression."""


DEFAULT_CODEC = Codec.BLOSC2_LZ4
"""Reads decide, then size, as measured by benchmarks/codecs.py; the table is in docs/store-format.md."""

_BLOSC2: dict[Codec, tuple[Literal["lz4", "lz4hc", "zstd"], int]] = {
    # At level 9 Blosc2 compresses a picture in few large blocks, which halves the time of reading LZ4.
    Codec.BLOSC2_LZ4: ("lz4", 9),
    Codec.BLOSC2_LZ4HC: ("lz4hc", 9),
    Codec.BLOSC2_ZSTD: ("zstd", 3),
}


def filter_options(codec: Codec, dtype: np.dtype[np.generic]) -> Mapping[str, object]:
    """Return the keyword options of h5py's `create_dataset` that compress items of `dtype` with `codec`.

    Bytes of one significance are brought together where an item has several (`shuffle`); for single bytes
    that would do nothing.
    """
    wide = dtype.itemsize > 1
    if codec in _BLOSC2:
        compressor, level = _BLOSC2[codec]
        filters = hdf5plugin.Blosc2.SHUFFLE if wide else hdf5plugin.Blosc2.NOFILTER
        return {"compression": hdf5plugin.Blosc2(cname=compressor, clevel=level, filters=filters)}
    if codec is Codec.ZSTD:
        return {"compression": hdf5plugin.Zstd(clevel=3), "shuffle": wide}
    if codec is Codec.GZIP:
        return {"compression": "gzip", "compression_opts": 4, "shuffle": wide}
    return {}
