import pytest
import torch

from egotool.models import motion_segmentation_loss
from tests.models.plain import assert_close


def masks_between_0_and_1() -> torch.Tensor:
    masks = torch.rand(2, 3, 1, 4, 4, dtype=torch.float64)
    masks[masks < 0.4] = 0
    masks[0, 0] = 1
    return masks


def test_classification_rounds_up_and_takes_the_cross_entropy_of_every_position():
    torch.manual_seed(0)
    output = torch.randn(2, 3, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    masks = masks_between_0_and_1()
    total = torch.zeros((), dtype=torch.float64)
    for clip in range(2):
        for frame in range(3):
            for y in range(4):
                for x in range(4):
                    still, moving = output[clip, frame, :, y, x]
                    right = moving if masks[clip, frame, 0, y, x] > 0 else still
                    total = total + torch.log(torch.exp(still) + torch.exp(moving)) - right
    actual = motion_segmentation_loss(output, masks)
    assert_close(actual, total / 96)
    assert_close(torch.autograd.grad(actual, output)[0], torch.autograd.grad(total / 96, output)[0])


@pytest.mark.parametrize("l1", [False, True])
def test_regression(l1):
    torch.manual_seed(0)
    output = torch.randn(2, 3, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    masks = masks_between_0_and_1()
    if l1:
        expected = (output - masks).abs().sum() / 96
    else:
        expected = ((1 / (1 + torch.exp(-output)) - masks) ** 2).sum() / 96
    actual = motion_segmentation_loss(output, masks, l1=l1)
    assert_close(actual, expected)
    assert_close(torch.autograd.grad(actual, output)[0], torch.autograd.grad(expected, output)[0])


def test_works_without_a_time_dimension():
    output, masks = torch.randn(6, 2, 4, 4), torch.rand(6, 1, 4, 4)
    with_time = motion_segmentation_loss(output.view(2, 3, 2, 4, 4), masks.view(2, 3, 1, 4, 4))
    torch.testing.assert_close(motion_segmentation_loss(output, masks), with_time)


def test_impossible_input():
    with pytest.raises(ValueError, match="does not fit"):
        motion_segmentation_loss(torch.zeros(2, 2, 7, 7), torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match="does not fit"):
        motion_segmentation_loss(torch.zeros(2, 3, 7, 7), torch.zeros(2, 1, 7, 7))
    with pytest.raises(ValueError, match="l1 is a form of the regression"):
        motion_segmentation_loss(torch.zeros(2, 2, 7, 7), torch.zeros(2, 1, 7, 7), l1=True)
