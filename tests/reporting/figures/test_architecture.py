import cv2
import pytest
import torch

from egotool.reporting.figures.architecture import draw_parts
from egotool.reporting.figures.tracing import trace_network
from egotool.reporting.figures.writing import write_architecture
from egotool.runs import build_network, load_recipe, model_names

MODELS = model_names("paper")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("recipe", ["paper", "small"])
def test_every_parameter_is_in_one_box_and_every_arrow_leads_somewhere(model: str, recipe: str) -> None:
    trace = trace_network(load_recipe(model, recipe), 61)
    drawing = draw_parts(trace)
    names = [box.name for box in drawing.boxes]
    assert len(set(names)) == len(names)
    assert {end for arrow in drawing.arrows for end in arrow[:2]} == set(names)
    places = {(box.column, box.row) for box in drawing.boxes}
    assert len(places) == len(names)
    covered = {
        name
        for name, _ in trace.network.named_parameters()
        for box in names
        if name.startswith(f"{box}.") or (box.endswith("conv1") and name.startswith(f"{box[:-5]}bn1."))
    }
    # A backbone's own classifier is drawn where it is used; nothing uses those of the two streams.
    unused = {name for name, _ in trace.network.named_parameters()} - covered
    assert all(
        name.endswith(("classifier.weight", "classifier.bias", "fc.weight", "fc.bias")) for name in unused
    )
    assert bool(unused) == (model in ("convlstm", "two-stream"))


def test_shapes_are_those_of_the_real_network() -> None:
    recipe = load_recipe("dynamic-net", "small")
    trace = trace_network(recipe, 5)
    network = build_network(recipe, 5).eval()
    size = recipe.clips.crop_size
    with torch.inference_mode():
        output = network(torch.zeros(1, recipe.clips.length, 3, size, size))
    assert output.attention is not None and output.head_output is not None
    assert trace.attention == tuple(output.attention.shape[2:])
    assert trace.head == tuple(output.head_output.shape[2:])
    assert trace.logits == output.logits.shape[1] == 5
    assert trace.predicted == (3, size, size)
    total = sum(parameter.numel() for parameter in network.parameters())
    assert sum(parameter.numel() for parameter in trace.network.parameters()) == total


def test_the_paper_figure_says_what_the_paper_says() -> None:
    boxes = {
        box.name: box for box in draw_parts(trace_network(load_recipe("dynamic-net", "paper"), 61)).boxes
    }
    assert boxes["frames"].lines == ("3×224×224",)
    assert boxes["backbone.layer4"].lines[0] == "512×7×7" and boxes["backbone.layer4"].look == "partly"
    assert boxes["backbone.layer3"].look == "frozen"
    assert boxes["convlstm"].lines == ("512×7×7", "18.9 M")
    assert boxes["head.conv.3"].lines[0] == "filters 9×7×7"
    assert boxes["classifier"].lines[0] == "61 actions"


@pytest.mark.parametrize("model", ["two-stream", "convlstm-idt", "flow"])
def test_it_is_written(model: str, tmp_path) -> None:
    files = [tmp_path / f"figure2.{suffix}" for suffix in ("png", "pdf", "svg")]
    figure = write_architecture(load_recipe(model, "paper"), 61, files=files)
    picture = cv2.imread(str(files[0]))
    assert picture.shape[1] > 1500 and picture.std() > 10
    assert files[1].read_bytes().startswith(b"%PDF") and b"<svg" in files[2].read_bytes()
    assert figure.runs == () and "no run" in figure.notes[1]
