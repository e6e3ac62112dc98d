"""Which motions the camera's may be, and how many corners and edges vote for each."""

import math

import numpy as np
from numpy.typing import NDArray

from egotool.motion._arrays import Homography
from egotool.motion._fit import ALONG_EDGE, candidate_homographies, plausible, refine_by_flow, supports
from egotool.motion._samples import Samples

# In pixels. Wide ones lose: where a hand moves nearly as the room does, a homography in between is within two
# pixels of both, and of everything.
CORNER_SCALES = (1.0, 0.7, 0.5, 0.5)
VOTE_REACH = 0.35
"""Farther than this from where a candidate says, a corner or edge does not vote for it."""
HAND_ABOVE, HAND_BELOW = 0.05, 0.4
"""How likely a hand, or what it holds, is at the upper border of a frame, and below, in the middle."""
HANDS_FROM, HANDS_TO = 0.1, 0.7
"""From where to where downwards, in parts of the height, the first changes to the second."""
ASIDE = 0.5
"""How much of that change is left at the sides of the frame."""


def vote(
    corners: Samples, edges: Samples, shape: tuple[int, ...], seed: int
) -> tuple[list[Homography], NDArray[np.float64]]:
    """Return the plausible motions, and the votes that each has, the most first.

    corners, edges: with the weights of `voters`.
    """
    candidates = [
        refine_by_flow(candidate, corners, shape, CORNER_SCALES, both_ways=True)
        for candidate in candidate_homographies(corners, seed)
    ]
    # A head at rest is frequent, and the only candidate that few textured spots cannot bend.
    candidates.append(np.eye(3))
    candidates = [candidate for candidate in candidates if plausible(candidate, shape)]
    stacked = np.stack(candidates)
    votes = supports(stacked, corners, reach=VOTE_REACH, along=1.0)
    votes += supports(stacked, edges, reach=VOTE_REACH, along=ALONG_EDGE)
    order = np.argsort(-votes, kind="stable")
    return [candidates[index] for index in order], votes[order]


def voters(samples: Samples, shape: tuple[int, ...]) -> Samples:
    """Return the samples with the weight that their votes have: the less, the likelier a hand is there.

    If one motion's samples are the room and all others a hand, that is exp(sum of log((1 - p) / p) over the
    first) times as likely as the reverse is over the second, p being how likely a hand is at a sample. So
    that is what a sample weighs, as part of the most it can be.
    """
    height, width = shape
    down = np.clip((samples[1] / height - HANDS_FROM) / (HANDS_TO - HANDS_FROM), 0, 1)
    aside = np.abs(2 * samples[0] / width - 1)
    hand = HAND_ABOVE + (HAND_BELOW - HAND_ABOVE) * down * (1 - (1 - ASIDE) * aside)
    weighed = samples.copy()
    weighed[6] *= np.log((1 - hand) / hand) / math.log((1 - HAND_ABOVE) / HAND_ABOVE)
    return weighed
