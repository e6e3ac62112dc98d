"""What the hand and the object do during a clip, as smooth functions of time.

Every action has a twin that is the same motion backwards: take and put, push-left and push-right, open and
close. So one frame, or a clip played backwards, does not tell the twins apart; the order of time does.
Rotating and shaking are their own twins.

    0 ----- enter ------ contact ====== act ====== release ------ leave ----- 1
       no hand   approaching     hand and object together     withdrawing  no hand
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.parameters import Verb

Values = NDArray[np.float64]

BACKWARDS = {Verb.PUT: Verb.TAKE, Verb.PUSH_RIGHT: Verb.PUSH_LEFT, Verb.CLOSE: Verb.OPEN}
"""Actions that are another action played backwards."""


@dataclass(frozen=True)
class Performance:
    """One person's execution of an action: everything about it that varies, whatever the verb.

    Times are fractions of the clip, positions fractions of the frame (x right, y down).

    Attributes:
        enter, contact, release, leave: when the hand appears, arrives, lets go, has gone.
        place: where the object stands (its base).
        distance: how far it is pushed, to each side of `place`.
        side: -1 or 1: the side of the object on which the hand touches, and which hand it is.
        entry: where the hand enters and leaves.
        turn: how far it is rotated, radians.
        swings, swing: how often and how far it is shaken.
        aside: where the lid is put, relative to its place on the object, in object widths.
        tremor, tremor_phase: of the hand, in frame widths and radians.
        helper: whether the other hand comes too; `helper_place` where it rests.
    """

    enter: float
    contact: float
    release: float
    leave: float
    place: tuple[float, float]
    distance: float
    side: int
    entry: tuple[float, float]
    turn: float
    swings: float
    swing: float
    aside: tuple[float, float]
    tremor: float
    tremor_phase: float
    helper: bool
    helper_place: tuple[float, float]


@dataclass(frozen=True)
class Motion:
    """The state at every moment (M,).

    Attributes:
        object_shift: where the object is: (M, 2) offset from its place in fractions of the frame.
        object_exit: how far it has left towards the person, 0 (at its place) to 1 (outside the frame).
        object_angle: in-plane rotation, radians.
        lid_shift: (M, 2) of the lid against its place on the object, in object widths.
        hand_presence: 0 (outside the frame) to 1 (at the object).
        hand_on_lid: whether the hand goes to the lid instead of the object.
        grip: 0 (open hand) to 1 (closed).
    """

    object_shift: Values
    object_exit: Values
    object_angle: Values
    lid_shift: Values
    hand_presence: Values
    hand_on_lid: bool
    grip: Values


def draw_performance(rng: np.random.Generator, *, speed: float, right_handed: bool) -> Performance:
    """Return a random execution by a person of that `speed`; it does not depend on the verb."""
    middle, act = 0.5 + rng.uniform(-0.04, 0.04), 0.34 / speed * rng.uniform(0.9, 1.1)
    approach, withdraw = 0.26 / speed * rng.uniform(0.85, 1.15, 2)
    # However slow the person, the whole action fits the clip.
    contact, release = max(middle - act / 2, 0.12), min(middle + act / 2, 0.88)
    side = (1 if right_handed else -1) * (1 if rng.random() < 0.75 else -1)
    return Performance(
        enter=max(contact - approach, 0.0),
        contact=contact,
        release=release,
        leave=min(release + withdraw, 1.0),
        place=(0.5 + rng.uniform(-0.09, 0.09), rng.uniform(0.64, 0.74)),
        distance=rng.uniform(0.11, 0.17),
        side=side,
        entry=(0.5 + side * rng.uniform(0.1, 0.4), 1.45),
        turn=float(rng.choice([-1, 1]) * rng.uniform(0.7, 1.4)),
        swings=rng.uniform(2.5, 4),
        swing=rng.uniform(0.02, 0.035),
        aside=(rng.uniform(0.75, 0.95), rng.uniform(0.45, 0.65)),
        tremor=rng.uniform(0.001, 0.004),
        tremor_phase=rng.uniform(0, 2 * np.pi),
        helper=bool(rng.random() < 0.3),
        helper_place=(0.5 - side * rng.uniform(0.25, 0.36), rng.uniform(0.72, 0.85)),
    )


def smooth_step(values: Values) -> Values:
    """Return 0 below 0, 1 above 1 and the minimum-jerk profile 10x³ - 15x⁴ + 6x⁵ between."""
    x = np.clip(values, 0, 1)
    return np.asarray(x**3 * (10 + x * (6 * x - 15)))


def act_out(verb: Verb, performance: Performance, times: Values) -> Motion:
    """Return the motion of `verb` at `times` (fractions of the clip)."""
    if verb in BACKWARDS:
        return act_out(BACKWARDS[verb], performance, 1 - times)
    p = performance
    arriving = smooth_step((times - p.enter) / (p.contact - p.enter))
    leaving = smooth_step((times - p.release) / (p.leave - p.release))
    acting = smooth_step((times - p.contact) / (p.release - p.contact))
    within = np.clip((times - p.contact) / (p.release - p.contact), 0, 1)
    zero = np.zeros_like(times)
    shift, lid, exit_, angle = np.stack([zero, zero], -1), np.stack([zero, zero], -1), zero, zero
    presence = arriving - leaving
    grip = smooth_step((times - p.contact + 0.05) / 0.06) - smooth_step((times - p.release) / 0.06)
    match verb:
        case Verb.TAKE:
            # The hand does not let go: it carries the object out of the frame and stays away with it.
            exit_ = smooth_step((times - p.contact - 0.04) / (p.leave - p.contact - 0.04))
            presence, grip = arriving, smooth_step((times - p.contact + 0.05) / 0.06)
        case Verb.PUSH_LEFT:
            shift = np.stack([p.distance * (1 - 2 * acting), zero], -1)
        case Verb.ROTATE:
            angle = p.turn * acting
        case Verb.SHAKE:
            envelope = np.sin(np.pi * within)
            phase = 2 * np.pi * p.swings * within
            shift = envelope[:, None] * np.stack([p.swing * np.sin(phase), -0.05 + 0 * phase], -1)
            angle = 0.25 * envelope * np.sin(phase + 0.6)
        case Verb.OPEN:
            lift = np.sin(np.pi * acting)
            aside = p.side * p.aside[0]
            lid = np.stack([aside * acting, p.aside[1] * acting - 0.45 * lift], -1)
        case _:  # pragma: no cover - the twins are handled above
            raise AssertionError(verb)
    return Motion(
        object_shift=shift,
        object_exit=exit_,
        object_angle=angle,
        lid_shift=lid,
        hand_presence=presence,
        hand_on_lid=verb is Verb.OPEN,
        grip=grip,
    )
