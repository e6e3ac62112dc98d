import json
from pathlib import Path

import pytest

from egotool.errors import UsageError
from egotool.reporting import collect_outcomes, comparison_table
from egotool.reporting.collecting import PUBLISHED_WEIGHTS
from egotool.reporting.matching import experiment_of
from egotool.runs import load_recipe
from egotool.training.weights import published_imagenet_weights
from tests.reporting.fabricated import make_run


def test_no_folder_holds_no_runs(tmp_path: Path) -> None:
    found = collect_outcomes(tmp_path / "runs")
    assert found == type(found)((), (), ())


def test_a_file_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        collect_outcomes(tmp_path / "runs")


def test_unfinished_and_unscored_runs_are_named_with_their_command(tmp_path: Path) -> None:
    make_run(tmp_path, "going", model="dynamic-net", status="training")
    make_run(tmp_path, "silent", model="dynamic-net", scored=False)
    found = collect_outcomes(tmp_path)
    assert not found.outcomes
    assert not found.problems
    assert found.unfinished[0].startswith(
        "Run going is not finished (2 of 5 epochs): `egotool train dynamic-net`"
    )
    assert "`egotool evaluate" in found.unfinished[1]
    make_run(tmp_path / "my runs", "silent", model="dynamic-net", scored=False)
    (sentence,) = collect_outcomes(tmp_path / "my runs").unfinished
    assert f"`egotool evaluate '{tmp_path}/my runs/silent' --split test`" in sentence


def test_damaged_runs_are_named_and_the_others_read(tmp_path: Path) -> None:
    make_run(tmp_path, "good", model="dynamic-net")
    make_run(tmp_path, "broken", model="dynamic-net")
    (tmp_path / "broken" / "run.json").write_text("{")
    make_run(tmp_path, "scoreless", model="dynamic-net")
    (tmp_path / "scoreless" / "scores" / "test.json").write_text("[]")
    found = collect_outcomes(tmp_path)
    assert [outcome.run for outcome in found.outcomes] == ["good"]
    assert len(found.problems) == 2
    assert "broken" in found.problems[0]
    assert "scoreless" in found.problems[1]


def test_scores_on_another_manifest_are_not_used(tmp_path: Path) -> None:
    run = make_run(tmp_path, "moved", model="dynamic-net")
    scores = json.loads(run.scores_file("test").read_text())
    scores["manifest_fingerprint"] = "f" * 64
    run.scores_file("test").write_text(json.dumps(scores))
    found = collect_outcomes(tmp_path)
    assert not found.outcomes
    assert "other data" in found.problems[0] and "--overwrite" in found.problems[0]


def test_scores_on_other_videos_are_not_used_either(tmp_path: Path) -> None:
    run = make_run(tmp_path, "moved", model="dynamic-net")
    scores = json.loads(run.scores_file("test").read_text())
    for digest, used in ((run.record.data.fingerprint, 1), ("f" * 64, 0), (None, 1)):
        run.scores_file("test").write_text(json.dumps(scores | {"data_fingerprint": digest}))
        assert len(collect_outcomes(tmp_path).outcomes) == used


def test_trials_on_several_devices_or_of_other_precision_are_another_experiment(tmp_path: Path) -> None:
    make_run(tmp_path, "plain", model="dynamic-net")
    run = make_run(tmp_path, "half", model="dynamic-net", seed=1)
    run.update(devices=2, accumulate=4, precision="bf16-mixed")
    half, plain = collect_outcomes(tmp_path).outcomes
    assert (
        half.overrides == ("--devices 2", "--accumulate 4", "--precision bf16-mixed")
        and plain.overrides == ()
    )
    assert experiment_of(half) != experiment_of(plain)


def test_trials_that_begin_with_other_weights_are_another_experiment(tmp_path: Path) -> None:
    """Found in the first stage; one's own copy of the published file is the published one."""
    recipe = load_recipe("dynamic-net", "paper")
    first = recipe.until(0)
    weights = {
        "gone": "",
        "published": "ImageNet, resnet34-b627a593.pth (b627a593)",
        "copy": "ImageNet, copied.pth (b627a593)",
        "other": "ImageNet, mine.pth (deadbeef)",
    }
    for name, said in weights.items():
        if said:
            stage = make_run(tmp_path, f"stage-{name}", model="stage1", role="stage", resolved=first)
            stage.update(weights=said)
        run = make_run(tmp_path, name, model="dynamic-net", resolved=recipe, parents=(f"stage-{name}",))
        run.update(weights=f"those of stage-{name}")
    outcomes = {each.run: each for each in collect_outcomes(tmp_path).outcomes}
    assert len({experiment_of(outcomes[name]) for name in ("gone", "published", "copy")}) == 1
    assert experiment_of(outcomes["other"]) != experiment_of(outcomes["published"])
    assert outcomes["other"].overrides == ("weights mine.pth (deadbeef)",)
    assert outcomes["published"].overrides == outcomes["other"].started_from == ()


def test_the_published_weights_are_those_that_are_trained_from() -> None:
    assert {published_imagenet_weights(depth).digest for depth in (18, 34, 50)} == PUBLISHED_WEIGHTS


def test_a_stage_that_was_trained_otherwise_is_not_the_one_that_would_have_been_trained(
    tmp_path: Path,
) -> None:
    recipe = load_recipe("dynamic-net", "paper")
    stage = make_run(tmp_path, "stage", model="stage1", role="stage", resolved=recipe.until(0))
    run = make_run(tmp_path, "run", model="dynamic-net", resolved=recipe, parents=("stage",))
    stage.update(balance=True)
    (outcome,) = collect_outcomes(tmp_path).outcomes
    assert outcome.started_from == ("stage",)
    run.update(balance=True)
    (outcome,) = collect_outcomes(tmp_path).outcomes
    assert outcome.started_from == ()


def test_a_recipe_that_only_has_a_shipped_ones_name_is_shown_as_changed(tmp_path: Path) -> None:
    """Recipe files could be called `paper` once."""
    other = load_recipe("dynamic-net", "paper", overrides=("clips.length=3",))
    make_run(tmp_path, "a-file", model="dynamic-net", recipe="paper", resolved=other)
    make_run(tmp_path, "set", model="dynamic-net", recipe="paper", overrides=("clips.length=3",))
    make_run(tmp_path, "shipped", model="dynamic-net", recipe="paper")
    outcomes = collect_outcomes(tmp_path).outcomes
    assert [each.overrides for each in outcomes] == [("own recipe file",), ("clips.length=3",), ()]
    table = comparison_table(4, outcomes[:1])
    assert not any("`paper` follows the publication" in note for note in table.footnotes)
    assert any("a-file has the name of the recipe `paper`, but not its" in note for note in table.footnotes)


def test_what_a_run_says_is_read(tmp_path: Path) -> None:
    make_run(tmp_path, "run", model="idt-net", correct=(7, 2), totals=(8, 4), seed=5)
    (outcome,) = collect_outcomes(tmp_path).outcomes
    assert (outcome.correct, outcome.segments, outcome.seed) == (9, 12, 5)
    assert outcome.accuracy == 75.0
    assert outcome.clip_length == 16
    assert outcome.settings is not None
    assert outcome.settings.loss == "mse"
