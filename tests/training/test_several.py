"""Trials, rows of tables, searches: what fails, what is reused, what an interruption leaves."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from egotool.errors import RunError, UsageError
from egotool.progress import SilentProgress
from egotool.runs import Recipe, find_runs, load_recipe, read_run
from egotool.runs.paper import read_paper
from egotool.training import Task, TrainingRequest, choose_rows, row_tasks, train_all
from egotool.training import search as search_module
from egotool.training.search import search, search_folder, search_ranges
from tests.training.small_store import TINY, make_labelled_store
from tests.training.test_chain import KillAt, Killed

BRIEF = (*TINY, "stages.0.epochs=1", "stages.1.epochs=1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_labelled_store(tmp_path_factory.mktemp("data") / "store", each=2)


def request(store: Path, runs: Path, recipe: Recipe, seed: int = 0) -> TrainingRequest:
    return TrainingRequest(recipe=recipe, store=store, runs=runs, device="cpu", seed=seed)


def trials(store: Path, runs: Path, *seeds: int) -> list[Task]:
    recipe = load_recipe("convlstm", "small", overrides=BRIEF)
    return [Task(f"seed {seed}", lambda seed=seed: request(store, runs, recipe, seed)) for seed in seeds]


def test_what_fails_is_named_and_the_others_are_trained(store: Path, tmp_path: Path) -> None:
    first, last = trials(store, tmp_path, 0, 1)

    def broken() -> TrainingRequest:
        raise ZeroDivisionError("by zero")

    missing = Task("no store", lambda: replace(last.make_request(), store=tmp_path / "none"))
    attempts = train_all([first, Task("broken", broken), missing, last])
    assert [attempt.state for attempt in attempts] == ["trained", "failed", "failed", "trained"]
    assert "ZeroDivisionError: by zero" in attempts[1].error
    assert "none" in attempts[2].error
    assert [attempt.accuracy is None for attempt in attempts] == [False, True, True, False]


def test_interrupted_it_goes_on_and_nothing_is_trained_twice(store: Path, tmp_path: Path) -> None:
    tasks = trials(store, tmp_path, 0, 1)
    with pytest.raises(Killed):  # in stage 1 of the second: 8 clips per epoch and stage
        train_all(tasks, progress=KillAt("stage1", 10))
    (finished,) = find_runs(tmp_path)
    before = (finished.folder / "run.json").read_bytes()
    attempts = train_all(tasks)
    assert [attempt.state for attempt in attempts] == ["reused", "trained"]
    assert (finished.folder / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "chosen"), [(None, (1, 2, 3, 4, 5)), ("2", (2,)), ("1,3-5", (1, 3, 4, 5)), ("4,4", (4,))]
)
def test_rows_are_chosen_by_number(text: str | None, chosen: tuple[int, ...]) -> None:
    assert choose_rows(text, read_paper().table(5)) == chosen


@pytest.mark.parametrize("text", ["0", "6", "3-9", "5-3", "two", "1,,2", ""])
def test_rows_that_there_are_not(text: str) -> None:
    with pytest.raises(UsageError, match="--rows"):
        choose_rows(text, read_paper().table(5))


def test_rows_of_a_table_are_runs_of_their_own_numbers(store: Path, tmp_path: Path) -> None:
    tasks = row_tasks(
        2,
        rows="1-2",
        trials=1,
        seed=3,
        recipe="small",
        overrides=BRIEF,
        make_request=lambda recipe, seed, fold: request(store, tmp_path, recipe, seed),
    )
    attempts = train_all([each.task for each in tasks])
    assert [attempt.state for attempt in attempts] == ["trained", "trained"]
    runs = sorted(find_runs(tmp_path), key=lambda run: run.recipe.row)
    assert [run.recipe.row for run in runs] == ["table2-row1", "table2-row2"]
    assert [run.record.seed for run in runs] == [3, 3]
    for run, row in zip(runs, read_paper().table(2).rows, strict=False):
        assert row.settings is not None
        assert run.recipe.head is not None
        assert run.recipe.head.alpha == row.settings.head_weight
        assert run.recipe.stages[1].lr_backbone == row.settings.backbone_learning_rate
    assert len(list(tmp_path.glob("stage1-*"))) == 1  # shared


def test_a_table_has_as_many_trials_as_the_paper_made() -> None:
    tasks = row_tasks(4, rows="1", trials=None, seed=0, recipe="small", overrides=(), make_request=None)
    assert [each.seed for each in tasks] == [0, 1, 2]


def searching(store: Path, runs: Path, count: int, **options):
    def make(settings: Sequence[str]) -> TrainingRequest:
        recipe = load_recipe("dynamic-net", "small", overrides=(*BRIEF, *settings))
        return replace(request(store, runs, recipe), role="search", overrides=tuple(settings))

    return search(make, count=count, **options)


def test_a_search_never_scores_the_test_split_and_keeps_the_best_weights(store: Path, tmp_path: Path) -> None:
    found = searching(store, tmp_path, 3)
    assert len(found.proposals) == 3
    assert found.best is not None
    assert found.best.accuracy == max(each.accuracy for each in found.proposals)
    for each in found.proposals:
        run = read_run(Path(each.run))
        assert run.record.role == "search"
        assert run.scores("test") is None
        assert not run.predictions_file("test").exists()
        assert run.best_checkpoint.is_file() == (each.run == found.best.run)
    assert find_runs(tmp_path) == []  # not in any table
    again = searching(store, tmp_path, 3)
    assert again == found  # nothing further is proposed


def test_an_interrupted_search_goes_on_with_the_same_proposals(store: Path, tmp_path: Path) -> None:
    whole = searching(store, tmp_path / "whole", 3)
    with pytest.raises(Killed):  # in stage 2 of the second proposal
        searching(store, tmp_path / "cut", 3, progress=KillAt("stage2", 12))
    found = searching(store, tmp_path / "cut", 3)
    assert [each.settings for each in found.proposals] == [each.settings for each in whole.proposals]
    assert [each.accuracy for each in found.proposals] == [each.accuracy for each in whole.proposals]


def test_a_search_that_is_interrupted_often_still_ends(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(search_module, "run_plan", killed)
        for _ in range(5):
            with pytest.raises(Killed):
                searching(store, tmp_path, 1)
    found = searching(store, tmp_path, 1)
    assert found.best is not None and len(found.proposals) == 1


def test_a_search_in_which_everything_fails_ends_and_names_no_best(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object, **options: object) -> None:
        raise RunError("diverged")

    monkeypatch.setattr(search_module, "run_plan", failing)
    found = searching(store, tmp_path, 2)
    assert found.best is None and [each.accuracy for each in found.proposals] == [None] * 4
    assert searching(store, tmp_path, 2) == found


def test_of_two_searches_at_once_one_waits(store: Path, tmp_path: Path) -> None:
    recipe = load_recipe("dynamic-net", "small", overrides=BRIEF)
    folder = search_folder(replace(request(store, tmp_path, recipe), role="search"))
    folder.mkdir(parents=True)
    waiting = threading.Event()

    class Listening(SilentProgress):
        def message(self, text: str) -> None:
            if "waiting for it" in text:
                waiting.set()

    with FileLock(folder / ".lock"):
        thread = threading.Thread(
            target=searching, args=(store, tmp_path, 1), kwargs={"progress": Listening()}
        )
        thread.start()
        assert waiting.wait(60)
        assert not (folder / "journal.log").exists()
    thread.join(120)
    assert len(searching(store, tmp_path, 1).proposals) == 1


def test_a_search_trains_on_one_device(store: Path, tmp_path: Path) -> None:
    recipe = load_recipe("dynamic-net", "small", overrides=BRIEF)
    with pytest.raises(UsageError, match="--devices"):
        search(lambda _: replace(request(store, tmp_path, recipe), devices=2), count=1)


def test_the_best_of_a_search_becomes_a_model_when_asked_for(store: Path, tmp_path: Path) -> None:
    found = searching(store, tmp_path, 1)
    assert found.best is not None
    recipe = load_recipe("dynamic-net", "small", overrides=(*BRIEF, *found.best.settings))
    (attempt,) = train_all([Task("best", lambda: request(store, tmp_path, recipe))])
    assert attempt.state == "reused"
    assert attempt.accuracy is not None
    (run,) = find_runs(tmp_path)
    assert str(run.folder) == found.best.run


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("dynamic-net", {"stages.1.lr", "stages.1.lr_head", "stages.1.lr_backbone", "head.alpha"}),
        ("convlstm", {"stages.1.lr", "stages.1.lr_backbone"}),
        ("flow", {"stages.0.lr", "stages.0.weight_decay", "network.dropout"}),
        ("two-stream", {"stages.0.lr", "stages.0.lr_backbone", "stages.0.lr_flow"}),
    ],
)
def test_only_what_a_recipe_has_is_searched(model: str, keys: set[str]) -> None:
    recipe = load_recipe(model, "paper")
    ranges = search_ranges(recipe)
    assert {each.key for each in ranges} == keys
    middle = [f"{each.key}={(each.low * each.high) ** 0.5:.6e}" for each in ranges]
    load_recipe(model, "paper", overrides=middle)  # every proposal is a recipe
    assert all(each.low < each.high for each in ranges)
