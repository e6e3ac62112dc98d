from pathlib import Path

import pytest

from egotool.errors import RunError, UsageError
from egotool.reporting.figures import choose_figure_runs
from tests.reporting.fabricated import make_run


def made(folder: Path, name: str, model: str, **options: object) -> None:
    run = make_run(folder, name, model=model, **options)
    run.best_checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run.best_checkpoint.write_bytes(b"weights")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for seed in (0, 1):
        made(tmp_path, f"rgb-{seed}", "convlstm-attention", seed=seed)
        made(tmp_path, f"idt-{seed}", "idt-net", seed=seed)
    made(tmp_path, "dynamic", "dynamic-net", seed=0)
    made(tmp_path, "flow", "flow", seed=0)
    make_run(tmp_path, "without-weights", model="dynamic-net", seed=5)
    return tmp_path


def names(figure: int, runs: Path, *named: str) -> list[str]:
    return [run.name for run in choose_figure_runs(figure, named, runs=runs).runs]


def test_figures_choose_what_they_need(runs: Path) -> None:
    (one,) = names(1, runs)
    assert one in ("rgb-0", "rgb-1")
    assert names(2, runs) == ["dynamic"]
    without, with_ = names(3, runs)
    assert (without[:3], with_[:3]) == ("rgb", "idt") and without[-1] == with_[-1]  # the same seed
    assert names(4, runs) == ["dynamic"]


def test_one_of_a_pair_is_completed(runs: Path) -> None:
    assert names(3, runs, "idt-0") == ["rgb-0", "idt-0"]
    assert names(3, runs, "rgb-1") == ["rgb-1", "idt-1"]
    assert names(3, runs, "dynamic-net") == ["rgb-0", "dynamic"]
    assert names(3, runs, "rgb-1", "dynamic") == ["rgb-1", "dynamic"]


def test_figure_2_takes_any_model_with_or_without_a_run(runs: Path) -> None:
    assert names(2, runs, "flow") == ["flow"]
    assert choose_figure_runs(2, ["two-stream"], runs=runs).runs == ()
    assert choose_figure_runs(2, ["ms"], runs=runs).model == "convlstm-idt"


def test_what_does_not_fit_is_refused(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(UsageError, match="1 to 4"):
        choose_figure_runs(5, [], runs=runs)
    with pytest.raises(UsageError, match="one run, not 2"):
        choose_figure_runs(4, ["dynamic", "idt-0"], runs=runs)
    with pytest.raises(RunError, match="no class activation map"):
        choose_figure_runs(1, ["flow"], runs=runs)
    with pytest.raises(RunError, match="has none"):
        choose_figure_runs(4, ["idt-0"], runs=runs)
    empty = tmp_path_factory.mktemp("empty")
    for figure in (1, 3, 4):
        with pytest.raises(RunError, match="egotool train"):
            choose_figure_runs(figure, [], runs=empty)
    with pytest.raises(RunError, match="no finished run of two-stream"):
        choose_figure_runs(1, ["two-stream"], runs=runs)
