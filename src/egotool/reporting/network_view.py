"""What a trained network sees in a segment: where it looks, what it expects next, what it answers."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from egotool.clips import Clip, ClipDataset, ClipSettings, sample_frames
from egotool.clips.geometry import centre_view, resized_shape
from egotool.manifests import Segment
from egotool.models import apply_dynamic_filters
from egotool.reporting.sheet_frames import without_label
from egotool.runs import Run, clip_settings, forward_clip, load_network
from egotool.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView:
    """A network's view of one clip of T frames; pictures are S×S, as the network sees them."""

    frames: NDArray[np.int64]
    """(T,) numbers of the frames in the video."""
    box: tuple[float, float, float]
    """Left, top and side of the crop in pixels of the stored frames."""
    answer: str
    """The most probable action."""
    probability: float
    attention: NDArray[np.float32] | None
    """(T, h, w), summing to 1 over each frame."""
    predicted: NDArray[np.uint8] | None
    """(T, S, S, 3): next frame as predicted by dynamic filters."""
    following: NDArray[np.uint8] | None
    """(T, S, S, 3): the true next frame."""
    predicted_mask: NDArray[np.float32] | None
    """(T, g, g): probability of motion as predicted by a motion-segmentation head."""
    inputs: NDArray[np.uint8] | None = None
    """(T, S, S, 3): the frames as the network sees them; None for a network on flow."""
    filters: NDArray[np.float32] | None = None
    """(T, k, s, s): the dynamic filters themselves."""
    errors: NDArray[np.float64] | None = None
    """(T, 2): mean squared error of the predicted next frame, and of taking the frame itself for it; of
    normalised colours, as in the training's loss."""


class NetworkViewer:
    """A run's network, ready to look at segments of a store."""

    def __init__(self, run: Run, store: Store) -> None:
        """Load the chosen epoch of `run`, on the CPU.

        Raises:
            RunError: if the run has no usable checkpoint.
        """
        self.run = run
        self._store = store
        self._network = load_network(run)
        self._settings: ClipSettings = clip_settings(
            run.recipe,
            augment=False,
            targets=run.recipe.head is not None and run.recipe.head.kind == "dynamic-filters",
        )

    @torch.inference_mode()
    def look(self, segment: Segment) -> ClipView:
        """Run the network on the clip of `segment`."""
        settings = self._settings
        unlabelled = without_label(segment)
        dataset = ClipDataset(
            Path(self._store.path), [unlabelled], self.run.record.actions, settings, seed=0, cache_bytes=0
        )
        clip = dataset[0]
        batch = {name: clip[name].unsqueeze(0) for name in ("frames", "flow") if name in clip}
        output = forward_clip(self._network, cast(Clip, batch))
        probabilities = output.logits.softmax(dim=1)[0]
        answer = int(probabilities.argmax())
        head = self.run.recipe.head
        predicted = following = predicted_mask = filters = errors = None
        if output.head_output is not None and head is not None:
            if head.kind == "dynamic-filters":
                made = apply_dynamic_filters(output.head_output[0], clip["frames"])
                predicted = _pictures(made, settings)
                following = _pictures(clip["next_frames"], settings)
                filters = output.head_output[0].numpy()
                errors = np.stack(
                    [
                        (each - clip["next_frames"]).square().mean(dim=(1, 2, 3)).double().numpy()
                        for each in (made, clip["frames"])
                    ],
                    axis=1,
                )
            else:
                predicted_mask = _mask(output.head_output[0], loss=head.loss)
        receipt = self._store.receipt(segment.video)
        return ClipView(
            frames=segment.start_frame
            + sample_frames(segment.stop_frame - segment.start_frame, settings.clip_length),
            box=_box(receipt.height, receipt.width, settings),
            answer=self.run.record.actions[answer],
            probability=float(probabilities[answer]),
            attention=None if output.attention is None else output.attention[0].numpy(),
            predicted=predicted,
            following=following,
            predicted_mask=predicted_mask,
            inputs=_pictures(clip["frames"], settings) if "frames" in clip else None,
            filters=filters,
            errors=errors,
        )


def _box(height: int, width: int, settings: ClipSettings) -> tuple[float, float, float]:
    rows, columns = resized_shape(height, width, settings.short_side)
    view = centre_view(rows, columns, settings)
    return view.left * width / columns, view.top * height / rows, view.side * height / rows


def _pictures(frames: torch.Tensor, settings: ClipSettings) -> NDArray[np.uint8]:
    """Undo the normalisation: (T, 3, S, S) → (T, S, S, 3) uint8."""
    mean = torch.tensor(settings.mean).view(3, 1, 1)
    std = torch.tensor(settings.std).view(3, 1, 1)
    pictures = (frames * std + mean).clamp(0, 1) * 255
    return np.asarray(pictures.round().to(torch.uint8).permute(0, 2, 3, 1).numpy())


def _mask(output: torch.Tensor, *, loss: str) -> NDArray[np.float32]:
    """Return the probability of motion (T, g, g) from a head's output (T, 2 or 1, g, g)."""
    if loss == "cross-entropy":
        probability = output.softmax(dim=1)[:, 1]
    elif loss == "mse":
        probability = output[:, 0].sigmoid()
    else:
        probability = output[:, 0].clamp(0, 1)
    return np.asarray(probability.numpy(), dtype=np.float32)
