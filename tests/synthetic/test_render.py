"""The truth against the pixels, by an independent route: warp the next frame back and compare."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egotool.synthetic import ClipPlan, Kind, Mode, Verb, build_scene, render_clip, render_frames

SMALL = {"width": 128, "height": 96, "frames": 14}


def plan(seed: int = 0, **options) -> ClipPlan:
    return ClipPlan(**{"seed": seed, "head_motion": 5.0, **SMALL, **options})


def warped_back(image, flow):
    """Return the next frame sampled where the flow says that each pixel of this frame went."""
    height, width = flow.shape[1:]
    x = (np.arange(width) + flow[0]).astype(np.float32)
    y = (np.arange(height)[:, None] + flow[1]).astype(np.float32)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("kind", [Kind.CUP, Kind.JAR])
@pytest.mark.parametrize("verb", [Verb.TAKE, Verb.PUSH_LEFT])
def test_flow_explains_the_next_frame(mode, kind, verb):
    clip = render_clip(plan(3, subject=1, verb=verb, kind=kind, mode=mode, head_peak=4.0), clean=True)
    residual, motion = [], []
    for frame, flow in enumerate(clip.truth.flow):
        visible = cv2.erode(clip.truth.visible_next(frame).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        now = clip.frames[frame].rgb.astype(np.float32)
        later = clip.frames[frame + 1].rgb.astype(np.float32)
        residual.append(np.abs(warped_back(later, flow) - now)[visible].mean())
        motion.append(np.abs(later - now)[visible].mean())
    assert np.mean(residual) < 2.5
    assert np.mean(residual) < 0.25 * np.mean(motion)


def test_flow_of_a_wrong_frame_does_not_explain_it():
    clip = render_clip(plan(3, subject=1, head_peak=4.0), clean=True)
    residual = [
        np.abs(warped_back(clip.frames[t + 1].rgb, flow).astype(float) - clip.frames[t].rgb).mean()
        for t, flow in ((5, clip.truth.flow[5]), (5, -clip.truth.flow[5]), (5, clip.truth.flow[5][::-1]))
    ]
    assert residual[0] < 0.5 * min(residual[1:])


@given(seed=st.integers(0, 10_000), verb=st.sampled_from(list(Verb)), mode=st.sampled_from(list(Mode)))
@settings(max_examples=8, deadline=None)
def test_truth_is_consistent(seed, verb, mode):
    clip = render_clip(
        plan(seed % 3, subject=seed % 2, repetition=seed, verb=verb, kind=Kind.BOX, mode=mode), clean=True
    )
    truth = clip.truth
    count, height, width = SMALL["frames"], SMALL["height"], SMALL["width"]
    assert truth.flow.shape == (count - 1, 2, height, width)
    assert truth.flow.dtype == np.float32
    assert truth.homography.shape == (count - 1, 3, 3)
    assert truth.moving_mask.shape == truth.layers.shape == (count, height, width)
    assert set(np.unique(truth.moving_mask)) <= {0, 255}
    assert np.isfinite(truth.flow).all()
    assert truth.layers.max() < len(truth.layer_names)
    moving = truth.moving_mask > 0
    assert not (moving & truth.static_mask).any()
    # What the homography is exact for, and that it is not so for what moves.
    exact = truth.static_mask if mode is Mode.PLANAR else truth.layers == 0
    for frame in range(count - 1):
        y, x = np.nonzero(exact[frame])
        moved = truth.homography[frame] @ np.stack([x, y, np.ones_like(x)])
        np.testing.assert_allclose(truth.flow[frame][:, y, x], moved[:2] / moved[2] - [x, y], atol=1e-3)
    if mode is Mode.PLANAR:
        y, x = np.nonzero(moving[count // 3])
        moved = truth.homography[count // 3] @ np.stack([x, y, np.ones_like(x)])
        apart = np.hypot(*(truth.flow[count // 3][:, y, x] - moved[:2] / moved[2] + [x, y]))
        assert np.median(apart) > 0.1 if len(y) > 50 else True


def test_parallax_breaks_the_homography_and_planar_does_not():
    residual = {}
    for mode in Mode:
        clip = render_clip(plan(8, mode=mode, head_peak=6.0), clean=True)
        x, y = np.meshgrid(np.arange(SMALL["width"]), np.arange(SMALL["height"]))
        points = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
        worst = 0.0
        for frame, homography in enumerate(clip.truth.homography):
            moved = homography @ points
            predicted = (moved[:2] / moved[2] - points[:2]).reshape(2, *x.shape)
            apart = np.hypot(*(clip.truth.flow[frame] - predicted))
            worst = max(worst, apart[clip.truth.static_mask[frame]].max())
        residual[mode] = worst
    assert residual[Mode.PLANAR] < 1e-3
    assert residual[Mode.PARALLAX] > 0.3


@pytest.mark.parametrize("peak", [0.0, 0.5, 3.0, 10.0])
def test_head_motion_reaches_what_was_asked(peak):
    clip = render_clip(plan(4, head_peak=peak), clean=True)
    assert clip.scene.head_peak == pytest.approx(peak, rel=1e-3, abs=1e-6)
    speeds = []
    for frame, flow in enumerate(clip.truth.flow):
        speeds.append(np.hypot(*flow)[clip.truth.static_mask[frame]].mean())
    assert max(speeds) == pytest.approx(peak, rel=0.3, abs=1e-3)


def test_drawn_head_motion_covers_still_to_the_maximum():
    peaks = [build_scene(plan(0, subject=i % 4, repetition=i, head_motion=10.0)).head_peak for i in range(40)]
    assert min(peaks) < 1e-6
    assert max(peaks) > 7
    assert max(peaks) <= 10.001
    assert np.median(peaks) == pytest.approx(3.5, abs=2)


def test_hands_and_objects_cover_a_plausible_part_of_the_frame():
    hands, things = [], []
    for number in range(16):
        verb, mode = list(Verb)[number % 8], list(Mode)[number // 8]
        clip = render_clip(
            plan(number % 3, subject=number % 4, verb=verb, kind=Kind.JAR, mode=mode), clean=True
        )
        roles = clip.truth.attributes["layer_roles"]
        hands.append(clip.truth.hand_mask.mean((1, 2)).max())
        thing = [index for index, role in enumerate(roles) if role == "object"]
        things.append(np.isin(clip.truth.layers, thing).mean((1, 2)).max())
    assert min(hands) > 0.05
    assert max(hands) < 0.45
    assert max(hands) > 0.22
    assert min(things) > 0.045
    assert max(things) < 0.18


def test_take_played_backwards_is_put():
    """With the same draws, the object's path in the frame is the same, reversed, when the head is still."""
    paths = {}
    for verb in (Verb.TAKE, Verb.PUT):
        scene = build_scene(plan(6, verb=verb, head_peak=0.0), np.random.default_rng(9))
        thing = next(layer for layer in scene.layers if layer.role == "object")
        times = np.arange(SMALL["frames"], dtype=float)
        seen = thing.to_frame(scene.camera, scene.head, times, times)
        paths[verb] = seen / seen[:, 2:, 2:]
    np.testing.assert_allclose(paths[Verb.PUT], paths[Verb.TAKE][::-1], atol=1e-6)


def test_same_plan_gives_the_same_clip_and_another_seed_another():
    first, again, other = (render_clip(plan(seed, verb=Verb.OPEN, kind=Kind.PAN)) for seed in (1, 1, 2))
    for name in ("flow", "homography", "moving_mask", "layers"):
        assert (getattr(first.truth, name) == getattr(again.truth, name)).all()
    assert all((a.rgb == b.rgb).all() for a, b in zip(first.frames, again.frames, strict=True))
    assert first.truth.attributes == again.truth.attributes
    assert (first.frames[0].rgb != other.frames[0].rgb).mean() > 0.5


def test_recording_adds_noise_blur_and_exposure_change_without_changing_the_truth():
    scene = build_scene(plan(12, subject=2, head_peak=6.0))
    clean, recorded = list(render_frames(scene, clean=True)), list(render_frames(scene))
    difference = np.stack([b.rgb.astype(int) - a.rgb for a, b in zip(clean, recorded, strict=True)])
    assert 0.5 < difference.std() < 40
    assert np.ptp(difference.mean(axis=(1, 2, 3))) > 0.5  # exposure changes over time
    assert all((a.layers == b.layers).all() for a, b in zip(clean, recorded, strict=True))


def test_subjects_differ_in_looks():
    frames = [
        render_clip(plan(0, subject=subject), clean=True).frames[0].rgb.mean((0, 1)) for subject in range(4)
    ]
    apart = [np.abs(a - b).max() for i, a in enumerate(frames) for b in frames[i + 1 :]]
    assert min(apart) > 2


def test_last_frame_has_no_flow_but_a_mask():
    last = list(render_frames(build_scene(plan(0))))[-1]
    assert last.flow is None
    assert last.homography is None
    assert last.moving_mask.shape == (SMALL["height"], SMALL["width"])
