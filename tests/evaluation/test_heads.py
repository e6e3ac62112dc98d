from dataclasses import replace
from pathlib import Path

import pytest
import torch

from egotool.clips import ClipDataset
from egotool.errors import RunError
from egotool.evaluation.heads import head_skill
from egotool.models import apply_dynamic_filters
from egotool.runs import Run, clip_settings, load_network, load_recipe, read_labelled_data
from egotool.training import TrainingRequest, train_model
from tests.training.small_store import TINY, make_labelled_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_labelled_store(tmp_path_factory.mktemp("heads") / "store", each=2)


def trained(store: Path, model: str, *overrides: str) -> Run:
    recipe = load_recipe(model, "small", overrides=[*TINY, "stages.1.epochs=1", *overrides])
    request = TrainingRequest(recipe=recipe, store=store, runs=store.parent / "runs", device="cpu")
    return train_model(request).run


def clips(run: Run, store: Path) -> list:
    data = read_labelled_data(store)
    settings = clip_settings(run.recipe, augment=False, targets=True)
    return list(ClipDataset(store, data.segments["test"], data.actions, settings, seed=0))


def test_dynamic_filters_beside_copying_the_frame(store):
    run = trained(store, "dynamic-net")
    network = load_network(run)
    errors, copied = [], []
    for clip in clips(run, store):  # one clip at a time
        with torch.inference_mode():
            filters = network(clip["frames"][None]).head_output[0]
        predicted = apply_dynamic_filters(filters, clip["frames"])
        errors.append(((predicted - clip["next_frames"]) ** 2).double().mean())
        copied.append(((clip["frames"] - clip["next_frames"]) ** 2).double().mean())
    skill = head_skill(run, store=store)
    assert skill.task == "next frame"
    assert skill.clips == len(errors)
    assert skill.error == pytest.approx(float(torch.stack(errors).mean()), rel=1e-4)
    assert skill.plain_error == pytest.approx(float(torch.stack(copied).mean()), rel=1e-4)
    assert skill.skill == pytest.approx(1 - skill.error / skill.plain_error)


@pytest.mark.parametrize(
    ("form", "loss"), [("regression", "mse"), ("regression", "l1"), ("classification", "cross-entropy")]
)
def test_motion_masks_beside_their_mean(store, form, loss):
    run = trained(store, "idt-net", f"head.form={form}", f"head.loss={loss}")
    network = load_network(run)
    answers, masks = [], []
    for clip in clips(run, store):
        with torch.inference_mode():
            output = network(clip["frames"][None]).head_output[0]
        if loss == "cross-entropy":
            exponents = output.exp()
            answers.append(exponents[:, 1] / exponents.sum(dim=1))
            masks.append((clip["masks"][:, 0] > 0).float())
        else:
            answers.append(1 / (1 + (-output[:, 0]).exp()) if loss == "mse" else output[:, 0])
            masks.append(clip["masks"][:, 0])
    answer, mask = torch.stack(answers).double(), torch.stack(masks).double()
    skill = head_skill(run, store=store)
    assert skill.task == "motion mask"
    assert skill.error == pytest.approx(float(((answer - mask) ** 2).mean()), rel=1e-4)
    mean = mask.mean(dim=(0, 1))
    assert skill.plain_error == pytest.approx(float(((mask - mean) ** 2).mean()), rel=1e-4)


def test_a_perfect_head_has_skill_one(store):
    skill = head_skill(trained(store, "dynamic-net"), store=store)
    assert replace(skill, error=0.0).skill == 1.0
    assert replace(skill, error=skill.plain_error).skill == 0.0


def test_a_run_without_a_head_is_refused(store):
    with pytest.raises(RunError, match="has no self-supervised head"):
        head_skill(trained(store, "convlstm"), store=store)
