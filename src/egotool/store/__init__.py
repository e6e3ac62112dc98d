"""The store: per video one HDF5 file and one receipt; one writer, one reader, verification.

`docs/store-format.md` describes the files. Work is written to part files (`PartWriter`), which `join_parts`
copies into the file of a video; `write_receipt`, last, says that it is complete. `Store` reads.
"""

from egotool.store._codecs import DEFAULT_CODEC, Codec
from egotool.store._join import join_parts
from egotool.store._layout import (
    FLOW_SCALE,
    FORMAT_VERSION,
    NEWEST_FORMAT_VERSION,
    RANGES_FORMAT_VERSION,
    UNITS,
    Array,
    decode_flow,
    encode_flow,
    receipt_file,
    store_file,
)
from egotool.store._parts import PartReader, PartWriter, read_part
from egotool.store._read import (
    HANDS_PARAMETER,
    PARAMETER_OPTIONS,
    CameraCount,
    Store,
    StoredVideo,
    check_arrays,
    extract_command,
)
from egotool.store._receipt import Receipt, ranges_of, read_receipt, write_receipt
from egotool.store._verify import verify

__all__ = [
    "DEFAULT_CODEC",
    "FLOW_SCALE",
    "FORMAT_VERSION",
    "HANDS_PARAMETER",
    "NEWEST_FORMAT_VERSION",
    "PARAMETER_OPTIONS",
    "RANGES_FORMAT_VERSION",
    "UNITS",
    "Array",
    "CameraCount",
    "Codec",
    "PartReader",
    "PartWriter",
    "Receipt",
    "Store",
    "StoredVideo",
    "check_arrays",
    "decode_flow",
    "encode_flow",
    "extract_command",
    "join_parts",
    "ranges_of",
    "read_part",
    "read_receipt",
    "receipt_file",
    "store_file",
    "verify",
    "write_receipt",
]
