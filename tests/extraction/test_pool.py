"""Worker processes that may be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from egotool.extraction.pool import Outcome, Report, Task, WorkerLostError, WorkerPool


def double(number: int, report: Report) -> int:
    report(number)
    return 2 * number


def fail(number: int, report: Report) -> int:
    raise ValueError(f"no {number}")


def die(report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(note: Path, report: Report) -> str:
    if not note.exists():
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def run(pool: WorkerPool, tasks: list[Task]) -> dict[object, Outcome]:
    outcomes = {}
    while tasks or not pool.idle:
        while tasks and pool.free:
            pool.submit(tasks.pop(0))
        for outcome in pool.wait():
            outcomes[outcome.key] = outcome
    return outcomes


def test_in_this_process():
    with WorkerPool(0) as pool:
        outcomes = run(pool, [Task(n, double, (n,)) for n in range(3)] + [Task("bad", fail, (7,))])
    assert {key: outcome.result for key, outcome in outcomes.items() if key != "bad"} == {0: 0, 1: 2, 2: 4}
    assert str(outcomes["bad"].error) == "no 7"


def test_a_task_that_kills_its_process_fails_alone(tmp_path):
    tasks = [Task(n, double, (n,)) for n in range(4)]
    tasks.insert(1, Task("bad", fail, (7,)))
    tasks.insert(2, Task("deadly", die, ()))
    with WorkerPool(2) as pool:
        outcomes = run(pool, tasks)
        # only now: a task that was lost because it ran beside a deadly one may not be lost once more
        outcomes |= run(
            pool,
            [Task(4, double, (4,)), Task("unlucky", die_once, (tmp_path / "note",)), Task(5, double, (5,))],
        )
    assert {n: outcomes[n].result for n in range(6)} == {n: 2 * n for n in range(6)}
    assert isinstance(outcomes["deadly"].error, WorkerLostError)
    assert outcomes["unlucky"].result == "alive"
    assert str(outcomes["bad"].error) == "no 7"


PROGRAM = """
import sys
from egotool.extraction.pool import Task, WorkerPool
from tests.extraction.test_pool import imported, run

if __name__ == "__main__":
    with WorkerPool(2, preload=["egotool.extraction.preloaded"]) as pool:
        outcomes = run(pool, [Task(n, imported, ("egotool.extraction.preloaded",)) for n in range(4)])
    print(all(outcome.result for outcome in outcomes.values()))
"""


def imported(module: str, report: Report) -> bool:
    return module in sys.modules


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are no copies of a server")
def test_workers_have_imported_what_was_asked_for(tmp_path):
    """In a process of its own: a server once started serves all pools of a process."""
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(tmp_path / "program.py")]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    assert told.stdout == "True\n"
