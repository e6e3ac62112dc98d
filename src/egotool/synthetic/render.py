"""Rendering: layers to frames, with the exact flow, homography and masks that belong to them."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.camera import Camera, Matrices, mean_displacement
from egotool.synthetic.layers import Layer, Role
from egotool.synthetic.scene import Scene, normalised

MOVING_THRESHOLD = 0.25
"""A pixel moves if its surface moves this many pixels more in one frame than the head alone would move it."""

_BLUR_FROM = 0.8
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
class _View:
    """One layer at one moment of every frame: picture → frame, and the part of the frame it can reach."""

    seen: Matrices
    boxes: NDArray[np.intp]

    def box(self, frame: int) -> Box | None:
        """Return (left, top, right, bottom), None if the layer is outside the frame."""
        left, top, right, bottom = (int(edge) for edge in self.boxes[frame])
        return (left, top, right, bottom) if right - left > 1 and bottom - top > 1 else None


@dataclass(frozen=True)
class _Track:
    """One layer over the clip: how it is seen when the shutter opens, midway, and when it closes.

    `steps` and `head_only` are homographies frame t → t+1: as it moves, and had only the head moved.
    `shift` says how far it moves in the frame while the shutter is open, in pixels.
    """

    layer: Layer
    middle: _View
    opening: _View
    closing: _View
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
    views = {
        "opening": [(track.layer, track.opening) for track in tracks],
        "middle": [(track.layer, track.middle) for track in tracks],
        "closing": [(track.layer, track.closing) for track in tracks],
    }
    fastest = np.max([track.shift for track in tracks], axis=0)
    sensor = None if clean else _Sensor(scene)
    height, width = scene.camera.height, scene.camera.width
    owner = np.zeros((height, width), np.uint8)
    truth = _TruthPainter(width, height)
    for frame in range(scene.plan.frames):
        rgb = _composite(views["middle"], frame, width, height, owner)
        if sensor is not None and fastest[frame] > _BLUR_FROM:
            opening = _composite(views["opening"], frame, width, height, None)
            closing = _composite(views["closing"], frame, width, height, None)
            rgb = _average(opening, rgb, closing)
        if sensor is not None:
            rgb = sensor.expose(rgb, frame)
        flow, moving = truth.paint(tracks, frame, owner)
        is_last = frame == scene.plan.frames - 1
        yield RenderedFrame(
            rgb=rgb,
            flow=None if is_last else flow,
            homography=None if is_last else tracks[0].steps[frame],
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
    head_only = steps
    if not layer.static:
        head_only = normalised(layer.to_frame(camera, head, times[1:], times[:-1]) @ backwards)
    return _Track(
        layer=layer,
        middle=_view(layer, seen, camera),
        opening=_view(layer, opening, camera),
        closing=_view(layer, closing, camera),
        steps=steps,
        head_only=head_only,
        shift=_shift(layer, opening, closing, camera) * 1.5,
    )


def _corners(width: int, height: int) -> NDArray[np.float64]:
    right, bottom = width - 1.0, height - 1.0
    return np.array([[0, right, 0, right], [0, 0, bottom, bottom], [1, 1, 1, 1]])


def _is_endless(layer: Layer) -> bool:
    return bool(layer.picture.shape[2] == 3)


def _view(layer: Layer, seen: Matrices, camera: Camera) -> _View:
    frame = np.array([0, 0, camera.width, camera.height])
    if _is_endless(layer):
        return _View(seen, np.broadcast_to(frame, (len(seen), 4)))
    corners = seen @ _corners(layer.picture.shape[1], layer.picture.shape[0])
    depth = corners[:, 2]
    # With a corner beside or behind the eye the box is unknown: take the whole frame.
    ahead = depth.min(axis=1) > 1e-3 * depth.max(axis=1)
    x, y = np.moveaxis(corners[:, :2] / depth[:, None], 1, 0)
    boxes = np.stack(
        [np.floor(x.min(1)), np.floor(y.min(1)), np.ceil(x.max(1)) + 1, np.ceil(y.max(1)) + 1], -1
    )
    boxes = np.clip(np.where(ahead[:, None], boxes, frame), 0, np.tile(frame[2:], 2))
    return _View(seen, boxes.astype(np.intp))


def _shift(layer: Layer, before: Matrices, after: Matrices, camera: Camera) -> NDArray[np.float64]:
    """Return how far the layer moves in the frame between two moments (M,); 0 while it is outside."""
    if layer.role is Role.SHADOW:
        return np.zeros(len(before))
    width, height = camera.width, camera.height
    if layer.role is Role.BACKGROUND:
        return mean_displacement(after @ np.linalg.inv(before), width=width, height=height)
    corners = _corners(layer.picture.shape[1], layer.picture.shape[0])
    first, last = ((seen @ corners)[:, :2] / (seen @ corners)[:, 2:] for seen in (before, after))
    x, y = first[:, 0], first[:, 1]
    visible = (x.max(1) >= 0) & (x.min(1) < width) & (y.max(1) >= 0) & (y.min(1) < height)
    return np.asarray(np.where(visible, np.hypot(*np.moveaxis(last - first, 1, 0)).mean(-1), 0))


def _composite(
    layers: list[tuple[Layer, _View]], frame: int, width: int, height: int, owner: Bytes | None
) -> Bytes:
    """Return the layers drawn over each other at one moment; note in `owner` which one each pixel shows."""
    rgb = np.zeros((height, width, 3), np.uint8)
    if owner is not None:
        owner[:] = 0
    for index, (layer, view) in enumerate(layers):
        box = view.box(frame)
        if box is None:
            continue
        left, top, right, bottom = box
        shifted = view.seen[frame].copy()
        shifted[0] -= left * shifted[2]
        shifted[1] -= top * shifted[2]
        endless = _is_endless(layer)
        warped = cv2.warpPerspective(
            layer.picture,
            shifted,
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101 if endless else cv2.BORDER_CONSTANT,
        )
        if endless:
            rgb = np.asarray(warped, np.uint8)
            continue
        target = rgb[top:bottom, left:right]
        alpha = cv2.extractChannel(warped, 3)
        keep = cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2BGR)
        cv2.multiply(target, keep, dst=target, scale=1 / 255)
        cv2.add(target, cv2.cvtColor(warped, cv2.COLOR_BGRA2BGR), dst=target)
        if owner is not None and layer.role is not Role.SHADOW:
            owner[top:bottom, left:right][alpha >= 128] = index
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
            box = track.middle.box(frame)
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
