"""What to extract, and with which parameters."""

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from egotool.errors import UsageError
from egotool.manifests import FrameRanges, labelled_ranges, read_manifest
from egotool.motion import FLOW_REVISION, TrackParameters
from egotool.store import (
    DEFAULT_CODEC,
    FORMAT_VERSION,
    HANDS_PARAMETER,
    PARAMETER_OPTIONS,
    Array,
    Codec,
    Receipt,
)
from egotool.video import FoundVideo

WarpFlowMode = Literal["second", "compensated"]

JsonValue = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None


class Content(StrEnum):
    """What a user can ask for; each stands for one or more arrays of a store file."""

    RGB = "rgb"
    FLOW = "flow"
    WARP_FLOW = "warp-flow"
    MASKS = "masks"


CAMERA_ARRAYS = frozenset({Array.HOMOGRAPHY, Array.HOMOGRAPHY_VALID})
"""The arrays of the camera's motion, which warp flow and masks come with."""

_ARRAYS_OF: Mapping[Content, frozenset[Array]] = {
    Content.RGB: frozenset({Array.RGB}),
    Content.FLOW: frozenset({Array.FLOW}),
    Content.WARP_FLOW: frozenset({Array.WARP_FLOW}) | CAMERA_ARRAYS,
    Content.MASKS: frozenset({Array.MASKS}) | CAMERA_ARRAYS,
}


_MOTION = frozenset({Array.FLOW, Array.WARP_FLOW, Array.MASKS}) | CAMERA_ARRAYS
_DEPENDENT: Mapping[str, frozenset[Array]] = {
    "short_side": frozenset({Array.RGB}) | _MOTION,
    "schedule": _MOTION,
    "backend": _MOTION,
    "warp_flow": frozenset({Array.WARP_FLOW, Array.MASKS}),
    "tracks": frozenset({Array.MASKS}),
    "part_frames": _MOTION - {Array.FLOW},
}
"""The arrays whose values hang on each recorded parameter."""
_OF_HANDS = CAMERA_ARRAYS | {Array.WARP_FLOW, Array.MASKS}
"""The arrays whose values hang on hand masks, too, if there are any."""


def arrays_of(contents: Iterable[Content]) -> frozenset[Array]:
    """Return the arrays that stand for `contents`; the timestamps always belong to them."""
    return frozenset({Array.TIMESTAMPS}).union(*(_ARRAYS_OF[content] for content in contents))


def parse_contents(text: str) -> frozenset[Content]:
    """Read a list such as "rgb,warp-flow".

    Raises:
        UsageError: if a word is unknown or there is none.
    """
    words = [word.strip().lower().replace("_", "-") for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in set(Content)]
    if unknown or not words:
        what = f"unknown {', '.join(map(repr, unknown))}" if unknown else "nothing given"
        raise UsageError(f"--only: {what}; choose from {', '.join(Content)}, separated by commas.")
    return frozenset(Content(word) for word in words)


@dataclass(frozen=True, kw_only=True)
class ExtractionParameters:
    """Everything that decides what a store file holds, apart from the video itself."""

    short_side: int = 256
    """Pixels of the shorter side of what is stored; smaller videos keep their size."""
    contents: frozenset[Content] = frozenset(Content)
    """What to store."""
    schedule: str = "fast"
    """Name of the schedule of TV-L1 for flow and warp flow."""
    backend: Literal["auto", "numba", "opencv"] = "auto"
    """What computes TV-L1."""
    warp_flow: WarpFlowMode = "second"
    """Warp flow by a second TV-L1, to the frame warped back by the camera's motion, or by compensating the
    first flow for that motion: faster, but noisier; docs/motion.md says what it costs."""
    tracks: TrackParameters = field(default_factory=TrackParameters)
    """Parameters of the tracks behind the motion masks."""
    hands_sha256: str | None = None
    """Digest of the masks of hands that the camera's motion leaves out, if there are; of one video each."""
    codec: Codec = DEFAULT_CODEC
    """Compression of the store file."""
    part_frames: int = 120
    """At most so many frames per part, the grain of parallel work and of resuming: longer parts repeat
    less (the warm-up of tracks, the way from a keyframe), shorter ones balance better. Masks vary a little.
    """

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        if self.short_side < 16:
            raise UsageError(f"--size is {self.short_side}, but must be at least 16 pixels.")
        if self.part_frames < 1:
            raise UsageError(f"part_frames is {self.part_frames}, but must be at least 1.")

    @property
    def warm_up_frames(self) -> int:
        """Frames before a part over which tracks are followed, so that they are there when it begins."""
        return 2 * self.tracks.track_length

    @property
    def frames_before(self) -> int:
        """Frames to extract before a segment so that its masks are those of the whole video, nearly."""
        return self.warm_up_frames

    @property
    def frames_after(self) -> int:
        """Frames to extract behind a segment: tracks finish, and its last frame has flow and a successor."""
        return self.run_out_frames + 1

    @property
    def run_out_frames(self) -> int:
        """Frames after a part over which tracks are followed, so that those that began in it can finish."""
        return self.tracks.track_length

    def recorded(self) -> dict[str, JsonValue]:
        """Return the parameters as they are recorded in store files and receipts: all that changes values."""
        values: dict[str, JsonValue] = json.loads(
            json.dumps(
                {
                    # of the values: the same in a file that has only ranges of the frames
                    "format_version": FORMAT_VERSION,
                    "short_side": self.short_side,
                    "schedule": self.schedule,
                    "flow_revision": FLOW_REVISION,
                    "backend": self.backend,
                    "warp_flow": self.warp_flow,
                    "part_frames": self.part_frames,
                    "tracks": dataclasses.asdict(self.tracks),
                    **({} if self.hands_sha256 is None else {HANDS_PARAMETER: self.hands_sha256}),
                }
            )
        )
        return values

    def recorded_with_codec(self) -> dict[str, JsonValue]:
        """Return the recorded parameters and the codec, which changes the file but no value."""
        return {**self.recorded(), "codec": str(self.codec)}

    def fit(self, receipt: Mapping[str, object]) -> bool:
        """Return whether arrays of such a receipt and new ones make one file; the codec does not matter."""
        # Older stores do not say what there was no choice of.
        values = {"warp_flow": "second", "flow_revision": 1} | dict(receipt)
        return values | {"codec": ""} == {**self.recorded(), "codec": ""}

    def fit_as_it_is(self, receipt: Mapping[str, object]) -> bool:
        """Return whether a complete file with such a receipt may stay, codec and all.

        Also one whose flow is by an earlier revision of TV-L1, which had fewer rules of tracks: nobody wants
        a large store made anew because of a new version or a further video.
        """
        tracks = receipt.get("tracks")
        as_now = {
            "flow_revision": FLOW_REVISION,
            "tracks": dataclasses.asdict(self.tracks) | (tracks if isinstance(tracks, dict) else {}),
        }
        return self.fit({**receipt, **as_now}) and receipt.get("codec") == str(self.codec)

    def conflicts(self, receipt: Mapping[str, object], arrays: Collection[Array]) -> list[str]:
        """Return in what the stored `arrays` were made otherwise, such as "--schedule exact, not fast".

        Only what they depend on counts: frames alone know no schedule. The revision of TV-L1 does not count.
        """
        before = {"warp_flow": "second"} | dict(receipt)
        tracks = before.get("tracks")
        if isinstance(tracks, dict):  # those of an earlier version had fewer rules
            before["tracks"] = dataclasses.asdict(self.tracks) | tracks
        now, found = self.recorded(), []
        for name, dependent in _DEPENDENT.items():
            if name in before and before[name] != now[name] and not dependent.isdisjoint(arrays):
                option, _ = PARAMETER_OPTIONS.get(name, ("", None))
                found.append(f"{option} {before[name]}, not {now[name]}" if option else f"other {name}")
        if depend_on_hands(arrays):
            found += _other_hands(before.get(HANDS_PARAMETER), now.get(HANDS_PARAMETER))
        return found

    def with_hands(self, sha256: str | None) -> Self:
        """Return the same for a video with such hand masks, or with none."""
        return dataclasses.replace(self, hands_sha256=sha256)

    def for_arrays_of(self, receipt: Receipt) -> Self:
        """Return the same with the hand masks of a receipt, if none of its arrays depends on them."""
        if depend_on_hands(Array(name) for name in receipt.arrays):
            return self
        return self.with_hands_of(receipt)

    def with_hands_of(self, receipt: Receipt) -> Self:
        """Return the same with the hand masks of a receipt, or with none."""
        recorded = receipt.parameters.get(HANDS_PARAMETER)
        return self.with_hands(recorded if isinstance(recorded, str) else None)

    @property
    def fingerprint(self) -> str:
        """The recorded parameters as text: equal where the stored values are."""
        return json.dumps(self.recorded(), sort_keys=True)


def depend_on_hands(arrays: Iterable[Array]) -> bool:
    """Whether some of these arrays have other values with hand masks than without."""
    return not _OF_HANDS.isdisjoint(arrays)


def _other_hands(before: object, now: object) -> list[str]:
    """Return in what two sets of hand masks, or none, differ."""
    if before == now:
        return []
    return [
        "no --hands"
        if before is None
        else "--hands (give them again), not without"
        if now is None
        else "other --hands"
    ]


def ranges_asked_for(
    manifest: Path | None, parameters: ExtractionParameters
) -> Mapping[str, FrameRanges] | None:
    """Return for every video the frames that its segments need; None, without a manifest: all frames.

    Raises:
        ManifestError: if the manifest cannot be read.
    """
    if manifest is None:
        return None
    return labelled_ranges(
        read_manifest(manifest), before=parameters.frames_before, after=parameters.frames_after
    )


def with_segments(
    found: Sequence[FoundVideo], ranges: Mapping[str, FrameRanges], manifest: Path | None
) -> list[FoundVideo]:
    """Return the videos that have segments.

    Raises:
        UsageError: if there is none.
    """
    labelled = [video for video in found if video.name in ranges]
    if not labelled:
        raise UsageError(
            f"none of the videos is named in {manifest}: it must name them by their paths below the folder "
            f"that is given, such as {found[0].name!r}"
        )
    return labelled
