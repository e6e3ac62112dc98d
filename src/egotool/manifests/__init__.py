"""Manifests: which segment of which video shows what action, and who trains, validates and tests."""

from egotool.manifests.checking import check_manifest, fits, overlap_note, similar_actions, split_notes
from egotool.manifests.comparing import Count, compare_counts, compare_segments
from egotool.manifests.csv_file import (
    COLUMNS,
    REQUIRED_COLUMNS,
    ManifestReading,
    read_manifest,
    read_manifest_lines,
    video_name_problem,
    write_manifest,
)
from egotool.manifests.descriptors import (
    DatasetDescriptor,
    OfficialSplit,
    descriptor_names,
    expected_frames,
    read_descriptor,
)
from egotool.manifests.folders import folder_notes, manifest_from_folders, verb_and_noun
from egotool.manifests.imported import ImportedLabels
from egotool.manifests.importing import (
    LABEL_DATASETS,
    LabelOptions,
    dataset_of,
    has_labels,
    import_labels,
    official_split,
)
from egotool.manifests.official import official_splits
from egotool.manifests.ranges import FrameRanges, clip_ranges, hold, labelled_ranges, merge_ranges
from egotool.manifests.segments import SPLITS, Manifest, Segment
from egotool.manifests.sidecar import Sidecar, is_edited, write_with_sidecar
from egotool.manifests.splits import assign_splits, carve_validation, natural_order

__all__ = [
    "COLUMNS",
    "LABEL_DATASETS",
    "REQUIRED_COLUMNS",
    "SPLITS",
    "Count",
    "DatasetDescriptor",
    "FrameRanges",
    "ImportedLabels",
    "LabelOptions",
    "Manifest",
    "ManifestReading",
    "OfficialSplit",
    "Segment",
    "Sidecar",
    "assign_splits",
    "carve_validation",
    "check_manifest",
    "clip_ranges",
    "compare_counts",
    "compare_segments",
    "dataset_of",
    "descriptor_names",
    "expected_frames",
    "fits",
    "folder_notes",
    "has_labels",
    "hold",
    "import_labels",
    "is_edited",
    "labelled_ranges",
    "manifest_from_folders",
    "merge_ranges",
    "natural_order",
    "official_split",
    "official_splits",
    "overlap_note",
    "read_descriptor",
    "read_manifest",
    "read_manifest_lines",
    "similar_actions",
    "split_notes",
    "verb_and_noun",
    "video_name_problem",
    "write_manifest",
    "write_with_sidecar",
]
