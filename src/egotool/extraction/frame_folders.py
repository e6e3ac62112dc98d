"""Folders of frames, flow pictures and motion maps that somebody else made: which layout, which file is what.

```text
    the preprocessed GTEA-61 copy   processed_frames2/S1/take_cup/1/rgb/rgb0001.png, …/mmaps/map0001.png
                                    flow_x_processed/S1/take_cup/1/flow_x_00001.png, flow_y_processed/…
    Ego-RNN                         frames/S1/take_cup/1/image_00001.jpg, flow_x/…, flow_y/…, mmaps/…,
                                    with a folder train or test above or below these
    rawframes, and any other        S1/take_cup/1/img_00001.jpg, flow_x_00001.jpg, flow_y_00001.jpg,
                                    mask_00001.png
```
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from egotool.errors import UsageError
from egotool.files import files_below
from egotool.manifests import Segment, natural_order, verb_and_noun, video_name_problem

SEGMENTS_NAME = "segments.csv"
"""Written by `egotool data export`: a manifest with the further column `folder`."""

_PICTURE = re.compile(r"(?P<prefix>.*?)_?(?P<number>\d+)\.(png|jpe?g|bmp|tiff?)", re.IGNORECASE | re.ASCII)
_MAPS = ("map", "mask")
_SPLIT_FOLDERS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}

Numbered = Mapping[int, Path]
"""Number in the name of a picture → the picture."""


class Layout(StrEnum):
    """How the folders are arranged."""

    GTEA61_COPY = "gtea61-copy"
    EGO_RNN = "ego-rnn"
    RAWFRAMES = "rawframes"


@dataclass(frozen=True)
class FrameFolder:
    """The pictures of one video, as they lie on the disk.

    Attributes:
        name: of the video in the store.
        segment: the label; all frames of the video.
        frames: N pictures.
        flow_x: N − 1 or N pictures of the flow's x components, or none.
        flow_y: as `flow_x`.
        masks: N pictures, or none.
        stand_ins: how many frames have the motion map of a neighbour, because their own is missing.
        problem: why it cannot be imported, one sentence.
    """

    name: str
    segment: Segment
    frames: tuple[Path, ...]
    flow_x: tuple[Path, ...] = ()
    flow_y: tuple[Path, ...] = ()
    masks: tuple[Path, ...] = ()
    stand_ins: int = 0
    problem: str | None = None

    @property
    def sources(self) -> tuple[Path, ...]:
        """Every file that the video is made of."""
        return (*self.frames, *self.flow_x, *self.flow_y, *dict.fromkeys(self.masks))


@dataclass(frozen=True)
class FoundFolders:
    """What lies below a folder.

    Attributes:
        layout: how it is arranged.
        folders: the videos in natural order.
        has_splits: whether folders or `segments.csv` say who trains and who tests.
    """

    layout: Layout
    folders: tuple[FrameFolder, ...]
    has_splits: bool


def find_frame_folders(root: Path) -> FoundFolders:
    """Return the videos below `root` that are folders of pictures.

    Raises:
        UsageError: if `root` is no folder, or holds no numbered pictures.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is no folder: name a folder of folders of frames.")
    pictures = _pictures_below(root)
    layout = _layout_of(pictures)
    groups = {
        Layout.GTEA61_COPY: _gtea61_copy,
        Layout.EGO_RNN: _ego_rnn,
        Layout.RAWFRAMES: _rawframes,
    }[layout](pictures)
    if not groups:
        raise UsageError(
            f"{root} holds no numbered pictures, nor label files of this dataset: see docs/datasets.md for "
            "what is known."
        )
    labels = _exported_labels(root)
    folders = [_folder(group, labels.get(group.place)) for group in groups]
    order = {place: number for number, place in enumerate(labels)}
    places = [group.place for group in groups]
    ranked = sorted(
        range(len(folders)),
        key=lambda index: (order.get(places[index], len(order)), natural_order(folders[index].name)),
    )
    found = tuple(folders[index] for index in ranked)
    return FoundFolders(layout, found, any(folder.segment.split for folder in found))


@dataclass(frozen=True)
class _Group:
    """The pictures of one video, and what its place says of it."""

    place: str
    parts: tuple[str, ...]
    split: str
    frames: Numbered
    flow_x: Numbered
    flow_y: Numbered
    maps: Numbered


_Pictures = dict[tuple[str, ...], dict[str, dict[int, Path]]]
"""Folder below the root, in parts → beginning of a picture's name → number → picture."""


def _pictures_below(root: Path) -> _Pictures:
    found: _Pictures = defaultdict(lambda: defaultdict(dict))
    for path in files_below(root):
        match = _PICTURE.fullmatch(path.name)
        if match is not None:
            parts = path.relative_to(root).parts[:-1]
            found[parts][match["prefix"].lower()][int(match["number"])] = path
    return found


def _layout_of(folders: Iterable[tuple[str, ...]]) -> Layout:
    all_parts = {part for parts in folders for part in parts}
    if any(part.startswith("processed_frames") for part in all_parts):
        return Layout.GTEA61_COPY
    return Layout.EGO_RNN if "frames" in all_parts else Layout.RAWFRAMES


def _gtea61_copy(pictures: _Pictures) -> list[_Group]:
    groups = []
    for parts, kinds in pictures.items():
        top = next((n for n, part in enumerate(parts) if part.startswith("processed_frames")), None)
        if top is None or parts[-1] != "rgb":
            continue
        where = parts[top + 1 : -1]
        groups.append(
            _Group(
                place="/".join(where),
                parts=where,
                split="",
                frames=_merged(kinds),
                flow_x=_merged(pictures.get((*parts[:top], "flow_x_processed", *where), {})),
                flow_y=_merged(pictures.get((*parts[:top], "flow_y_processed", *where), {})),
                maps=_merged(pictures.get((*parts[:-1], "mmaps"), {})),
            )
        )
    return groups


def _ego_rnn(pictures: _Pictures) -> list[_Group]:
    groups = []
    for parts, kinds in pictures.items():
        if "frames" not in parts:
            continue
        top = parts.index("frames")

        def beside(name: str, parts: tuple[str, ...] = parts, top: int = top) -> Numbered:
            return _merged(pictures.get((*parts[:top], name, *parts[top + 1 :]), {}))

        where = parts[top + 1 :]
        inner = where[0] if len(where) > 1 and where[0] in _SPLIT_FOLDERS else ""
        outer = [part for part in parts[:top] if part in _SPLIT_FOLDERS]
        groups.append(
            _Group(
                place="/".join(parts[:top] + where),
                parts=where[1:] if inner else where,
                split=_SPLIT_FOLDERS.get(inner or (outer[-1] if outer else ""), ""),
                frames=_merged(kinds),
                flow_x=beside("flow_x"),
                flow_y=beside("flow_y"),
                maps=beside("mmaps"),
            )
        )
    return groups


def _rawframes(pictures: _Pictures) -> list[_Group]:
    groups = []
    for parts, kinds in pictures.items():
        frames = {
            prefix: numbered for prefix, numbered in kinds.items() if not prefix.startswith(("flow", *_MAPS))
        }
        if not frames:
            continue
        maps = {prefix: numbered for prefix, numbered in kinds.items() if prefix.startswith(_MAPS)}
        inner = parts[0] if len(parts) > 1 and parts[0] in _SPLIT_FOLDERS else ""
        groups.append(
            _Group(
                place="/".join(parts),
                parts=parts[1:] if inner else parts,
                split=_SPLIT_FOLDERS.get(inner, ""),
                frames=_merged(frames),
                flow_x=kinds.get("flow_x", {}),
                flow_y=kinds.get("flow_y", {}),
                maps=_merged(maps),
            )
        )
    return groups


def _merged(kinds: Mapping[str, Numbered]) -> Numbered:
    """Return the pictures of the kind with the most: strays of other names do not count."""
    return max(kinds.values(), key=len, default={})


def _folder(group: _Group, label: Segment | None) -> FrameFolder:
    """Put the pictures of a video in order, and find what is wrong with them."""
    frames = _in_order(group.frames)
    segment = _labelled(group, len(frames)) if label is None else label
    masks, stand_ins = _masks(group.maps, list(group.frames))
    folder = FrameFolder(
        name=segment.video,
        segment=segment,
        frames=frames,
        flow_x=_in_order(group.flow_x),
        flow_y=_in_order(group.flow_y),
        masks=masks,
        stand_ins=stand_ins,
    )
    return replace(folder, problem=_problem(group, folder))


def _labelled(group: _Group, frame_count: int) -> Segment:
    """Return the segment that the folders name: <subject>/<action>/<instance>."""
    parts = group.parts or ("frames",)
    action = parts[-2] if len(parts) >= 2 else ""
    verb, noun = verb_and_noun(action)
    name = "/".join(parts)
    return Segment(
        segment=name,
        video=name,
        start_frame=0,
        stop_frame=frame_count,
        action=action,
        verb=verb,
        noun=noun,
        subject=parts[-3] if len(parts) >= 3 else "",
        split=group.split,
    )


def _in_order(numbered: Numbered) -> tuple[Path, ...]:
    return tuple(numbered[number] for number in sorted(numbered))


def _masks(maps: Numbered, frames: Sequence[int]) -> tuple[tuple[Path, ...], int]:
    """Return the map of every frame number; where it is missing the next one serves, else the last."""
    if not maps:
        return (), 0
    chosen, missing, following = [], 0, maps[max(maps)]
    for number in sorted(frames, reverse=True):
        missing += number not in maps
        following = maps.get(number, following)
        chosen.append(following)
    return tuple(reversed(chosen)), missing


def _problem(group: _Group, folder: FrameFolder) -> str | None:
    """Return what forbids to import a folder, or None."""
    where = group.place or "the folder"
    for kind, numbered in (("frame", group.frames), ("flow_x", group.flow_x), ("flow_y", group.flow_y)):
        gaps = sorted(set(range(min(numbered), max(numbered))) - set(numbered)) if numbered else []
        if gaps:
            return f"{where}: {kind} {gaps[0]} is missing ({len(gaps)} in all): copy the folder again."
    count = len(folder.frames)
    if len(folder.flow_x) != len(folder.flow_y):
        return f"{where}: {len(folder.flow_x)} pictures of x flow and {len(folder.flow_y)} of y flow."
    if folder.flow_x and len(folder.flow_x) not in (count - 1, count):
        return f"{where}: {len(folder.flow_x)} flows for {count} frames: copy the folder again."
    if folder.segment.stop_frame != count:
        return f"{where}: {count} frames, but {SEGMENTS_NAME} says {folder.segment.stop_frame}."
    name = video_name_problem(folder.name)
    return None if name is None else f"{where}: it would be {name}."


def _exported_labels(root: Path) -> dict[str, Segment]:
    """Read `segments.csv`, if an export wrote one: place of a folder → its segment."""
    path = root / SEGMENTS_NAME
    if not path.is_file():
        return {}
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        return {
            PurePosixPath(row["folder"]).as_posix(): Segment(
                segment=row["segment"],
                video=row["video"],
                start_frame=int(row["start_frame"]),
                stop_frame=int(row["stop_frame"]),
                action=row["action"],
                verb=row["verb"],
                noun=row["noun"],
                subject=row["subject"],
                split=row["split"],
            )
            for row in rows
        }
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is damaged ({error}): delete it, or export again.") from error
