import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from egotool.models import cam_attention
from tests.models import plain
from tests.models.plain import assert_close


def example(seed: int, images: int = 5, channels: int = 6, classes: int = 4, size: tuple[int, int] = (3, 5)):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    return (
        normal(images, channels, *size),
        normal(images, channels, *size),
        normal(classes, channels),
        normal(classes),
    )


def test_equals_the_plain_formula_with_gradients():
    post, pre, weight, bias = example(0)
    attended, attention = cam_attention(post, pre, weight, bias)
    expected, expected_map = plain.attend(post, pre, weight, bias)
    assert attention.shape == (5, 1, 3, 5)
    assert_close(attended, expected)
    assert_close(attention.squeeze(1), expected_map)

    direction = torch.randn_like(expected)
    actual_gradients = torch.autograd.grad((attended * direction).sum(), [post, pre, weight])
    expected_gradients = torch.autograd.grad((expected * direction).sum(), [post, pre, weight])
    for actual, reference in zip(actual_gradients, expected_gradients, strict=True):
        assert_close(actual, reference)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_attention_sums_to_one_and_each_image_chooses_its_own_class(seed):
    post, pre, weight, bias = example(seed)
    attended, attention = cam_attention(post, pre, weight, bias)
    assert_close(attention.sum(dim=(1, 2, 3)), torch.ones(5, dtype=torch.float64))
    alone = [cam_attention(post[i : i + 1], pre[i : i + 1], weight, bias).features for i in range(5)]
    assert_close(attended, torch.cat(alone))


def test_given_logits_choose_the_class():
    post, pre, weight, bias = example(1)
    chosen = torch.tensor([3, 0, 1, 2, 3])
    logits = torch.nn.functional.one_hot(chosen, 4).double()
    attention = cam_attention(post, pre, weight, bias, logits=logits).attention
    activation = torch.einsum("nc,nchw->nhw", weight[chosen], post)
    assert_close(attention.flatten(1), activation.flatten(1).softmax(1))


def test_bias_chooses_but_has_no_gradient():
    post, pre, weight, bias = example(2)
    with torch.no_grad():
        bias[1] = 1000.0
    attended = cam_attention(post, pre, weight, bias).features
    forced = cam_attention(post, pre, weight[1:2]).features
    assert_close(attended, forced)
    attended.sum().backward()
    assert bias.grad is None
    assert weight.grad is not None
    assert weight.grad[[0, 2, 3]].abs().max() == 0
    assert weight.grad[1].abs().max() > 0
