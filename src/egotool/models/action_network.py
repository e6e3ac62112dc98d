"""The network of the paper, composed from its parts.

frames ─ backbone ─┬─ post ─ attention ─┐
                   └─ pre ──────────────×─ ConvLSTM ─ cell states ─ last, mean ─ dropout ─ logits
                       └─ head (tap cnn)                └─ head (tap convlstm)
"""

from typing import Literal, NamedTuple

from torch import Tensor, nn

from egotool.models.attention import cam_attention
from egotool.models.backbone import Backbone
from egotool.models.convlstm import ConvLSTM, ConvLSTMStates

Tap = Literal["cnn", "convlstm"]


class NetworkOutput(NamedTuple):
    """What a network gives for clips of T frames."""

    logits: Tensor
    """(B, classes): scores of the actions."""
    pooled: Tensor
    """(B, C): what is classified; of an `ActionNetwork` the average-pooled state, which two-stream joins."""
    head_output: Tensor | None = None
    """(B, T, k, s, s) of the self-supervised head, if there is one."""
    attention: Tensor | None = None
    """(B, T, h, w), summing to 1 over each frame, if the network has attention."""
    frame_logits: Tensor | None = None
    """(B, T, backbone classes): the backbone's own classifier on every frame, for an auxiliary loss."""


class ActionNetwork(nn.Module):
    """Backbone → CAM attention → ConvLSTM → average pool → dropout → linear, with one self-supervised head.

    As run (the default), the attention multiplies the `pre` features, the ConvLSTM's final **cell** state is
    classified, and the head looks at `pre` (tap `cnn`) or at every cell state (tap `convlstm`). The paper's
    literal form weights and taps the ordinary output of the ResNet (`features="post"`) and speaks of the
    *output* of the ConvLSTM (`state="hidden"`).

    Args:
        classes: number of actions.
        backbone: see `Backbone`.
        attention: weight the features by the class activation map (`convlstm-attention`) or not (`convlstm`).
        hidden: channels of the ConvLSTM's states.
        dropout: probability of dropping a pooled value before the classifier.
        head: `DynamicFilterHead` or `MotionSegmentationHead` with as many channels as the tap gives, or None.
        tap: where the head is attached.
        features: the backbone's feature map that goes on.
        state: the ConvLSTM's state that is classified and tapped.
    """

    def __init__(
        self,
        classes: int,
        *,
        backbone: Backbone,
        attention: bool = True,
        hidden: int = 512,
        dropout: float = 0.7,
        head: nn.Module | None = None,
        tap: Tap = "convlstm",
        features: Literal["pre", "post"] = "pre",
        state: Literal["cell", "hidden"] = "cell",
    ) -> None:
        super().__init__()
        if tap not in ("cnn", "convlstm"):
            raise ValueError(f"a head is tapped at cnn or convlstm, not at {tap!r}")
        self.backbone = backbone
        self.convlstm = ConvLSTM(backbone.feature_channels, hidden)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden, classes)
        self.head = head
        self.attention = attention
        self.tap: Tap = tap
        self.features: Literal["pre", "post"] = features
        self.state: Literal["cell", "hidden"] = state

    def forward(self, frames: Tensor) -> NetworkOutput:
        """Return logits and side outputs for frames (B, T, 3, H, W)."""
        clip_shape = frames.shape[:2]
        maps = self.backbone(frames.flatten(0, 1))
        features = maps.pre if self.features == "pre" else maps.post
        frame_logits = self.backbone.classify(maps.post)
        sequence, attention = features, None
        if self.attention:
            classifier = self.backbone.classifier
            sequence, attention = cam_attention(
                maps.post, features, classifier.weight, classifier.bias, logits=frame_logits
            )
            attention = _per_frame(attention.squeeze(1), clip_shape)
        states: ConvLSTMStates = self.convlstm(_per_frame(sequence, clip_shape))
        steps = states.cell if self.state == "cell" else states.hidden
        pooled = steps[:, -1].mean(dim=(2, 3))
        head_output: Tensor | None = None
        if self.head is not None:
            tapped = features if self.tap == "cnn" else steps.flatten(0, 1)
            head_output = _per_frame(self.head(tapped), clip_shape)
        return NetworkOutput(
            logits=self.classifier(self.dropout(pooled)),
            head_output=head_output,
            attention=attention,
            frame_logits=_per_frame(frame_logits, clip_shape),
            pooled=pooled,
        )


def _per_frame(values: Tensor, clip_shape: tuple[int, ...]) -> Tensor:
    """Split the leading dimension B·T into B and T."""
    return values.reshape(*clip_shape, *values.shape[1:])
