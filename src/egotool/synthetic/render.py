"""Rendering: layers to frames, with the exact flow, homography and masks that belong to them."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.motion._jit import compiled
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
    steps = np.stack([track.steps for track in tracks], axis=1)
    head_only = np.stack([track.head_only for track in tracks], axis=1)
    is_static = np.array([layer.static for layer in scene.layers])
    for frame in range(scene.plan.frames):
        rgb = _composite(views["middle"], frame, width, height, owner)
        if sensor is not None and fastest[frame] > _BLUR_FROM:
            opening = _composite(views["opening"], frame, width, height, None)
            closing = _composite(views["closing"], frame, width, height, None)
            rgb = _average(opening, rgb, closing)
        if sensor is not None:
            rgb = sensor.expose(rgb, frame)
        flow, moving = np.empty((2, height, width), np.float32), np.empty((height, width), np.uint8)
        _paint_truth(owner, steps[frame], head_only[frame], is_static, MOVING_THRESHOLD, flow, moving)
        is_last = frame == scene.plan.frames - 1
        yield RenderedFrame(
            rgb=rgb,
            flow=None if is_last else flow,
            homography=None if is_last else tracks[0].steps[frame],
            moving_mask=moving,
            layers=owner.copy(),
        )


def _track(scene: Scene, layer: Layer) -> _Track:
    camera, count = scene.camera, scene.plan.frames
    times = np.arange(count + 1, dtype=np.float64)
    half = scene.subject.shutter / 3  # three moments spread over the open time, centred on the frame's own
    # One evaluation for all moments; the last part is the head of t+1 looking at the layer of t.
    head_times = np.concatenate([times, times[:-1] - half, times[:-1] + half, times[1:]])
    own_times = np.concatenate([head_times[: -len(times) + 1], times[:-1]])
    everything = layer.to_frame(camera, scene.head, head_times, own_times)
    seen, opening, closing, unmoved = np.split(everything, [count + 1, 2 * count + 1, 3 * count + 1])
    backwards = np.linalg.inv(seen[:-1])
    return _Track(
        layer=layer,
        middle=_view(layer, seen, camera),
        opening=_view(layer, opening, camera),
        closing=_view(layer, closing, camera),
        steps=normalised(seen[1:] @ backwards),
        head_only=normalised(unmoved @ backwards),
        shift=_shift(layer, opening, closing, camera) * 1.5,
    )


def _corners(width: int, height: int) -> NDArray[np.float64]:
    right, bottom = width - 1.0, height - 1.0
    return np.array([[0, right, 0, right], [0, 0, bottom, bottom], [1, 1, 1, 1]])


def _view(layer: Layer, seen: Matrices, camera: Camera) -> _View:
    frame = np.array([0, 0, camera.width, camera.height])
    if layer.endless:
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
    rgba = np.zeros((height, width, 4), np.uint8)
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
        warped = cv2.warpPerspective(
            layer.picture,
            shifted,
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101 if layer.endless else cv2.BORDER_CONSTANT,
        )
        if layer.endless:
            rgba = np.asarray(warped, np.uint8)
            continue
        # target = warped + (1 - alpha) · target
        target, alpha = rgba[top:bottom, left:right], cv2.extractChannel(warped, 3)
        cv2.multiply(
            target, cv2.cvtColor(cv2.bitwise_not(alpha), cv2.COLOR_GRAY2BGRA), dst=target, scale=1 / 255
        )
        cv2.add(target, warped, dst=target)
        if owner is not None and layer.role is not Role.SHADOW:
            cv2.copyTo(
                np.full_like(alpha, index),
                cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1],
                owner[top:bottom, left:right],
            )
    return np.asarray(cv2.cvtColor(rgba, cv2.COLOR_BGRA2BGR), np.uint8)


def _average(opening: Bytes, middle: Bytes, closing: Bytes) -> Bytes:
    """Return the mean of three pictures."""
    ends = cv2.addWeighted(opening, 0.5, closing, 0.5, 0)
    return np.asarray(cv2.addWeighted(ends, 2 / 3, middle, 1 / 3, 0), np.uint8)


@compiled
def _paint_truth(
    owner: Bytes,
    steps: Matrices,
    head_only: Matrices,
    is_static: NDArray[np.bool_],
    threshold: float,
    flow: NDArray[np.float32],
    moving: Bytes,
) -> None:
    """Write `flow` (2, H, W) and `moving` (H, W), given each pixel's layer and each layer's motion."""
    height, width = owner.shape
    for y in range(height):
        for x in range(width):
            layer = owner[y, x]
            h = steps[layer]
            depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
            later_x = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
            later_y = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
            flow[0, y, x] = later_x - x
            flow[1, y, x] = later_y - y
            moving[y, x] = 0
            if not is_static[layer]:
                h = head_only[layer]
                depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
                own_x = later_x - (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
                own_y = later_y - (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
                if own_x * own_x + own_y * own_y > threshold * threshold:
                    moving[y, x] = 255


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
