"""What a run sees: the labelled segments of a manifest that are in the store, by split."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from egotool.clips import ClipSettings
from egotool.errors import ManifestError
from egotool.manifests import (
    SPLITS,
    Manifest,
    Segment,
    assign_splits,
    check_manifest,
    fits,
    natural_order,
    overlap_note,
    read_manifest,
    split_notes,
)
from egotool.runs.folder import DataRecord
from egotool.runs.recipe import FlowClipRecipe, Recipe
from egotool.store import Receipt, Store, ranges_of

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


def read_labelled_data(store: Path, manifest_file: Path | None = None, *, fold: str = "") -> LabelledData:
    """Return the labelled segments of `manifest_file` (default: the store's own) by split.

    With `fold`, the segments of that subject test, whatever the manifest says, and a fifth of each action of
    the others validates.

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
    whole = manifest.fingerprint()
    if fold:
        manifest = assign_splits(manifest, test_subjects=(fold,))
    if not manifest.actions:
        raise ManifestError(
            f"no segment in {path} has an action: fill in its column `action`, or sort the videos into "
            "videos/<action>/ and run `egotool extract videos/` again"
        )
    present = set(opened.videos())
    wanted = sorted({segment.video for segment in manifest.segments} & present)
    receipts = {video: opened.receipt(video) for video in wanted}
    frame_counts = {video: receipt.frame_count for video, receipt in receipts.items()}
    ranges = ranges_of(receipts)
    usable = [each for each in manifest.segments if each.action and fits(each, frame_counts, ranges=ranges)]
    if not usable:
        raise ManifestError(f"none of the labelled segments in {path} is in the store {store}")
    skipped = check_manifest(manifest, frame_counts, ranges=ranges)
    notes = [*overlap_note(Manifest(tuple(usable))), *split_notes(Manifest(tuple(usable)))]
    segments = {split: tuple(each for each in usable if each.split == split) for split in SPLITS}
    used = sorted({segment.video for segment in usable})
    seen = [_seen(video, receipts[video]) for video in used]
    record = DataRecord(
        store=str(store),
        manifest=str(path),
        fingerprint=_digest(manifest.fingerprint(), seen),
        manifest_fingerprint=manifest.fingerprint(),
        videos=len(used),
        segments={
            split: dict(sorted(Counter(segment.action for segment in chosen).items()))
            for split, chosen in segments.items()
        },
        fold=fold,
        whole_fingerprint=_digest(whole, seen) if fold else "",
    )
    return LabelledData(store, path, manifest.actions, segments, record, tuple(skipped), tuple(notes))


def _seen(video: str, receipt: Receipt) -> list[object]:
    """Return what of a stored video decides the clips."""
    # Masks begin anew with every range; a video of which all is stored is described as it ever was.
    ranges = [] if receipt.ranges is None else [receipt.ranges]
    return [video, receipt.source_sha256, receipt.frame_count, receipt.parameters, *ranges]


def _digest(manifest_fingerprint: str, videos: Sequence[Sequence[object]]) -> str:
    digest = hashlib.sha256(manifest_fingerprint.encode())
    for video in videos:
        digest.update(json.dumps(video, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def subjects_of(store: Path, manifest_file: Path | None = None) -> tuple[str, ...]:
    """Return the subjects of the labelled segments: one fold of leave-one-subject-out each.

    Raises:
        ManifestError: if there are fewer than two.
    """
    data = read_labelled_data(store, manifest_file)
    segments = [segment for chosen in data.segments.values() for segment in chosen]
    found = {segment.subject for segment in segments if segment.subject}
    if len(found) < 2:
        raise ManifestError(
            f"leaving one subject out takes at least two, but {data.manifest_file} names {len(found)}: "
            "fill in its column `subject`, or sort the videos into videos/<subject>/<action>/"
        )
    return tuple(sorted(found, key=natural_order))


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
    flow = recipe.flow or FlowClipRecipe()
    return ClipSettings(
        clip_length=recipe.clips.length,
        short_side=recipe.clips.short_side,
        crop_size=recipe.clips.crop_size,
        augment=augment,
        horizontal_flip=recipe.clips.horizontal_flip,
        scales=recipe.clips.scales,
        with_frames=recipe.network.kind != "flow",
        with_next_frame=kind == "dynamic-filters",
        with_mask=kind == "motion-segmentation",
        mask_grid=recipe.grid,
        with_flow=recipe.flow is not None,
        flow_source=flow.source,
        flow_stack=flow.stack,
        flow_stacks=flow.stacks,
        flow_range=flow.range,
    )
