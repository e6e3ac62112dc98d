"""Masks of hands or people that somebody else made: which belong to which video, and how one is read.

```text
    hands/S1/take_cup/1/000001.png, 000002.png, …      to the frames of videos/S1/take_cup/1.mp4, in order
```
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import StoreError, UsageError, VideoError
from egotool.extraction.parameters import Content, ExtractionParameters
from egotool.extraction.pictures import PICTURE_SUFFIXES, read_picture, resized
from egotool.files import inside, sha256_of_file
from egotool.manifests import natural_order
from egotool.progress import Progress
from egotool.video import FoundVideo

_LOSSY = frozenset({".jpg", ".jpeg"})
_LOSSY_FROM = 128


@dataclass(frozen=True)
class HandMasks:
    """The hand masks of one video.

    Attributes:
        folder: where the pictures lie.
        count: how many there are.
        sha256: digest of their contents, in order.
    """

    folder: Path
    count: int
    sha256: str

    @classmethod
    def of_folder(cls, folder: Path) -> "HandMasks":
        """Count the pictures and digest them.

        Raises:
            StoreError: if one cannot be read.
        """
        pictures = mask_pictures(folder)
        try:
            digests = "\n".join(sha256_of_file(picture) for picture in pictures)
        except OSError as error:
            raise StoreError(
                f"the hand mask {error.filename} cannot be read ({error.strerror}): allow it or copy it again"
            ) from error
        return cls(folder, len(pictures), hashlib.sha256(digests.encode()).hexdigest())

    def check(self, video: Path, frame_count: int, *, complete: bool) -> None:
        """Make sure that there is one picture per frame.

        Args:
            video: the video file.
            frame_count: of its frames that decode.
            complete: False if the video breaks off; then more pictures than frames are no surprise.

        Raises:
            VideoError: if there are more pictures or fewer.
        """
        if self.count < frame_count or (complete and self.count > frame_count):
            raise VideoError(
                f"{self.folder} has {self.count} hand masks, but {video} has {frame_count} frames: "
                "every frame needs one, in the order of their names"
            )

    def read(self, frame: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return (H, W) uint8: 255 where there is a hand in `frame`.

        Args:
            frame: its number in the video, from 0.
            shape: (H, W) of the stored frames; the mask is resized to it.

        Raises:
            StoreError: if the picture cannot be read.
            VideoError: if it is not of the frame's proportions.
        """
        path = _pictures(self)[frame]
        picture = read_picture(path, cv2.IMREAD_UNCHANGED)
        if picture.ndim == 3:
            picture = picture[..., :3].max(axis=2)  # without transparency
        height, width = shape
        if abs(picture.shape[1] * height / picture.shape[0] - width) > 1 + 0.01 * width:
            raise VideoError(
                f"{path} is {picture.shape[1]}×{picture.shape[0]}, but its frame {width}×{height}: "
                "a hand mask must show all of its frame and no more"
            )
        threshold = _LOSSY_FROM if path.suffix.lower() in _LOSSY else 1
        hand = np.where(picture >= threshold, 255, 0).astype(np.uint8)
        # every pixel that a hand touches
        return np.where(resized(hand, (width, height)) > 0, 255, 0).astype(np.uint8)


def find_hand_masks(root: Path, found: Sequence[FoundVideo]) -> dict[str, Path]:
    """Return for each video that has hand masks below `root` the folder where they lie, by its name.

    The folder has the video's name, with suffix or without. For a single video it may be `root` itself.

    Raises:
        UsageError: if `root` is no folder, or no video has masks in it.
    """
    if not root.is_dir():
        raise UsageError(f"--hands: {root} is no folder: name a folder that has one of masks for every video")
    folders = {}
    for video in found:
        places = [inside(root, video.name), inside(root, str(PurePosixPath(video.name).with_suffix("")))]
        if len(found) == 1:
            places.append(root)
        place = next((place for place in places if mask_pictures(place)), None)
        if place is not None:
            folders[video.name] = place
    if not folders:
        example = PurePosixPath(found[0].name).with_suffix("")
        raise UsageError(
            f"--hands: no video has masks in {root}: those of {found[0].path} would be pictures in "
            f"{root / example}, one for every frame"
        )
    return folders


def hand_masks_for(
    parameters: ExtractionParameters,
    root: Path | None,
    found: Sequence[FoundVideo],
    progress: Progress | None,
) -> dict[str, Path]:
    """Return what `find_hand_masks` does, nothing without `root`; say for how many videos there are none.

    Raises:
        UsageError: as `find_hand_masks`; also if nothing is to be made that hand masks are of use for.
    """
    if root is None:
        return {}
    if parameters.contents.isdisjoint({Content.WARP_FLOW, Content.MASKS}):
        raise UsageError(
            "--hands: only warp flow and masks make use of hand masks: leave it out, or ask for these"
        )
    folders = find_hand_masks(root, found)
    missing = [video.name for video in found if video.name not in folders]
    if missing and progress is not None:
        progress.message(
            f"{len(missing)} of {len(found)} videos have no hand masks in {root}, such as {missing[0]}: "
            "their camera's motion is found without."
        )
    return folders


def mask_pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder in natural order (10.png comes after 9.png); none without a folder."""
    if not folder.is_dir():
        return []
    pictures = (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    visible = (path for path in pictures if not path.name.startswith("."))
    return sorted(visible, key=lambda path: natural_order(path.name))


@lru_cache(maxsize=1)
def _pictures(masks: HandMasks) -> list[Path]:
    """List a folder once for all parts that a worker does in a row."""
    return mask_pictures(masks.folder)
