"""Extraction: videos in, store and manifest out, in parallel, resumable at any point."""

from egotool.extraction.estimate import ExtractionPlan, PlannedVideo, plan_extraction
from egotool.extraction.labels import MANIFEST_NAME, SplitChoice, update_manifest
from egotool.extraction.parameters import Content, ExtractionParameters, parse_contents
from egotool.extraction.pipeline import extract_videos
from egotool.extraction.pool import available_cores
from egotool.extraction.results import ExtractionSummary, LabelResult, Status, VideoResult

__all__ = [
    "MANIFEST_NAME",
    "Content",
    "ExtractionParameters",
    "ExtractionPlan",
    "ExtractionSummary",
    "LabelResult",
    "PlannedVideo",
    "SplitChoice",
    "Status",
    "VideoResult",
    "available_cores",
    "extract_videos",
    "parse_contents",
    "plan_extraction",
    "update_manifest",
]
