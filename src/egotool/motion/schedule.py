"""Schedules: how much work TV-L1 does, and where."""

from dataclasses import dataclass
from typing import Final, TypeVar

Entry = TypeVar("Entry")

FLOW_REVISION: Final = 8
"""Counts the changes of what the schedules compute; stores record it. 1: regularised as OpenCV does; 2: joint
total variation that counts less at edges, gradients of the mean picture; 3: warp flow with a prior for rest,
camera motion from weak edges, too; 4: exposures matched, coarse levels that trust the pictures more, cameras
that only turn; 5: camera motion drawn towards one that only turns; 6: votes by how likely a hand is, rivals
compared by gray values; 7: hands remembered from frame to frame; 8: fewer camera motions that count as
unknown."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Every parameter of one TV-L1 computation; the presets are in `SCHEDULES`.

    Tuples hold one entry per pyramid level, the finest first; their last entry serves all coarser levels.

    ```text
        level 2 (coarsest)   pyramid of both pictures, each level `factor` times the size of the next finer
        level 1              warps:      sample image 1 where the flow points, linearise the data term
        level 0 (finest)       rounds:       (median filter)
                                 iterations:     primal and dual step, until the update is below epsilon
    ```
    """

    factor: float = 0.6
    """Size of a level relative to the next finer one."""
    levels: int = 20
    """At most so many levels."""
    smallest_side: int = 16
    """The pyramid stops before a side falls below this."""
    opencv_sizes: bool = False
    """Round level sizes one from another and scale the flow by 1 / factor, as OpenCV does, instead of
    rounding from full size and scaling by the true ratio of the sizes."""

    match_exposure: bool = True
    """Take the median difference between the pictures, at the coarsest level, for a change of exposure, and
    subtract it from image 1. Otherwise flow makes up for it on every shading of an untextured surface."""
    presmooth: float = 0.0
    """Gaussian sigma applied to the input pictures; 0: none."""
    antialias: float = 0.4
    """Gaussian sigma before shrinking is antialias · sqrt(1 / factor² - 1); 0: none."""
    five_point: bool = True
    """Derivative (1, -8, 0, 8, -1) / 12 instead of (-1, 0, 1) / 2."""
    average_gradients: bool = True
    """Linearise with the gradient of the mean of image 0 and warped image 1, instead of image 1's, sampled
    where the flow points."""

    warps: tuple[int, ...] = (1, 3)
    """Linearisations per level."""
    cubic: tuple[bool, ...] = (True,)
    """Bicubic instead of bilinear sampling of image 1."""
    rounds: int = 1
    """At most so many rounds of `iterations` per warp."""
    iterations: tuple[int, ...] = (45, 30, 35, 40)
    """At most so many iterations per round."""
    sweep: int = 5
    """Iterations between two convergence tests, done together in one sweep over the rows."""
    test_each: bool = False
    """End at the very iteration whose update is small enough; sweeps are shorter where that is near."""
    joint_variation: bool = True
    """One total variation for both components of the flow, |(grad u, grad v)|, so that their edges fall
    together, with projected dual steps; instead of |grad u| + |grad v| with Chambolle's semi-implicit steps,
    as in OpenCV."""
    edge_scale: tuple[float, ...] = (18.0, 18.0, 18.0, 6.0)
    """Total variation counts 1 / (1 + (|g| / edge_scale)²), where g is image 0's gradient in gray values of
    0..255 per pixel: edges of the flow lie on edges of the picture. Coarse levels, whose edges are weak, are
    stricter. 0: it counts the same everywhere, as it has to with separate variations."""
    epsilon: float = 0.015
    """A warp ends when the root of the mean squared update of an iteration falls below this (pixels)."""
    median_each_round: bool = False
    """5×5 median of the flow before each round, instead of once at the end of each level."""

    data_weight: tuple[float, ...] = (0.16, 0.16, 0.3)
    """Lambda: weight of the data term, for gray values 0..255. At coarse levels, whose pixels average many,
    noise counts less; and what is small there, such as a hand, is soon smoothed away."""
    coupling: float = 0.3
    """Theta: coupling between data term and smoothness term."""
    dual_step: float = 0.25
    """Tau: step of the dual update; 0.25 is the limit of stability."""

    def __post_init__(self) -> None:
        """Refuse values that would not terminate or not be stable."""
        if not 0.1 <= self.factor <= 0.95:
            raise ValueError(f"factor is {self.factor}, but has to lie in 0.1..0.95")
        if not 0 < self.dual_step <= 0.25:
            raise ValueError(f"dual_step is {self.dual_step}, but has to lie in 0..0.25: beyond it diverges")
        if min(self.levels, self.smallest_side, self.rounds, self.sweep) < 1:
            raise ValueError("levels, smallest_side, rounds and sweep have to be at least 1")
        for name in ("warps", "cubic", "iterations", "edge_scale", "data_weight"):
            entries = getattr(self, name)
            if not isinstance(entries, tuple) or not entries:
                raise ValueError(
                    f"{name} is {entries!r}, but has to be a tuple: an entry per level, the finest first"
                )
        if min(self.edge_scale) < 0 or (any(self.edge_scale) and not self.joint_variation):
            raise ValueError(
                f"edge_scale is {self.edge_scale}, but has to be 0, or positive with joint_variation"
            )
        if min(*self.warps, *self.iterations, 1) < 0 or min(*self.data_weight, self.coupling) <= 0:
            raise ValueError("warps and iterations have to be 0 or more, data_weight and coupling positive")


def at_level(values: tuple[Entry, ...], level: int) -> Entry:
    """Return the entry of a schedule's tuple that serves `level` (0: finest)."""
    return values[min(level, len(values) - 1)]


EXACT: Final = Schedule(
    factor=0.8,
    levels=5,
    opencv_sizes=True,
    match_exposure=False,
    antialias=0,
    five_point=False,
    average_gradients=False,
    warps=(5,),
    cubic=(True,),
    rounds=10,
    iterations=(30,),
    sweep=4,
    test_each=True,
    joint_variation=False,
    edge_scale=(0.0,),
    epsilon=0.01,
    median_each_round=True,
    data_weight=(0.15,),
)
"""OpenCV's defaults (`cv2.optflow.DualTVL1OpticalFlow_create()`), its stopping rule included."""

ACCURATE: Final = Schedule(
    factor=0.7,
    iterations=(65, 30),
    edge_scale=(18.0, 18.0, 18.0, 18.0, 6.0),
    epsilon=0.012,
    data_weight=(0.16, 0.16, 0.16, 0.3),
)
"""More levels and iterations than `FAST`."""

FAST: Final = Schedule()
"""The default. Deeper pyramid than OpenCV's (whose five levels at 0.8 shrink by 2.4 only, and so miss large
motion), better derivatives, joint total variation, one warp at full size, one median per level."""

TURBO: Final = Schedule(cubic=(True, False), warps=(1, 2), iterations=(30, 20))
"""For a look: may lose against OpenCV."""

SCHEDULES: Final[dict[str, Schedule]] = {"exact": EXACT, "accurate": ACCURATE, "fast": FAST, "turbo": TURBO}
"""The schedules that have a name."""


def find_schedule(schedule: str | Schedule) -> Schedule:
    """Return the schedule called so, or the given one itself.

    Raises:
        ValueError: there is no schedule of this name.
    """
    if isinstance(schedule, Schedule):
        return schedule
    if schedule not in SCHEDULES:
        raise ValueError(f"no schedule is called {schedule!r}; there are {', '.join(SCHEDULES)}")
    return SCHEDULES[schedule]
