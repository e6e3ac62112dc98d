import numpy as np
import pytest

from egotool.motion import add_camera_motion, compensate_flow, tvl1, warp_back, warp_flow
from egotool.motion._warp_kernels import restore_what_moves
from egotool.motion.warping import rest_prior
from tests.motion.scenes import HEIGHT, WIDTH, homography_flow, moved, shift, texture, turn


@pytest.mark.parametrize("homography", [shift(5, -3), turn(2, 4, 3, tilt=5e-5)], ids=["shift", "turn"])
def test_pure_camera_motion_leaves_no_warp_flow(homography: np.ndarray) -> None:
    image0, image1, truth = moved(texture(HEIGHT + 60, WIDTH + 60), homography)
    length = np.hypot(*warp_flow(image0, image1, homography))
    assert np.hypot(*truth).mean() > 3
    assert length.mean() < 0.05
    assert length.max() < 0.7


def test_what_moves_by_itself_is_left() -> None:
    room, thing = shift(4, 2), shift(7, 2)
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), room)
    thing0, thing1, _ = moved(texture(HEIGHT + 60, WIDTH + 60, seed=3), thing)
    image0[40:80, 50:90] = thing0[40:80, 50:90]
    image1[42:82, 57:97] = thing1[42:82, 57:97]
    flow = warp_flow(image0, image1, room)
    assert np.abs(np.median(flow[:, 45:75, 55:85], axis=(1, 2)) - [3, 0]).max() < 0.15
    assert np.median(np.hypot(*flow[:, :, 110:])) < 0.05


@pytest.mark.parametrize("homography", [shift(5, -3), turn(2, 4, 3, tilt=5e-5)], ids=["shift", "turn"])
def test_compensated_flow_against_a_plain_loop(homography: np.ndarray) -> None:
    flow = np.float32(np.random.default_rng(0).normal(0, 3, (2, 30, 40)))
    inverse = np.linalg.inv(homography)
    left = compensate_flow(flow, homography)
    for y in range(30):
        for x in range(40):
            carried = homography @ [x, y, 1]
            carried = carried[:2] / carried[2]
            inside = 5 <= carried[0] <= 34 and 5 <= carried[1] <= 24
            back = inverse @ [x + flow[0, y, x], y + flow[1, y, x], 1]
            wanted = back[:2] / back[2] - [x, y] if inside else [0, 0]
            np.testing.assert_allclose(left[:, y, x], wanted, atol=1e-4)


def test_compensated_camera_motion_is_nothing_and_the_identity_changes_nothing() -> None:
    homography = turn(2, 4, 3, tilt=5e-5)
    assert np.abs(compensate_flow(np.float32(homography_flow(homography, 60, 80)), homography)).max() < 1e-3
    flow = np.float32(np.random.default_rng(0).normal(size=(2, 20, 30)))
    assert np.array_equal(compensate_flow(flow, np.eye(3)), flow)
    with pytest.raises(ValueError, match="NaN"):
        compensate_flow(np.full((2, 4, 4), np.nan, np.float32), homography)
    with pytest.raises(TypeError, match="float32"):
        compensate_flow(np.zeros((2, 4, 4)), homography)  # type: ignore[arg-type]


def with_noise(image: np.ndarray, *, seed: int, strength: float = 4) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, strength, image.shape)
    return np.clip(image + noise, 0, 255).round().astype(np.uint8)


def test_where_frame_t_fills_the_border_a_change_of_exposure_is_no_motion() -> None:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60) // 3 + 60, shift(9, 4))
    flow = warp_flow(image0, image1 + np.uint8(8), shift(9, 4))
    assert np.hypot(*flow).max() < 0.1


def test_noise_comes_to_rest_and_what_moves_does_not() -> None:
    room, thing = shift(4, 2), shift(7, 2)
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), room)
    image0, image1 = image0 // 4 + 96, image1 // 4 + 96  # weak texture: noise makes flow
    thing0, thing1, _ = moved(texture(HEIGHT + 60, WIDTH + 60, seed=3), thing)
    image0[40:80, 50:90] = thing0[40:80, 50:90]
    image1[42:82, 57:97] = thing1[42:82, 57:97]
    image0, image1 = with_noise(image0, seed=1), with_noise(image1, seed=2)
    plain = tvl1(image0, warp_back(image0, image1, room))
    flow = warp_flow(image0, image1, room)
    still = np.hypot(*flow[:, :, 110:]).mean()
    assert still < 0.5 * np.hypot(*plain[:, :, 110:]).mean()
    assert np.abs(np.median(flow[:, 45:75, 55:85], axis=(1, 2)) - [3, 0]).max() < 0.2


def test_a_known_flow_need_not_be_computed_again() -> None:
    homography = shift(3, 1)
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), shift(5, 1))
    flow = tvl1(image0, image1)
    np.testing.assert_array_equal(
        warp_flow(image0, image1, homography, flow=flow), warp_flow(image0, image1, homography)
    )
    with pytest.raises(ValueError, match="flow"):
        warp_flow(image0, image1, homography, flow=flow[:, :-1])


def test_the_exact_schedule_does_only_what_was_published() -> None:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), shift(5, 1))
    second = tvl1(image0, warp_back(image0, image1, shift(3, 1)), schedule="exact")
    np.testing.assert_array_equal(warp_flow(image0, image1, shift(3, 1), schedule="exact"), second)


def test_what_both_say_moves_is_the_compensated_flow() -> None:
    def along(lengths: list[float]) -> np.ndarray:
        return np.float32([[lengths], [[0.0] * len(lengths)]])

    flow, compensated = along([0.2, 1, 3.0, 4.5, 6, 0.3]), along([0.3, 10, 10, 10, 10, 0.45])
    restore_what_moves(flow, compensated)
    np.testing.assert_allclose(flow[0, 0], [0.2, 1, 3, 4.5 + 0.5 * 5.5, 10, 0.375], atol=1e-5)


def test_the_prior_for_rest_grows_with_the_noise() -> None:
    image = texture(60, 80)
    quiet, noisy = rest_prior(image, image), rest_prior(image, with_noise(image, seed=1, strength=2))
    assert 0 < quiet < noisy < rest_prior(image, 255 - image)
    as_float = [np.float32(each / 255) for each in (image, with_noise(image, seed=1, strength=2))]
    assert rest_prior(*as_float) == pytest.approx(noisy, rel=1e-3)


@pytest.mark.parametrize("homography", [np.eye(3), shift(5, -3), turn(2, 4, 3, tilt=5e-5)])
def test_camera_motion_is_added_as_it_was_taken_away(homography: np.ndarray) -> None:
    flow = np.float32(np.random.default_rng(0).normal(0, 3, (2, 40, 50)))
    again = add_camera_motion(compensate_flow(flow, homography), homography)
    kept = np.s_[:, 12:-12, 12:-12]  # elsewhere the camera has turned pixels out of the frame
    np.testing.assert_allclose(again[kept], flow[kept], atol=1e-4)
    still = add_camera_motion(np.zeros_like(flow), homography)
    np.testing.assert_allclose(still, homography_flow(homography, 40, 50), atol=1e-4)


def test_border_shows_the_first_frame() -> None:
    image0, image1 = texture(60, 80), texture(60, 80, seed=1)
    warped = warp_back(image0, image1, shift(10, -4))
    y, x = np.mgrid[:60, :80]
    inside = (x + 10 >= 5) & (x + 10 <= 74) & (y - 4 >= 5) & (y - 4 <= 54)
    assert np.array_equal(warped[~inside], image0[~inside])
    expected = np.roll(image1, (4, -10), axis=(0, 1))  # a whole shift needs no interpolation
    assert np.array_equal(warped[inside], expected[inside])


def test_identity_changes_nothing() -> None:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), shift(2, 1))
    assert np.array_equal(warp_back(image0, image1, np.eye(3)), image1)
    assert np.array_equal(warp_flow(image0, image1, np.eye(3)), tvl1(image0, image1))


def test_float_pictures_stay_in_range() -> None:
    image0 = (np.random.default_rng(0).random((40, 50)) > 0.5).astype(np.float32)
    warped = warp_back(image0, image0, turn(3, 1.4, 0.3))
    assert warped.dtype == np.float32
    assert warped.min() >= 0
    assert warped.max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (2, 33), (16, 7), (17, 40)])
@pytest.mark.parametrize("floating", [False, True])
def test_any_size_gives_finite_warp_flow(size: tuple[int, int], floating: bool) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, *size), dtype=np.uint8)
    image0, image1 = np.float32(pictures / 255) if floating else pictures
    flow = warp_flow(image0, image1, turn(3, 1.4, 0.3))
    assert flow.shape == (2, *size) and np.isfinite(flow).all()


def test_a_camera_that_looks_backwards_shows_the_first_frame() -> None:
    image0, image1 = texture(40, 50), texture(40, 50, seed=1)
    behind = np.diag([1.0, 1.0, -1.0])
    assert np.array_equal(warp_back(image0, image1, behind), image0)


@pytest.mark.parametrize("wrong", [np.zeros((3, 3)), np.eye(2), np.full((3, 3), np.nan)])
def test_unfit_homographies_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="homography"):
        warp_flow(texture(40, 50), texture(40, 50), wrong)


def test_homography_flow_of_the_tests_is_right() -> None:
    flow = homography_flow(shift(2, -3), 4, 5)
    assert np.allclose(flow[0], 2)
    assert np.allclose(flow[1], -3)
