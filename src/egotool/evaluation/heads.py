"""Whether a self-supervised head has learned its task: its error beside that of a plain answer.

For dynamic filters the plain answer is the frame itself (nothing moves); for motion segmentation it is the
mean mask of all clips, position by position.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from egotool.clips import Clip, ClipDataset, clip_loader
from egotool.errors import RunError
from egotool.models import apply_dynamic_filters
from egotool.progress import Progress, SilentProgress
from egotool.runs import Run, check_splits, clip_settings, forward_clip, load_network, read_labelled_data


@dataclass(frozen=True)
class HeadSkill:
    """Mean squared errors of a head and of the plain answer, over all positions of all clips of a split.

    Attributes:
        task: `next frame` or `motion mask`.
        error: of the head.
        plain_error: of copying the frame, or of the mean mask.
        clips: how many were looked at.
    """

    task: str
    error: float
    plain_error: float
    clips: int

    @property
    def skill(self) -> float:
        """1 − error / plain error: 1 is perfect, 0 no better than the plain answer, negative is worse."""
        return 1 - self.error / self.plain_error if self.plain_error > 0 else 0.0


def head_skill(
    run: Run,
    *,
    split: str = "test",
    store: Path | None = None,
    manifest: Path | None = None,
    progress: Progress = SilentProgress(),  # noqa: B008 it has no state
) -> HeadSkill:
    """Return how well the head of `run` solves its task on the segments of `split` (centre crops).

    Args:
        run: a finished run with a self-supervised head.
        split: which segments.
        store: default: the store the run was trained on.
        manifest: default: the run's own manifest, or the given store's.
        progress: hears of every segment.

    Raises:
        RunError: if the run has no head, or no usable checkpoint.
        StoreError: if the store lacks what the head learns from.
    """
    if run.recipe.head is None:
        raise RunError(f"the run {run.name} has no self-supervised head")
    fold = run.record.data.fold
    if manifest is None and store is None:
        manifest = Path(run.record.data.manifest)
    data = read_labelled_data(store or Path(run.record.data.store), manifest, fold=fold)
    check_splits(data, [split], why="is to be scored")
    settings = clip_settings(run.recipe, augment=False, targets=True)
    segments = data.segments[split]
    dataset = ClipDataset(data.store, segments, run.record.actions, settings, seed=0, cache_bytes=0)
    loader = clip_loader(dataset, batch_size=run.clips_at_once, workers=0, shuffle=False, seed=0)
    network = load_network(run)
    errors, plain_errors, masks = 0.0, 0.0, []
    task = f"head on {split}"
    progress.start(task, total=len(segments), unit="segments")
    with torch.inference_mode():
        for batch in loader:
            head_output = forward_clip(network, batch).head_output
            assert head_output is not None
            weight = len(batch["label"]) / len(segments)
            answer, truth = _answer(head_output, batch, loss=getattr(run.recipe.head, "loss", ""))
            errors += weight * float(F.mse_loss(answer, truth))
            if "next_frames" in batch:
                plain_errors += weight * float(F.mse_loss(batch["frames"], truth))
            else:
                masks.append(truth)
            progress.advance(task, len(batch["label"]))
    progress.finish(task)
    if masks:
        every = torch.cat(masks)
        plain_errors = float(F.mse_loss(every.mean(dim=(0, 1), keepdim=True).expand_as(every), every))
    name = "motion mask" if masks else "next frame"
    return HeadSkill(name, errors, plain_errors, len(segments))


def _answer(head_output: Tensor, batch: Clip, *, loss: str) -> tuple[Tensor, Tensor]:
    """Return what the head says and what is true, in the same units."""
    if "next_frames" in batch:
        return apply_dynamic_filters(head_output, batch["frames"]), batch["next_frames"]
    if loss == "cross-entropy":  # the probability of motion against whether anything moves
        return head_output.softmax(dim=2)[:, :, 1:], batch["masks"].ceil()
    return (head_output.sigmoid() if loss == "mse" else head_output), batch["masks"]
