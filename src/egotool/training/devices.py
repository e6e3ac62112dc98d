"""Several devices: the first process decides, writes and tells the others, which only compute beside it.

Lightning starts the user's command once more for every further device, in the first training of the command.
The processes live side by side, and what one of them finds in the run folders depends on when it looks. So
they do not look: the first tells the others for which stage it has started them, then what it does about
every stage, and when a training is over, scored and tidied up.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only
from torch import distributed

from egotool.errors import EgotoolError
from egotool.training.callbacks import DivergedError
from egotool.training.planning import StageState

_A_MONTH = timedelta(days=30)  # the first process may score, or wait for another command, for long
_SECONDS_TO_SAY_WHY = 10

_Told = tuple[str, StageState | Literal["over"]]


class DeviceError(EgotoolError):
    """Training has failed on one of several devices; the processes of the others cannot go on without it."""


class _GivenUpError(EgotoolError):
    """The first process has ended this training, between two stages."""


def is_main_process(devices: int) -> bool:
    """Return False in the processes that Lightning, torchrun or srun start for further devices.

    A training on one device is on its own, also where a cluster runs several and numbers them.
    """
    return devices == 1 or _number() == 0


def _number() -> int:
    return int(getattr(rank_zero_only, "rank", None) or 0)


class _Channel:
    """Between the processes, once there are several: a group of its own, because it waits far longer."""

    def __init__(self) -> None:
        self.group: distributed.ProcessGroup | None = None
        self.others: list[subprocess.Popen[bytes]] = []

    def open(self, trainer: Trainer) -> None:
        if self.group is None and trainer.world_size > 1:
            self.others = list(getattr(trainer.strategy.launcher, "procs", []))
            group = distributed.new_group(backend="gloo", timeout=_A_MONTH)
            assert not isinstance(group, int)  # every process is a member
            self.group = group
            atexit.register(_leave)

    def tell(self, what: _Told) -> None:
        if self.group is not None:
            distributed.broadcast_object_list([what], src=0, group=self.group)

    def hear(self) -> _Told:
        told: list[_Told | None] = [None]
        distributed.broadcast_object_list(told, src=0, group=self.group)
        assert told[0] is not None
        return told[0]


def _leave() -> None:
    if distributed.is_initialized() and distributed.get_backend() == "gloo":  # Lightning leaves NCCL's
        distributed.destroy_process_group()


_channel = _Channel()


class Meet(Callback):
    """Opens the channel between the processes in the first training that several devices do."""

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self.here = (folder.name, resume)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Do so; Lightning has just connected the processes.

        Raises:
            DeviceError: if the first process trains something else.
        """
        _channel.open(trainer)
        self.on_termination = signal.getsignal(signal.SIGTERM)
        if trainer.world_size > 1:
            first: list[tuple[str, bool]] = [self.here]
            distributed.broadcast_object_list(first, src=0, group=_channel.group)
            if first[0] != self.here:
                raise DeviceError(
                    f"device {_number() + 1} is at {self.here[0]}, the first one at {first[0][0]}"
                )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the command's handling of SIGTERM back.

        Lightning's own has the processes exchange something from within the handler, where one may be while
        the others are in the middle of exchanging gradients: all would wait for ever.
        """
        if trainer.world_size > 1 and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.on_termination)


def agree(folder: Path, state: StageState, *, devices: int) -> StageState:
    """Return what is done about the stage in `folder`: what the first process says.

    Every process calls it for every stage, in the same order. A process that Lightning starts begins with the
    stage for which it was started, whatever it finds of those before.

    Args:
        folder: of the stage.
        state: what this process would do; of use where nobody has said anything yet (torchrun, srun).
        devices: of the training; one is on its own.

    Raises:
        EgotoolError: if the first process has given the training up.
        DeviceError: if it is at another stage.
    """
    if devices == 1:
        return state
    if _number() == 0:
        _channel.tell((folder.name, state))
        if _channel.group is None and state != "reuse":
            os.environ[_STARTED_FOR] = f"{state} {folder.name}"
        return state
    if _channel.group is None:
        decided, name = _started_for() or (state, folder.name)
        return decided if name == folder.name else "reuse"
    name, heard = _channel.hear()
    if heard == "over":
        raise _GivenUpError(f"the first process has given up before {folder.name}")
    if name != folder.name:
        raise DeviceError(f"device {_number() + 1} is at {folder.name}, the first one at {name}")
    return heard


_STARTED_FOR = "EGOTOOL_STARTED_FOR"
"""Environment variable: what is done about which stage in the training that starts the other processes."""


def _started_for() -> tuple[StageState, str] | None:
    state, _, name = os.environ.get(_STARTED_FOR, "").partition(" ")
    return ("resume" if state == "resume" else "train", name) if name else None


def check_met() -> None:
    """Make sure that a process that was started for further devices has done what it was started for.

    Raises:
        DeviceError: if it has not; the first process waits for it.
    """
    started_for = _started_for()
    if _number() > 0 and _channel.group is None and started_for is not None:
        raise DeviceError(f"device {_number() + 1} was started for {started_for[1]}, but has not come to it")


@contextlib.contextmanager
def one_training(devices: int) -> Iterator[None]:
    """Hold the processes together: none begins the next training before the first is done with this one.

    An error that comes to all of them alike, such as a training that diverges, leaves them together.
    """
    if devices == 1:
        yield
        return
    try:
        yield
    except (_GivenUpError, DeviceError):
        raise
    except Exception:
        _come_together()
        raise
    _come_together()


def _come_together() -> None:
    if _number() == 0:
        _channel.tell(("", "over"))
        return
    while _channel.group is not None:
        name, decided = _channel.hear()
        if decided == "over":
            return
        if decided != "reuse":
            raise DeviceError(f"device {_number() + 1} has failed where the first one goes on with {name}")


@contextlib.contextmanager
def all_devices(count: int) -> Iterator[None]:
    """End the training on all devices if it fails on one: the others would wait for it.

    Raises:
        DeviceError: instead of any error that need not have come to all of them.
    """
    try:
        yield
    except DivergedError:
        raise  # every process has seen the same loss
    except EgotoolError as error:
        if count == 1:
            raise
        _end_others()
        raise DeviceError(f"on device {_number() + 1} of {count}: {error}") from error
    except KeyboardInterrupt:
        _end_others()
        raise
    except Exception as error:
        if count == 1:
            raise
        lost = isinstance(error, distributed.DistError) or "gloo" in str(error)
        if lost and _number() > 0:
            raise SystemExit(1) from error  # the first one has said what is to be said
        said = lost and _one_has_ended()
        _end_others()
        what = "the process of another device has ended" if said else f"{type(error).__name__}: {error}"
        raise DeviceError(
            f"training on {count} devices failed on device {_number() + 1} ({what}); "
            "the same command goes on from the last whole epoch"
        ) from error


def _one_has_ended() -> bool:
    """Return whether the process of another device ends by itself; it takes a moment to say why."""
    until = time.monotonic() + _SECONDS_TO_SAY_WHY
    while time.monotonic() < until:
        if any(process.poll() is not None for process in _channel.others):
            return True
        time.sleep(0.1)
    return False


def _end_others() -> None:
    for process in _channel.others:
        process.kill()
