"""A whole scene: the static setting, the object in use, the hands, and the head that looks at them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from egotool.synthetic.actions import Motion, Performance, act_out, draw_performance, smooth_step
from egotool.synthetic.camera import (
    FOCAL_LENGTH,
    Camera,
    HeadPath,
    Matrices,
    draw_head_path,
    fit_head_path,
    mean_displacement,
)
from egotool.synthetic.hands import HandSprites
from egotool.synthetic.layers import Layer, Placement, Role, Times, in_plane, placements, sprite_to_card
from egotool.synthetic.parameters import Verb
from egotool.synthetic.plan import ClipPlan
from egotool.synthetic.setting import Setting, build_setting, sized, thrown_shadow
from egotool.synthetic.sprites import Sprite
from egotool.synthetic.subjects import Subject, draw_subject, subject_hand, subject_object

Vector = NDArray[np.float64]

_EXIT_DEPTH = 0.8
"""Hands and taken objects come this much nearer to the eye on their way out of the frame."""


@dataclass(frozen=True)
class Scene:
    """What a renderer needs.

    Attributes:
        plan, subject, performance: where the scene comes from.
        camera, head: who looks.
        layers: far to near; the clip's homographies describe layer 0.
        object_area: the fraction of the frame that the object covers when nothing hides it.
        head_peak: the fastest head motion, pixels per frame.
    """

    plan: ClipPlan
    subject: Subject
    performance: Performance
    camera: Camera
    head: HeadPath
    layers: tuple[Layer, ...]
    object_area: float
    head_peak: float

    def homographies(self, layer: Layer) -> Matrices:
        """Return (N-1, 3, 3): the exact motion of `layer` in the frame from each t to t+1."""
        times = np.arange(self.plan.frames, dtype=np.float64)
        seen = layer.to_frame(self.camera, self.head, times, times)
        return normalised(seen[1:] @ np.linalg.inv(seen[:-1]))


def normalised(homographies: Matrices) -> Matrices:
    """Return the homographies with their last entry 1."""
    return np.asarray(homographies / homographies[:, 2:, 2:])


def build_scene(plan: ClipPlan, rng: np.random.Generator | None = None) -> Scene:
    """Return the scene of `plan`; `rng` replaces the plan's own random generator."""
    rng = rng or plan.generator()
    subject = draw_subject(plan.seed, plan.subject)
    camera = Camera(plan.width, plan.height)
    performance = draw_performance(rng, speed=subject.speed * plan.speed, right_handed=subject.right_handed)
    setting = build_setting(plan, subject, camera, rng, performance.place)
    object_area = float(rng.uniform(0.065, 0.105))
    # Two hands together, or one very near the eye, cover up to about 40 % of the frame.
    hand_size = float(0.85 + 0.15 * rng.random() if performance.helper else 0.9 + 0.85 * rng.random() ** 2)
    actors = _Actors(plan, subject, camera, setting, performance, object_area, hand_size)
    drawn_peak = (
        0.0 if rng.random() < 0.12 else plan.head_motion * subject.head_motion * rng.uniform(0.05, 1) ** 1.2
    )
    peak = drawn_peak if plan.head_peak is None else plan.head_peak
    dominant = setting.layers[0]
    head = draw_head_path(rng)
    frames = np.arange(plan.frames, dtype=np.float64)

    def fastest(path: HeadPath) -> float:
        seen = dominant.to_frame(camera, path, frames, frames)
        steps = seen[1:] @ np.linalg.inv(seen[:-1])
        return float(mean_displacement(steps, width=plan.width, height=plan.height).max())

    head = fit_head_path(head, peak=peak, measure=fastest)
    return Scene(
        plan=plan,
        subject=subject,
        performance=performance,
        camera=camera,
        head=head,
        layers=(*setting.layers, *actors.layers()),
        object_area=object_area,
        head_peak=fastest(head),
    )


class _Actors:
    """Builds the moving layers: shadow, fingers, object, lid, arm, thumb, and perhaps a helping hand."""

    def __init__(
        self,
        plan: ClipPlan,
        subject: Subject,
        camera: Camera,
        setting: Setting,
        performance: Performance,
        object_area: float,
        hand_size: float,
    ) -> None:
        self._plan, self._subject, self._camera, self._setting = plan, subject, camera, setting
        self._performance = performance
        self._place = setting.on_counter(camera.ray(*performance.place))
        self._pixel = float(self._place[2] / camera.focal)
        sprites = subject_object(plan.seed, subject.number, plan.kind)
        factor = sized(sprites.whole, area=object_area, camera=camera, shrink=setting.shrink)
        self._has_lid = plan.verb in (Verb.OPEN, Verb.CLOSE)
        body = sprites.open_body if self._has_lid and sprites.open_body else sprites.whole
        self._body = body.scaled(factor)
        self._whole = sprites.whole.scaled(factor)
        self._lid = sprites.lid.scaled(factor) if sprites.lid else None
        self._lid_offset = np.array(sprites.lid_offset) * factor * self._pixel
        height, width = self._whole.rgba.shape[:2]
        self._object_size = np.array([width, height]) * self._pixel
        self._hand_factor = 0.19 * camera.width / 60 * hand_size

    def _motion(self, times: Times) -> Motion:
        return act_out(self._plan.verb, self._performance, times / (self._plan.frames - 1))

    def _object_origin(self, motion: Motion) -> NDArray[np.float64]:
        """Return where the object's base is (M, 3)."""
        along, _ = self._setting.counter_axes
        width = self._place[2] / FOCAL_LENGTH  # of the frame, in world units, at the object's depth
        shift = motion.object_shift * width
        origin = self._place + shift[:, :1] * along + shift[:, 1:] * self._setting.card_axes[1]
        out = self._camera.ray(self._performance.entry[0], 1.95) * self._place[2] * _EXIT_DEPTH
        exit_ = motion.object_exit[:, None]
        lift = np.array([0, -0.05, -0.02]) * np.sin(np.pi * np.clip(exit_ * 1.5, 0, 1))
        return np.asarray(origin + exit_ * (out - self._place) + lift)

    def _object_placement(self, times: Times) -> Matrices:
        motion = self._motion(times)
        base = placements(*self._setting.card_axes, self._object_origin(motion))
        return base @ in_plane(motion.object_angle, centre=(0, -self._object_size[1] / 2))

    def _shadow_placement(self, times: Times) -> Matrices:
        motion = self._motion(times)
        along, down = self._setting.counter_axes
        # A lifted object's shadow shrinks away, but never to zero: the homography stays invertible.
        size = np.clip(1 - 4 * motion.object_exit, 1e-3, 1)[:, None]
        still = np.zeros_like(motion.object_exit)
        resting = self._object_origin(
            replace(motion, object_shift=motion.object_shift * np.array([1.0, 0.0]), object_exit=still)
        )
        return placements(along * size, down * size, resting)

    def _shadow(self) -> Layer:
        shadow = thrown_shadow(self._whole)
        to_card = sprite_to_card(shadow, self._pixel)
        name = f"shadow of {self._plan.kind}"
        return Layer(name, Role.SHADOW, shadow.rgba, to_card, self._shadow_placement, False)

    def _lid_place(self, motion: Motion) -> NDArray[np.float64]:
        """Return where the lid is on the object's card (M, 2)."""
        return np.asarray(self._lid_offset + motion.lid_shift * self._object_size[0])

    def _lid_placement(self, times: Times) -> Matrices:
        place = self._lid_place(self._motion(times))
        shift = np.broadcast_to(np.eye(3), (len(times), 3, 3)).copy()
        shift[:, :2, 2] = place
        return self._object_placement(times) @ shift

    def _tremor(self, times: Times) -> NDArray[np.float64]:
        p, width = self._performance, self._place[2] / FOCAL_LENGTH
        phase = 2 * np.pi * 0.12 * times + p.tremor_phase
        wobble = np.stack([np.sin(phase), np.sin(1.7 * phase + 1), 0 * phase], axis=-1)
        return np.asarray(p.tremor * width * wobble)

    def _hand_origin(self, times: Times) -> NDArray[np.float64]:
        """Return where the palm's middle is (M, 3): between its way in and the place where it grasps."""
        motion, p = self._motion(times), self._performance
        a, b = self._setting.card_axes
        width, height = self._object_size
        if motion.hand_on_lid:
            grasp = self._lid_place(motion) + np.array([p.side * 0.3 * width, 0.25 * height])
        else:
            # A large hand grasps farther out, so that the object stays in sight.
            palm = 30 * self._hand_factor * self._pixel
            reach = [p.side * (0.38 * width + 0.6 * palm), 0.4 * palm - 0.48 * height]
            grasp = np.broadcast_to(reach, (len(times), 2))
        target = self._object_origin(motion) + grasp[:, :1] * a + grasp[:, 1:] * b
        entry = self._camera.ray(*p.entry) * self._place[2] * _EXIT_DEPTH
        presence = motion.hand_presence[:, None]
        return np.asarray(entry + presence * (target - entry) + self._tremor(times))

    def _helper_origin(self, times: Times) -> NDArray[np.float64]:
        p, moments = self._performance, times / (self._plan.frames - 1)
        presence = smooth_step((moments - p.enter) / 0.25) - smooth_step((moments - p.leave + 0.25) / 0.25)
        depth = self._place[2] * 0.95
        entry, rest = (
            self._camera.ray(p.helper_place[0], 1.5) * depth,
            self._camera.ray(*p.helper_place) * depth,
        )
        return np.asarray(entry + presence[:, None] * (rest - entry) + 0.7 * self._tremor(times + 5))

    def _hand(self, name: str, side: int, origin: Callable[[Times], NDArray[np.float64]]) -> list[Layer]:
        """Return the layers arm, fingers and thumb of the hand on `side` (1 right, -1 left)."""
        hand = subject_hand(self._plan.seed, self._subject.number)
        elbow_x = (
            self._performance.entry[0] if origin == self._hand_origin else self._performance.helper_place[0]
        )
        elbow = self._camera.ray(elbow_x + 0.12 * side, 2.1) * self._place[2]

        def arm(times: Times) -> Matrices:
            palm = origin(times)
            towards = (elbow - palm)[:, :2]
            towards /= np.linalg.norm(towards, axis=1, keepdims=True)
            zero = np.zeros(len(times))
            across = np.stack([towards[:, 1], -towards[:, 0], zero], -1)
            along = np.stack([towards[:, 0], towards[:, 1], zero], -1)
            return placements(across, along, palm)

        def fingers(times: Times) -> Matrices:
            grip = self._motion(times).grip
            return arm(times) @ in_plane(-0.35 * side * grip, stretch=1 - 0.22 * grip, centre=knuckles)

        def thumb(times: Times) -> Matrices:
            grip = self._motion(times).grip
            return arm(times) @ in_plane(side * (0.35 - 0.5 * grip), centre=joint)

        knuckles = self._joint(hand, hand.knuckles, side)
        joint = self._joint(hand, hand.thumb_joint, side)
        return [
            self._part(f"{name}, arm", hand.arm, side, (0, 0), arm),
            self._part(f"{name}, fingers", hand.fingers, side, knuckles, fingers),
            self._part(f"{name}, thumb", hand.thumb, side, joint, thumb),
        ]

    def _joint(self, hand: HandSprites, joint: tuple[float, float], side: int) -> tuple[float, float]:
        unit = self._hand_factor * self._pixel
        return joint[0] * side * unit, joint[1] * unit

    def _part(
        self, name: str, sprite: Sprite, side: int, joint: tuple[float, float], placement: Placement
    ) -> Layer:
        sprite = (sprite if side > 0 else sprite.mirrored()).scaled(self._hand_factor)
        to_card = sprite_to_card(sprite, self._pixel)
        to_card[:2, 2] += joint
        return Layer(name, Role.HAND, sprite.rgba, to_card, placement, False)

    def layers(self) -> list[Layer]:
        """Return the moving layers, far to near."""
        side = self._performance.side
        arm, fingers, thumb = self._hand("right hand" if side > 0 else "left hand", side, self._hand_origin)
        kind = self._plan.kind
        body_to_card = sprite_to_card(self._body, self._pixel)
        body = Layer(str(kind), Role.OBJECT, self._body.rgba, body_to_card, self._object_placement, False)
        shadow = self._shadow()
        stack = [shadow]
        if self._has_lid and self._lid is not None:
            to_card = sprite_to_card(self._lid, self._pixel)
            lid = Layer(f"lid of {kind}", Role.OBJECT, self._lid.rgba, to_card, self._lid_placement, False)
            stack += [body, fingers, lid, arm, thumb]
        else:
            stack += [fingers, body, arm, thumb]
        if self._performance.helper:
            name = "left hand" if side > 0 else "right hand"
            arm, fingers, thumb = self._hand(f"helping {name}", -side, self._helper_origin)
            stack += [thumb, fingers, arm]
        return stack
