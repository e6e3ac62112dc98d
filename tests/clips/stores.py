"""Small stores whose pictures say where they come from: red is x, green is y, blue is the frame number."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egotool.store import Array, Codec, encode_flow
from tests.store.samples import write_video

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
    rgb = np.stack([coordinate_frame(number, height, width) for number in range(frames)])
    warp_flow = np.repeat(encode_flow(coordinate_flow(height, width))[None], frames - 1, axis=0)
    everything = {
        Array.RGB: rgb,
        Array.FLOW: -warp_flow,
        Array.WARP_FLOW: warp_flow,
        Array.MASKS: np.stack([motion_mask(frame) for frame in rgb]),
    }
    write_video(store, name, {array: everything[array] for array in arrays}, codec=Codec.NONE, parts=(0,))
    return store
