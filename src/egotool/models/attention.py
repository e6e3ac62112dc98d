"""Spatial attention from the class activation map (equations 2 and 3 of the paper).

M(i) = Σ_l w_l · post_l(i)          (2)   w: classifier row of the winning class
attention(i) = softmax_i M(i)       (3)
attended(i)  = features(i) · attention(i)
"""

from typing import NamedTuple

from torch import Tensor


class Attended(NamedTuple):
    """Features weighted by their attention."""

    features: Tensor
    """(N, C, h, w)."""
    attention: Tensor
    """(N, 1, h, w); sums to 1 over the positions of each image."""


def cam_attention(
    post: Tensor,
    pre: Tensor,
    classifier_weight: Tensor,
    classifier_bias: Tensor | None = None,
    *,
    logits: Tensor | None = None,
) -> Attended:
    """Weight `pre` by the class activation map of each image's top-1 class.

    The winning class is chosen for every image on its own: two frames of one clip may look through the map
    of different classes. The choice itself has no gradient; the chosen row of the classifier does, which is
    how stage 2 trains the backbone's classifier.

    As run, the map is computed from `post` and multiplies `pre`. The paper's equation (3) multiplies the
    same activation it was computed from: pass `post` for `pre` to have that form.

    Args:
        post: features (N, C, h, w) the map is computed from (equation 2).
        pre: features (N, C, h, w) that are weighted (equation 3).
        classifier_weight: (classes, C), the backbone's own classifier.
        classifier_bias: (classes,), used only to choose the winning class.
        logits: (N, classes) of the classifier on average-pooled `post`, if at hand; else computed here.
    """
    if logits is None:
        logits = post.mean(dim=(2, 3)) @ classifier_weight.T
        if classifier_bias is not None:
            logits = logits + classifier_bias
    rows = classifier_weight[logits.argmax(dim=1)]  # (N, C)
    activation = (rows[:, :, None, None] * post).sum(dim=1)
    attention = activation.flatten(1).softmax(dim=1).view_as(activation).unsqueeze(1)
    return Attended(features=pre * attention, attention=attention)
