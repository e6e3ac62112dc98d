"""Hands with arms: drawn once per subject in three parts that move against each other."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from egotool.synthetic.sprites import Canvas, Point, Sprite
from egotool.synthetic.textures import Colour, smooth_noise


class SleevePattern(StrEnum):
    """What the sleeve is made of."""

    PLAIN = "plain"
    STRIPED = "striped"
    CHECKED = "checked"
    BARE = "bare"


@dataclass(frozen=True)
class HandLook:
    """One subject's hands: skin, sleeve (colour, pattern, where it ends) and slenderness."""

    skin: Colour
    sleeve: Colour
    sleeve_accent: Colour
    pattern: SleevePattern
    cuff: float
    slenderness: float


@dataclass(frozen=True)
class HandSprites:
    """A right hand's pictures, seen from the back, fingers up; anchors are the joints.

    Attributes:
        arm: palm, forearm and sleeve, anchored at the middle of the palm.
        fingers: the four fingers, anchored at the middle knuckle.
        thumb: anchored at its joint.
        knuckles, thumb_joint: from the palm's middle to these joints, in pixels.
        reach: from the palm's middle to the end of the arm, in pixels.
    """

    arm: Sprite
    fingers: Sprite
    thumb: Sprite
    knuckles: Point
    thumb_joint: Point
    reach: float


_PALM = 30.0
_ARM_LENGTH = 330


def draw_hand(look: HandLook, rng: np.random.Generator) -> HandSprites:
    """Return the pictures of a right hand; the palm is about 60 pixels wide (scale it for the frame)."""
    return HandSprites(
        arm=_draw_arm(look, rng),
        fingers=_draw_fingers(look),
        thumb=_draw_thumb(look),
        knuckles=(0.0, -_PALM * 0.75),
        thumb_joint=(-_PALM * 0.62, _PALM * 0.25),
        reach=_ARM_LENGTH - 60.0,
    )


def _shadowed(colour: Colour, factor: float) -> Colour:
    red, green, blue = (channel * factor for channel in colour)
    return red, green, blue


def _draw_arm(look: HandLook, rng: np.random.Generator) -> Sprite:
    canvas = Canvas(150, _ARM_LENGTH)
    x, y = 75.0, 45.0
    slim = look.slenderness
    wrist = y + 1.55 * _PALM
    palm = canvas.rectangle(x - _PALM * slim, y - 0.95 * _PALM, x + _PALM * slim, y + _PALM, corner=12)
    palm |= canvas.polygon(
        [
            (x - _PALM * slim, y + 0.55 * _PALM),
            (x + _PALM * slim, y + 0.55 * _PALM),
            (x + 21 * slim, wrist),
            (x - 21 * slim, wrist),
        ]
    )
    forearm = canvas.capsule((x, wrist - 8), (x, _ARM_LENGTH + 60), 21 * slim, 36 * slim)
    height, width = palm.shape
    mottle = 1 + 0.035 * smooth_noise(rng, width, height, 30, 30)
    shade = canvas.round_shade(x - 34 * slim, x + 34 * slim, dark=0.62, light=0.4) * mottle
    canvas.paint(palm | forearm, look.skin, shade.astype(np.float32))
    for knuckle in range(4):
        centre = (x + (knuckle - 1.5) * 14 * slim, y - 0.72 * _PALM)
        canvas.paint(canvas.ellipse(centre, 5, 4), _shadowed(look.skin, 1.12), opacity=0.5)
        tendon = canvas.capsule(
            (centre[0], y - 0.55 * _PALM), (x + (knuckle - 1.5) * 7, y + 0.4 * _PALM), 1.5, 1
        )
        canvas.darken(tendon, 0.94)
    if look.pattern is not SleevePattern.BARE:
        _draw_sleeve(canvas, look, rng, x=x, cuff=wrist + 8 + 70 * look.cuff)
    return canvas.sprite((x, y))


def _draw_sleeve(canvas: Canvas, look: HandLook, rng: np.random.Generator, *, x: float, cuff: float) -> None:
    slim = look.slenderness
    sleeve = canvas.polygon(
        [
            (x - 29 * slim, cuff),
            (x + 29 * slim, cuff),
            (x + 48 * slim, _ARM_LENGTH),
            (x - 48 * slim, _ARM_LENGTH),
        ]
    )
    height, width = sleeve.shape
    folds = 1 + 0.10 * smooth_noise(rng, width, height, 75, 36)
    shade = (canvas.round_shade(x - 42 * slim, x + 42 * slim, dark=0.55) * folds).astype(np.float32)
    canvas.paint(sleeve, look.sleeve, shade)
    if look.pattern in (SleevePattern.STRIPED, SleevePattern.CHECKED):
        for stripe in range(int(cuff) + 16, _ARM_LENGTH, 24):
            canvas.paint(canvas.rectangle(0, stripe, 150, stripe + 9) & sleeve, look.sleeve_accent, shade)
    if look.pattern is SleevePattern.CHECKED:
        for column in range(12, 150, 24):
            bar = canvas.rectangle(column, cuff + 8, column + 8, _ARM_LENGTH) & sleeve
            canvas.paint(bar, look.sleeve_accent, shade, opacity=0.6)
    hem = canvas.rectangle(x - 30 * slim, cuff, x + 30 * slim, cuff + 8, corner=3)
    canvas.paint(hem, _shadowed(look.sleeve, 0.8), shade)


def _draw_fingers(look: HandLook) -> Sprite:
    canvas = Canvas(110, 100)
    x, y = 55.0, 84.0
    slim = look.slenderness
    spread = ((-21.0, -29.0, 47.0), (-7.0, -10.0, 58.0), (7.5, 9.0, 55.0), (20.5, 27.0, 42.0))
    for root, tip, length in spread:
        start, end = (x + root * slim, y), (x + tip * slim, y - length)
        canvas.paint(canvas.capsule(start, end, 9.4 * slim, 8.0 * slim), _shadowed(look.skin, 0.72))
        canvas.paint(canvas.capsule(start, end, 7.9 * slim, 6.6 * slim), look.skin)
        lit = (start[0] - 2, start[1]), (end[0] - 2, end[1] + 4)
        canvas.paint(canvas.capsule(*lit, 3, 2.5), _shadowed(look.skin, 1.1), opacity=0.6)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        canvas.paint(canvas.ellipse(middle, 6 * slim, 2), _shadowed(look.skin, 0.85), opacity=0.7)
        canvas.paint(canvas.ellipse((end[0], end[1] - 1), 4.2 * slim, 5), (0.93, 0.80, 0.76), opacity=0.75)
    return canvas.sprite((x, y), outline=0.8)


def _draw_thumb(look: HandLook) -> Sprite:
    canvas = Canvas(80, 90)
    joint = (56.0, 70.0)
    slim = look.slenderness
    middle, tip = (30.0, 48.0), (24.0, 20.0)
    canvas.paint(canvas.capsule(joint, middle, 14 * slim, 10 * slim), _shadowed(look.skin, 0.9))
    canvas.paint(canvas.capsule(middle, tip, 10 * slim, 8 * slim), _shadowed(look.skin, 0.95))
    canvas.paint(canvas.capsule((52, 66), (31, 46), 7, 5), look.skin, opacity=0.7)
    canvas.paint(canvas.capsule((30, 44), (24, 24), 5, 4), _shadowed(look.skin, 1.06), opacity=0.7)
    canvas.paint(canvas.ellipse((23, 17), 4.5 * slim, 6), (0.93, 0.80, 0.76), opacity=0.75)
    return canvas.sprite(joint, outline=0.8)
