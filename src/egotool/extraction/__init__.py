"""Extraction: videos in, store and manifest out, in parallel, resumable at any point."""

from egotool.extraction.estimate import ExtractionPlan, PlannedVideo, plan_extraction
from egotool.extraction.export import ExportedFolder, ExportOptions, export_store, other_folders
from egotool.extraction.frame_folders import Layout
from egotool.extraction.hand_masks import HandMasks, find_hand_masks
from egotool.extraction.import_store import FramesPlan, ImportedStore, import_store, plan_frames
from egotool.extraction.imported import ImportParameters
from egotool.extraction.labels import MANIFEST_NAME, SplitChoice, update_manifest
from egotool.extraction.parameters import Content, ExtractionParameters, parse_contents
from egotool.extraction.pipeline import extract_videos
from egotool.extraction.results import ExtractionSummary, LabelResult, Status, VideoResult

__all__ = [
    "MANIFEST_NAME",
    "Content",
    "ExportOptions",
    "ExportedFolder",
    "ExtractionParameters",
    "ExtractionPlan",
    "ExtractionSummary",
    "FramesPlan",
    "HandMasks",
    "ImportParameters",
    "ImportedStore",
    "LabelResult",
    "Layout",
    "PlannedVideo",
    "SplitChoice",
    "Status",
    "VideoResult",
    "export_store",
    "extract_videos",
    "find_hand_masks",
    "import_store",
    "other_folders",
    "parse_contents",
    "plan_extraction",
    "plan_frames",
    "update_manifest",
]
