"""Looking at datasets: what is wrong with a manifest, its videos or a store, and what they hold."""

from egotool.inspection.checks import check_manifest_file, check_store, is_store
from egotool.inspection.files import VideoFacts
from egotool.inspection.findings import CheckReport, Counts, Expected, Finding
from egotool.inspection.overview import Bin, Overview, overview_of_manifest, overview_of_store

__all__ = [
    "Bin",
    "CheckReport",
    "Counts",
    "Expected",
    "Finding",
    "Overview",
    "VideoFacts",
    "check_manifest_file",
    "check_store",
    "is_store",
    "overview_of_manifest",
    "overview_of_store",
]
