"""Manifests: which segment of which video shows what action, and who trains, validates and tests."""

from egotool.manifests.checking import check_manifest, fits, similar_actions
from egotool.manifests.csv_file import (
    COLUMNS,
    REQUIRED_COLUMNS,
    ManifestReading,
    read_manifest,
    read_manifest_lines,
    video_name_problem,
    write_manifest,
)
from egotool.manifests.folders import folder_notes, manifest_from_folders, verb_and_noun
from egotool.manifests.ranges import FrameRanges, clip_ranges, hold, labelled_ranges, merge_ranges
from egotool.manifests.segments import SPLITS, Manifest, Segment
from egotool.manifests.splits import assign_splits, natural_order

__all__ = [
    "COLUMNS",
    "REQUIRED_COLUMNS",
    "SPLITS",
    "FrameRanges",
    "Manifest",
    "ManifestReading",
    "Segment",
    "assign_splits",
    "check_manifest",
    "clip_ranges",
    "fits",
    "folder_notes",
    "hold",
    "labelled_ranges",
    "manifest_from_folders",
    "merge_ranges",
    "natural_order",
    "read_manifest",
    "read_manifest_lines",
    "similar_actions",
    "verb_and_noun",
    "video_name_problem",
    "write_manifest",
]
