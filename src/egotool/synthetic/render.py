"""Rendering: layers to frames, with the exact flow, homography and masks that belong to them."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.camera import Matrices
from egotool.synthetic.layers import Layer, Role
from egotool.synthetic.scene import Scene, normalised

MOVING_THRESHOLD = 0.25
"""A pixel moves if its surface moves this many pixels more in one frame than the head alone would move it."""

_BLUR_FROM = 0.6
"""Motion during the open shutter, in pixels, from which several moments are averaged into one frame."""

Bytes = NDArray[np.uint8]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class RenderedFrame:
    """One frame and its truth.

    Attributes:
        rgb: uint8 (H, W, 3).
        flow: float32 (2, H, W), from this frame to the next; None for the last frame. It is the motion of the
            surface seen at each pixel centre, also where that surface is hidden in the next frame.
        homography: float64 (3, 3) of the dominant static plane to the next frame; None for the last frame.
        moving_mask: uint8 (H, W) 0 or 255, see `MOVING_THRESHOLD`.
        layers: uint8 (H, W), the index of the layer seen at each pixel centre.
    """

    rgb: Bytes
    flow: NDArray[np.float32] | None
    homography: NDArray[np.float64] | None
    moving_mask: Bytes
    layers: Bytes


@dataclass(frozen=True)
class _Track:
    """One layer's homographies: picture → frame at the shutter's moments, and frame → frame."""

    layer: Layer
    seen: Matrices
    opening: Matrices
    closing: Matrices
    steps: Matrices
    head_only: Matrices
    shift: NDArray[np.float64]


def render_frames(scene: Scene, *, clean: bool = False) -> Iterator[RenderedFrame]:
    """Yield the frames of `scene` in order.

    Args:
        scene: what to render.
        clean: leave out motion blur, exposure change and sensor noise.
    """
    tracks = [_track(scene, layer) for layer in scene.layers]
    sensor = None if clean else _Sensor(scene)
    height, width = scene.camera.height, scene.camera.width
    owner = np.zeros((height, width), np.uint8)
    truth = _TruthPainter(width, height)
    for frame in range(scene.plan.frames):
        rgb: Bytes = _composite(tracks, frame, "seen", width, height, owner)
        if sensor is not None and max(track.shift[frame] for track in tracks) > _BLUR_FROM:
            opening = _composite(tracks, frame, "opening", width, height, None)
            closing = _composite(tracks, frame, "closing", width, height, None)
            rgb = _average(opening, rgb, closing)
        if sensor is not None:
            rgb = sensor.expose(rgb, frame)
        flow, moving = truth.paint(tracks, frame, owner)
        is_last = frame == scene.plan.frames - 1
        yield RenderedFrame(
            rgb=rgb,
            flow=None if is_last else flow,
            homography=None if is_last else tracks[scene.dominant].steps[frame],
            moving_mask=moving,
            layers=owner.copy(),
        )


def _track(scene: Scene, layer: Layer) -> _Track:
    camera, head = scene.camera, scene.head
    times = np.arange(scene.plan.frames + 1, dtype=np.float64)
    half = scene.subject.shutter / 3  # three moments spread over the open time, centred on the frame's own
    seen = layer.to_frame(camera, head, times, times)
    opening, closing = (layer.to_frame(camera, head, times + d, times + d) for d in (-half, half))
    backwards = np.linalg.inv(seen[:-1])
    steps = normalised(seen[1:] @ backwards)
    head_only = steps if layer.static else normalised(
        layer.to_frame(camera, head, times[1:], times[:-1]) @ backwards
    )  # fmt: skip
    shift = _in_frame_shift(layer, opening, closing, camera.width, camera.height) * 1.5
    return _Track(layer, seen, opening, closing, steps, head_only, shift)


def _in_frame_shift(
    layer: Layer, before: Matrices, after: Matrices, width: int, height: int
) -> NDArray[np.float64]:
    """Return how far the layer moves in the frame between two moments (M,); 0 while it is outside."""
    if layer.role is Role.SHADOW:
        return np.zeros(len(before))
    if layer.role is Role.BACKGROUND:
        corners = np.array([[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1.0]]).T
        first = np.broadcast_to(corners[:2], (len(before), 2, 4))
        moved = after @ np.linalg.inv(before) @ corners
        visible = np.ones(len(before), bool)
    else:
        corners = _corners(layer)
        moved, first = after @ corners, before @ corners
        first = first[:, :2] / first[:, 2:]
        x, y = first[:, 0], first[:, 1]
        visible = (x.max(1) >= 0) & (x.min(1) < width) & (y.max(1) >= 0) & (y.min(1) < height)
    moved = moved[:, :2] / moved[:, 2:]
    return np.asarray(np.where(visible, np.hypot(*np.moveaxis(moved - first, 1, 0)).mean(-1), 0))


def _corners(layer: Layer) -> NDArray[np.float64]:
    high, wide = layer.picture.shape[:2]
    return np.array([[0, 0, 1], [wide - 1, 0, 1], [0, high - 1, 1], [wide - 1, high - 1, 1.0]]).T


def _box(layer: Layer, seen: NDArray[np.float64], width: int, height: int) -> Box | None:
    """Return the part of the frame (left, top, right, bottom) that the layer can reach, None if none."""
    if layer.picture.shape[2] == 3:
        return 0, 0, width, height
    corners = seen @ _corners(layer)
    if corners[2].min() <= 1e-3 * corners[2].max():
        return 0, 0, width, height  # a corner beside or behind the eye: the box is unknown
    x, y = corners[:2] / corners[2]
    left, right = max(0, int(np.floor(x.min()))), min(width, int(np.ceil(x.max())) + 1)
    top, bottom = max(0, int(np.floor(y.min()))), min(height, int(np.ceil(y.max())) + 1)
    return (left, top, right, bottom) if right - left > 1 and bottom - top > 1 else None


def _composite(
    tracks: list[_Track], frame: int, moment: str, width: int, height: int, owner: Bytes | None
) -> Bytes:
    """Return the layers drawn over each other at one moment; note in `owner` which one each pixel shows."""
    rgb: Bytes | None = None
    if owner is not None:
        owner[:] = 0
    for index, track in enumerate(tracks):
        seen: NDArray[np.float64] = getattr(track, moment)[frame]
        box = _box(track.layer, seen, width, height)
        if box is None:
            continue
        left, top, right, bottom = box
        shifted = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ seen
        endless = track.layer.picture.shape[2] == 3
        warped = cv2.warpPerspective(
            track.layer.picture,
            shifted,
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101 if endless else cv2.BORDER_CONSTANT,
        )
        if rgb is None or endless:
            rgb = np.asarray(warped, np.uint8)
            continue
        target = rgb[top:bottom, left:right]
        alpha = warped[..., 3]
        keep = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2BGR)
        target[:] = cv2.add(
            cv2.multiply(target, keep, scale=1 / 255), cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR)
        )
        if owner is not None and track.layer.role is not Role.SHADOW:
            owner[top:bottom, left:right][alpha >= 128] = index
    assert rgb is not None
    return rgb


def _average(opening: Bytes, middle: Bytes, closing: Bytes) -> Bytes:
    """Return the mean of three pictures."""
    ends = cv2.addWeighted(opening, 0.5, closing, 0.5, 0)
    return np.asarray(cv2.addWeighted(ends, 2 / 3, middle, 1 / 3, 0), np.uint8)


class _TruthPainter:
    """Paints flow and moving mask of a frame from its layers' homographies."""

    def __init__(self, width: int, height: int) -> None:
        self._columns = np.arange(width, dtype=np.float32)[None, :]
        self._rows = np.arange(height, dtype=np.float32)[:, None]
        self._shape = (height, width)

    def _displacement(self, homography: NDArray[np.float64], box: Box) -> NDArray[np.float32]:
        """Return (2, h, w): how far `homography` moves each pixel centre of `box`."""
        left, top, right, bottom = box
        x, y = self._columns[:, left:right], self._rows[top:bottom]
        h = homography.astype(np.float32)
        depth = h[2, 0] * x + (h[2, 1] * y + h[2, 2])
        moved = np.empty((2, bottom - top, right - left), np.float32)
        for axis, start in ((0, x), (1, y)):
            np.divide(h[axis, 0] * x + (h[axis, 1] * y + h[axis, 2]), depth, out=moved[axis])
            moved[axis] -= start
        return moved

    def paint(self, tracks: list[_Track], frame: int, owner: Bytes) -> tuple[NDArray[np.float32], Bytes]:
        """Return flow (2, H, W) and moving mask (H, W) of `frame`, given which layer each pixel shows."""
        height, width = self._shape
        moving = np.zeros(self._shape, np.uint8)
        flow = self._displacement(tracks[0].steps[frame], (0, 0, width, height))
        for index, track in enumerate(tracks[1:], start=1):
            box = _box(track.layer, track.seen[frame], width, height)
            if box is None or track.layer.role is Role.SHADOW:
                continue
            left, top, right, bottom = box
            part = (slice(top, bottom), slice(left, right))
            mine = owner[part] == index
            if not mine.any():
                continue
            own = self._displacement(track.steps[frame], box)
            np.copyto(flow[:, part[0], part[1]], own, where=mine)
            if not track.layer.static:
                relative = own - self._displacement(track.head_only[frame], box)
                fast = np.hypot(relative[0], relative[1]) > MOVING_THRESHOLD
                moving[part][fast & mine] = 255
        return flow, moving


class _Sensor:
    """Turns light into recorded values: white balance, changing exposure, noise."""

    def __init__(self, scene: Scene) -> None:
        rng = np.random.default_rng([scene.subject.drawing_seed, 3, *_clip_key(scene)])
        frames = np.arange(scene.plan.frames)
        swing, period, phase = rng.uniform(0, 0.12), rng.uniform(25, 80), rng.uniform(0, 2 * np.pi)
        jump = rng.uniform(-0.08, 0.08) / (1 + np.exp(-(frames - rng.uniform(0, scene.plan.frames)) / 3))
        gains = 1 + swing * np.sin(2 * np.pi * frames / period + phase) + jump
        levels = np.arange(256)[:, None] * np.asarray(scene.subject.kitchen.light)
        self._tables = [np.clip(np.round(levels * gain), 0, 255).astype(np.uint8)[None] for gain in gains]
        self._height, self._width = scene.camera.height, scene.camera.width
        bank = rng.standard_normal((self._height + 64, self._width + 64, 3), dtype=np.float32)
        self._noise = np.round(bank * scene.subject.noise).astype(np.int16)
        self._offsets = rng.integers(0, 64, (scene.plan.frames, 2))

    def expose(self, rgb: Bytes, frame: int) -> Bytes:
        """Return frame `frame` as the camera records it."""
        lit = cv2.LUT(rgb, self._tables[frame])
        top, left = self._offsets[frame]
        noise = self._noise[top : top + self._height, left : left + self._width]
        return np.asarray(cv2.add(lit, noise, dtype=cv2.CV_8U), np.uint8)


def _clip_key(scene: Scene) -> tuple[int, int, int]:
    plan = scene.plan
    verbs, kinds = list(type(plan.verb)), list(type(plan.kind))
    return verbs.index(plan.verb), kinds.index(plan.kind), plan.repetition
