import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

from egotool.errors import EgotoolError, ManifestError, RecipeError, RunError, StoreError, UsageError
from egotool.evaluation import evaluate_run, read_predictions
from egotool.manifests import Manifest, read_manifest, write_manifest
from egotool.progress import SilentProgress
from egotool.runs import Run, damaged_runs, find_runs, load_recipe, read_run, read_weights, resolve_run
from egotool.training import TrainingRequest, estimate, plan_training, train_model
from tests.training.small_store import MOVES, TINY, make_labelled_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_labelled_store(tmp_path_factory.mktemp("data") / "store")


def request(
    store: Path, runs: Path, model: str = "dynamic-net", *overrides: str, **options
) -> TrainingRequest:
    recipe = load_recipe(model, "small", overrides=[*TINY, *overrides])
    return TrainingRequest(recipe=recipe, store=store, runs=runs, device="cpu", **options)


class Killed(BaseException):
    pass


class KillAt(SilentProgress):
    """Ends the work in the middle of an epoch, as kill -9 would."""

    def __init__(self, task: str, clips: int) -> None:
        self.task = task
        self.clips = clips

    def advance(self, task: str, amount: int = 1) -> None:
        if task.endswith(self.task):
            self.clips -= amount
            if self.clips < 0:
                raise Killed


class Heard(SilentProgress):
    """Keeps what the user is told."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def message(self, text: str) -> None:
        self.messages.append(text)


def same_weights(one: Run, other: Run) -> bool:
    left, right = read_weights(one.best_checkpoint), read_weights(other.best_checkpoint)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def last_weights(run: Run) -> dict[str, torch.Tensor]:
    return torch.load(run.last_checkpoint, weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def trained(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    return train_model(request(store, tmp_path_factory.mktemp("runs"), keep="both")).run


def test_a_run_folder_says_all_that_was_done(trained: Run, store: Path) -> None:
    record = trained.record
    assert (record.status, record.role, record.model, record.epochs_done) == (
        "finished",
        "model",
        "dynamic-net",
        3,
    )
    assert record.actions == tuple(sorted(MOVES))
    assert record.data.segments["train"] == dict.fromkeys(sorted(MOVES), 3)
    assert record.parents == (read_run(trained.folder.parent / record.parents[0]).name,)
    assert record.best is not None and record.last is not None and record.last.epoch == 2
    assert {"python", "torch", "egotool"} <= record.versions.keys()
    rows = list(csv.DictReader((trained.folder / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert all(
        float(row[key]) > 0 for row in rows for key in ("train/loss", "train/head_loss", "validation/loss")
    )
    assert list((trained.folder / "tensorboard").glob("events*"))
    assert not list(trained.folder.rglob("*.tmp*"))


def test_only_last_ckpt_has_the_optimiser_and_both_open_safely(trained: Run) -> None:
    last = torch.load(trained.last_checkpoint, weights_only=True)
    best = torch.load(trained.best_checkpoint, weights_only=True)
    assert last["optimizer_states"]
    assert best.keys() == {"identity", "epoch", "state_dict"}
    assert best["epoch"] == trained.record.best.epoch


def test_scores_follow_from_the_predictions(trained: Run) -> None:
    scores = trained.scores("test")
    predictions = read_predictions(trained.predictions_file("test"))
    right = (predictions.predicted == predictions.labels).sum()
    assert scores is not None
    assert scores.segments == len(predictions.segments) == 4
    assert scores.top1 == right / 4 == sum(each.correct for each in scores.per_class) / 4
    assert sum(map(sum, scores.confusion)) == 4
    assert scores.interval_low <= scores.top1 <= scores.interval_high
    assert scores.top5 == 1 and scores.chance == 0.25
    assert predictions.probabilities.sum(axis=1) == pytest.approx(1)


def test_any_split_can_be_scored_later(trained: Run) -> None:
    scores = evaluate_run(trained, split="validation", device=torch.device("cpu"))
    assert trained.record.best is not None
    assert scores.top1 == pytest.approx(trained.record.best.accuracy)
    assert scores.loss == pytest.approx(trained.record.best.loss, rel=1e-4)


def test_it_is_said_where_a_split_trained_the_run(trained: Run, store: Path, tmp_path: Path) -> None:
    brief = ("stages.0.epochs=1", "stages.1.epochs=1")
    paper = train_model(request(store, tmp_path, "convlstm", *brief, protocol="paper")).run
    for run, split, told in (
        (trained, "validation", False), (trained, "train", True), (paper, "validation", True),
        (paper, "test", False),
    ):  # fmt: skip
        heard = Heard()
        evaluate_run(run, split=split, device=torch.device("cpu"), progress=heard)
        assert any(f"The {split} split trained this run" in text for text in heard.messages) == told


def test_a_finished_run_is_not_trained_again_and_stage_1_is_shared(trained: Run, store: Path) -> None:
    runs = trained.folder.parent
    before = (trained.folder / "run.json").read_bytes()
    again = train_model(request(store, runs))
    assert [stage.state for stage in again.plan.stages] == ["reuse", "reuse"]
    assert (trained.folder / "run.json").read_bytes() == before
    other = plan_training(request(store, runs, "convlstm-attention"))
    assert [stage.state for stage in other.stages] == ["reuse", "train"]
    for changed in (
        request(store, runs, "dynamic-net", "stages.0.lr=1e-3"),
        request(store, runs, seed=1),
        request(store, runs, protocol="paper"),
        request(store, runs, "convlstm"),
    ):
        assert [stage.state for stage in plan_training(changed).stages] == ["train", "train"]


@pytest.mark.parametrize(("task", "clips"), [("stage1", 15), ("stage2", 5), ("stage2", 27), ("stage2", 34)])
def test_killed_anywhere_the_same_request_ends_with_the_same_weights(
    trained: Run, store: Path, tmp_path: Path, task: str, clips: int
) -> None:
    with pytest.raises(Killed):
        train_model(request(store, tmp_path), progress=KillAt(task, clips))
    if clips > 12:
        states = [stage.state for stage in plan_training(request(store, tmp_path)).stages]
        assert "resume" in states
    resumed = train_model(request(store, tmp_path, keep="both")).run
    assert same_weights(resumed, trained)
    expected, got = last_weights(trained), last_weights(resumed)
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert resumed.record.best == trained.record.best
    assert (resumed.folder / "metrics.csv").read_text() == (trained.folder / "metrics.csv").read_text()


def test_the_number_of_workers_does_not_change_the_result(trained: Run, store: Path, tmp_path: Path) -> None:
    assert same_weights(train_model(request(store, tmp_path, workers=1)).run, trained)


def test_a_damaged_last_checkpoint_means_beginning_anew(trained: Run, store: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train_model(request(store, tmp_path), progress=KillAt("stage2", 27))
    (last,) = tmp_path.glob("dynamic-net-*/checkpoints/last.ckpt")
    last.write_bytes(last.read_bytes()[:1000])
    assert same_weights(train_model(request(store, tmp_path)).run, trained)


def test_again_trains_the_model_but_not_what_it_starts_from(trained: Run, store: Path) -> None:
    plan = plan_training(request(store, trained.folder.parent, again=True))
    assert [stage.state for stage in plan.stages] == ["reuse", "train"]


def test_the_paper_protocol_selects_on_the_test_split(store: Path, tmp_path: Path) -> None:
    result = train_model(request(store, tmp_path, "convlstm", protocol="paper"))
    assert result.plan.train_splits == ("train", "validation")
    assert "test split" in result.run.record.selection
    assert result.run.record.best is not None
    assert result.scores.top1 == pytest.approx(result.run.record.best.accuracy)
    assert result.scores.protocol == "paper"


@pytest.mark.parametrize("model", ["convlstm-dynamic", "convlstm-idt", "idt-net"])
def test_other_models_are_composed_from_the_same_parts(store: Path, tmp_path: Path, model: str) -> None:
    overrides = ["stages.0.epochs=1", "stages.1.epochs=1"]
    overrides += ['head.form="classification"', 'head.loss="cross-entropy"'] if model == "idt-net" else []
    run = train_model(request(store, tmp_path, model, *overrides)).run
    assert run.finished and run.record.model == model
    assert any(name.startswith("head.") for name in run.record.trainable)


def test_an_estimate_writes_nothing(store: Path, tmp_path: Path) -> None:
    estimates = estimate(plan_training(request(store, tmp_path / "runs")))
    assert [each.seconds > 0 for each in estimates] == [True, True]
    assert not (tmp_path / "runs").exists()


def test_runs_are_found_by_model_and_by_the_beginning_of_their_name(trained: Run) -> None:
    runs = trained.folder.parent
    assert trained.name in [run.name for run in find_runs(runs, model="dynamic-net")]
    assert find_runs(runs, model="flow") == []
    assert resolve_run("dynamic-net-sm", runs=runs).name == trained.name
    assert resolve_run(str(trained.folder), runs=Path("elsewhere")).name == trained.name
    with pytest.raises(RunError, match="no run 'x'"):
        resolve_run("x", runs=runs)


def test_a_head_without_its_target_names_the_extract_command(tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", each=1, masks=False)
    with pytest.raises(StoreError, match=r"egotool extract VIDEOS --only .*masks"):
        train_model(request(store, tmp_path / "runs", "idt-net"))
    assert not list((tmp_path / "runs").glob("*/run.json"))


def relabelled(store: Path, path: Path, **changes) -> Path:
    import dataclasses

    manifest = read_manifest(store / "manifest.csv")
    segments = [dataclasses.replace(segment, **changes) for segment in manifest.segments]
    write_manifest(Manifest(tuple(segments)), path)
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"action": ""}, "no segment .* has an action"),
        ({"action": "one"}, "all labelled segments .* show 'one'"),
        ({"split": "train"}, "no usable segment with split validation"),
        ({"split": "test"}, "no usable segment with split train"),
        ({"video": "nowhere.mp4", "start_frame": 0, "stop_frame": 1}, "none of the labelled segments"),
    ],
)
def test_labels_that_cannot_be_learned_from_are_one_sentence(
    store: Path, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    manifest = relabelled(store, tmp_path / "labels.csv", **changes)
    with pytest.raises(ManifestError, match=said):
        plan_training(request(store, tmp_path / "runs", manifest=manifest))


def test_missing_stores_and_manifests_are_named(tmp_path: Path) -> None:
    with pytest.raises(EgotoolError, match="store"):
        plan_training(request(tmp_path / "none", tmp_path))
    store = make_labelled_store(tmp_path / "store", each=1)
    (store / "manifest.csv").unlink()
    with pytest.raises(ManifestError, match="there is no manifest"):
        plan_training(request(store, tmp_path))


def test_segments_without_video_are_named_and_the_rest_is_used(store: Path, tmp_path: Path) -> None:
    lines = (store / "manifest.csv").read_text().splitlines()
    lines.append(lines[1].replace("push_left-0", "lost").replace("push_left/0", "push_left/9"))
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    plan = plan_training(request(store, tmp_path, manifest=tmp_path / "labels.csv"))
    assert len(plan.data.segments["train"]) == 12
    (sentence,) = plan.data.skipped
    assert "9.mp4" in sentence


def test_a_damaged_run_is_named(trained: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        read_run(tmp_path)
    (tmp_path / "recipe.toml").write_text((trained.folder / "recipe.toml").read_text())
    document = json.loads((trained.folder / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(document | {"seed": "one"}))
    with pytest.raises(RunError, match="seed"):
        read_run(tmp_path)


@pytest.mark.parametrize(("batch", "parts"), [(10, 5), (15, 3)])
def test_batches_in_parts_train_as_whole_ones(store: Path, tmp_path: Path, batch: int, parts: int) -> None:
    """Of 12 clips the last batch has 2 (one part), or all 12 (parts of 5, 5 and 2)."""
    plain = ["network.dropout=0.0"]
    for stage in ("stage1", "stage2"):
        plain += [
            f"stages.{stage}.batch_size={batch}",
            f"stages.{stage}.trains=temporal",
            f"stages.{stage}.epochs=1",
        ]
    before, whole, divided = (
        read_weights(
            train_model(
                request(store, tmp_path / name, "convlstm", *plain, *more, accumulate=accumulate)
            ).run.best_checkpoint
        )
        for name, accumulate, more in (
            ("untrained", 1, ("stages.stage1.lr=1e-12", "stages.stage2.lr=1e-12")),
            ("whole", 1, ()),
            ("parts", parts, ()),
        )
    )
    learned = max(float((whole[name] - before[name]).abs().max()) for name in whole)
    apart = max(float((whole[name] - divided[name]).abs().max()) for name in whole)
    assert apart < 0.01 * learned


def test_memory_that_does_not_suffice_is_a_sentence(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("egotool.training.fitting.Trainer.fit", full)
    with pytest.raises(
        RunError, match="stage1 with 2 clips at once: --accumulate 4 computes them in 4 parts"
    ):
        train_model(request(store, tmp_path, "convlstm", accumulate=2))
    assert not list(tmp_path.rglob("run.json"))


def test_shared_memory_that_does_not_suffice_is_a_sentence(
    store: Path, tmp_path: Path, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError(
            "Caught RuntimeError in DataLoader worker process 0.\nunable to allocate shared memory(shm)"
        )

    said = r"from 1 process: give --workers 0, or give a container more of it \(docker run --ipc=host\)"
    with monkeypatch.context() as patch:
        patch.setattr("egotool.training.fitting.Trainer.fit", full)
        with pytest.raises(RunError, match=said):
            train_model(request(store, tmp_path, "convlstm", workers=1))
    monkeypatch.setattr("torch.utils.data.DataLoader.__iter__", full)
    with pytest.raises(RunError, match=said):
        evaluate_run(trained, device=torch.device("cpu"), workers=1)
    with pytest.raises(RuntimeError, match="Caught RuntimeError"):  # no worker, no shared memory
        evaluate_run(trained, device=torch.device("cpu"))


def replace_record(run: Run, **changes: object) -> Run:
    return Run(run.folder, record=run.record.model_copy(update=changes), recipe=run.recipe)


def test_scoring_that_memory_does_not_suffice_for_is_a_sentence(
    trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("egotool.evaluation.evaluating.forward_clip", full)
    trained = replace_record(trained, accumulate=2)
    with pytest.raises(RunError, match=r"cannot hold 2 clips of .* at once: --device cpu"):
        evaluate_run(trained, device=torch.device("cpu"))


def test_what_changes_the_numbers_is_part_of_the_identity(store: Path, tmp_path: Path) -> None:
    plain, *others = (
        plan_training(request(store, tmp_path, "convlstm", **changed)).stages[-1].identity
        for changed in ({}, {"devices": 2}, {"accumulate": 2}, {"precision": "bf16-mixed"}, {"balance": True})
    )
    assert len({plain, *others}) == 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"weights": Path("resnet.pth")}, "recipe small starts from random weights: leave --weights out"),
        ({"precision": "16-mixed"}, "--precision 16-mixed needs a GPU"),
        ({"accumulate": 3}, "cannot be divided into so many equal parts, but into 2, 4"),
    ],
)
def test_what_would_be_ignored_is_refused(
    store: Path, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        plan_training(request(store, tmp_path, "convlstm", **changed))


def test_a_recipe_on_another_models_base_is_for_that_model(tmp_path: Path) -> None:
    path = tmp_path / "mix.toml"
    path.write_text('base = "demo/idt-net"\n')
    assert load_recipe("idt-net", str(path)).head is not None
    with pytest.raises(RecipeError, match="for the model 'idt-net', not for 'dynamic-net'"):
        load_recipe("dynamic-net", str(path))


def test_a_last_checkpoint_of_another_kind_means_beginning_anew_and_says_so(
    store: Path, tmp_path: Path
) -> None:
    told: list[str] = []

    class Listening(SilentProgress):
        def message(self, text: str) -> None:
            told.append(text)

    with pytest.raises(Killed):
        train_model(request(store, tmp_path, "convlstm"), progress=KillAt("stage2", 27))
    (last,) = tmp_path.glob("convlstm-*/checkpoints/last.ckpt")
    last.write_bytes(last.with_name("best.ckpt").read_bytes())
    assert train_model(request(store, tmp_path, "convlstm"), progress=Listening()).run.finished
    assert any("Begun anew" in text for text in told)


def test_a_runs_folder_that_cannot_be_made_is_a_sentence(store: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="choose another --runs folder"):
        train_model(request(store, tmp_path / "file", "convlstm"))


def test_an_unfinished_training_is_scored_as_what_it_is(store: Path, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train_model(request(store, tmp_path, "convlstm"), progress=KillAt("stage2", 27))
    (run,) = (run for run in find_runs(tmp_path, finished=False) if run.record.model == "convlstm")
    assert "the best of 2 of 3 epochs so far" in evaluate_run(run, device=torch.device("cpu")).selection


def test_damaged_runs_are_left_out_and_named(trained: Run, tmp_path: Path) -> None:
    shutil.copytree(trained.folder, tmp_path / "good")
    shutil.copytree(trained.folder, tmp_path / "bad")
    (tmp_path / "bad" / "run.json").write_text("{")
    assert [run.name for run in find_runs(tmp_path)] == ["good"]
    (sentence,) = damaged_runs(tmp_path)
    assert "bad/run.json is damaged" in sentence


def test_scores_of_weights_that_it_did_not_end_with_are_made_again(
    trained: Run, store: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained.folder.parent, tmp_path / "runs")
    run = read_run(tmp_path / "runs" / trained.name)
    right = run.scores("test")
    assert right is not None and run.ended_with(right) and run.was_trained_with_data_of(right)
    for wrong in (
        {"selection": "epoch 1, the best of 1 of 2 epochs so far"},
        {"data_fingerprint": "f" * 64},
    ):
        run.write_scores(right.model_copy(update={**wrong, "top1": 0.0, "segments": 1}))
        result = train_model(request(store, tmp_path / "runs", keep="both"))
        assert result.run.name == run.name
        assert result.scores is not None
        assert (result.scores.top1, result.scores.segments) == (right.top1, right.segments)


def test_going_on_forgets_scores_from_before(store: Path, tmp_path: Path) -> None:
    wanted = request(store, tmp_path / "runs", "convlstm", "stages.1.epochs=3")
    with pytest.raises(Killed):
        train_model(wanted, progress=KillAt("convlstm stage2", 13))
    (folder,) = (tmp_path / "runs").glob("convlstm-*")
    scores = evaluate_run(read_run(folder))
    assert "so far" in scores.selection
    result = train_model(wanted)
    assert result.scores is not None and "so far" not in result.scores.selection


def test_the_last_weights_are_not_lost_for_the_best(store: Path, tmp_path: Path) -> None:
    train_model(request(store, tmp_path, "convlstm", keep="last"))
    (stage,) = tmp_path.glob("stage1-*")
    (stage / "checkpoints" / "best.ckpt").rename(stage / "checkpoints" / "last.ckpt")
    with pytest.raises(RunError, match="keeps the weights of its last epoch only"):
        train_model(request(store, tmp_path, "convlstm", again=True))
    assert (stage / "checkpoints" / "last.ckpt").is_file()


def test_what_was_stopped_before_its_first_epoch_was_done_is_not_called_damaged(
    store: Path, tmp_path: Path
) -> None:
    wanted = request(store, tmp_path, "convlstm")
    with pytest.raises(Killed):
        train_model(wanted, progress=KillAt("stage1", 0))
    told: list[str] = []

    class Listens(SilentProgress):
        def message(self, text: str) -> None:
            told.append(text)

    train_model(wanted, progress=Listens())
    assert told and not any("damaged" in each for each in told)
