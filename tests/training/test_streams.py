"""The models flow and two-stream, what trainings start from, and what stays of them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from egotool.errors import RunError, UsageError
from egotool.evaluation import read_predictions
from egotool.manifests import Manifest, read_manifest, write_manifest
from egotool.runs import Run, load_recipe, read_labelled_data, read_weights, subjects_of
from egotool.training import TrainingRequest, plan_training, run_plan, train_model
from tests.training.small_store import TINY, TINY_FLOW, TINY_TWO_STREAM, make_labelled_store
from tests.training.test_chain import KillAt, Killed, same_weights

OVERRIDES = {"flow": TINY_FLOW, "two-stream": TINY_TWO_STREAM}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_labelled_store(tmp_path_factory.mktemp("data") / "store")


def request(store: Path, runs: Path, model: str, *overrides: str, **options) -> TrainingRequest:
    recipe = load_recipe(model, "small", overrides=[*OVERRIDES.get(model, TINY), *overrides])
    return TrainingRequest(recipe=recipe, store=store, runs=runs, device="cpu", **options)


@pytest.fixture(scope="module")
def two_stream(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    return train_model(request(store, tmp_path_factory.mktemp("runs"), "two-stream")).run


def test_two_stream_trains_what_it_starts_from_and_scores_each(two_stream: Run, store: Path) -> None:
    runs = two_stream.folder.parent
    assert two_stream.record.role == "model"
    assert [name.rpartition("-")[0] for name in two_stream.record.parents] == [
        "convlstm-attention-small",
        "flow-small",
    ]
    for parent in two_stream.record.parents:
        assert (runs / parent / "scores" / "test.json").is_file()
    # both streams are the very runs that training them alone would give
    for model in ("convlstm-attention", "flow"):
        plan = plan_training(request(store, runs, model))
        assert {stage.state for stage in plan.stages} == {"reuse"}


def test_a_stream_that_diverges_names_its_own_key(store: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"^flow-small-\S+ diverged .*`--set streams\.flow\.stages\.0\.lr=…`"):
        train_model(request(store, tmp_path, "two-stream", "streams.flow.stages.0.lr=1e30"))


def test_a_stream_remembers_what_was_changed_for_it(store: Path, tmp_path: Path) -> None:
    changes = ("stages.0.lr=1e-3", "streams.rgb.stages.1.lr=2e-3", "streams.flow.stages.0.lr=3e-3")
    plan = plan_training(request(store, tmp_path, "two-stream", *changes, overrides=changes))
    assert [stage.overrides for stage in plan.stages] == [
        ("stages.1.lr=2e-3",),
        ("stages.1.lr=2e-3",),
        ("stages.0.lr=3e-3",),
        changes,
    ]


def test_two_stream_begins_with_the_weights_of_its_streams(two_stream: Run, store: Path) -> None:
    runs = two_stream.folder.parent
    joint = read_weights(two_stream.best_checkpoint)
    for stream, parent in zip(("rgb", "flow"), two_stream.record.parents, strict=True):
        weights = read_weights(runs / parent / "checkpoints" / "best.ckpt")
        frozen = [name for name in weights if f"{stream}.{name}" not in two_stream.record.trainable]
        assert f"{stream}.backbone.conv1.weight" in {f"{stream}.{name}" for name in frozen}
        for name in frozen:
            if stream == "flow" and ".layer4." in f".{name}":
                continue  # the statistics of its batch norms adapt
            assert torch.equal(joint[f"{stream}.{name}"], weights[name]), name
        moved = [name for name in weights if f"{stream}.{name}" in two_stream.record.trainable]
        assert any(not torch.equal(joint[f"{stream}.{name}"], weights[name]) for name in moved)


@pytest.mark.parametrize(("model", "task"), [("flow", "flow"), ("two-stream", "joint")])
def test_killed_midway_they_end_with_the_same_weights(
    two_stream: Run, store: Path, tmp_path: Path, model: str, task: str
) -> None:
    with pytest.raises(Killed):
        train_model(request(store, tmp_path, model), progress=KillAt(task, 17))
    plan = plan_training(request(store, tmp_path, model))
    assert plan.stages[-1].state == "resume"
    resumed = run_plan(plan).run
    if model == "two-stream":
        assert same_weights(resumed, two_stream)
    else:
        (flow,) = two_stream.folder.parent.glob("flow-*")
        assert (resumed.folder / "metrics.csv").read_text() == (flow / "metrics.csv").read_text()


def test_flow_learns_which_way_things_move(store: Path, tmp_path: Path) -> None:
    run = train_model(request(store, tmp_path, "flow", "stages.0.epochs=20")).run
    predictions = read_predictions(run.predictions_file("test"))
    assert (predictions.predicted == predictions.labels).mean() >= 0.75  # four directions


def test_from_given_runs(two_stream: Run, store: Path, tmp_path: Path) -> None:
    runs = two_stream.folder.parent
    rgb, flow = (runs / name for name in two_stream.record.parents)
    plan = plan_training(request(store, tmp_path, "two-stream", start_from=(flow, rgb)))
    assert [stage.parents for stage in plan.stages] == [(rgb, flow)]
    run = run_plan(plan).run
    assert same_weights(run, two_stream)
    plan = plan_training(request(store, tmp_path, "dynamic-net", start_from=(rgb,)))
    assert [stage.stage.name for stage in plan.stages] == ["stage2"]
    run = run_plan(plan).run
    assert run.record.weights == f"those of {rgb.name}"
    # another parent is another training
    assert run.name != plan_training(request(store, tmp_path, "dynamic-net")).stages[-1].folder.name


@pytest.mark.parametrize(
    ("model", "parents", "error", "said"),
    [
        ("two-stream", ("rgb",), UsageError, "starts from two runs"),
        ("two-stream", ("rgb", "rgb"), RunError, "starts from a run on frames and one on flow, not"),
        ("dynamic-net", ("flow",), RunError, "cannot start from"),
        ("dynamic-net", ("rgb", "flow"), UsageError, "one run"),
    ],
)
def test_runs_that_do_not_fit_are_refused(
    two_stream: Run, store: Path, tmp_path: Path, model: str, parents: tuple[str, ...], error, said: str
) -> None:
    runs = two_stream.folder.parent
    folders = dict(zip(("rgb", "flow"), (runs / name for name in two_stream.record.parents), strict=True))
    start_from = tuple(folders[name] for name in parents)
    with pytest.raises(error, match=said):
        plan_training(request(store, tmp_path, model, start_from=start_from))


def test_a_run_of_another_size_is_refused_before_anything_is_written(
    two_stream: Run, store: Path, tmp_path: Path
) -> None:
    rgb, flow = (two_stream.folder.parent / name for name in two_stream.record.parents)
    with pytest.raises(RunError, match=r"convlstm\.input_gates\.weight is \(32, .* not \(64, "):
        plan_training(request(store, tmp_path, "idt-net", "network.hidden=16", start_from=(rgb,)))
    wide = ("streams.flow.network.backbone.width=16",)
    with pytest.raises(RunError, match=r"backbone\.conv1\.weight is \(8, .* not \(16, "):
        plan_training(request(store, tmp_path, "two-stream", *wide, start_from=(rgb, flow)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("keep", "best", "last"),
    [("best", True, False), ("last", False, True), ("both", True, True), ("none", False, False)],
)
def test_what_stays_of_a_finished_run(store: Path, tmp_path: Path, keep, best: bool, last: bool) -> None:
    brief = ("stages.0.epochs=1", "stages.1.epochs=1")
    run = train_model(request(store, tmp_path, "convlstm", *brief, keep=keep)).run
    assert (run.best_checkpoint.is_file(), run.last_checkpoint.is_file()) == (best, last)
    (stage,) = tmp_path.glob("stage1-*")
    assert [path.name for path in (stage / "checkpoints").iterdir()] == ["best.ckpt"]
    # finished and scored is finished, with or without weights
    assert {each.state for each in plan_training(request(store, tmp_path, "convlstm", *brief)).stages} == {
        "reuse"
    }


def test_leaving_each_subject_out(tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", actions=("push_left", "push_right"), each=4)
    manifest = read_manifest(store / "manifest.csv")
    who = {number: f"S{number % 3 + 1}" for number in range(6)}
    segments = [replace(each, subject=who[int(each.segment[-1])]) for each in manifest.segments]
    write_manifest(Manifest(tuple(segments)), store / "manifest.csv")
    assert subjects_of(store) == ("S1", "S2", "S3")
    plans = [plan_training(request(store, tmp_path, "convlstm", fold=fold)) for fold in subjects_of(store)]
    for fold, plan in zip(subjects_of(store), plans, strict=True):
        assert {each.subject for each in plan.data.segments["test"]} == {fold}
        others = (*plan.data.segments["train"], *plan.data.segments["validation"])
        assert fold not in {each.subject for each in others}
        assert len(others) == 8
        assert plan.data.record.fold == fold
    assert len({plan.stages[-1].identity for plan in plans}) == 3
    assert len({plan.data.record.whole_fingerprint for plan in plans}) == 1
    assert read_labelled_data(store).record.whole_fingerprint == ""


def test_what_has_seen_the_subject_that_tests_is_nothing_to_start_from(tmp_path: Path) -> None:
    store = make_labelled_store(tmp_path / "store", actions=("push_left", "push_right"), each=4)
    manifest = read_manifest(store / "manifest.csv")
    who = [f"S{number % 3 + 1}" for number in range(6)]
    segments = [replace(each, subject=who[int(each.segment[-1])]) for each in manifest.segments]
    write_manifest(Manifest(tuple(segments)), store / "manifest.csv")
    runs, brief = tmp_path / "runs", ("stages.0.epochs=1", "stages.1.epochs=1")
    rgb = train_model(request(store, runs, "convlstm-attention", *brief, fold="S1")).run.folder
    again = plan_training(request(store, runs, "dynamic-net", *brief, fold="S1", start_from=(rgb,)))
    assert again.stages[-1].parents == (rgb,)
    for fold in ("S2", ""):
        seen = r"for which subject S1 tested, has seen \d of the \d segments that test here"
        with pytest.raises(RunError, match=seen):
            plan_training(request(store, runs, "dynamic-net", *brief, fold=fold, start_from=(rgb,)))


def test_a_start_that_the_test_split_picked_is_told(store: Path, tmp_path: Path) -> None:
    brief = ("stages.0.epochs=1", "stages.1.epochs=1")
    rgb = train_model(request(store, tmp_path, "convlstm-attention", *brief, protocol="paper")).run.folder
    for protocol, notes in (("honest", 1), ("paper", 0)):
        plan = plan_training(
            request(store, tmp_path, "dynamic-net", *brief, start_from=(rgb,), protocol=protocol)
        )
        assert len(plan.notes) == notes
        assert all(f"{rgb.name} is of protocol paper" in note for note in plan.notes)


def test_one_subject_cannot_be_left_out(store: Path) -> None:
    with pytest.raises(Exception, match="takes at least two"):
        subjects_of(store)
