"""The things on the counter: each kind has its own shape; colour and proportions vary between subjects."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from egotool.synthetic.parameters import Kind
from egotool.synthetic.sprites import Canvas, Sprite
from egotool.synthetic.textures import Colour, smooth_noise

_SIZE = 130
"""Pixels of the square that objects are drawn in; they are scaled to their size in the frame afterwards."""


@dataclass(frozen=True)
class ObjectLook:
    """How one subject's specimen of a kind looks: main and second colour, proportion, pattern variant."""

    colour: Colour
    accent: Colour
    stretch: float
    variant: int


@dataclass(frozen=True)
class ObjectSprites:
    """The pictures of one object, all anchored at the middle of its base.

    Attributes:
        whole: the object, closed if it has a lid.
        open_body: the object without its lid, showing the opening (None without a lid).
        lid: the lid where it sits when closed, anchored at its own middle (None without a lid).
        lid_offset: from the base to the lid's anchor, in pixels of these pictures.
    """

    whole: Sprite
    open_body: Sprite | None = None
    lid: Sprite | None = None
    lid_offset: tuple[float, float] = (0.0, 0.0)


def draw_object(kind: Kind, look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    """Return the pictures of `kind` as `look` describes it; `rng` decides fine texture."""
    return _DRAWERS[kind](look, rng)


def _lighter(colour: Colour, amount: float) -> Colour:
    red, green, blue = (channel + amount * (1 - channel) for channel in colour)
    return red, green, blue


def _darker(colour: Colour, amount: float) -> Colour:
    red, green, blue = (channel * (1 - amount) for channel in colour)
    return red, green, blue


def _draw_cup(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    canvas = Canvas(_SIZE, _SIZE)
    left, right, top, bottom = 24.0, 90.0, 34.0, 34 + 78 * look.stretch
    middle, radius = (left + right) / 2, (right - left) / 2
    handle = canvas.ellipse((right + 4, (top + bottom) / 2), 22, 26)
    hole = canvas.ellipse((right + 4, (top + bottom) / 2), 12, 15)
    canvas.paint(handle & ~hole, _darker(look.colour, 0.15))
    body = canvas.polygon([(left, top), (right, top), (right - 6, bottom - 6), (left + 6, bottom - 6)])
    body |= canvas.ellipse((middle, bottom - 6), radius - 6, 9)
    shade = canvas.round_shade(left, right)
    canvas.paint(body, look.colour, shade)
    height = bottom - top
    if look.variant % 3 == 0:
        for place in (0.35, 0.6):
            stripe = canvas.rectangle(0, top + place * height, _SIZE, top + (place + 0.1) * height)
            canvas.paint(stripe & body, look.accent, shade)
    elif look.variant % 3 == 1:
        for x, y in ((0.25, 0.4), (0.6, 0.32), (0.45, 0.65), (0.78, 0.6), (0.2, 0.75)):
            dot = canvas.ellipse((left + x * (right - left), top + y * height), 6, 6)
            canvas.paint(dot & body, look.accent, shade)
    else:
        canvas.paint(canvas.ellipse((middle - 4, top + 0.52 * height), 17, 17) & body, look.accent, shade)
    canvas.paint(canvas.ellipse((middle, top), radius, 12), _lighter(look.colour, 0.35))
    canvas.paint(canvas.ellipse((middle, top + 1), radius - 4, 9.5), (0.24, 0.14, 0.08))
    return ObjectSprites(whole=canvas.sprite((middle, bottom)))


def _draw_box(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    left, right, top, bottom = 22.0, 94.0, 30.0, 30 + 84 * look.stretch
    middle = (left + right) / 2

    def front_and_side(canvas: Canvas) -> None:
        front = canvas.rectangle(left, top, right, bottom)
        canvas.paint(front, look.colour, canvas.slope_shade(top, bottom, above=1.06, below=0.86))
        side = canvas.polygon(
            [(right, top), (right + 16, top - 14), (right + 16, bottom - 16), (right, bottom)]
        )
        canvas.paint(side, _darker(look.colour, 0.35))
        height = bottom - top
        banner = canvas.rectangle(left, top + 0.16 * height, right, top + 0.42 * height)
        canvas.paint(banner, look.accent)
        for line, length in enumerate((0.8, 0.55, 0.7)):
            y = top + (0.54 + 0.12 * line) * height
            canvas.paint(
                canvas.rectangle(left + 8, y, left + 8 + length * 54, y + 4), _darker(look.colour, 0.6)
            )
        if look.variant % 2:
            canvas.paint(canvas.ellipse((right - 18, top + 0.3 * height), 11, 11), (0.95, 0.93, 0.85))

    def flap(canvas: Canvas) -> None:
        lid = canvas.polygon(
            [(left - 1, top + 2), (left + 15, top - 15), (right + 17, top - 15), (right + 1, top + 2)]
        )
        canvas.paint(lid, _lighter(look.colour, 0.3))
        canvas.paint(canvas.rectangle(left - 1, top, right + 1, top + 9), _lighter(look.colour, 0.12))

    whole, body, lid = Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE)
    front_and_side(whole)
    flap(whole)
    front_and_side(body)
    opening = body.polygon([(left, top), (left + 16, top - 14), (right + 16, top - 14), (right, top)])
    body.paint(opening, (0.16, 0.12, 0.09))
    flap(lid)
    lid_middle = (middle + 8, top - 5)
    return ObjectSprites(
        whole=whole.sprite((middle, bottom)),
        open_body=body.sprite((middle, bottom)),
        lid=lid.sprite(lid_middle),
        lid_offset=(lid_middle[0] - middle, lid_middle[1] - bottom),
    )


def _draw_bowl(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    canvas = Canvas(_SIZE, _SIZE)
    middle, radius, top = 65.0, 54.0, 46.0
    depth = 48 * look.stretch
    body = canvas.ellipse((middle, top), radius, depth) & canvas.rectangle(0, top, _SIZE, _SIZE)
    shade = canvas.round_shade(middle - radius, middle + radius)
    canvas.paint(body, look.colour, shade)
    canvas.paint(
        canvas.rectangle(middle - 20, top + depth - 5, middle + 20, top + depth + 3),
        _darker(look.colour, 0.4),
    )
    band = canvas.rectangle(0, top + 0.42 * depth, _SIZE, top + 0.55 * depth)
    canvas.paint(band & body, look.accent, shade)
    canvas.paint(canvas.ellipse((middle, top), radius, 19), _lighter(look.colour, 0.4))
    canvas.paint(canvas.ellipse((middle, top + 1), radius - 4, 15.5), _darker(look.colour, 0.35))
    canvas.paint(canvas.ellipse((middle + 4, top + 5), radius - 16, 9), _lighter(look.accent, 0.2))
    return ObjectSprites(whole=canvas.sprite((middle, top + depth + 3)))


def _draw_jar(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    left, right, top, bottom = 34.0, 96.0, 34.0, 34 + 84 * look.stretch
    middle, radius = (left + right) / 2, (right - left) / 2

    def glass(canvas: Canvas) -> None:
        body = canvas.rectangle(left, top + 6, right, bottom, corner=11)
        shade = canvas.round_shade(left, right, dark=0.6)
        canvas.paint(body, (0.74, 0.83, 0.82), shade)
        canvas.paint(
            canvas.rectangle(left + 4, top + 24, right - 4, bottom - 5, corner=8), look.colour, shade
        )
        label = canvas.rectangle(left + 2, top + 38, right - 2, bottom - 22)
        canvas.paint(label, (0.93, 0.90, 0.82), shade)
        canvas.paint(canvas.ellipse((middle, (top + bottom) / 2 + 8), 14, 11), look.accent, shade)
        canvas.paint(
            canvas.rectangle(left + 9, top + 14, left + 14, bottom - 12, corner=2), (1, 1, 1), opacity=0.4
        )

    def cap(canvas: Canvas) -> None:
        side = canvas.rectangle(left + 1, top - 10, right - 1, top + 9, corner=4)
        canvas.paint(side, look.accent, canvas.round_shade(left, right))
        canvas.paint(canvas.ellipse((middle, top - 9), radius - 1, 9), _lighter(look.accent, 0.25))

    whole, body, lid = Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE)
    glass(whole)
    cap(whole)
    glass(body)
    body.paint(body.ellipse((middle, top + 6), radius - 2, 9), (0.88, 0.92, 0.92))
    body.paint(body.ellipse((middle, top + 7), radius - 6, 6.5), _darker(look.colour, 0.5))
    cap(lid)
    return ObjectSprites(
        whole=whole.sprite((middle, bottom)),
        open_body=body.sprite((middle, bottom)),
        lid=lid.sprite((middle, top - 3)),
        lid_offset=(0.0, top - 3 - bottom),
    )


def _draw_board(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    canvas = Canvas(_SIZE, _SIZE)
    top, bottom = 44.0, 44 + 62 * look.stretch
    board = canvas.rectangle(4, top, 98, bottom, corner=8)
    handle = canvas.capsule((94, (top + bottom) / 2), (120, (top + bottom) / 2), 10, 9)
    height, width = board.shape
    grain = 1 + 0.14 * smooth_noise(rng, width, height, 90, 5)
    canvas.paint(board | handle, look.colour, grain)
    canvas.erase(canvas.ellipse((119, (top + bottom) / 2), 4, 4))
    canvas.darken(canvas.rectangle(4, bottom - 7, 98, bottom) & board, 0.7)
    blade = canvas.polygon([(18, top + 20), (62, top + 14), (66, top + 26), (26, top + 30)])
    canvas.paint(blade, (0.80, 0.82, 0.85))
    canvas.paint(canvas.capsule((66, top + 20), (88, top + 16), 5, 5), look.accent)
    return ObjectSprites(whole=canvas.sprite((58, bottom)))


def _draw_pan(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    middle, top = 50.0, 52.0
    radius, depth = 43.0, 34 * look.stretch

    def pot(canvas: Canvas) -> None:
        canvas.paint(canvas.capsule((90, top + 8), (124, top - 4), 6, 5), (0.10, 0.10, 0.11))
        body = canvas.rectangle(middle - radius, top, middle + radius, top + depth)
        body |= canvas.ellipse((middle, top + depth), radius, 13)
        canvas.paint(body, look.colour, canvas.round_shade(middle - radius, middle + radius, dark=0.4))

    def cover(canvas: Canvas) -> None:
        canvas.paint(canvas.ellipse((middle, top), radius + 1, 15), _lighter(look.colour, 0.3))
        dome = canvas.ellipse((middle, top - 3), radius - 4, 14)
        canvas.paint(dome, (0.72, 0.76, 0.78), canvas.round_shade(middle - radius, middle + radius))
        canvas.paint(canvas.ellipse((middle, top - 17), 9, 6), look.accent)

    whole, body, lid = Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE)
    pot(whole)
    cover(whole)
    pot(body)
    body.paint(body.ellipse((middle, top), radius, 14), _lighter(look.colour, 0.35))
    body.paint(body.ellipse((middle, top + 1), radius - 4, 11), (0.55, 0.30, 0.10))
    cover(lid)
    base = (middle, top + depth + 13)
    return ObjectSprites(
        whole=whole.sprite(base),
        open_body=body.sprite(base),
        lid=lid.sprite((middle, top - 8)),
        lid_offset=(0.0, top - 8 - base[1]),
    )


def _draw_bottle(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    middle, bottom = 65.0, 122.0
    shoulder = 62 - 12 * (look.stretch - 1)

    def glass(canvas: Canvas) -> None:
        body = canvas.rectangle(middle - 25, shoulder, middle + 25, bottom, corner=8)
        body |= canvas.ellipse((middle, shoulder + 6), 25, 20)
        body |= canvas.rectangle(middle - 10, 22, middle + 10, shoulder)
        shade = canvas.round_shade(middle - 25, middle + 25)
        canvas.paint(body, look.colour, shade)
        canvas.paint(
            canvas.rectangle(middle - 25, shoulder + 18, middle + 25, bottom - 14), look.accent, shade
        )
        canvas.paint(
            canvas.ellipse((middle, (shoulder + bottom) / 2 + 4), 12, 12), _darker(look.colour, 0.2), shade
        )
        canvas.paint(
            canvas.rectangle(middle - 6, 26, middle - 2, bottom - 10, corner=2), (1, 1, 1), opacity=0.3
        )

    def cap(canvas: Canvas) -> None:
        canvas.paint(canvas.rectangle(middle - 13, 4, middle + 13, 28, corner=4), _darker(look.accent, 0.3))
        canvas.paint(canvas.ellipse((middle, 7), 12, 4), look.accent)

    whole, body, lid = Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE), Canvas(_SIZE, _SIZE)
    glass(whole)
    cap(whole)
    glass(body)
    body.paint(body.ellipse((middle, 22), 9, 4), (0.08, 0.08, 0.08))
    cap(lid)
    return ObjectSprites(
        whole=whole.sprite((middle, bottom)),
        open_body=body.sprite((middle, bottom)),
        lid=lid.sprite((middle, 16)),
        lid_offset=(0.0, 16 - bottom),
    )


def _draw_plate(look: ObjectLook, rng: np.random.Generator) -> ObjectSprites:
    canvas = Canvas(_SIZE, _SIZE)
    middle, row = 65.0, 72.0
    ratio = 0.52 * look.stretch
    canvas.paint(canvas.ellipse((middle, row + 4), 59, 59 * ratio), _darker(look.colour, 0.35))
    canvas.paint(canvas.ellipse((middle, row), 59, 59 * ratio), look.colour)
    canvas.paint(canvas.ellipse((middle, row), 52, 52 * ratio), look.accent)
    canvas.paint(canvas.ellipse((middle, row), 46, 46 * ratio), look.colour)
    canvas.paint(canvas.ellipse((middle, row + 1), 36, 36 * ratio), _darker(look.colour, 0.1))
    canvas.paint(canvas.ellipse((middle, row + 3), 34, 33 * ratio), _lighter(look.colour, 0.25))
    return ObjectSprites(whole=canvas.sprite((middle, row + 59 * ratio + 4)))


_DRAWERS: dict[Kind, Callable[[ObjectLook, np.random.Generator], ObjectSprites]] = {
    Kind.CUP: _draw_cup,
    Kind.BOX: _draw_box,
    Kind.BOWL: _draw_bowl,
    Kind.JAR: _draw_jar,
    Kind.BOARD: _draw_board,
    Kind.PAN: _draw_pan,
    Kind.BOTTLE: _draw_bottle,
    Kind.PLATE: _draw_plate,
}
