"""Working size, pixel aspect and rotation."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egotool.video import index_video, probe, read_frames, working_size
from egotool.video._geometry import Orientation, displayed_size
from tests.video.samples import encode, pictures

SIDES = st.integers(1, 8000)


@given(SIDES, SIDES, st.integers(1, 1000))
def test_working_size_keeps_aspect_and_never_enlarges(width: int, height: int, short_side: int) -> None:
    small_width, small_height = working_size(width, height, short_side)
    assert 1 <= small_width <= width
    assert 1 <= small_height <= height
    assert min(small_width, small_height) == min(width, height, short_side)
    scale = min(1, short_side / min(width, height))
    assert abs(small_width - width * scale) <= 0.5
    assert abs(small_height - height * scale) <= 0.5


@given(SIDES, SIDES, st.fractions(Fraction(1, 8), 8))
def test_displayed_size_has_no_longer_short_side_than_the_source(
    width: int, height: int, aspect: Fraction
) -> None:
    shown = displayed_size(width, height, aspect, Orientation())
    assert min(shown) <= min(width, height)
    turned = displayed_size(width, height, aspect, Orientation(transposed=True))
    assert turned == shown[::-1]


def test_displayed_size_is_what_players_show() -> None:
    assert displayed_size(720, 576, Fraction(64, 45), Orientation()) == (1024, 576)  # PAL, wide screen
    assert displayed_size(720, 480, Fraction(8, 9), Orientation()) == (640, 480)  # NTSC
    assert displayed_size(640, 480, None, Orientation()) == (640, 480)
    assert displayed_size(480, 640, Fraction(2), Orientation()) == (720, 480)  # 960 × 640 would enlarge


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_turns_the_picture_counterclockwise(tmp_path: Path, degrees: int) -> None:
    source = pictures(3, width=96, height=64)
    plain = encode(tmp_path / "plain.mp4", source)
    turned = encode(tmp_path / "turned.mp4", source, rotation=degrees)
    assert probe(turned).rotation == degrees
    size = (96, 64) if degrees % 180 == 0 else (64, 96)
    assert (probe(turned).width, probe(turned).height) == size
    assert (index_video(turned).width, index_video(turned).height) == size
    for expected, frame in zip(read_frames(plain), read_frames(turned), strict=True):
        np.testing.assert_array_equal(frame.rgb, np.rot90(expected.rgb, degrees // 90))


@pytest.mark.parametrize("mirrored", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("transposed", [False, True])
def test_display_matrices_map_pixels_as_the_container_defines(
    transposed: bool, mirrored: tuple[bool, bool]
) -> None:
    # The matrix sends the pixel (x, y) of the picture to (a x + c y, b x + d y), up to a shift.
    sign_x, sign_y = (-1 if flip else 1 for flip in mirrored)
    a, c = (0, sign_x) if transposed else (sign_x, 0)
    b, d = (sign_y, 0) if transposed else (0, sign_y)
    matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], dtype=np.int32)

    class FakeFrame(dict[object, bytes]):
        @property
        def side_data(self) -> "FakeFrame":
            return self

    frame = FakeFrame({av.sidedata.sidedata.Type.DISPLAYMATRIX: matrix.tobytes()})
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    shown = Orientation.of_frame(frame).apply(picture)  # type: ignore[arg-type]
    places = {(x, y): (a * x + c * y, b * x + d * y) for x in range(3) for y in range(2)}
    left = min(x for x, _ in places.values())
    top = min(y for _, y in places.values())
    for (x, y), (to_x, to_y) in places.items():
        np.testing.assert_array_equal(shown[to_y - top, to_x - left], picture[y, x])


def test_pixel_aspect_is_applied_when_reading(tmp_path: Path) -> None:
    path = encode(tmp_path / "wide.mp4", pictures(2, width=96, height=64), aspect=Fraction(3, 2))
    assert (probe(path).width, probe(path).height) == (144, 64)
    assert next(read_frames(path)).rgb.shape == (64, 144, 3)
    assert next(read_frames(path, short_side=32)).rgb.shape == (32, 72, 3)
