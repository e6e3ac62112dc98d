"""How the pictures of a store are compressed."""

from collections.abc import Mapping
from enum import StrEnum

import hdf5plugin
import numpy as np


class Codec(StrEnum):
    """A lossless compression of the pictures of a store."""

    BLOSC2_ZSTD = "blosc2-zstd"
    """Blosc2 with Zstandard: small and fast to read; HDF5 filter 32026."""
    BLOSC2_LZ4 = "blosc2-lz4"
    """Blosc2 with LZ4: larger, fastest to read; HDF5 filter 32026."""
    ZSTD = "zstd"
    """Zstandard alone; HDF5 filter 32015."""
    GZIP = "gzip"
    """Deflate: read by every HDF5 program without a plug-in (MATLAB, R); slow."""
    NONE = "none"
    """No compression."""


DEFAULT_CODEC = Codec.BLOSC2_LZ4


def filter_options(codec: Codec, dtype: np.dtype[np.generic]) -> Mapping[str, object]:
    """Return the keyword options of h5py's `create_dataset` that compress items of `dtype` with `codec`.

    Bytes of one significance are brought together where an item has several (`shuffle`); for single bytes
    that would do nothing.
    """
    wide = dtype.itemsize > 1
    if codec in (Codec.BLOSC2_ZSTD, Codec.BLOSC2_LZ4):
        return {
            "compression": hdf5plugin.Blosc2(
                cname="zstd" if codec is Codec.BLOSC2_ZSTD else "lz4",
                clevel=3 if codec is Codec.BLOSC2_ZSTD else 5,
                filters=hdf5plugin.Blosc2.BITSHUFFLE if wide else hdf5plugin.Blosc2.NOFILTER,
            )
        }
    if codec is Codec.ZSTD:
        return {"compression": hdf5plugin.Zstd(clevel=3), "shuffle": wide}
    if codec is Codec.GZIP:
        return {"compression": "gzip", "compression_opts": 4, "shuffle": wide}
    return {}
