"""Clips: torch datasets over a store and a manifest.

Sampling, augmentation and batching as run for the paper; one crop and flip for all that belongs to a clip.
"""

from egotool.clips.dataset import Clip, ClipDataset
from egotool.clips.loader import ClipSampler, clip_loader, shared_memory_problem
from egotool.clips.sampling import sample_frames
from egotool.clips.settings import IMAGENET_MEAN, IMAGENET_STD, ClipSettings

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Clip",
    "ClipDataset",
    "ClipSampler",
    "ClipSettings",
    "clip_loader",
    "sample_frames",
    "shared_memory_problem",
]
