"""What a run sees: the labelled segments of a manifest that are in the store, by split."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.clips import ClipSettings
from egotool.errors import ManifestError
from egotool.manifests import SPLITS, Segment, check_manifest, fits, read_manifest
from egotool.runs.folder import DataRecord
from egotool.runs.recipe import Recipe
from egotool.store import Store

MANIFEST_NAME = "manifest.csv"


@dataclass(frozen=True)
class LabelledData:
    """The segments that can be used, and what was wrong with the others.

    Attributes:
        store: folder of the videos.
        manifest_file: where the labels come from.
        actions: the class labels in the order of the classes.
        segments: split → its labelled segments.
        record: what a run remembers of the data.
        skipped: one sentence for each problem that left segments out.
        notes: one sentence for each thing worth knowing that left none out.
    """

    store: Path
    manifest_file: Path
    actions: tuple[str, ...]
    segments: Mapping[str, tuple[Segment, ...]]
    record: DataRecord
    skipped: tuple[str, ...]
    notes: tuple[str, ...]


def read_labelled_data(store: Path, manifest_file: Path | None = None) -> LabelledData:
    """Return the labelled segments of `manifest_file` (default: the store's own) by split.

    Segments whose video is not in the store, or too short, are left out and named.

    Raises:
        StoreError: if there is no store.
        ManifestError: if there are no labels, or nothing is left.
    """
    opened = Store(store)
    path = manifest_file or store / MANIFEST_NAME
    if not path.is_file():
        raise ManifestError(
            f"there is no manifest {path}, so nothing says which action a video shows: sort the videos into "
            "videos/<action>/ and run `egotool extract videos/` again, or give --manifest FILE"
        )
    manifest = read_manifest(path)
    if not manifest.actions:
        raise ManifestError(
            f"no segment in {path} has an action: fill in its column `action`, or sort the videos into "
            "videos/<action>/ and run `egotool extract videos/` again"
        )
    present = set(opened.videos())
    wanted = sorted({segment.video for segment in manifest.segments} & present)
    receipts = {video: opened.receipt(video) for video in wanted}
    frame_counts = {video: receipt.frame_count for video, receipt in receipts.items()}
    usable = [segment for segment in manifest.segments if segment.action and fits(segment, frame_counts)]
    if not usable:
        raise ManifestError(f"none of the labelled segments in {path} is in the store {store}")
    skipped: list[str] = []
    notes: list[str] = []
    for sentence in check_manifest(manifest, frame_counts):
        (notes if "before segment" in sentence else skipped).append(sentence)
    segments = {split: tuple(each for each in usable if each.split == split) for split in SPLITS}
    used = sorted({segment.video for segment in usable})
    digest = hashlib.sha256(manifest.fingerprint().encode())
    for video in used:
        receipt = receipts[video]
        seen = [video, receipt.source_sha256, receipt.frame_count, receipt.parameters]
        digest.update(json.dumps(seen, sort_keys=True, default=str).encode())
    record = DataRecord(
        store=str(store),
        manifest=str(path),
        fingerprint=digest.hexdigest(),
        manifest_fingerprint=manifest.fingerprint(),
        videos=len(used),
        segments={
            split: dict(sorted(Counter(segment.action for segment in chosen).items()))
            for split, chosen in segments.items()
        },
    )
    return LabelledData(store, path, manifest.actions, segments, record, tuple(skipped), tuple(notes))


def check_splits(data: LabelledData, splits: Sequence[str], *, why: str) -> None:
    """Make sure that each of `splits` has segments.

    Raises:
        ManifestError: naming the first split without any, and what to do.
    """
    for split in splits:
        if not data.segments[split]:
            raise ManifestError(
                f"the manifest {data.manifest_file} has no usable segment with split {split}, which {why}: "
                f"write {split} into the column `split` of some segments"
            )


def clip_settings(recipe: Recipe, *, augment: bool, targets: bool) -> ClipSettings:
    """Return how clips are cut for `recipe`.

    Args:
        recipe: names sizes and, through its head, the targets.
        augment: crop and flip at random (training).
        targets: also give what the self-supervised head learns.
    """
    kind = recipe.head.kind if recipe.head is not None and targets else None
    return ClipSettings(
        clip_length=recipe.clips.length,
        short_side=recipe.clips.short_side,
        crop_size=recipe.clips.crop_size,
        augment=augment,
        horizontal_flip=recipe.clips.horizontal_flip,
        scales=recipe.clips.scales,
        with_next_frame=kind == "dynamic-filters",
        with_mask=kind == "motion-segmentation",
        mask_grid=recipe.grid,
    )
