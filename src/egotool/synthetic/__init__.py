"""Rendered egocentric scenes with exact flow, camera motion and masks: sample data and a ruler."""

from egotool.synthetic.dataset import (
    RenderedClip,
    SynthSummary,
    make_parameters,
    plan_dataset,
    render_clip,
    render_dataset,
)
from egotool.synthetic.parameters import (
    GENERATOR_VERSION,
    LIDDED,
    Kind,
    Mode,
    ParameterOptions,
    SyntheticParameters,
    Verb,
    action_name,
)
from egotool.synthetic.plan import ClipPlan, plan_clips
from egotool.synthetic.render import MOVING_THRESHOLD, RenderedFrame, render_frames
from egotool.synthetic.scene import Scene, build_scene
from egotool.synthetic.truth import Truth, TruthError, read_truth, truth_path

__all__ = [
    "GENERATOR_VERSION",
    "LIDDED",
    "MOVING_THRESHOLD",
    "ClipPlan",
    "Kind",
    "Mode",
    "ParameterOptions",
    "RenderedClip",
    "RenderedFrame",
    "Scene",
    "SynthSummary",
    "SyntheticParameters",
    "Truth",
    "TruthError",
    "Verb",
    "action_name",
    "build_scene",
    "make_parameters",
    "plan_clips",
    "plan_dataset",
    "read_truth",
    "render_clip",
    "render_dataset",
    "render_frames",
    "truth_path",
]
