from pathlib import Path

import pytest

from egotool.errors import RecipeError, UsageError
from egotool.runs import (
    DynamicFilterRecipe,
    load_recipe,
    model_names,
    recipe_from_toml,
    recipe_names,
    recipe_to_toml,
    resolve_model,
)

SHIPPED = [(recipe, model) for recipe in recipe_names() for model in model_names(recipe)]


@pytest.mark.parametrize(("recipe", "model"), SHIPPED)
def test_every_shipped_recipe_is_valid_and_survives_writing(recipe: str, model: str) -> None:
    loaded = load_recipe(model, recipe)
    assert (loaded.model, loaded.name) == (model, recipe)
    assert loaded.grid == 7
    assert recipe_from_toml(recipe_to_toml(loaded), origin="the same") == loaded


@pytest.mark.parametrize("recipe", recipe_names())
def test_models_of_a_recipe_share_the_stage_they_start_from(recipe: str) -> None:
    first = {
        model: load_recipe(model, recipe).until(0).model_dump(include={"clips", "network", "head", "stages"})
        for model in model_names(recipe)
        if model not in ("flow", "two-stream")
    }
    plain = first.pop("convlstm")
    assert all(each == first["dynamic-net"] for each in first.values())
    assert plain != first["dynamic-net"]


@pytest.mark.parametrize("recipe", recipe_names())
def test_two_stream_starts_from_the_models_rgb_and_flow_of_its_recipe(recipe: str) -> None:
    streams = load_recipe("two-stream", recipe).streams
    assert streams is not None
    assert streams.rgb == load_recipe("convlstm-attention", recipe)
    assert streams.flow == load_recipe("flow", recipe)


@pytest.mark.parametrize(
    ("model", "override", "said"),
    [
        ("two-stream", "clips.length=3", "clips are those of streams.rgb"),
        ("two-stream", "flow.stack=3", "flow is that of streams.flow"),
        ("two-stream", "streams.rgb.stages.stage2.lr=fast", r"streams\.rgb\.stages\.1\.lr"),
        ("flow", "network.backbone.classifier=imagenet", 'classifier = "actions"'),
        ("flow", "flow.stacks=0", r"flow\.stacks"),
        ("flow", "stages.0.frame_loss_weight=1", "needs frames"),
        ("rgb", "network.kind=flow", "network"),
        ("rgb", "flow.stack=5", "flow"),
    ],
)
def test_parts_that_do_not_fit_are_named(model: str, override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe(resolve_model(model), "small", overrides=[override])


def test_dynamic_net_as_run_is_the_best_row_of_table_2() -> None:
    recipe = load_recipe("dynamic-net", "paper")
    first, second = recipe.stages
    assert isinstance(recipe.head, DynamicFilterRecipe)
    assert (recipe.head.alpha, recipe.head.tap, recipe.head.form) == (1e-3, "convlstm", "full")
    assert (second.lr, second.lr_head, second.lr_backbone) == (1e-4, 1e-4, 4e-4)
    assert (second.milestones, second.decay, second.epochs) == ((30, 80), 0.2, 100)
    assert (first.lr, first.milestones, first.decay, first.epochs) == (1e-3, (25, 75, 150), 0.1, 200)
    for stage in recipe.stages:
        assert (stage.optimizer, stage.weight_decay, stage.eps, stage.batch_size) == ("adam", 4e-5, 1e-4, 32)
    assert (recipe.clips.length, recipe.clips.crop_size, recipe.network.dropout) == (16, 224, 0.7)


def test_overrides_reach_into_tables_and_stages() -> None:
    overrides = [
        "stages.0.lr=5e-4",
        "stages.stage2.milestones=[1, 2]",
        "head.form=depthwise",
        "clips.length=7",
    ]
    recipe = load_recipe("dynamic-net", "paper", overrides=overrides)
    assert recipe.stages[0].lr == 5e-4
    assert recipe.stages[1].milestones == (1, 2)
    assert recipe.head is not None and recipe.head.form == "depthwise"
    assert recipe.clips.length == 7


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("stages.0.lrr=1", r"stages\.0\.lrr is not known; did you mean lr\?"),
        ("stages.9.lr=1", "no '9'"),
        ("clip.length=3", "did you mean 'clips'"),
        ("clips.length=2.5", r"clips\.length is 2\.5, but it should be a whole number"),
        ("clips.length=true", r"clips\.length is True"),
        ('stages.0.lr="1e-3"', r"stages\.0\.lr is '1e-3'"),
        ("stages.0.lr=nan", r"stages\.0\.lr is"),
        ("stages.0.epochs=0", r"stages\.0\.epochs is 0"),
        ("stages.0.epochs=1.5", "it should be a whole number$"),
        ("network.kind=flow", "the key network.attention is not known( \\(and|$)"),
        ("clips.crop_size=256", "odd grid"),
        ("head.kind=foo", "kind 'dynamic-filters', 'motion-segmentation'"),
        ("network.backbone.width=32", "width = 64"),
        ("stages.0.frame_loss_weight=1", "classifier"),
        ("stages.1.head=false", "no stage has head"),
        ("stages.1.name=stage1", "the same name"),
        ("nothing", "key=value"),
        ("clips.length.more=1", "clips.length has no 'more'"),
        ("clips.length.more.x=1", "plain value"),
        ("model=2024-01-01", "dates"),
    ],
)
def test_a_wrong_override_is_one_sentence_about_its_key(override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as error:
        load_recipe("dynamic-net", "paper", overrides=[override])
    assert f"--set {override}" in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.exit_status == 2


def test_a_file_builds_on_a_shipped_recipe(tmp_path: Path) -> None:
    file = tmp_path / "my own.toml"
    file.write_text('base = "small"\n[clips]\nlength = 5\n')
    recipe = load_recipe("convlstm-attention", str(file))
    assert (recipe.name, recipe.clips.length, len(recipe.stages)) == ("my-own", 5, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "not valid TOML"),
        ('base = "huge"', "base is 'huge'"),
        ('model = "convlstm"', "for the model 'convlstm'"),
        ('description = "x"', "is missing"),
        (
            'base = "small"\n[head]\nkind = "dynamic-filters"\ntap = "convlstm"\nalhpa = 1.0\n',
            "head.alhpa is not known; did you mean alpha",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=said) as error:
        load_recipe("dynamic-net", str(file))
    assert "wrong.toml" in str(error.value)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("flow", "its network.kind is convlstm, not flow"),
        ("two-stream", "its network.kind is convlstm, not two-stream"),
        ("convlstm", "its network.attention is true, not false"),
        ("rgb", "its head is dynamic-filters with tap convlstm, not none"),
        ("idt-net", "not motion-segmentation with tap convlstm"),
        ("convlstm-dynamic", "not dynamic-filters with tap cnn"),
    ],
)
def test_a_file_that_names_no_model_is_not_trained_as_one_of_another_network(
    tmp_path: Path, model: str, said: str
) -> None:
    file = tmp_path / "mine.toml"
    head = '[head]\nkind = "dynamic-filters"\ntap = "convlstm"\nform = "full"\nalpha = 0.01\n'
    stage = '[[stages]]\nname = "stage1"\nhead = true\nlr_head = 1e-3\n'
    file.write_text(f'base = "small"\n{head}{stage}')
    assert load_recipe("dynamic-net", str(file)).head is not None
    with pytest.raises(RecipeError, match=said):
        load_recipe(resolve_model(model), str(file))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("paper.toml", 'base = "small"\n'),
        ("mine.toml", 'name = "paper"\nbase = "paper"\n[clips]\nlength = 5\n'),
        ("demo.toml", 'base = "small"\n'),
    ],
)
def test_a_file_that_passes_for_a_shipped_recipe_is_refused(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / file
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"the name of a shipped recipe, '.*rename it"):
        load_recipe("convlstm-attention", str(path))


def test_a_file_that_names_its_model_may_change_its_network(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "small/dynamic-net"\n[head]\ntap = "cnn"\n')
    recipe = load_recipe("dynamic-net", str(file))
    assert recipe.head is not None and recipe.head.tap == "cnn"


@pytest.mark.parametrize("model", ["dynamic-net", "two-stream"])
def test_the_recipe_file_of_a_run_repeats_it(tmp_path: Path, model: str) -> None:
    path = tmp_path / "recipe.toml"
    shipped = load_recipe(model, "small")
    path.write_text(recipe_to_toml(shipped))
    assert load_recipe(model, str(path)) == shipped
    assert load_recipe(model, str(path), overrides=("description=x",)).description == "x"


def test_a_two_stream_recipe_with_a_name_of_its_own_has_the_streams_of_its_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "paper/two-stream"\n')
    recipe = load_recipe("two-stream", str(path))
    assert recipe.name == "mine"
    assert recipe.streams == load_recipe("two-stream", "paper").streams


def test_missing_recipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no recipe file .*none\.toml"):
        load_recipe("dynamic-net", str(tmp_path / "none.toml"))
    with pytest.raises(RecipeError, match="demo, paper, small"):
        load_recipe("dynamic-net", "large")


def test_models_have_aliases_and_near_misses_are_suggested() -> None:
    assert (resolve_model("rgb"), resolve_model("ms")) == ("convlstm-attention", "convlstm-idt")
    with pytest.raises(UsageError, match="did you mean 'dynamic-net'"):
        resolve_model("dynamicnet")
