"""Copies of frames, flow and motion maps as they go around, tiny, with everything that is wrong with them."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 24, 32


def picture(number: int, *, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A frame (RGB) that says which it is."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0], frame[..., 1], frame[..., 2] = number, 50, 200
    return frame


def save(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    path.write_bytes(cv2.imencode(path.suffix, data)[1].tobytes())


def flat(value: int, *, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    return np.full((height, width), value, np.uint8)


def gtea61_copy(root: Path, segments: dict[str, int], *, without_first_map: tuple[str, ...] = ()) -> Path:
    """Write `segments` ("S1/take_cup/1" → frames) in the layout of the preprocessed GTEA-61 copy.

    Flow n is 100 + n in x and 100 − n in y; map n has n white rows.
    """
    top = root / "GTEA61"
    for name, frames in segments.items():
        for number in range(1, frames + 1):
            save(top / "processed_frames2" / name / "rgb" / f"rgb{number:04d}.png", picture(number))
            if number > 1 or name not in without_first_map:
                motion = flat(0)
                motion[:number] = 255
                save(top / "processed_frames2" / name / "mmaps" / f"map{number:04d}.png", motion)
            for axis, value in (("x", 100 + number), ("y", 100 - number)):
                folder = top / f"flow_{axis}_processed" / name
                save(folder / f"flow_{axis}_{number:05d}.png", flat(value))
        (top / "processed_frames2" / name / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (top / ".DS_Store").write_bytes(b"\0")
    return root


def ego_rnn(root: Path, segments: dict[str, int], *, split_first: bool, first_number: int = 1) -> Path:
    """Write `segments` ("train/S1/take_cup/1" → frames) in Ego-RNN's layout, with N − 1 flows."""
    for name, frames in segments.items():
        split, _, rest = name.partition("/")
        for number in range(first_number, first_number + frames):
            places = {kind: f"{split}/{kind}/{rest}" if split_first else f"{kind}/{name}" for kind in KINDS}
            save(root / places["frames"] / f"image_{number:05d}.jpg", picture(number))
            if number < first_number + frames - 1:
                save(root / places["flow_x"] / f"flow_x_{number:05d}.jpg", flat(140))
                save(root / places["flow_y"] / f"flow_y_{number:05d}.jpg", flat(120))
    return root


KINDS = ("frames", "flow_x", "flow_y")
