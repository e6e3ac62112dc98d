"""The flow network: a ResNet over stacks of flow.

    flow (B,S,10,H,W) ─ backbone ─ post ─ mean over positions and S stacks ─ dropout ─ fc ─ logits

Where the two networks of the paper are joined, see `TwoStreamNetwork`.
"""

from torch import Tensor, nn

from egotool.models.action_network import NetworkOutput
from egotool.models.backbone import Backbone


class FlowNetwork(nn.Module):
    """ResNet on stacks of warp flow ("temporal-warp flow" in Table 1).

    Training gives one stack per clip; testing averages the scores of several stacks uniformly spaced in time
    (five in the paper). Since the classifier is affine and dropout is off in testing, the mean of the stacks'
    scores is the score of their mean features: that is what is computed.

    The first convolution sees the x and y displacement of each flow of the stack in turn. The classifier is
    the backbone's own `fc`, for the actions.

    Args:
        backbone: see `Backbone`; with 2 channels per flow of a stack, and one class per action.
        dropout: probability of dropping a pooled value before the classifier.
    """

    def __init__(self, *, backbone: Backbone, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)

    def forward(self, flow: Tensor) -> NetworkOutput:
        """Return logits (B, classes) and pooled features (B, C) for stacks of flow (B, S, 2·stack, H, W)."""
        features = self.backbone(flow.flatten(0, 1)).post.mean(dim=(2, 3))
        pooled = features.unflatten(0, flow.shape[:2]).mean(dim=1)
        return NetworkOutput(logits=self.backbone.fc(self.dropout(pooled)), pooled=pooled)
