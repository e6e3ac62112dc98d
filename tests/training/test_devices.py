import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from egotool.errors import EgotoolError, RunError, StoreError
from egotool.training import DeviceError, Task, TrainingRequest, devices, train_all
from egotool.training.callbacks import DivergedError
from egotool.training.devices import Meet, agree, all_devices, one_training

Told = tuple[str, str]
Telling = Callable[[list[Told]], list[Told]]


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Telling:
    """Make this the process of a second device, to which the first one says what a test gives it."""

    def hears(said: list[Told]) -> list[Told]:
        monkeypatch.setattr(devices, "_number", lambda: 1)
        monkeypatch.setattr(devices._channel, "group", object())
        monkeypatch.setattr(devices._channel, "hear", lambda: said.pop(0))
        return said

    return hears


def test_alone_a_process_does_what_it_has_found() -> None:
    with one_training(2):
        assert agree(Path("runs/stage1"), "resume", devices=2) == "resume"


def test_the_first_process_decides(beside: Telling) -> None:
    left = beside([("stage1", "reuse"), ("stage2", "train"), ("", "over")])
    with one_training(2):
        assert agree(Path("runs/stage1"), "train", devices=2) == "reuse"
        assert agree(Path("runs/stage2"), "resume", devices=2) == "train"
    assert not left


def test_nothing_begins_before_the_first_process_is_done(beside: Telling) -> None:
    left = beside([("stage1", "reuse"), ("stage2", "reuse"), ("", "over"), ("next", "train")])
    with pytest.raises(StoreError), one_training(2):
        raise StoreError("to all of them alike")
    assert left == [("next", "train")]


def test_a_training_that_the_first_process_gives_up_is_given_up(beside: Telling) -> None:
    left = beside([("stage1", "train"), ("", "over"), ("next", "train"), ("", "over")])
    with pytest.raises(EgotoolError, match="given up before stage2") as error, one_training(2):
        agree(Path("stage1"), "train", devices=2)
        agree(Path("stage2"), "train", devices=2)
    assert not isinstance(error.value, DeviceError)
    with one_training(2):
        assert agree(Path("next"), "train", devices=2) == "train"
    assert not left


def test_a_process_that_cannot_follow_ends(beside: Telling) -> None:
    beside([("other", "train")])
    with pytest.raises(DeviceError, match="is at stage1, the first one at other"), one_training(2):
        agree(Path("stage1"), "train", devices=2)
    beside([("stage1", "train")])
    with (
        pytest.raises(DeviceError, match="failed where the first one goes on"),
        one_training(2),
    ):
        raise StoreError("only here")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RunError("the memory is too small"), "on device 1 of 2: the memory is too small"),
        (OSError(28, "No space left on device"), "failed on device 1 (OSError: [Errno 28] No space left"),
    ],
)
def test_what_fails_on_one_device_ends_the_training_on_all(error: Exception, said: str) -> None:
    with pytest.raises(type(error)), all_devices(1):
        raise error
    with pytest.raises(DeviceError) as ended, all_devices(2):
        raise error
    assert said in str(ended.value) and ended.value.__cause__ is error


def test_what_comes_to_all_devices_is_no_failure_of_one() -> None:
    with pytest.raises(DivergedError), all_devices(2):
        raise DivergedError("nan")


def test_a_device_that_fails_ends_all_trainings() -> None:
    asked = []

    def make_request(name: str) -> TrainingRequest:
        asked.append(name)
        if name == "broken":
            raise RunError("only this one")
        raise DeviceError("on device 2 of 2: no memory")

    tasks = [Task(name, lambda name=name: make_request(name)) for name in ("broken", "ends", "never")]  # type: ignore[misc]
    with pytest.raises(DeviceError):
        train_all(tasks)
    assert asked == ["broken", "ends"]


def test_a_started_process_begins_where_it_was_started_for(
    beside: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside([])
    monkeypatch.setattr(devices._channel, "group", None)
    monkeypatch.setenv("EGOTOOL_STARTED_FOR", "resume stage2")
    assert agree(Path("stage1"), "train", devices=2) == "reuse"  # whatever it finds there
    assert agree(Path("stage2"), "train", devices=2) == "resume"
    with pytest.raises(DeviceError, match="was started for stage2, but has not come to it"):
        train_all([])


def test_the_first_process_says_what_it_starts_the_others_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGOTOOL_STARTED_FOR", "")
    agree(Path("runs/stage1"), "reuse", devices=2)
    assert not os.environ["EGOTOOL_STARTED_FOR"]
    agree(Path("runs/stage2"), "train", devices=2)
    assert os.environ["EGOTOOL_STARTED_FOR"] == "train stage2"


def test_a_training_on_one_device_asks_nobody(beside: Telling) -> None:
    beside([])
    with one_training(1):
        assert agree(Path("stage1"), "train", devices=1) == "train"


@pytest.mark.parametrize(("first", "fits"), [(("stage1", False), True), (("stage1", True), False)])
def test_processes_that_meet_over_different_trainings_end(
    first: Told, fits: bool, beside: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside([])
    monkeypatch.setattr(devices.distributed, "broadcast_object_list", lambda told, **_: told.insert(0, first))
    trainer = SimpleNamespace(world_size=2)
    meet = Meet(Path("runs/stage1"), resume=False)
    with contextlib.nullcontext() if fits else pytest.raises(DeviceError, match="the first one at stage1"):
        meet.setup(trainer, None, "fit")  # type: ignore[arg-type]
