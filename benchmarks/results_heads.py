"""The part of docs/results.md about self-supervised heads: do they learn what they are meant to?"""

import statistics
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from pydantic import BaseModel
from torch import Tensor
from torch.nn import functional as F

from egotool.clips import ClipDataset, clip_loader
from egotool.evaluation.heads import head_skill
from egotool.files import write_text
from egotool.runs import Run, clip_settings, read_labelled_data

_SIDE = 7
_EVERY = 2
"""Every second segment of the training split is enough to find the best fixed filters; they are measured on
all of the test split, as the heads are."""


class HeadResult(BaseModel):
    """What `egotool.evaluation.heads.HeadSkill` says, kept in the run's folder."""

    task: str
    skill: float
    error: float
    plain_error: float


class FixedFilters(BaseModel):
    """Mean squared errors on the test split of filters that are the same for all frames."""

    copying: float
    flat: float
    """The best filter with one weight per pair of colours, the same at all places of the kernel."""
    best: float
    """The best filter of all (least squares on the training split)."""


def prose(text: str) -> str:
    """Wrap a paragraph."""
    return textwrap.fill(text, 110)


def head_result(run: Run) -> HeadResult:
    """Return how well a head has learned its task; measured once."""
    kept = run.folder / "scores" / "head-test.json"
    if not kept.is_file():
        skill = head_skill(run)
        found = HeadResult(
            task=skill.task, skill=skill.skill, error=skill.error, plain_error=skill.plain_error
        )
        write_text(kept, found.model_dump_json() + "\n")
    return HeadResult.model_validate_json(kept.read_bytes())


def head_section(trials: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """Write the section; `trials` are the runs of each model."""
    yield "## Do the heads learn their task?"
    yield ""
    yield prose(
        "Skill on the test split: 1 − (squared error of the head) / (that of an answer that needs no "
        "network). For dynamic filters that answer is the frame itself (nothing moves), for motion "
        "segmentation the mean mask. A head at or below 0 has not learned what it was meant to teach."
    )
    yield ""
    yield "| model | task | skill by seed | error of the head | of the plain answer |"
    yield "|---|---|---|---|---|"
    with_heads = {model: runs for model, runs in trials.items() if runs[0].recipe.head is not None}
    for model, runs in with_heads.items():
        found = [head_result(run) for run in runs]
        skills = ", ".join(f"{one.skill:.2f}" for one in found)
        error = statistics.fmean(one.error for one in found)
        yield f"| {model} | {found[0].task} | {skills} | {error:.4f} | {found[0].plain_error:.4f} |"
    yield ""
    dynamic = [run for runs in with_heads.values() for run in runs if _predicts_frames(run)]
    yield from _fixed_filters(dynamic)


def _predicts_frames(run: Run) -> bool:
    return run.recipe.head is not None and run.recipe.head.kind == "dynamic-filters"


def _fixed_filters(runs: Sequence[Run]) -> Iterator[str]:
    fixed = _measured(runs[0])
    errors = [head_result(run).error for run in runs]
    flat = sum(error > 0.97 * fixed.flat for error in errors)
    better = sum(error < fixed.copying for error in errors)
    yield prose(
        "What dynamic filters are up against: one filter for all frames, found by least squares on the "
        f"training split, has an error of {fixed.best:.4f} on the test split; copying the frame "
        f"{fixed.copying:.4f}; and the best *flat* filter, which is the same at all {_SIDE}×{_SIDE} places "
        f"and only mixes colours, {fixed.flat:.4f}. Of the {len(errors)} networks {flat} are no better than "
        f"the flat filter (within 3 %), and {better} are better than copying; their errors go from "
        f"{min(errors):.4f} to {max(errors):.4f}."
    )
    yield ""
    yield prose(
        "Why a head may get no further than a flat filter: its filter is a 3×3 and a 1×1 convolution over "
        "the grid of features, and the place in the grid becomes the place in the kernel. Such a head is "
        "told nowhere which cell is the centre (but for the zeros around the grid), while copying takes a "
        "weight at the centre and nothing elsewhere. `egotool report --figure 4` shows the filters."
    )
    yield ""


def _measured(run: Run) -> FixedFilters:
    """Fit and score the fixed filters; measured once for a store."""
    kept = Path("fixed-filters.json")
    if not kept.is_file():
        write_text(kept, _fit(run).model_dump_json() + "\n")
    return FixedFilters.model_validate_json(kept.read_bytes())


def _fit(run: Run) -> FixedFilters:
    taps = 3 * _SIDE * _SIDE
    products, targets = torch.zeros(taps, taps).double(), torch.zeros(taps, 3).double()
    for frames, following in _frames(run, "train"):
        places = F.unfold(frames, _SIDE, padding=_SIDE // 2).transpose(1, 2).reshape(-1, taps).double()
        products += places.T @ places
        targets += places.T @ following.flatten(2).transpose(1, 2).reshape(-1, 3).double()
    spread = torch.kron(torch.eye(3), torch.ones(_SIDE * _SIDE, 1)).double()  # one weight per colour
    best = torch.linalg.solve(products, targets)
    flat = spread @ torch.linalg.solve(spread.T @ products @ spread, spread.T @ targets)
    return FixedFilters(
        copying=_error(run, None), flat=_error(run, _kernel(flat)), best=_error(run, _kernel(best))
    )


def _kernel(weights: Tensor) -> Tensor:
    return weights.T.reshape(3, 3, _SIDE, _SIDE).float()


def _error(run: Run, kernel: Tensor | None) -> float:
    total, count = 0.0, 0
    for frames, following in _frames(run, "test"):
        predicted = frames if kernel is None else F.conv2d(frames, kernel, padding=_SIDE // 2)
        total += float((predicted - following).square().mean()) * len(frames)
        count += len(frames)
    return total / count


def _frames(run: Run, split: str) -> Iterator[tuple[Tensor, Tensor]]:
    data = read_labelled_data(Path(run.record.data.store), Path(run.record.data.manifest))
    settings = clip_settings(run.recipe, augment=False, targets=True)
    segments = data.segments[split][:: _EVERY if split == "train" else 1]
    dataset = ClipDataset(data.store, segments, run.record.actions, settings, seed=0, cache_bytes=0)
    for batch in clip_loader(dataset, batch_size=8, workers=0, shuffle=False, seed=0):
        yield batch["frames"].flatten(0, 1), batch["next_frames"].flatten(0, 1)
