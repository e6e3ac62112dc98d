"""Recipes, run folders, and the network a recipe describes: what training writes and evaluation reads."""

import importlib
from typing import TYPE_CHECKING

from egotool.runs.folder import (
    DataRecord,
    EpochRecord,
    Protocol,
    Run,
    RunRecord,
    create_run,
    damaged_runs,
    find_runs,
    read_run,
    resolve_run,
    utc_now,
)
from egotool.runs.loading import (
    load_recipe,
    model_names,
    recipe_from_toml,
    recipe_names,
    recipe_to_toml,
    resolve_model,
)
from egotool.runs.recipe import (
    BackboneRecipe,
    ClipRecipe,
    DynamicFilterRecipe,
    FlowClipRecipe,
    FlowNetworkRecipe,
    HeadRecipe,
    MotionSegmentationRecipe,
    NetworkRecipe,
    Recipe,
    StageRecipe,
    StreamsRecipe,
    TwoStreamNetworkRecipe,
)
from egotool.runs.rows import load_row_recipe
from egotool.runs.scores import ClassScore, PartScores, Scores

if TYPE_CHECKING:
    from egotool.runs.data import (
        LabelledData,
        check_splits,
        clip_settings,
        read_labelled_data,
        subjects_of,
    )
    from egotool.runs.device import choose_device
    from egotool.runs.network import (
        Network,
        ParameterGroup,
        TrainableTensors,
        build_network,
        forward_clip,
        freeze,
        load_network,
        load_weights,
        parameter_groups,
        read_state_dict,
        read_weights,
        save_weights,
        set_training_mode,
        trainable_tensors,
    )

__all__ = [
    "BackboneRecipe",
    "ClassScore",
    "ClipRecipe",
    "DataRecord",
    "DynamicFilterRecipe",
    "EpochRecord",
    "FlowClipRecipe",
    "FlowNetworkRecipe",
    "HeadRecipe",
    "LabelledData",
    "MotionSegmentationRecipe",
    "Network",
    "NetworkRecipe",
    "ParameterGroup",
    "PartScores",
    "Protocol",
    "Recipe",
    "Run",
    "RunRecord",
    "Scores",
    "StageRecipe",
    "StreamsRecipe",
    "TrainableTensors",
    "TwoStreamNetworkRecipe",
    "build_network",
    "check_splits",
    "choose_device",
    "clip_settings",
    "create_run",
    "damaged_runs",
    "find_runs",
    "forward_clip",
    "freeze",
    "load_network",
    "load_recipe",
    "load_row_recipe",
    "load_weights",
    "model_names",
    "parameter_groups",
    "read_labelled_data",
    "read_run",
    "read_state_dict",
    "read_weights",
    "recipe_from_toml",
    "recipe_names",
    "recipe_to_toml",
    "resolve_model",
    "resolve_run",
    "save_weights",
    "set_training_mode",
    "subjects_of",
    "trainable_tensors",
    "utc_now",
]

_NEED_TORCH = {
    "LabelledData": "data",
    "check_splits": "data",
    "clip_settings": "data",
    "read_labelled_data": "data",
    "subjects_of": "data",
    "choose_device": "device",
    "Network": "network",
    "ParameterGroup": "network",
    "parameter_groups": "network",
    "TrainableTensors": "network",
    "build_network": "network",
    "forward_clip": "network",
    "load_network": "network",
    "freeze": "network",
    "load_weights": "network",
    "read_state_dict": "network",
    "read_weights": "network",
    "save_weights": "network",
    "set_training_mode": "network",
    "trainable_tensors": "network",
}
"""Names by module that are imported on first use: who only reads run folders need not wait for torch."""


def __getattr__(name: str) -> object:
    """Import what needs torch when it is first asked for."""
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NEED_TORCH[name]}"), name)
