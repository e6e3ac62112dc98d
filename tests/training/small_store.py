"""Small labelled stores: a bright square moves left, right, up or down."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egotool.manifests import Manifest, Segment, write_manifest
from egotool.store import Array, Codec, encode_flow
from tests.store.samples import write_video

MOVES = {"push_left": (-4, 0), "push_right": (4, 0), "lift_up": (0, -4), "put_down": (0, 4)}
FRAMES, HEIGHT, WIDTH = 8, 48, 64
TINY = (
    "clips.length=4", "clips.short_side=32", "clips.crop_size=24",
    "network.hidden=8", "network.backbone.width=8",
    "stages.0.epochs=2", "stages.0.batch_size=4", "stages.1.epochs=3", "stages.1.batch_size=4",
)  # fmt: skip
"""Overrides that make a recipe tiny: a 3×3 grid."""


TINY_FLOW = (
    "clips.length=4", "clips.short_side=32", "clips.crop_size=24", "network.backbone.width=8",
    "flow.stack=3", "flow.stacks=2", "stages.0.epochs=3", "stages.0.batch_size=4",
)  # fmt: skip
TINY_TWO_STREAM = (
    "clips.length=4", "clips.short_side=32", "clips.crop_size=24", "flow.stack=3", "flow.stacks=2",
    "stages.0.epochs=2", "stages.0.batch_size=4",
    *(f"streams.rgb.{override}" for override in TINY),
    *(f"streams.flow.{override}" for override in TINY_FLOW),
)  # fmt: skip
"""The same for the models `flow` and `two-stream`; the streams are those of `TINY` and `TINY_FLOW`."""


def make_labelled_store(
    store: Path, *, actions: tuple[str, ...] = tuple(MOVES), each: int = 3, masks: bool = True
) -> Path:
    """Write a store with a manifest: per action `each` training, one validation and one test segment."""
    segments = []
    rng = np.random.default_rng(0)
    for action in actions:
        for number in range(each + 2):
            video = f"{action}/{number}.mp4"
            _write_video(store, video, action, rng, masks=masks)
            split = {each: "validation", each + 1: "test"}.get(number, "train")
            segments.append(Segment(f"{action}-{number}", video, 0, FRAMES, action, split=split))
    write_manifest(Manifest(tuple(segments)), store / "manifest.csv")
    return store


def _write_video(store: Path, video: str, action: str, rng: np.random.Generator, *, masks: bool) -> None:
    frames, moving = zip(*_frames(action, rng), strict=True)
    data = {Array.RGB: np.stack(frames)} | ({Array.MASKS: np.stack(moving)} if masks else {})
    flow = np.stack([encode_flow(_flow(action, mask)) for mask in moving[:-1]])
    data[Array.WARP_FLOW] = flow
    write_video(store, video, data, codec=Codec.NONE, parts=(0,))


def _flow(action: str, mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    dx, dy = MOVES.get(action, (0, 0))
    flow = np.zeros((2, HEIGHT, WIDTH), dtype=np.float32)
    flow[:, mask > 0] = np.array([[dx], [dy]], dtype=np.float32)
    return flow


def _frames(action: str, rng: np.random.Generator) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    dx, dy = MOVES.get(action, (0, 0))
    background = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    x, y = 28 + rng.integers(-4, 5), 20 + rng.integers(-3, 4)
    pictures = []
    for number in range(FRAMES):
        left, top = x + dx * (number - 4), y + dy * (number - 4)
        mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        mask[max(0, top) : top + 10, max(0, left) : left + 10] = 255
        frame = np.where(mask[..., None] > 0, np.uint8(230), background)
        pictures.append((frame, mask))
    return pictures
