import pytest
import torch

from egotool.models import MotionSegmentationHead
from tests.models.plain import assert_close


@pytest.mark.parametrize(("form", "values"), [("classification", 2), ("regression", 1)])
def test_head_equals_plain_matrix_products_with_gradients(form, values):
    torch.manual_seed(0)
    head = MotionSegmentationHead(6, 5, form=form).double()
    state = dict(head.named_parameters())
    assert sorted(state) == ["conv.1.bias", "conv.1.weight", "fc.0.bias", "fc.0.weight"]
    assert state["conv.1.weight"].shape == (100, 6, 1, 1)
    assert state["fc.0.weight"].shape == (values * 25, 2500)
    features = torch.randn(3, 6, 5, 5, dtype=torch.float64, requires_grad=True)
    before = features.detach().clone()

    expected = []
    for image in features:
        pixels = image.clamp(min=0).reshape(6, 25)
        reduced = state["conv.1.weight"].reshape(100, 6) @ pixels + state["conv.1.bias"][:, None]
        expected.append(
            (state["fc.0.weight"] @ reduced.reshape(-1) + state["fc.0.bias"]).reshape(values, 5, 5)
        )
    actual = head(features)
    assert_close(actual, torch.stack(expected))
    assert torch.equal(features, before)
    direction, leaves = torch.randn_like(actual), [features, *head.parameters()]
    for ours, reference in zip(
        torch.autograd.grad((actual * direction).sum(), leaves),
        torch.autograd.grad((torch.stack(expected) * direction).sum(), leaves),
        strict=True,
    ):
        assert_close(ours, reference)


def test_unknown_form():
    with pytest.raises(ValueError, match="classification or regression"):
        MotionSegmentationHead(4, form="both")
