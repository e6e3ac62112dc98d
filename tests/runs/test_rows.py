"""Every row of the paper's tables has a recipe, and the recipe has the row's numbers."""

import pytest

from egotool.errors import RecipeError, UsageError
from egotool.runs import (
    DynamicFilterRecipe,
    MotionSegmentationRecipe,
    build_network,
    load_recipe,
    load_row_recipe,
    recipe_names,
)
from egotool.runs.paper import PaperRow, PaperTable, read_paper

ROWS = [
    pytest.param(table, row, number, id=f"table{table.number}-row{number}")
    for table in read_paper().tables
    for number, row in enumerate(table.rows, start=1)
]


@pytest.mark.parametrize("recipe", recipe_names())
@pytest.mark.parametrize(("table", "row", "number"), ROWS)
def test_every_row_has_a_valid_recipe_on_every_shipped_one(
    table: PaperTable, row: PaperRow, number: int, recipe: str
) -> None:
    made = load_row_recipe(table.number, number, recipe=recipe)
    assert made.row == f"table{table.number}-row{number}" == table.name_of(row)
    assert made.model == table.model_of(row) and made.name == recipe
    assert f"{row.accuracy:g} %" in made.source
    if row.clip_length is not None:
        assert made.clips.length == row.clip_length


@pytest.mark.parametrize(("table", "row", "number"), [each for each in ROWS if each.values[1].settings])
def test_rows_of_the_grid_searches_carry_the_published_numbers(
    table: PaperTable, row: PaperRow, number: int
) -> None:
    made, settings = load_row_recipe(table.number, number), row.settings
    assert settings is not None
    (stage,) = [stage for stage in made.stages if stage.head]
    assert (stage.lr, stage.lr_head, stage.lr_backbone) == pytest.approx(
        (settings.learning_rate, settings.head_learning_rate, settings.backbone_learning_rate)
    )
    assert stage.schedule == "steps" and stage.milestones == settings.steps
    assert made.head is not None and made.head.alpha == pytest.approx(settings.head_weight)
    if isinstance(made.head, MotionSegmentationRecipe):
        assert made.head.loss == settings.loss
        assert (made.head.form == "classification") == (settings.loss == "cross-entropy")
    else:
        assert isinstance(made.head, DynamicFilterRecipe) and settings.loss is None


def test_steps_fall_at_the_same_parts_of_a_shorter_training() -> None:
    paper, small = load_row_recipe(2, 1), load_row_recipe(2, 1, recipe="small")
    long, short = paper.stages[-1], small.stages[-1]
    assert long.epochs > short.epochs
    for milestone, other in zip(long.milestones, short.milestones, strict=True):
        assert abs(milestone / long.epochs - other / short.epochs) <= 0.5 / short.epochs + 1e-9
    assert short.decay == long.decay


def test_short_clips_train_longer_as_in_the_paper() -> None:
    seven, sixteen = load_row_recipe(1, 1), load_row_recipe(1, 2)
    assert (seven.stages[0].epochs, sixteen.stages[0].epochs) == (300, 200)
    joint = load_row_recipe(1, 6)
    assert joint.streams is not None and joint.streams.rgb.clips.length == 7
    assert joint.streams.rgb.stages[0].epochs == 300
    assert joint.streams.rgb.row == "table1-row3" and joint.streams.flow.row == "table1-row5"


def test_overrides_win_and_are_checked() -> None:
    assert load_row_recipe(2, 1, overrides=["head.alpha=0.25"]).head.alpha == 0.25
    with pytest.raises(RecipeError):
        load_row_recipe(2, 1, overrides=["head.alfa=0.25"])
    with pytest.raises(UsageError, match="has the rows 1 to"):
        load_row_recipe(2, 99)
    with pytest.raises(UsageError, match="no Table 7"):
        load_row_recipe(7, 1)


def test_a_row_is_another_network_than_its_neighbour_only_where_it_says_so() -> None:
    classification = [
        number
        for number, row in enumerate(read_paper().table(3).rows, start=1)
        if row.settings and row.settings.loss == "cross-entropy"
    ]
    own = load_recipe("convlstm-idt", "small")
    outputs = build_network(own, 3).state_dict()["head.fc.0.weight"].shape[0]
    network = build_network(load_row_recipe(3, classification[0], recipe="small"), 3)
    assert network.state_dict()["head.fc.0.weight"].shape[0] == 2 * outputs
