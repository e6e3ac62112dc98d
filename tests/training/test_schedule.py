import pytest
import torch

from egotool.runs import load_recipe
from egotool.training import learning_rate_factor


@pytest.mark.parametrize("stage", load_recipe("dynamic-net", "paper").stages)
def test_steps_are_those_of_torch(stage) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=stage.lr)
    reference = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(stage.milestones), gamma=stage.decay)
    for epoch in range(stage.epochs):
        assert stage.lr * learning_rate_factor(stage, epoch) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_cosine_warms_up_and_falls() -> None:
    stage = load_recipe("dynamic-net", "small").stages[0]
    factors = [learning_rate_factor(stage, epoch) for epoch in range(stage.epochs)]
    top = factors.index(max(factors))
    assert top == stage.warmup_epochs and factors[top] == 1
    assert factors[:top] == sorted(factors[:top])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert 0 < factors[-1] < 0.05
