"""Labels from where a video lies: `<action>/<clip>` or `<subject>/<action>/<clip>`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from egotool.manifests.segments import Manifest, Segment
from egotool.manifests.splits import assign_splits


def manifest_from_folders(
    videos: Mapping[str, int], *, seed: int = 0, test_subjects: tuple[str, ...] = ()
) -> Manifest:
    """Make a manifest with one segment per video, labelled by the folders that it lies in.

    The folder of a video names its action, the folder of that the subject; a video outside any folder is
    unlabelled. The verb ends at the first `_` or space of the action, the noun follows it.

    Args:
        videos: number of frames of each video by name; videos without frames are left out.
        seed: chooses validation (and, without subjects, test) segments; see `assign_splits`.
        test_subjects: the subjects that test; without them the last in natural order if there are several.

    Returns:
        the manifest, sorted by video name.

    Raises:
        UsageError: if one of `test_subjects` is not among the subjects.
    """
    names = sorted(name for name, frames in videos.items() if frames > 0)
    stems = Counter(_stem(name) for name in names)
    segments = []
    for name in names:
        subject, action = _labels(name)
        verb, noun = verb_and_noun(action)
        segments.append(
            Segment(
                # two videos may differ in their suffix only
                segment=_stem(name) if stems[_stem(name)] == 1 else name,
                video=name,
                start_frame=0,
                stop_frame=videos[name],
                action=action,
                verb=verb,
                noun=noun,
                subject=subject,
            )
        )
    return assign_splits(Manifest(tuple(segments)), seed=seed, test_subjects=test_subjects)


def verb_and_noun(action: str) -> tuple[str, str]:
    """Split an action label at its first `_` or space: "push-left_cup" gives ("push-left", "cup")."""
    cuts = [action.index(separator) for separator in "_ " if separator in action]
    if not cuts:
        return action, ""
    return action[: min(cuts)], action[min(cuts) + 1 :].strip()


def folder_notes(names: Iterable[str]) -> list[str]:
    """Return what a user should know about labels taken from these folders, one sentence each."""
    depths = Counter(min(len(PurePosixPath(name).parts), 4) for name in names)
    notes = []
    if depths[1]:
        which = "The videos lie" if depths.total() == depths[1] else _lie(depths[1])
        notes.append(
            f"{which} in no folder of an action, so they are unlabelled: sort them into <action>/ or "
            "<subject>/<action>/ folders, or fill in the action and split columns of the manifest."
        )
    if depths[4]:
        notes.append(
            f"{_lie(depths[4])} deeper than <subject>/<action>/: "
            "the two folders nearest to the video were taken as subject and action."
        )
    if depths[2] and depths[3] + depths[4]:
        notes.append(
            f"{_lie(depths[2])} in <action>/ and {depths[3] + depths[4]} in <subject>/<action>/: "
            "the former have no subject and are never tested on."
        )
    return notes


def _lie(count: int) -> str:
    return "1 video lies" if count == 1 else f"{count} videos lie"


def _labels(name: str) -> tuple[str, str]:
    """Return subject and action of a video's name, empty where no folder names them."""
    *folders, _ = PurePosixPath(name).parts
    return (folders[-2] if len(folders) >= 2 else "", folders[-1] if folders else "")


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()
