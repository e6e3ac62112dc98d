"""Training: stages, their chain, and the Lightning modules; writes runs."""

from egotool.training.chain import StageEstimate, TrainingResult, estimate, run_plan, train_model
from egotool.training.choosing import RecipeChoice, choose_recipe
from egotool.training.devices import DeviceError, is_main_process
from egotool.training.fitting import fit_stage
from egotool.training.module import StageModule
from egotool.training.planning import Keep, StagePlan, TrainingPlan, TrainingRequest, plan_training
from egotool.training.schedule import learning_rate_factor
from egotool.training.several import Attempt, Task, train_all
from egotool.training.sweep import RowTask, choose_rows, row_tasks
from egotool.training.weights import ImageNetWeights, find_imagenet_weights, load_imagenet_weights

__all__ = [
    "Attempt",
    "DeviceError",
    "ImageNetWeights",
    "Keep",
    "RecipeChoice",
    "RowTask",
    "StageEstimate",
    "StageModule",
    "StagePlan",
    "Task",
    "TrainingPlan",
    "TrainingRequest",
    "TrainingResult",
    "choose_recipe",
    "choose_rows",
    "estimate",
    "find_imagenet_weights",
    "fit_stage",
    "is_main_process",
    "learning_rate_factor",
    "load_imagenet_weights",
    "plan_training",
    "row_tasks",
    "run_plan",
    "train_all",
    "train_model",
]
