"""What is kept after every epoch: through divergence, kills at any moment, and a second sitting."""

import json
from pathlib import Path

import pytest
import torch
from lightning import Trainer

from egotool.errors import RunError
from egotool.runs import Run, Scores, find_runs, read_run
from egotool.training import plan_training, train_model
from tests.training.small_store import make_labelled_store
from tests.training.test_chain import KillAt, Killed, request, same_weights


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_labelled_store(tmp_path_factory.mktemp("data") / "store", each=2)


@pytest.fixture(scope="module")
def trained(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train_model(request(store, tmp_path_factory.mktemp("runs"), "convlstm")).run


def only_run(runs: Path) -> Run:
    (run,) = find_runs(runs, finished=False)
    return run


def test_a_diverged_training_says_so_and_leaves_nothing_that_is_no_number(
    store: Path, trained: Run, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=r"diverged in epoch 1: .* validation split is nan; .*stages\.1\.lr=…"):
        train_model(request(store, tmp_path, "convlstm", "stages.1.lr=1e30"))
    assert not list(tmp_path.glob("convlstm-*/run.json"))
    train_model(request(store, tmp_path, "convlstm"))  # what is beside it is not in the way
    assert same_weights(only_run(tmp_path), trained)


def test_losses_that_were_no_numbers_are_read(trained: Run, tmp_path: Path) -> None:
    scores = json.loads(trained.scores_file("test").read_text()) | {"loss": None}
    assert Scores.model_validate_json(json.dumps(scores)).loss != scores["loss"]
    record = json.loads((trained.folder / "run.json").read_text())
    record["best"]["loss"] = None
    (tmp_path / "run.json").write_text(json.dumps(record))
    (tmp_path / "recipe.toml").write_text((trained.folder / "recipe.toml").read_text())
    assert read_run(tmp_path).record.best is not None


def test_an_interrupted_run_says_how_far_it_has_come(store: Path, trained: Run, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train_model(request(store, tmp_path, "convlstm"), progress=KillAt("stage2", 20))
    record = only_run(tmp_path).record
    assert (record.status, record.epochs_done) == ("training", 2)  # 8 clips an epoch
    assert record.best is not None and record.last is not None and record.last.epoch == 1
    assert record.seconds > 0
    first_sitting = record.seconds
    done = train_model(request(store, tmp_path, "convlstm")).run.record
    assert done.seconds >= first_sitting and done.best == trained.record.best


def test_again_goes_on_with_what_it_was_stopped_in(store: Path, trained: Run, tmp_path: Path) -> None:
    train_model(request(store, tmp_path, "convlstm"))
    with pytest.raises(Killed):
        train_model(request(store, tmp_path, "convlstm", again=True), progress=KillAt("stage2", 20))
    plan = plan_training(request(store, tmp_path, "convlstm", again=True))
    assert [stage.state for stage in plan.stages] == ["reuse", "resume"]
    assert same_weights(train_model(request(store, tmp_path, "convlstm", again=True)).run, trained)


def killed_saving(
    store: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, *, epoch: int, after: bool
) -> None:
    """Train until the given epoch of stage 2 writes last.ckpt, and die before or after that."""
    whole = Trainer.save_checkpoint

    def dying(self: Trainer, path: Path) -> None:
        stage2 = "stage2" in str(self.default_root_dir) or "convlstm-small" in str(self.default_root_dir)
        dies = stage2 and self.current_epoch == epoch
        if dies and not after:
            raise Killed
        whole(self, path)

    renamed = Path.replace

    def replacing(self: Path, target: Path) -> Path:
        result = renamed(self, target)
        last = read_epoch(Path(target)) if Path(target).name == "last.ckpt" else -1
        if after and last == epoch and "convlstm-small" in str(target):
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save_checkpoint", dying)
        patch.setattr(Path, "replace", replacing)
        with pytest.raises(Killed):
            train_model(request(store, runs, "convlstm"))


def read_epoch(path: Path) -> int:
    return int(torch.load(path, weights_only=True)["epoch"])


@pytest.mark.parametrize("after", [False, True])
def test_the_best_weights_are_those_of_the_epoch_that_the_record_names(
    store: Path, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    assert trained.record.best is not None
    best = trained.record.best.epoch
    killed_saving(store, tmp_path, monkeypatch, epoch=best, after=after)
    better = only_run(tmp_path).better_checkpoint
    assert read_epoch(better) == best
    if not after:  # a GPU may repeat the epoch a little differently: what was saved of it must not stay
        better.write_bytes(better.read_bytes().replace(b"convlstm", b"CONVLSTM"))
    run = train_model(request(store, tmp_path, "convlstm")).run
    assert run.record.best == trained.record.best
    assert read_epoch(run.best_checkpoint) == best and same_weights(run, trained)
    assert not run.better_checkpoint.exists()


def test_a_better_epoch_that_was_never_recorded_does_not_stay(
    store: Path, trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_saving(store, tmp_path, monkeypatch, epoch=2, after=False)
    run = only_run(tmp_path)
    stray = torch.load(run.best_checkpoint, weights_only=True) | {"epoch": 2}
    torch.save(stray, run.better_checkpoint)  # the killed epoch was the best, and is not once repeated
    run = train_model(request(store, tmp_path, "convlstm")).run
    assert run.record.best is not None
    assert read_epoch(run.best_checkpoint) == run.record.best.epoch and same_weights(run, trained)


def test_what_killed_writes_have_left_is_removed(store: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train_model(request(store, tmp_path, "convlstm"), progress=KillAt("stage2", 20))
    leftover = only_run(tmp_path).folder / "checkpoints" / ".last.999-abcdef12.tmp.ckpt"
    leftover.write_bytes(b"half")
    train_model(request(store, tmp_path, "convlstm"))
    assert not leftover.exists()
