"""Small stores whose pictures say where they come from: red is x, green is y, blue is the frame number."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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

ALL = (Array.RGB, Array.FLOW, Array.WARP_FLOW, Array.MASKS)


def coordinate_frame(number: int, height: int, width: int) -> NDArray[np.uint8]:
    frame = np.zeros((height, width, 3), dtype=np.uint8)
    frame[..., 0] = np.arange(width)
    frame[..., 1] = np.arange(height)[:, None]
    frame[..., 2] = number
    return frame


def motion_mask(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Something moves in the right part, the more the later the frame."""
    moving = frame[..., 0] > 60 - frame[..., 2].astype(int)
    return np.where(moving, 255, 0).astype(np.uint8)


def coordinate_flow(height: int, width: int) -> NDArray[np.float32]:
    """x component: distance from the middle column / 8; y component: row / 16."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([(x - (width - 1) / 2) / 8, y / 16]).astype(np.float32)


def make_video(
    store: Path,
    name: str = "a/clip.mp4",
    *,
    frames: int = 12,
    height: int = 64,
    width: int = 85,
    arrays: tuple[Array, ...] = ALL,
) -> Path:
    """Add a video to the store; returns the store."""
    part = store / "work" / f"{name}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    flow = encode_flow(coordinate_flow(height, width))
    with PartWriter(part, codec=Codec.NONE, attributes={}) as writer:
        for number in range(frames):
            frame = coordinate_frame(number, height, width)
            writer.append(Array.RGB, frame)
            if Array.MASKS in arrays:
                writer.append(Array.MASKS, motion_mask(frame))
            for array in (Array.FLOW, Array.WARP_FLOW):
                if array in arrays and number < frames - 1:
                    writer.append(array, flow if array is Array.WARP_FLOW else -flow)
    target = store_file(store, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    join_parts(target, {array: [part] for array in arrays}, codec=Codec.NONE, attributes={})
    part.unlink()
    receipt = Receipt(
        format_version=FORMAT_VERSION,
        tool_version="0",
        video=name,
        source_name=name,
        source_bytes=1,
        source_sha256="0" * 64,
        parameters={},
        arrays=[array.value for array in arrays],
        frame_count=frames,
        width=width,
        height=height,
        frame_rate=25.0,
        complete=True,
        warnings=[],
        file_sha256=sha256_of_file(target),
        file_bytes=target.stat().st_size,
        created="2026-01-01T00:00:00+00:00",
    )
    write_receipt(receipt_file(store, name), receipt)
    return store
