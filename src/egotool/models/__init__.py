"""Networks: pure torch modules, no I/O, no config objects.

The models on frames are `ActionNetwork`s composed from a `Backbone`, attention or none, a `ConvLSTM` and at
most one self-supervised head with its tap; `FlowNetwork` is a `Backbone` on flow; `TwoStreamNetwork` joins
both. Shapes and the two readings of the paper (as run, literal) are described in docs/models.md.
"""

from egotool.models.action_network import ActionNetwork, NetworkOutput, Tap
from egotool.models.attention import Attended, cam_attention
from egotool.models.backbone import Backbone, BackboneFeatures, CompactStride, Depth
from egotool.models.convlstm import GATES, ConvLSTM, ConvLSTMStates, fuse_gates
from egotool.models.dynamic_filter_loss import dynamic_filter_loss
from egotool.models.dynamic_filters import DynamicFilterForm, DynamicFilterHead, apply_dynamic_filters
from egotool.models.flow_network import FlowNetwork
from egotool.models.motion_segmentation import MotionSegmentationForm, MotionSegmentationHead
from egotool.models.motion_segmentation_loss import motion_segmentation_loss
from egotool.models.two_stream import TwoStreamNetwork

__all__ = [
    "GATES",
    "ActionNetwork",
    "Attended",
    "Backbone",
    "BackboneFeatures",
    "CompactStride",
    "ConvLSTM",
    "ConvLSTMStates",
    "Depth",
    "DynamicFilterForm",
    "DynamicFilterHead",
    "FlowNetwork",
    "MotionSegmentationForm",
    "MotionSegmentationHead",
    "NetworkOutput",
    "Tap",
    "TwoStreamNetwork",
    "apply_dynamic_filters",
    "cam_attention",
    "dynamic_filter_loss",
    "fuse_gates",
    "motion_segmentation_loss",
]
