import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from egotool.models import DynamicFilterHead, apply_dynamic_filters
from tests.models import plain
from tests.models.plain import assert_close


@settings(max_examples=25, deadline=None)
@given(
    count=st.sampled_from([9, 3]),
    side=st.sampled_from([1, 3, 5, 7, 9]),
    images=st.integers(1, 4),
    height=st.integers(4, 12),
    width=st.integers(4, 12),
    seed=st.integers(0, 10**6),
)
def test_equals_one_convolution_per_image_with_gradients(count, side, images, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    filters = torch.randn(images, count, side, side, generator=generator, dtype=torch.float64)
    pictures = torch.randn(images, 3, height, width, generator=generator, dtype=torch.float64)
    direction = torch.randn(images, 3, height, width, generator=generator, dtype=torch.float64)
    leaves = [filters.requires_grad_(), pictures.requires_grad_()]
    actual, expected = apply_dynamic_filters(*leaves), plain.filtered(*leaves)
    assert_close(actual, expected)
    for ours, reference in zip(
        torch.autograd.grad((actual * direction).sum(), leaves),
        torch.autograd.grad((expected * direction).sum(), leaves),
        strict=True,
    ):
        assert_close(ours, reference)


@pytest.mark.parametrize("form", ["full", "depthwise"])
def test_a_displaced_impulse_shifts_the_picture(form):
    """Impulse 2 right of and 1 below the centre: the picture moves 2 left and 1 up, zeros come in."""
    impulse = torch.zeros(7, 7)
    impulse[3 + 1, 3 + 2] = 1
    if form == "full":
        filters = torch.zeros(3, 3, 7, 7)
        for colour in range(3):
            filters[colour, colour] = impulse
        filters = filters.reshape(1, 9, 7, 7)
    else:
        filters = impulse.expand(1, 3, 7, 7)
    picture = torch.randn(1, 3, 10, 12)
    expected = torch.zeros_like(picture)
    expected[:, :, :-1, :-2] = picture[:, :, 1:, 2:]
    torch.testing.assert_close(apply_dynamic_filters(filters, picture), expected)


def test_clips_keep_their_dimensions():
    filters, frames = torch.randn(2, 4, 9, 7, 7), torch.randn(2, 4, 3, 14, 10)
    predicted = apply_dynamic_filters(filters, frames)
    assert predicted.shape == frames.shape
    torch.testing.assert_close(
        predicted,
        plain.filtered(filters.flatten(0, 1), frames.flatten(0, 1)).view_as(frames),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("filters", "images"),
    [
        ((1, 9, 8, 8), (1, 3, 16, 16)),  # even
        ((1, 9, 7, 5), (1, 3, 16, 16)),  # not square
        ((1, 4, 7, 7), (1, 3, 16, 16)),  # neither 3 nor 9
        ((2, 9, 7, 7), (1, 3, 16, 16)),  # another number of images
        ((1, 2, 9, 7, 7), (2, 1, 3, 16, 16)),  # the same number, otherwise ordered
    ],
)
def test_impossible_shapes(filters, images):
    with pytest.raises(ValueError, match=r"dynamic filters need|do not fit"):
        apply_dynamic_filters(torch.zeros(filters), torch.zeros(images))


@pytest.mark.parametrize(("form", "count"), [("full", 9), ("depthwise", 3)])
def test_head_equals_two_convolutions_and_leaves_the_features_alone(form, count):
    torch.manual_seed(0)
    head = DynamicFilterHead(6, form=form).double()
    features = torch.randn(2, 6, 7, 7, dtype=torch.float64, requires_grad=True)
    before = features.detach().clone()
    state = dict(head.named_parameters())
    assert sorted(state) == ["conv.1.bias", "conv.1.weight", "conv.3.bias", "conv.3.weight"]
    hidden = F.conv2d(features.clamp(min=0), state["conv.1.weight"], state["conv.1.bias"], padding=1)
    expected = F.conv2d(hidden.clamp(min=0), state["conv.3.weight"], state["conv.3.bias"])
    actual = head(features)
    assert_close(actual, expected)
    assert actual.shape == (2, count, 7, 7)
    direction, leaves = torch.randn_like(expected), [features, *head.parameters()]
    for ours, reference in zip(
        torch.autograd.grad((actual * direction).sum(), leaves),
        torch.autograd.grad((expected * direction).sum(), leaves),
        strict=True,
    ):
        assert_close(ours, reference)
    assert torch.equal(features, before)


def test_unknown_form():
    with pytest.raises(ValueError, match="full or depthwise"):
        DynamicFilterHead(4, form="both")


def test_a_head_that_starts_from_zero_predicts_nothing_and_learns() -> None:
    torch.manual_seed(0)
    head = DynamicFilterHead(6, start="zero")
    features, images = torch.randn(2, 6, 5, 5), torch.randn(2, 3, 16, 16)
    predicted = apply_dynamic_filters(head(features), images)
    assert predicted.abs().max() == 0
    (predicted - images).square().mean().backward()
    last = head.conv[3]
    assert last.weight.grad is not None and last.weight.grad.abs().max() > 0
    assert head.conv[1].weight.abs().max() > 0
