"""Worker processes that may be killed."""

import os
import signal
from pathlib import Path

from egotool.extraction.pool import Outcome, Report, Task, WorkerLostError, WorkerPool, available_cores


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


def test_available_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
