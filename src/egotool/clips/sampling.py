"""Which frames and flows of a segment a clip is made of."""

import numpy as np
from numpy.typing import NDArray


def sample_frames(frame_count: int, clip_length: int) -> NDArray[np.int64]:
    """Return the T zero-based frame numbers of a clip: floor(linspace(1, N, T, endpoint=False)) − 1.

    As run: evenly spaced from the first frame on, the last one never reached (unless N = 1). A segment
    shorter than T repeats frames.

    Args:
        frame_count: frames N of the segment, at least 1.
        clip_length: frames T of the clip, at least 1.
    """
    if frame_count < 1 or clip_length < 1:
        raise ValueError(f"a clip needs at least one frame: N = {frame_count}, T = {clip_length}")
    return np.floor(np.linspace(1, frame_count, clip_length, endpoint=False)).astype(np.int64) - 1


def next_frames(frames: NDArray[np.int64], frame_count: int) -> NDArray[np.int64]:
    """Return the native successor of every frame; the segment's last frame is its own."""
    return np.minimum(frames + 1, frame_count - 1)


def spaced_stack_starts(flow_count: int, stack: int, stacks: int) -> NDArray[np.int64]:
    """Return where `stacks` stacks of `stack` consecutive flows start, uniformly in time (for testing).

    Too few flows give stacks that all start at the first one.
    """
    last = max(flow_count - stack + 1, 1)
    return np.floor(np.linspace(1, last, stacks, endpoint=False)).astype(np.int64) - 1


def random_stack_start(flow_count: int, stack: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the start of one stack, every position equally likely (for training)."""
    return rng.integers(0, max(flow_count - stack, 0) + 1, size=1)


def stack_flows(starts: NDArray[np.int64], stack: int, flow_count: int) -> NDArray[np.int64]:
    """Return the flow numbers (stacks, stack) of stacks; the last flow repeats where they run out."""
    flows: NDArray[np.int64] = np.minimum(starts[:, None] + np.arange(stack), max(flow_count - 1, 0))
    return flows
