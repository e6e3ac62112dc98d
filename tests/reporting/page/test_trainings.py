import hashlib
from pathlib import Path

import numpy as np

from egotool.reporting.page.trainings import Training, read_training
from tests.reporting.fabricated import ACTIONS
from tests.reporting.page.samples import trained


def read(runs: Path, *names: str) -> Training:
    training = read_training("Dynamic-net", names, folder=runs, split="test", anchor="here")
    assert training is not None
    return training


def test_runs_are_counted_together(tmp_path: Path) -> None:
    trained(tmp_path, "a", model="dynamic-net", right=7)
    trained(tmp_path, "b", model="dynamic-net", right=9, seed=1)
    training = read(tmp_path, "a", "b")
    assert [each.run.name for each in training.runs] == ["a", "b"]
    np.testing.assert_array_equal(training.confusion, [[16, 4], [4, 16]])
    assert [(each.segments, each.correct, each.recall) for each in training.per_action] == [(20, 16, 80)] * 2
    first = training.most_confused[0]
    assert (first.action, first.taken_for, first.segments, first.of) == (ACTIONS[0], ACTIONS[1], 4, 20)


def test_the_worst_action_comes_first_and_one_without_segments_not_at_all() -> None:
    training = Training(
        label="", anchor="", runs=(), actions=("good", "bad", "unseen"), changes=(),
        confusion=np.array([[3, 0, 0], [1, 0, 1], [0, 0, 0]]),
    )  # fmt: skip
    assert [each.action for each in training.per_action] == ["bad", "good"]
    assert {(each.action, each.taken_for, each.of) for each in training.most_confused} == {
        ("bad", "good", 2),
        ("bad", "unseen", 2),
    }


def test_the_weights_that_made_a_number_are_told_by_their_digest(tmp_path: Path) -> None:
    trained(tmp_path, "a", model="dynamic-net")
    assert read(tmp_path, "a").runs[0].checkpoint == hashlib.sha256(b"a").hexdigest()
    (tmp_path / "a/checkpoints/best.ckpt").unlink()
    assert read(tmp_path, "a").runs[0].checkpoint == ""


def test_damaged_curves_cost_only_the_curves(tmp_path: Path) -> None:
    trained(tmp_path, "a", model="dynamic-net")
    (tmp_path / "a/metrics.csv").write_text("nothing,of,this\n1,2,3\n")
    training = read(tmp_path, "a")
    assert training.runs[0].curves is None
    assert "metrics.csv is damaged" in training.notes[0]


def test_a_run_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    trained(tmp_path, "a", model="dynamic-net")
    assert read_training("x", ["gone"], folder=tmp_path, split="test", anchor="") is None
    training = read(tmp_path, "a", "gone")
    assert len(training.runs) == 1 and "Run gone is left out" in training.notes[0]
