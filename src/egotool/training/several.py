"""Several trainings one after another: trials, folds, rows of a table. One that fails stops no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from egotool.errors import EgotoolError
from egotool.progress import Progress, SilentProgress
from egotool.training.chain import TrainingResult, run_plan
from egotool.training.devices import DeviceError, check_met
from egotool.training.planning import TrainingPlan, TrainingRequest, plan_training

AttemptState = Literal["trained", "reused", "failed"]


@dataclass(frozen=True)
class Task:
    """One training of several.

    Attributes:
        name: what to call it, such as `row 3, seed 1`.
        make_request: returns what is to be trained; may raise, for instance for a recipe with an error.
    """

    name: str
    make_request: Callable[[], TrainingRequest]


@dataclass(frozen=True)
class Attempt:
    """What became of a task.

    Attributes:
        task: which.
        state: `reused` if an identical finished run was there already.
        result: run and scores; None if it failed.
        error: why it failed, a sentence; "" if it did not.
    """

    task: Task
    state: AttemptState
    result: TrainingResult | None
    error: str = ""

    @property
    def accuracy(self) -> float | None:
        """Share of right test segments, 0..1; None without scores."""
        if self.result is None or self.result.scores is None:
            return None
        return self.result.scores.top1


def train_all(
    tasks: Sequence[Task],
    *,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
    announce: Callable[[TrainingPlan], None] | None = None,
) -> list[Attempt]:
    """Carry out `tasks` in order and return what became of each.

    Finished runs are reused and interrupted ones go on, so the same call after an interruption does what is
    missing. An exception ends its own task only; Ctrl-C ends all, and so does a failure on one of several
    devices.

    Args:
        tasks: what to train.
        progress: hears of every clip, and of every failure.
        announce: called with every plan before it is carried out.

    Raises:
        DeviceError: if training fails on one of several devices.
    """
    attempts = []
    for number, task in enumerate(tasks, start=1):
        if len(tasks) > 1:
            progress.message(f"{number} of {len(tasks)}: {task.name}")
        attempts.append(_attempt(task, progress, announce))
        if attempts[-1].error:
            progress.message(f"{task.name} failed: {attempts[-1].error}")
    check_met()
    return attempts


def _attempt(task: Task, progress: Progress, announce: Callable[[TrainingPlan], None] | None) -> Attempt:
    try:
        plan = plan_training(task.make_request())
        if announce is not None:
            announce(plan)
        result = run_plan(plan, progress=progress)
    except DeviceError:
        raise  # the processes of the other devices have ended
    except EgotoolError as error:
        return Attempt(task, "failed", None, str(error))
    except Exception as error:  # whatever it is, the other trainings can still be done
        return Attempt(task, "failed", None, f"{type(error).__name__}: {error}")
    reused = all(stage.state == "reuse" for stage in plan.stages)
    return Attempt(task, "reused" if reused else "trained", result)
