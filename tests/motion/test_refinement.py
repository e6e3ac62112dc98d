import numpy as np
import pytest

from egotool.motion import tvl1
from egotool.motion._refinement import Evidence, refined
from egotool.motion._samples import edge_samples
from tests.motion.scenes import HEIGHT, WIDTH, corner_error, moved, shift, texture, turn


def evidence_of(motion: np.ndarray) -> Evidence:
    image0, image1, _ = moved(texture(HEIGHT + 60, WIDTH + 60), motion)
    edges = edge_samples(image0, tvl1(image0, image1), np.full(image0.shape, 255, np.uint8))
    return Evidence.of(edges, image0, image1)


@pytest.mark.parametrize("motion", [turn(1, 3, -2), turn(-1, 1, 1, tilt=2e-4)], ids=["turn", "tilt"])
def test_a_rough_homography_becomes_exact(motion: np.ndarray) -> None:
    rough = shift(0.4, -0.3) @ motion
    assert corner_error(refined(rough, evidence_of(motion)), motion, HEIGHT, WIDTH) < 0.05


def test_the_truth_has_nearly_all_support_and_anything_else_less() -> None:
    motion = turn(1, 3, -2)
    evidence = evidence_of(motion)
    assert evidence.support(motion) > 0.8 * evidence.edges[6].sum()
    assert evidence.support(shift(0.3, 0) @ motion) < 0.5 * evidence.support(motion)
    assert evidence.votes(motion) > 0.8 * evidence.voters[6].sum()


def test_a_picture_without_an_edge_leaves_the_homography_as_it_is() -> None:
    image = np.full((HEIGHT, WIDTH), 90, np.uint8)
    edges = edge_samples(image, np.zeros((2, HEIGHT, WIDTH), np.float32), np.full_like(image, 255))
    assert np.array_equal(refined(shift(2, 1), Evidence.of(edges, image, image)), shift(2, 1))
