"""The truth file beside a rendered video: exact flow, homographies and masks in HDF5."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError
from egotool.files import replacing
from egotool.synthetic.render import MOVING_THRESHOLD, RenderedFrame
from egotool.synthetic.scene import Scene

TRUTH_FORMAT = 1
TRUTH_SUFFIX = ".truth.h5"

Attribute = str | int | float | bool | list[str]


class TruthError(EgotoolError):
    """A truth file is missing, damaged, or of another format."""


def truth_path(video: Path) -> Path:
    """Return the truth file of a rendered video: `clip01.mp4` → `clip01.truth.h5`."""
    return video.with_suffix(TRUTH_SUFFIX)


@dataclass(frozen=True)
class Truth:
    """Exact motion of a rendered clip of N frames; everything at index t belongs to frame t (→ t+1).

    Attributes:
        flow: float32 (N-1, 2, H, W), x and y displacement in pixels of the surface seen at each pixel centre,
            also where that surface is hidden in frame t+1 (stored as float16: 1/128 px between 8 and 16).
        homography: float64 (N-1, 3, 3) of the dominant static plane, pixels of frame t → t+1.
        moving_mask: uint8 (N, H, W), 255 where the surface moves by itself, see `MOVING_THRESHOLD`.
        layers: uint8 (N, H, W), which layer is seen: index into `attributes["layer_names"]`.
        attributes: everything drawn: action, subject, mode, seed, head motion, layers, camera, ...
    """

    flow: NDArray[np.float32]
    homography: NDArray[np.float64]
    moving_mask: NDArray[np.uint8]
    layers: NDArray[np.uint8]
    attributes: Mapping[str, Attribute]

    @property
    def layer_names(self) -> list[str]:
        """The names of the layers, by index."""
        names = self.attributes["layer_names"]
        assert isinstance(names, list)
        return names

    @property
    def hand_mask(self) -> NDArray[np.bool_]:
        """(N, H, W): where a hand or arm is seen."""
        roles = self.attributes["layer_roles"]
        assert isinstance(roles, list)
        return np.isin(self.layers, [index for index, role in enumerate(roles) if role == "hand"])

    @property
    def static_mask(self) -> NDArray[np.bool_]:
        """(N, H, W): where a layer is seen that never moves by itself."""
        static = self.attributes["layer_static"]
        assert isinstance(static, list)
        return np.isin(self.layers, [index for index, value in enumerate(static) if value == "yes"])

    def visible_next(self, frame: int) -> NDArray[np.bool_]:
        """Return (H, W): which pixels of `frame` show a surface that frame + 1 shows too."""
        height, width = self.layers.shape[1:]
        x = np.arange(width) + self.flow[frame, 0]
        y = np.arange(height)[:, None] + self.flow[frame, 1]
        visible = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        left = np.clip(np.floor(x).astype(int), 0, width - 2)
        top = np.clip(np.floor(y).astype(int), 0, height - 2)
        for down in (0, 1):
            for right in (0, 1):
                visible &= self.layers[frame + 1, top + down, left + right] == self.layers[frame]
        return np.asarray(visible)

    @classmethod
    def of(cls, scene: Scene, frames: list[RenderedFrame]) -> Self:
        """Return the truth of frames that were rendered in memory."""
        return cls(
            flow=np.stack([frame.flow for frame in frames if frame.flow is not None]),
            homography=np.stack([frame.homography for frame in frames if frame.homography is not None]),
            moving_mask=np.stack([frame.moving_mask for frame in frames]),
            layers=np.stack([frame.layers for frame in frames]),
            attributes=scene_attributes(scene),
        )


def scene_attributes(scene: Scene) -> dict[str, Attribute]:
    """Return everything that was drawn for `scene`, as flat attributes."""
    plan, subject, performance = scene.plan, scene.subject, scene.performance
    kitchen = subject.kitchen
    return {
        "format_version": TRUTH_FORMAT,
        "units": "pixels, x right, y down, pixel centres at integers; index t: frame t to t+1",
        "action": plan.action,
        "verb": str(plan.verb),
        "noun": str(plan.kind),
        "subject": subject.name,
        "seed": plan.seed,
        "repetition": plan.repetition,
        "mode": str(plan.mode),
        "frame_rate": plan.frame_rate,
        "homography_layer": scene.layers[0].name,
        "homography_exact_for": "all static pixels"
        if plan.mode == "planar"
        else "pixels of homography_layer",
        "moving_threshold": MOVING_THRESHOLD,
        "layer_names": [layer.name for layer in scene.layers],
        "layer_roles": [str(layer.role) for layer in scene.layers],
        "layer_static": ["yes" if layer.static else "no" for layer in scene.layers],
        "head_peak": scene.head_peak,
        "object_area": scene.object_area,
        "speed": subject.speed * plan.speed,
        "shutter": subject.shutter,
        "noise": subject.noise,
        "light": json.dumps(kitchen.light),
        "wall": str(kitchen.wall),
        "counter": str(kitchen.counter),
        "skin": json.dumps(subject.hand.skin),
        "sleeve": json.dumps(subject.hand.sleeve),
        "sleeve_pattern": str(subject.hand.pattern),
        "object_colour": json.dumps(subject.objects[plan.kind].colour),
        "hand": "right" if performance.side > 0 else "left",
        "helping_hand": performance.helper,
        "performance": json.dumps(vars(performance), sort_keys=True),
    }


class TruthWriter:
    """Appends the truth of one frame after the other to an open HDF5 file."""

    def __init__(self, file: h5py.File, scene: Scene) -> None:
        frames, height, width = scene.plan.frames, scene.plan.height, scene.plan.width
        lz4 = hdf5plugin.Blosc2(cname="lz4", clevel=5, filters=hdf5plugin.Blosc2.SHUFFLE)
        masks = hdf5plugin.Blosc2(cname="lz4", clevel=5, filters=hdf5plugin.Blosc2.NOFILTER)
        picture = (1, height, width)
        self._flow = file.create_dataset(
            "flow", (frames - 1, 2, height, width), "f2", chunks=(1, 2, height, width), **lz4
        )
        self._homography = file.create_dataset("homography", (frames - 1, 3, 3), "f8")
        self._moving = file.create_dataset(
            "moving_mask", (frames, height, width), "u1", chunks=picture, **masks
        )
        self._layers = file.create_dataset("layers", (frames, height, width), "u1", chunks=picture, **masks)
        self._count = 0
        for name, value in scene_attributes(scene).items():
            file.attrs[name] = value

    def append(self, frame: RenderedFrame) -> None:
        """Write the truth of the next frame."""
        if frame.flow is not None and frame.homography is not None:
            # OpenCV rounds to half precision seven times faster than NumPy.
            rows = frame.flow.reshape(-1, frame.flow.shape[2])
            half = np.asarray(cv2.add(rows, np.zeros(4), dtype=cv2.CV_16F))
            self._flow[self._count] = half.reshape(frame.flow.shape)
            self._homography[self._count] = frame.homography
        self._moving[self._count] = frame.moving_mask
        self._layers[self._count] = frame.layers
        self._count += 1


@contextmanager
def writing_truth(path: Path, scene: Scene) -> Iterator[TruthWriter]:
    """Open a truth file for writing; it appears at `path` when the block ends well."""
    # rdcc_nbytes=0: chunks go to the disk at once; HDF5 crashes over those it keeps when the disk is full.
    with replacing(path) as temporary, h5py.File(temporary, "w", libver="latest", rdcc_nbytes=0) as file:
        yield TruthWriter(file, scene)


def read_truth(path: Path) -> Truth:
    """Read a truth file whole.

    Raises:
        TruthError: if it is missing, damaged or of a newer format.
    """
    if not path.is_file():
        raise TruthError(f"there is no truth file {path}: render it with `egotool data synth`")
    try:
        with h5py.File(path, "r") as file:
            attributes = {name: _plain(value) for name, value in file.attrs.items()}
            if attributes.get("format_version") != TRUTH_FORMAT:
                raise TruthError(
                    f"{path} has truth format {attributes.get('format_version')}, "
                    f"this version reads {TRUTH_FORMAT}: render the dataset again with this version"
                )
            return Truth(
                flow=file["flow"][:].astype(np.float32),
                homography=file["homography"][:],
                moving_mask=file["moving_mask"][:],
                layers=file["layers"][:],
                attributes=attributes,
            )
    except (OSError, KeyError) as error:
        raise TruthError(
            f"{path} is damaged ({error}): delete it and run `egotool data synth` again"
        ) from error


def _plain(value: object) -> Attribute:
    if isinstance(value, np.ndarray):
        return [item.decode() if isinstance(item, bytes) else str(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    assert isinstance(value, str | int | float | bool)
    return value
