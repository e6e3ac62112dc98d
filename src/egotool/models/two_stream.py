"""Two streams trained jointly: the RGB network and the flow network under one classifier.

frames ─ ActionNetwork ─ pooled cell state ─┐
                                            ├─ concatenate ─ dropout ─ linear ─ logits
flow ─── FlowNetwork ─── pooled features ───┘
"""

import torch
from torch import Tensor, nn

from egotool.models.action_network import ActionNetwork, NetworkOutput
from egotool.models.flow_network import FlowNetwork


class TwoStreamNetwork(nn.Module):
    """Joint two-stream network (section 4.2 of the paper, "two-stream (joint train)" in Table 1).

    Both streams come trained; their own classifiers stay in the state dict but are not used. In the
    classifier's columns the RGB stream comes first.

    Args:
        classes: number of actions.
        rgb: `convlstm-attention` in the paper; any network on frames does.
        flow: the flow network.
        dropout: probability of dropping a pooled value before the classifier.
    """

    def __init__(self, classes: int, *, rgb: ActionNetwork, flow: FlowNetwork, dropout: float = 0.5) -> None:
        super().__init__()
        self.rgb = rgb
        self.flow = flow
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(rgb.classifier.in_features + flow.backbone.feature_channels, classes)

    def forward(self, frames: Tensor, flow: Tensor) -> NetworkOutput:
        """Return logits and the RGB stream's side outputs.

        Args:
            frames: (B, T, 3, H, W).
            flow: (B, S, 2·stack, H, W); the scores of the S stacks are averaged.
        """
        seen: NetworkOutput = self.rgb(frames)
        pooled = torch.cat([seen.pooled, self.flow(flow).pooled], dim=1)
        return seen._replace(logits=self.classifier(self.dropout(pooled)), pooled=pooled)
