"""Masks of hands or people that somebody else made: which belong to which video, and how one is read.

```text
    hands/S1/take_cup/1/000001.png, 000002.png, …      to the frames of videos/S1/take_cup/1.mp4, in order
```
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from egotool.errors import EgotoolError, StoreError, UsageError
from egotool.extraction.pictures import PICTURE_SUFFIXES, read_picture, resized
from egotool.files import inside, sha256_of_file
from egotool.manifests import natural_order
from egotool.progress import Progress
from egotool.video import FoundVideo

_JPEG = b"\xff\xd8"
"""How a JPEG file begins."""
_LOSSY_FROM = 128
_LOOKED_AT = 32
_NEARLY_ALL = 0.98
"""Of so many masks it is looked at how much they cover; more than this part cannot be hands."""


class HandMaskError(EgotoolError):
    """A video's hand masks cannot be read, or are not those of its frames; what was made before is good."""


@dataclass(frozen=True)
class HandMasks:
    """The hand masks of one video.

    Attributes:
        folder: where the pictures lie.
        count: how many there are.
        sha256: digest of their contents, in order.
        listing: digest of their names, sizes and times: whether they are still those that were digested.
        warnings: sentences about what looks wrong.
    """

    folder: Path
    count: int
    sha256: str
    listing: str
    warnings: tuple[str, ...] = ()

    @classmethod
    def of_folder(cls, folder: Path, report: Callable[[int], None] = lambda _: None) -> "HandMasks":
        """Count the pictures and digest them, and look at some; `report` is told how many are done.

        Raises:
            HandMaskError: if one cannot be read.
        """
        pictures = mask_pictures(folder)
        listing = _listing(pictures)
        digest = hashlib.sha256()
        for number, picture in enumerate(pictures):
            report(number)
            try:
                digest.update(f"{sha256_of_file(picture)}\n".encode())
            except OSError as error:
                raise _unreadable(error) from error
        warnings = (*_numbering_warnings(folder, pictures), *_content_warnings(folder, pictures))
        return cls(folder, len(pictures), digest.hexdigest(), listing, warnings)

    def check(self, video: Path, frame_count: int, *, complete: bool) -> None:
        """Make sure that there is one picture per frame.

        Args:
            video: the video file.
            frame_count: of its frames that decode.
            complete: False if the video breaks off; then more pictures than frames are no surprise.

        Raises:
            HandMaskError: if there are more pictures or fewer.
        """
        if self.count < frame_count or (complete and self.count > frame_count):
            raise HandMaskError(
                f"{self.folder} has {self.count} hand masks, but {video} has {frame_count} frames: "
                "every frame needs one, in the order of their names"
            )

    def check_unchanged(self) -> None:
        """Make sure that the pictures are those that were digested.

        Raises:
            HandMaskError: if names, sizes or times are others.
        """
        if _listing(mask_pictures(self.folder)) != self.listing:
            raise HandMaskError(
                f"the hand masks in {self.folder} have changed while they were in use: type the command again"
            )

    def read(self, frame: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return (H, W) uint8: 255 where there is a hand in `frame`.

        Args:
            frame: its number in the video, from 0.
            shape: (H, W) of the stored frames; the mask is resized to it.

        Raises:
            HandMaskError: if the picture cannot be read, or is not of the frame's proportions.
        """
        pictures = _pictures(self)
        if frame >= len(pictures):
            self.check_unchanged()
        path = pictures[frame]
        picture = _read(path)
        height, width = shape
        rows, columns = picture.shape[:2]
        rounding = 0.01 + 0.5 / rows + 0.5 / columns
        if abs(columns * height / rows - width) > 1 + rounding * width:
            raise HandMaskError(
                f"the hand mask {path} is {columns}×{rows}, which is not the shape of its frame, stored as "
                f"{width}×{height}: it must show what a player shows (turned, square pixels), and all of it"
            )
        # every pixel that a hand touches
        return np.where(resized(_hand(path, picture), (width, height)) > 0, 255, 0).astype(np.uint8)


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        return read_picture(path, cv2.IMREAD_UNCHANGED)
    except StoreError as error:
        raise HandMaskError(f"the hand mask {error}") from error


def _hand(path: Path, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 255 where the picture (h, w) or (h, w, channels) of a file is not black, nor transparent."""
    threshold = _LOSSY_FROM if _is_jpeg(path) else 1
    if picture.ndim == 2:
        return np.where(picture >= threshold, 255, 0).astype(np.uint8)
    bright = picture[..., :3].max(axis=2) >= threshold
    if picture.shape[2] == 4:
        bright &= picture[..., 3] > 0
    return np.where(bright, 255, 0).astype(np.uint8)


def _is_jpeg(path: Path) -> bool:
    """Whether a file is a JPEG, whatever its name."""
    with path.open("rb") as file:
        return file.read(len(_JPEG)) == _JPEG


def _numbering_warnings(folder: Path, pictures: Sequence[Path]) -> list[str]:
    """Return a warning if the numbers in the names jump."""
    numbers = [digits[-1] for picture in pictures if (digits := re.findall(r"\d+", picture.stem))]
    jumps = [before for before, after in pairwise(numbers) if int(after) != int(before) + 1]
    if len(numbers) < len(pictures) or not jumps:
        return []
    return [
        f"{folder}: the numbers of the masks jump after {jumps[0]}; they were taken in order, one per frame."
    ]


def _content_warnings(folder: Path, pictures: Sequence[Path]) -> list[str]:
    """Return a warning if some masks, spread over the video, are all hand, or too dark to have one.

    That there is no hand in them may well be; but then they are black.
    """
    places = np.linspace(0, len(pictures) - 1, min(_LOOKED_AT, len(pictures))).round().astype(int)
    covers, brightest = [], 0
    for path in (pictures[place] for place in places):
        picture = _read(path)
        covers.append(float((_hand(path, picture) > 0).mean()))
        brightest = max(brightest, int(picture.max()) if _is_jpeg(path) else 0)
    if covers and max(covers) == 0 and brightest > 0:
        return [
            f"{folder}: {len(covers)} masks looked at, and none has a hand; in a JPEG, values from "
            f"{_LOSSY_FROM} on are hands, and the brightest is {brightest}."
        ]
    if covers and min(covers) > _NEARLY_ALL:
        return [f"{folder}: {len(covers)} masks looked at, all of them all hand; only black is no hand."]
    return []


def find_hand_masks(root: Path, found: Sequence[FoundVideo]) -> dict[str, Path]:
    """Return for each video that has hand masks below `root` the folder where they lie, by its name.

    The folder has the video's name, with suffix or without (unless two videos differ in the suffix alone).
    For a single video it may be `root` itself.

    Raises:
        UsageError: if `root` is no folder, or no video has masks in it.
    """
    if not root.is_dir():
        raise UsageError(
            f"--hands: {root} is no folder: name one in which every video has a folder of its masks"
        )
    plain = {video.name: str(PurePosixPath(video.name).with_suffix("")) for video in found}
    shared = Counter(plain.values())
    folders = {}
    for video in found:
        places = [inside(root, video.name)]
        if shared[plain[video.name]] == 1:
            places.append(inside(root, plain[video.name]))
        if len(found) == 1:
            places.append(root)
        place = next((place for place in places if _has_pictures(place)), None)
        if place is not None:
            folders[video.name] = place
    if found and not folders:
        first = found[0]
        name = plain[first.name] if shared[plain[first.name]] == 1 else first.name
        raise UsageError(
            f"--hands: no video has masks in {root}: those of {first.path} would be pictures in "
            f"{root / name}, one for every frame, PNG, JPEG, BMP or TIFF"
        )
    return folders


def hand_masks_for(
    root: Path | None, found: Sequence[FoundVideo], progress: Progress | None
) -> dict[str, Path]:
    """Return what `find_hand_masks` does, nothing without `root`; say for how many videos there are none.

    Raises:
        UsageError: as `find_hand_masks`.
    """
    if root is None:
        return {}
    folders = find_hand_masks(root, found)
    missing = [video.name for video in found if video.name not in folders]
    if missing and progress is not None:
        progress.message(
            f"{len(missing)} of {len(found)} videos without hand masks in {root}, such as {missing[0]}: "
            "their camera's motion is found without."
        )
    return folders


def mask_pictures(folder: Path) -> list[Path]:
    """Return the pictures of a folder in natural order (10.png comes after 9.png).

    Raises:
        HandMaskError: if the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _is_picture(entry)]
    except OSError as error:
        raise _unreadable(error) from error
    return [folder / name for name in sorted(names, key=lambda name: (natural_order(name), name))]


def _has_pictures(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(_is_picture(entry) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # the one video fails, once it is looked at
        return True


def _is_picture(entry: "os.DirEntry[str]") -> bool:
    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122  a Path is slow, and there are many
    return suffix in PICTURE_SUFFIXES and not entry.name.startswith(".") and entry.is_file()


def _listing(pictures: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for picture in pictures:
        try:
            status = os.stat(picture)  # noqa: PTH116  that of a Path is slower, and there are many
        except OSError as error:
            raise _unreadable(error) from error
        line = f"{picture.name} {status.st_size} {status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _pictures(masks: HandMasks) -> list[Path]:
    """List a folder once for all parts that a worker does in a row."""
    return mask_pictures(masks.folder)


def _unreadable(error: OSError) -> HandMaskError:
    return HandMaskError(
        f"the hand masks at {error.filename} cannot be read ({error.strerror}): allow it or copy them again"
    )
