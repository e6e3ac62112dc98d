"""One clip of a dataset before it is rendered: which subject does what, where, and seen how."""

from dataclasses import dataclass

import numpy as np

from egotool.synthetic.parameters import Kind, Mode, SyntheticParameters, Verb, action_name


@dataclass(frozen=True)
class ClipPlan:
    """Everything that decides one clip, bit by bit.

    Attributes:
        seed: of the dataset.
        subject: number of the person, from 0.
        verb, kind: the action.
        repetition: from 0.
        mode: planar or parallax.
        width, height, frames: size of the clip.
        frame_rate: of the video file.
        head_motion: pixels per frame that the fastest heads reach; this clip's head is somewhere below.
        distractors: kinds that may lie around.
        head_peak: this clip's fastest head motion; None draws it from the subject and `head_motion`.
        speed: factor on the subject's speed of acting.
    """

    seed: int = 0
    subject: int = 0
    verb: Verb = Verb.TAKE
    kind: Kind = Kind.CUP
    repetition: int = 0
    mode: Mode = Mode.PLANAR
    width: int = 256
    height: int = 192
    frames: int = 40
    frame_rate: float = 15.0
    head_motion: float = 10.0
    distractors: tuple[Kind, ...] = tuple(Kind)
    head_peak: float | None = None
    speed: float = 1.0

    @property
    def action(self) -> str:
        """The action's name, which is also its folder."""
        return action_name(self.verb, self.kind)

    def generator(self) -> np.random.Generator:
        """Return the random generator of this clip."""
        key = [
            self.seed,
            2,
            self.subject,
            list(Verb).index(self.verb),
            list(Kind).index(self.kind),
            self.repetition,
        ]
        return np.random.default_rng(key)


def plan_clips(parameters: SyntheticParameters) -> list[ClipPlan]:
    """Return the clips of a dataset, subject by subject."""
    others = tuple(kind for kind in Kind if kind not in parameters.objects)
    return [
        ClipPlan(
            seed=parameters.seed,
            subject=subject,
            verb=verb,
            kind=kind,
            repetition=repetition,
            mode=_mode_of(parameters, subject + number + repetition),
            width=parameters.width,
            height=parameters.height,
            frames=parameters.frames,
            frame_rate=parameters.frame_rate,
            head_motion=parameters.head_motion,
            # Things that are no class of this dataset lie around; with nearly all kinds in use, any may.
            distractors=others if len(others) >= 3 else tuple(Kind),
        )
        for subject in range(parameters.subjects)
        for number, (verb, kind) in enumerate(parameters.actions)
        for repetition in range(parameters.repetitions)
    ]


def _mode_of(parameters: SyntheticParameters, count: int) -> Mode:
    if parameters.mode == "mixed":
        return Mode.PLANAR if count % 2 == 0 else Mode.PARALLAX
    return Mode(parameters.mode)
