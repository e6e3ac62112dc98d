"""Clips of labelled segments, read from a store."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from egotool.clips.geometry import (
    View,
    apply_view,
    apply_view_to_flow,
    centre_view,
    random_view,
    resize_short_side,
    resized_shape,
)
from egotool.clips.sampling import (
    next_frames,
    random_stack_start,
    sample_frames,
    spaced_stack_starts,
    stack_flows,
)
from egotool.clips.settings import ClipSettings
from egotool.errors import ManifestError
from egotool.manifests import Segment, hold
from egotool.store import Array, Store, StoredVideo, check_arrays, store_file

_OPEN_VIDEOS = 64  # per process: below any system's limit on open files


class Clip(TypedDict):
    """One item of a `ClipDataset`; a batch of them has one more leading dimension."""

    frames: NotRequired[Tensor]
    """(T, 3, H, W) float32, normalised."""
    label: Tensor
    """int64 scalar: the action's number, -1 for an unlabelled segment."""
    index: Tensor
    """int64 scalar: the segment's number in the dataset."""
    next_frames: NotRequired[Tensor]
    """(T, 3, H, W) float32: the native successor of every frame, under the same crop and flip."""
    masks: NotRequired[Tensor]
    """(T, 1, g, g) float32 in [0, 1]: the part of every position that moves."""
    flow: NotRequired[Tensor]
    """(stacks, 2·stack, H, W) float32, normalised: x and y of each flow in turn."""


class _Pictures(TypedDict):
    """The undistorted pictures of a segment's clip at the short side: what is kept in memory."""

    frames: NDArray[np.uint8]  # (T, H, W, 3)
    next_frames: NDArray[np.uint8] | None
    masks: NDArray[np.uint8] | None  # (T, H, W)


class ClipDataset(Dataset[Clip]):
    """The clips of segments: sampled, augmented and normalised as `ClipSettings` say.

    An item depends on the seed, the epoch and its index alone: not on the number of workers, nor on the order
    in which items are asked for. Each process opens the store's files for itself; handles are never pickled.

    The frames of a clip are the same in every epoch (only crop and flip change), so the pictures at the short
    side are kept in memory up to `cache_bytes` and then no more: all segments are visited equally often, so
    throwing old ones out for new ones would gain nothing. Worker processes share the budget equally, each
    keeping what it has read. What an item is does not depend on the cache.

    Args:
        store: folder made by `egotool extract`.
        segments: what to cut clips from; unlabelled ones give label -1.
        actions: the class labels in the order of the classes.
        settings: see `ClipSettings`.
        seed: of the augmentation, at least 0.
        cache_bytes: memory for pictures, over all worker processes; 0 switches the cache off.

    Raises:
        StoreError: if the store, a video of it, or a needed array is missing.
        ManifestError: if a segment has an unknown action or reaches beyond its video.
    """

    def __init__(
        self,
        store: Path,
        segments: Sequence[Segment],
        actions: Sequence[str],
        settings: ClipSettings,
        *,
        seed: int,
        cache_bytes: int = 1 << 30,
    ) -> None:
        self.segments = tuple(segments)
        self.actions = tuple(actions)
        self.settings = settings
        self.seed = seed
        self.cache_bytes = cache_bytes
        self._store = Store(store)
        numbers = {action: number for number, action in enumerate(self.actions)}
        numbers[""] = -1
        self._check(numbers)
        self._labels = [numbers[segment.action] for segment in self.segments]
        # Shared memory: workers that live on between epochs see the new epoch.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]
        self._mean = torch.tensor(settings.mean).view(3, 1, 1) * 255
        self._std = torch.tensor(settings.std).view(3, 1, 1) * 255
        self._open_videos: OrderedDict[str, StoredVideo] = OrderedDict()
        self._cache: dict[int, _Pictures] = {}
        self._cached_bytes = 0

    def _check(self, numbers: dict[str, int]) -> None:
        """Raise unless every segment lies within its video, has what the settings ask for, and a label."""
        receipts = {video: self._store.receipt(video) for video in {s.video for s in self.segments}}
        needed = [Array.RGB] if self.settings.with_frames else []
        if self.settings.with_flow:
            needed.append(Array(self.settings.flow_source))
        if self.settings.with_mask:
            needed.append(Array.MASKS)
        for segment in self.segments:
            receipt = receipts[segment.video]
            check_arrays(receipt, needed, file=store_file(self._store.path, receipt.video))
            if not 0 <= segment.start_frame < segment.stop_frame <= receipt.frame_count:
                raise ManifestError(
                    f"segment {segment.segment} ({segment.start_frame} to {segment.stop_frame}) does not lie "
                    f"within the {receipt.frame_count} frames of {segment.video}: correct the manifest"
                )
            if not hold(receipt.stored_ranges, segment.start_frame, segment.stop_frame):
                raise ManifestError(
                    f"segment {segment.segment} ({segment.start_frame} to {segment.stop_frame}) was left out "
                    f"when {segment.video} was extracted: extract it with its manifest again"
                )
            if segment.action not in numbers:
                raise ManifestError(
                    f"segment {segment.segment} shows {segment.action!r}, which is none of the "
                    f"{len(self.actions)} actions of the network: correct the manifest or train anew"
                )

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def labels(self) -> tuple[int, ...]:
        """The label of every segment, in order."""
        return tuple(self._labels)

    @property
    def epoch(self) -> int:
        """The epoch whose augmentation is given out."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the augmentation of an epoch, also in workers that already run.

        Call it before the epoch's first batch is asked for; `clip_loader`'s sampler does when its own
        `set_epoch` is called.
        """
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> Clip:
        settings = self.settings
        rng = np.random.default_rng([self.seed, self.epoch, index])
        video = self._video(self.segments[index].video)
        size = resized_shape(video.height, video.width, settings.short_side)
        view = random_view(*size, settings, rng) if settings.augment else centre_view(*size, settings)
        clip: Clip = {"label": torch.tensor(self._labels[index]), "index": torch.tensor(index)}
        if settings.with_frames:
            self._add_pictures(clip, index, view)
        if settings.with_flow:
            clip["flow"] = self._flow(index, view, rng)
        return clip

    def _add_pictures(self, clip: Clip, index: int, view: View) -> None:
        """Put frames, next frames and masks into `clip`, as far as they are asked for."""
        pictures = self._pictures(index)
        clip["frames"] = self._normalised(pictures["frames"], view)
        if pictures["next_frames"] is not None:
            clip["next_frames"] = self._normalised(pictures["next_frames"], view)
        if pictures["masks"] is not None:
            masks = pictures["masks"].astype(np.float32) / 255
            grid = self.settings.mask_grid
            clip["masks"] = torch.from_numpy(apply_view(masks, view, grid)).unsqueeze(1)

    def _normalised(self, images: NDArray[np.uint8], view: View) -> Tensor:
        cut = torch.from_numpy(apply_view(images, view, self.settings.crop_size))
        frames = cut.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        return frames.sub_(self._mean).div_(self._std)

    def _pictures(self, index: int) -> _Pictures:
        """The pictures of a clip, from memory or from the store."""
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        segment, settings = self.segments[index], self.settings
        video = self._video(segment.video)
        frame_count = segment.stop_frame - segment.start_frame
        frames = sample_frames(frame_count, settings.clip_length)
        following = next_frames(frames, frame_count) if settings.with_next_frame else frames
        wanted, places = np.unique(np.concatenate([frames, following]), return_inverse=True)
        rgb = resize_short_side(video.frames(wanted + segment.start_frame), settings.short_side)
        pictures: _Pictures = {
            "frames": rgb[places[: len(frames)]],
            "next_frames": rgb[places[len(frames) :]] if settings.with_next_frame else None,
            "masks": None,
        }
        if settings.with_mask:
            pictures["masks"] = resize_short_side(
                video.masks(frames + segment.start_frame), settings.short_side
            )
        self._remember(index, pictures)
        return pictures

    def _remember(self, index: int, pictures: _Pictures) -> None:
        worker = get_worker_info()
        budget = self.cache_bytes // (1 if worker is None else worker.num_workers)
        arrays = (pictures["frames"], pictures["next_frames"], pictures["masks"])
        size = sum(array.nbytes for array in arrays if array is not None)
        if self._cached_bytes + size <= budget:
            self._cache[index] = pictures
            self._cached_bytes += size

    def _flow(self, index: int, view: View, rng: np.random.Generator) -> Tensor:
        segment, settings = self.segments[index], self.settings
        video = self._video(segment.video)
        flow_count = segment.stop_frame - segment.start_frame - 1
        if settings.augment:
            starts = random_stack_start(flow_count, settings.flow_stack, rng)
        else:
            starts = spaced_stack_starts(flow_count, settings.flow_stack, settings.flow_stacks)
        flows = stack_flows(starts, settings.flow_stack, flow_count)
        if flow_count == 0:  # a single frame: nothing moves
            fields = np.zeros((flows.size, 2, video.height, video.width), dtype=np.float32)
        else:
            read = video.warp_flow if settings.flow_source == "warp_flow" else video.flow
            fields = read(flows.ravel() + segment.start_frame)
        fields = apply_view_to_flow(fields, view, settings)
        limit = settings.flow_range
        quantised = np.clip(np.rint((fields + limit) * (255 / (2 * limit))), 0, 255)
        flow = torch.from_numpy(quantised.reshape(len(starts), -1, *quantised.shape[2:]))
        mean, std = sum(settings.mean) / 3, sum(settings.std) / 3
        return flow.div_(255).sub_(mean).div_(std)

    def _video(self, name: str) -> StoredVideo:
        """An open video; the one not used for longest is closed when there are many."""
        video = self._open_videos.pop(name, None) or self._store.open(name)
        self._open_videos[name] = video
        if len(self._open_videos) > _OPEN_VIDEOS:
            self._open_videos.popitem(last=False)[1].close()
        return video

    def __getstate__(self) -> dict[str, object]:
        # Neither handles nor pictures travel: a worker opens and reads what it needs.
        return self.__dict__ | {"_open_videos": OrderedDict(), "_cache": {}, "_cached_bytes": 0}
