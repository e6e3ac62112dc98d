import pytest

from egotool.errors import UsageError
from egotool.synthetic import Kind, SyntheticParameters, Verb, make_parameters, plan_clips


def test_only_objects_with_a_lid_open_and_close():
    parameters = make_parameters(verbs=("take", "open"), objects=("cup", "jar"))
    assert parameters.actions == (
        (Verb.TAKE, Kind.CUP),
        (Verb.TAKE, Kind.JAR),
        (Verb.OPEN, Kind.JAR),
    )


def test_default_dataset_is_balanced_over_actions_subjects_and_modes():
    clips = plan_clips(SyntheticParameters())
    assert len(clips) == 4 * 8 * 5
    assert {clip.action for clip in clips} == {
        f"{verb}_{kind}" for verb in ("take", "put", "push-left", "push-right") for kind in ("cup", "box")
    }
    modes = [clip.mode for clip in clips]
    assert modes.count("planar") == modes.count("parallax")
    for action in {clip.action for clip in clips}:
        assert {clip.mode for clip in clips if clip.action == action} == {"planar", "parallax"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"verbs": ("fly",)}, ["'fly'", "push-left"]),
        ({"objects": ("dragon",)}, ["'dragon'", "bottle"]),
        ({"verbs": ("open",), "objects": ("cup",)}, ["jar", "opened"]),
        ({"verbs": ("take", "take")}, ["twice"]),
        ({"verbs": ()}, ["verbs and objects"]),
        ({"mode": "flat"}, ["mode", "planar"]),
        ({"frames": 1}, ["frames", "2"]),
        ({"width": 97}, ["width", "multiple of 2"]),
        ({"width": 64, "head_motion": 30.0}, ["head_motion", "sixth"]),
        ({"subjects": 0}, ["subjects"]),
    ],
)
def test_impossible_parameters_are_named_in_one_sentence(options, words):
    with pytest.raises(UsageError) as caught:
        make_parameters(**options)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message
