import pytest
import torch

from egotool.models import dynamic_filter_loss
from tests.models import plain
from tests.models.plain import assert_close


@pytest.mark.parametrize("count", [9, 3])
def test_is_the_mean_squared_error_over_everything(count):
    torch.manual_seed(0)
    filters = torch.randn(2, 3, count, 7, 7, dtype=torch.float64, requires_grad=True)
    frames, following = torch.randn(2, 2, 3, 3, 12, 12, dtype=torch.float64)
    loss = dynamic_filter_loss(filters, frames, following)

    predicted = plain.filtered(filters.flatten(0, 1), frames.flatten(0, 1))
    squares = [(a - b) ** 2 for a, b in zip(predicted.flatten(), following.flatten(), strict=True)]
    expected = torch.stack(squares).sum() / len(squares)
    assert_close(loss, expected)
    assert_close(torch.autograd.grad(loss, filters)[0], torch.autograd.grad(expected, filters)[0])


def test_the_identity_filter_predicts_a_still_video():
    filters = torch.zeros(1, 2, 3, 7, 7)
    filters[..., 3, 3] = 1
    frames = torch.randn(1, 2, 3, 9, 9)
    assert dynamic_filter_loss(filters, frames, frames) < 1e-12


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ"):
        dynamic_filter_loss(
            torch.zeros(1, 1, 3, 3, 3), torch.zeros(1, 1, 3, 8, 8), torch.zeros(1, 1, 3, 8, 9)
        )
