import cv2
import numpy as np
import pytest

from egotool.motion import camera as camera_module
from egotool.motion import estimate_camera_motion, tvl1
from egotool.motion._candidates import voters
from egotool.motion._refinement import Evidence
from egotool.motion._samples import corner_samples, edge_samples
from tests.motion.scenes import HEIGHT, WIDTH, corner_error, homography_flow, moved, shift, texture, turn

MOTIONS = [shift(0.5, 0), shift(-6, 4), turn(3, 2, -3), turn(-2, 5, 5, tilt=1e-4)]


@pytest.mark.parametrize("homography", MOTIONS, ids=["slow", "shift", "turn", "tilt"])
def test_pure_camera_motion(homography: np.ndarray) -> None:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), homography)
    camera = estimate_camera_motion(image0, image1, tvl1(image0, image1))
    assert camera.valid
    assert corner_error(camera.homography, homography, HEIGHT, WIDTH) < 0.1
    assert camera.homography.dtype == np.float64
    assert camera.matches >= camera.inliers > 25


def scene_with_hand(homography: np.ndarray, hand: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A room moving by `homography`, and two fifths of the frame, from below, moving by `hand`."""
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), homography)
    hand0, hand1, _ = moved(texture(HEIGHT + 60, WIDTH + 60, seed=7), hand)
    shape = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(shape, (WIDTH // 2, HEIGHT), (68, 72), 0, 0, 360, 255, -1)
    assert 0.36 < (shape > 0).mean() < 0.44
    later = cv2.warpPerspective(shape, hand, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.where(shape > 0, hand0, image0), np.where(later > 127, hand1, image1), shape


@pytest.mark.parametrize("homography", MOTIONS[:3], ids=["slow", "shift", "turn"])
def test_a_hand_does_not_pull(homography: np.ndarray) -> None:
    image0, image1, _ = scene_with_hand(homography, shift(4, -5))
    camera = estimate_camera_motion(image0, image1, tvl1(image0, image1))
    assert camera.valid
    assert corner_error(camera.homography, homography, HEIGHT, WIDTH) < 0.25


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("degrees", [0.6, 1.0, 2.2])
def test_an_arm_that_hardly_moves_at_its_sleeve_does_not_bend_the_worktop(degrees: float, seed: int) -> None:
    """All that is textured below the wall is an arm, which turns about the lower corner of the frame."""
    room, elbow = shift(3, 1), (20, HEIGHT - 1)
    turned = np.vstack([cv2.getRotationMatrix2D(elbow, degrees, 1.0), [0, 0, 1]])
    arm = room @ turned
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60, seed=seed), room)
    arm0, arm1, _ = moved(texture(HEIGHT + 60, WIDTH + 60, seed=seed + 7), arm)
    shape = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(shape, elbow, (WIDTH - 40, HEIGHT // 2), 255, 50)
    later = cv2.warpPerspective(shape, arm, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    wall = HEIGHT // 3
    image0[wall:], image1[wall + 1 :] = 128, 128
    image0, image1 = np.where(shape > 0, arm0, image0), np.where(later > 127, arm1, image1)
    camera = estimate_camera_motion(image0, image1, tvl1(image0, image1))
    assert camera.valid
    assert corner_error(camera.homography, room, HEIGHT, WIDTH) < 0.1


def test_the_outline_of_what_is_excluded_does_not_count_either(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    monkeypatch.setattr(
        camera_module, "edge_samples", lambda *given: kept.append(given[2]) or edge_samples(*given)
    )
    image = texture(HEIGHT, WIDTH)
    exclude = np.zeros_like(image)
    exclude[20:40, 30:60] = 1
    estimate_camera_motion(image, image, np.zeros((2, *image.shape), np.float32), exclude=exclude)
    expected = np.full_like(image, 255)
    expected[18:42, 28:62] = 0
    np.testing.assert_array_equal(kept[0], expected)


def test_what_is_excluded_does_not_count() -> None:
    room, hand = shift(1, 1), shift(4, -5)
    image0, image1, shape = scene_with_hand(room, hand)
    flow = tvl1(image0, image1)
    without_room = estimate_camera_motion(
        image0, image1, flow, exclude=255 - cv2.erode(shape, np.ones((9, 9)))
    )
    assert corner_error(without_room.homography, hand, HEIGHT, WIDTH) < 0.5
    nothing_left = estimate_camera_motion(image0, image1, flow, exclude=np.full_like(shape, 255))
    assert not nothing_left.valid
    assert nothing_left.matches == 0


def test_a_faint_picture_has_corners_but_no_edges() -> None:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60) // 24 + 100, shift(3, 1))
    camera = estimate_camera_motion(image0, image1, homography_flow(shift(3, 1), HEIGHT, WIDTH))
    assert camera.matches > 50
    assert not camera.valid or corner_error(camera.homography, shift(3, 1), HEIGHT, WIDTH) < 0.5


def test_changed_exposure_and_noise() -> None:
    homography = turn(1, 3, 2)
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), homography)
    random = np.random.default_rng(3)
    darker = np.clip(0.9 * image1 + 5 + random.normal(0, 3, image1.shape), 0, 255).astype(np.uint8)
    camera = estimate_camera_motion(image0, darker, tvl1(image0, darker))
    assert corner_error(camera.homography, homography, HEIGHT, WIDTH) < 0.2


def test_a_still_camera() -> None:
    image = texture()
    camera = estimate_camera_motion(image, image, np.zeros((2, HEIGHT, WIDTH), np.float32))
    assert camera.valid
    assert corner_error(camera.homography, np.eye(3), HEIGHT, WIDTH) < 0.01


@pytest.mark.parametrize(
    "image", [np.full((HEIGHT, WIDTH), 90, np.uint8), texture(9, 9)], ids=["no texture", "tiny"]
)
def test_too_few_matches_give_the_identity(image: np.ndarray) -> None:
    camera = estimate_camera_motion(image, image, np.zeros((2, *image.shape), np.float32))
    assert not camera.valid
    assert np.array_equal(camera.homography, np.eye(3))


def test_a_motion_no_head_makes_gives_the_identity() -> None:
    image = texture()
    shrinking = homography_flow(np.diag([0.5, 0.5, 1.0]), HEIGHT, WIDTH)
    camera = estimate_camera_motion(image, image, shrinking)
    assert not camera.valid
    assert np.array_equal(camera.homography, np.eye(3))


def test_flow_that_agrees_on_nothing_gives_the_identity() -> None:
    image = texture()
    flow = np.random.default_rng(0).uniform(-30, 30, (2, HEIGHT, WIDTH)).astype(np.float32)
    camera = estimate_camera_motion(image, 255 - image, flow)
    assert not camera.valid


@pytest.mark.parametrize(
    ("motion", "uncertainty", "certain"),
    [
        (0, 0.95, True),
        (0, 1.05, False),
        (2, 1.05, False),
        (4, 1.9, True),
        (20, 1.9, True),
        (20, 2.1, False),
        (30, 2.9, True),
        (30, 3.1, False),
    ],
)
def test_a_motion_that_is_hardly_better_known_than_none_is_not_taken(
    motion: float, uncertainty: float, certain: bool
) -> None:
    assert camera_module._certain(uncertainty, motion) is certain


@pytest.mark.parametrize("motion", [shift(3, 1), shift(6, 0), turn(2, 2, 1)], ids=["slow", "fast", "turn"])
def test_two_motions_that_share_the_frame_are_none_of_the_camera(motion: np.ndarray) -> None:
    """The right half mirrors the left one, so that nothing tells which of them is the room."""
    halves = [each[:, : WIDTH // 2] for each in moved(texture(HEIGHT + 60, WIDTH + 60), motion)[:2]]
    image0, image1 = (np.hstack([half, half[:, ::-1]]) for half in halves)
    camera = estimate_camera_motion(image0, image1, tvl1(image0, image1))
    assert not camera.valid
    assert np.array_equal(camera.homography, np.eye(3))


def test_of_two_motions_that_differ_by_less_than_the_head_moves_one_is_better_than_none() -> None:
    half = [each[:, : WIDTH // 2] for each in moved(texture(HEIGHT + 60, WIDTH + 60), shift(2.5, 10))[:2]]
    image0, image1 = (np.hstack([each, each[:, ::-1]]) for each in half)
    camera = estimate_camera_motion(image0, image1, tvl1(image0, image1))
    assert camera.valid
    assert corner_error(camera.homography, shift(0, 10), HEIGHT, WIDTH) < 5


@pytest.mark.parametrize(
    ("rivals_votes", "doubtful", "looked_at"),
    [(0.9, np.inf, True), (0.6, np.inf, False), (0.6, 0.0, True), (0.4, 0.0, False)],
    ids=["nearly as many votes", "certain", "doubtful", "few votes"],
)
def test_a_rival_is_taken_if_it_is_looked_at_and_fits_the_gray_values(
    monkeypatch: pytest.MonkeyPatch, rivals_votes: float, doubtful: float, looked_at: bool
) -> None:
    truth, wrong = shift(4, 1), shift(-12, 9)
    image0, image1, flow = moved(texture(HEIGHT + 60, WIDTH + 60), truth)
    keep = np.full(image0.shape, 255, np.uint8)
    corners = corner_samples(image0, flow, keep)

    def votes_for_the_wrong_one(given, edges, shape, seed):
        assert np.array_equal(given, voters(corners, shape))
        return [wrong, truth], np.array([1.0, rivals_votes])

    monkeypatch.setattr(camera_module, "vote", votes_for_the_wrong_one)
    monkeypatch.setattr(camera_module, "DOUBTFUL", doubtful)
    # or the wrong one would find the way to the truth by itself
    monkeypatch.setattr(camera_module, "refined", lambda homography, evidence: homography)
    evidence = Evidence.of(edge_samples(image0, flow, keep), image0, image1)
    homography, _, contested = camera_module._motion(corners, evidence, 0)
    assert (corner_error(homography, truth, HEIGHT, WIDTH) < 0.1) is looked_at
    assert not contested


def test_of_two_motions_that_share_the_frame_the_upper_one_is_the_cameras() -> None:
    room, hand = shift(-3, 1), shift(4, -2)
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), room)
    hand0, hand1, _ = moved(texture(HEIGHT + 60, WIDTH + 60, seed=5), hand)
    image0[HEIGHT // 2 :], image1[HEIGHT // 2 :] = hand0[HEIGHT // 2 :], hand1[HEIGHT // 2 :]
    camera = estimate_camera_motion(image0, image1, tvl1(image0, image1))
    assert camera.valid
    assert corner_error(camera.homography, room, HEIGHT, WIDTH) < 0.5


def test_the_uncertainty_grows_with_the_noise_of_the_flow() -> None:
    image0, image1, truth = moved(texture(HEIGHT, WIDTH), turn(1, 2, 1))
    noise = np.random.default_rng(0).normal(0, 1, truth.shape).astype(np.float32)
    noise = np.stack([cv2.GaussianBlur(each, (0, 0), 6) * 12 for each in noise])
    plain, noisy = (
        estimate_camera_motion(image0, image1, truth + np.float32(factor) * noise) for factor in (0.02, 0.5)
    )
    assert plain.valid and 0 < plain.uncertainty < 0.5 * noisy.uncertainty


def test_same_seed_same_result() -> None:
    image0, image1, _ = scene_with_hand(shift(2, 1), shift(-3, 4))
    flow = tvl1(image0, image1)
    first = estimate_camera_motion(image0, image1, flow, seed=5)
    second = estimate_camera_motion(image0, image1, flow, seed=5)
    other = estimate_camera_motion(image0, image1, flow, seed=6)
    assert np.array_equal(first.homography, second.homography)
    assert corner_error(first.homography, other.homography, HEIGHT, WIDTH) < 0.1


def test_unfit_input_is_refused() -> None:
    image, flow = texture(40, 40), np.zeros((2, 40, 40), np.float32)
    with pytest.raises(ValueError, match="shape"):
        estimate_camera_motion(image, image, flow[:, :, :-1])
    with pytest.raises(ValueError, match="exclude"):
        estimate_camera_motion(image, image, flow, exclude=np.zeros((40, 41), np.uint8))
    with pytest.raises(TypeError, match="float64"):
        estimate_camera_motion(image, image, flow.astype(np.float64))
    with pytest.raises(ValueError, match="NaN"):
        estimate_camera_motion(image, image, np.full_like(flow, np.nan))
