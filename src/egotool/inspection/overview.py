"""What a manifest or a store holds: sizes, durations, lengths of segments, actions."""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from egotool.errors import StoreError, VideoError
from egotool.files import inside
from egotool.inspection.checks import MANIFEST_NAME
from egotool.inspection.files import VideoFacts, look_at_video
from egotool.inspection.findings import Counts
from egotool.inspection.stored import facts_of
from egotool.manifests import Manifest, Segment, read_manifest
from egotool.progress import Progress, SilentProgress
from egotool.store import CameraCount, Receipt, Store, StoredVideo, store_file

_ROUND_WIDTHS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000)
_BINS = 12


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram: segments of `start` to `stop` frames (half-open)."""

    start: int
    stop: int
    segments: int


@dataclass(frozen=True)
class Overview:
    """What a dataset holds.

    Attributes:
        what: path of the manifest or store.
        videos: what is known of every video that is there.
        missing: names of videos that the manifest has and that cannot be read here.
        arrays: array of a store → number of videos that have it; empty for a manifest.
        counts: of the segments; None without a manifest.
        lengths: histogram of the frames of segments.
        shortest: frames of the shortest segment, 0 if there is none.
        median: of the frames of segments.
        longest: frames of the longest segment.
        labelled_frames: frames that lie in a segment, each counted once per segment.
        camera: video of a store → between how many frames its camera motion was found, where it was looked
            for.
    """

    what: str
    videos: tuple[VideoFacts, ...]
    missing: tuple[str, ...]
    arrays: Mapping[str, int]
    counts: Counts | None
    lengths: tuple[Bin, ...]
    shortest: int = 0
    median: float = 0.0
    longest: int = 0
    labelled_frames: int = 0
    camera: Mapping[str, CameraCount] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(video.file_bytes for video in self.videos)

    @property
    def frames(self) -> int:
        """Frames of all videos."""
        return sum(video.frame_count or 0 for video in self.videos)

    @property
    def seconds(self) -> float:
        """Duration of all videos."""
        return sum(video.seconds or 0.0 for video in self.videos)


def overview_of_manifest(
    path: Path,
    *,
    videos: Path | None = None,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> Overview:
    """Return what the manifest at `path` holds; its videos are looked at where they are there.

    Raises:
        ManifestError: if the manifest cannot be read.
    """
    manifest = read_manifest(path)
    folder = videos or path.parent
    names = sorted({segment.video for segment in manifest.segments})
    facts, missing = [], []
    progress.start("videos", total=len(names), unit="videos")
    for name in names:
        try:
            facts.append(look_at_video(inside(folder, name), name)[0])
        except (VideoError, OSError):
            missing.append(name)
        progress.advance("videos")
    progress.finish("videos")
    return _overview(str(path), facts, missing, {}, manifest)


def overview_of_store(path: Path, *, manifest_file: Path | None = None) -> Overview:
    """Return what the store at `path` holds, from its receipts and its manifest.

    Raises:
        StoreError: if there is no store.
        ManifestError: if a manifest is there and cannot be read.
    """
    store = Store(path)
    receipts: dict[str, Receipt] = {}
    damaged = []
    for video in store.videos():
        try:
            receipts[video] = store.receipt(video)
        except StoreError:
            damaged.append(video)
    labels = manifest_file or path / MANIFEST_NAME
    manifest = read_manifest(labels) if manifest_file is not None or labels.is_file() else None
    named = set() if manifest is None else {segment.video for segment in manifest.segments}
    missing = sorted({*damaged, *(named - set(receipts))})
    arrays: dict[str, int] = {}
    for receipt in receipts.values():
        for array in receipt.arrays:
            arrays[array] = arrays.get(array, 0) + 1
    overview = _overview(str(path), facts_of(receipts), missing, arrays, manifest)
    return replace(overview, camera=_camera_counts(path, receipts))


def _camera_counts(path: Path, receipts: Mapping[str, Receipt]) -> dict[str, CameraCount]:
    """Count for every video that can be read; `egotool data check` tells of the others."""
    counts = {}
    for video, receipt in receipts.items():
        with suppress(StoreError), closing(StoredVideo(store_file(path, video), receipt)) as stored:
            count = stored.camera_count()
            if count is not None:
                counts[video] = count
    return counts


def _overview(
    what: str,
    facts: Sequence[VideoFacts],
    missing: Sequence[str],
    arrays: Mapping[str, int],
    manifest: Manifest | None,
) -> Overview:
    if manifest is None or not manifest.segments:
        counts = None if manifest is None else Counts.of(manifest)
        return Overview(what, tuple(facts), tuple(missing), arrays, counts, ())
    lengths = _lengths(manifest.segments)
    return Overview(
        what,
        tuple(facts),
        tuple(missing),
        arrays,
        Counts.of(manifest),
        histogram(lengths),
        shortest=int(lengths.min()),
        median=float(np.median(lengths)),
        longest=int(lengths.max()),
        labelled_frames=int(lengths.sum()),
    )


def _lengths(segments: Sequence[Segment]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([segment.stop_frame - segment.start_frame for segment in segments], dtype=np.int64)


def histogram(lengths: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> tuple[Bin, ...]:
    """Return about a dozen bars of equal, round width that hold nearly all `lengths`, and one for the rest.

    A few very long segments would otherwise push all others into the first bar.
    """
    reach = int(np.percentile(lengths, 98))
    width = next((each for each in _ROUND_WIDTHS if each * _BINS > reach), _ROUND_WIDTHS[-1])
    first = int(lengths.min()) // width * width
    stop = max(reach // width * width + width, first + width)
    edges = [*range(first, stop + 1, width)]
    if lengths.max() >= edges[-1]:
        edges.append(int(lengths.max()) + 1)
    numbers, _ = np.histogram(lengths, bins=edges)
    return tuple(
        Bin(start, end, int(number))
        for start, end, number in zip(edges[:-1], edges[1:], numbers, strict=True)
    )
