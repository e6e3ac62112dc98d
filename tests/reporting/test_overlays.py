import numpy as np
import torch

from egotool.models import ActionNetwork, Backbone
from egotool.reporting.overlays import class_activation_map, difference_panel, filter_panel, heat_panel


def test_the_map_behind_the_attention_is_equation_2() -> None:
    torch.manual_seed(0)
    network = ActionNetwork(3, backbone=Backbone(18, classes=4, width=8, compact=True), hidden=4).eval()
    frame = torch.randn(1, 1, 3, 40, 40)
    with torch.no_grad():
        attention = network(frame).attention[0, 0].numpy()
        post = network.backbone(frame[:, 0]).post[0]
        fc = network.backbone.fc
        row = fc.weight[int((fc.weight @ post.mean(dim=(1, 2)) + fc.bias).argmax())]
        wanted = torch.einsum("c,chw->hw", row, post).numpy()
    wanted = (wanted - wanted.min()) / (wanted.max() - wanted.min())
    np.testing.assert_allclose(class_activation_map(attention), wanted, atol=1e-4)


def test_a_map_without_any_difference_is_zero() -> None:
    assert class_activation_map(np.full((3, 3), 1 / 9, dtype=np.float32)).max() == 0


def test_heat_stays_inside_the_crop() -> None:
    rgb = np.full((20, 30, 3), 200, dtype=np.uint8)
    values = np.zeros((3, 3), dtype=np.float32)
    values[0, 2] = 1
    panel = heat_panel(rgb, values, box=(5, 2, 15), full=1.0)
    assert panel.image is not None and panel.box == (5, 2, 15)
    outside = panel.image.copy()
    outside[2:17, 5:20] = 120
    assert (outside == 120).all()  # darkened, gray
    colourful = np.ptp(panel.image.astype(int), axis=2)
    y, x = np.unravel_index(colourful.argmax(), colourful.shape)
    assert y < 10 and x > 11


def test_differences_are_absolute_and_stronger() -> None:
    one, other = np.full((2, 2, 3), 10, dtype=np.uint8), np.full((2, 2, 3), 30, dtype=np.uint8)
    for panel in (difference_panel(one, other, gain=3), difference_panel(other, one, gain=3)):
        assert panel.image is not None and (panel.image == 60).all()


def test_filters_stand_where_their_colours_are() -> None:
    filters = np.zeros((9, 7, 7), dtype=np.float32)
    filters[5, 0, 6] = 2.0  # green out, blue in: second row, third column
    filters[0, 6, 0] = -2.0
    image = filter_panel(filters, full=2.0).image
    assert image is not None
    side = image.shape[0]
    assert image.shape == (side, side, 3)
    red, _, blue = image.astype(int).transpose(2, 0, 1)
    y, x = np.argwhere(red - blue > 50).mean(axis=0)
    assert side / 3 < y < side / 3 + side / 15 and x > side - side / 15
    y, x = np.argwhere(blue - red > 50).mean(axis=0)
    assert side / 3 - side / 15 < y < side / 3 and x < side / 15
    assert (image[side // 2, side // 2] > 240).all()
    depthwise = filter_panel(filters[:3], full=2.0).image
    assert depthwise is not None and depthwise.shape[1] > 2.9 * depthwise.shape[0]
