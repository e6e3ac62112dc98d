from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from egotool.motion import TrackParameters, estimate_camera_motion, motion_masks, tvl1
from tests.motion.scenes import moved, shift, texture, with_square

FRAMES = 24


def computed(frames: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    flows = [tvl1(a, b) for a, b in pairwise(frames)]
    pairs = zip(frames, frames[1:], flows, strict=False)
    return flows, [estimate_camera_motion(a, b, flow).homography for a, b, flow in pairs]


def turning_room(speed: float) -> list[np.ndarray]:
    """Frames of a textured room, seen by a head that turns to and fro."""
    large = texture(180, 220)
    position = [int(30 + 15 * np.sin(speed * t / 15)) for t in range(FRAMES)]
    return [large[30 + p // 3 : 150 + p // 3, p : p + 160].copy() for p in position]


def test_a_moving_square_lights_up_and_a_turning_room_does_not() -> None:
    room = turning_room(6)
    path = [(10 + 4 * t, 40) for t in range(FRAMES)]
    frames = with_square(lambda t: room[t], lambda t: path[t], 32, FRAMES)
    flows, homographies = computed(frames)
    masks = list(motion_masks(frames, flows, homographies))
    assert len(masks) == FRAMES
    found, false = [], []
    for mask, (x, y) in zip(masks, path, strict=True):
        assert mask.shape == (120, 160)
        assert set(np.unique(mask)) <= {0, 255}
        found.append((mask[y + 4 : y + 28, x + 4 : x + 28] > 0).mean())
        far = np.ones(mask.shape, bool)
        far[y - 14 : y + 46, max(0, x - 14) : x + 46] = False
        false.append((mask[far] > 0).mean())
    # A track that begins in the last ten frames is too short to tell motion.
    assert np.mean(found[:-9]) > 0.9
    assert np.mean(false) < 0.05


def test_published_rules_light_up_at_least_as_much() -> None:
    room = turning_room(4)
    frames = with_square(lambda t: room[t], lambda t: (20 + 3 * t, 30 + t), 28, FRAMES)
    flows, homographies = computed(frames)
    ours = np.stack(list(motion_masks(frames, flows, homographies)))
    published = motion_masks(frames, flows, homographies, parameters=TrackParameters.published())
    assert not ((ours > 0) & (np.stack(list(published)) == 0)).any()


@pytest.mark.parametrize("speed", [0, 5], ids=["still", "turning"])
def test_nothing_moves_nothing_lights_up(speed: float) -> None:
    frames = turning_room(speed)
    flows, homographies = computed(frames)
    assert not any(mask.any() for mask in motion_masks(frames, flows, homographies))


def test_without_texture_there_are_no_tracks() -> None:
    gray = np.full((64, 64), 90, np.uint8)
    flow = np.full((2, 64, 64), 3, np.float32)
    assert not any(mask.any() for mask in motion_masks([gray] * 20, [flow] * 19, [np.eye(3)] * 19))


def constant(frames: int, x: float, size: int = 96) -> tuple[list, list, list]:
    """A texture that moves by x pixels per frame under a camera at rest: all of it moves by itself."""
    image = texture(size, size)
    flow = np.zeros((2, size, size), np.float32)
    flow[0] = x
    return [image] * frames, [flow] * (frames - 1), [np.eye(3)] * (frames - 1)


@pytest.mark.parametrize(("frames", "lights"), [(1, False), (2, False), (10, False), (11, True), (20, True)])
def test_short_videos(frames: int, lights: bool) -> None:
    masks = list(motion_masks(*constant(frames, 4.5)))
    assert len(masks) == frames
    assert all(mask.any() == lights for mask in masks)


def test_no_frames_no_masks() -> None:
    assert list(motion_masks([], [], [])) == []


def test_unknown_camera_motion_says_nothing() -> None:
    images, flows, homographies = constant(20, 4.5)
    assert all(mask.any() for mask in motion_masks(images, flows, homographies, valid=[True] * 19))
    turn = [np.zeros_like(flow) for flow in flows]
    turn[9][0] = 30  # the head turns, too fast to say how
    rules = TrackParameters(longest_step=40)
    assert any(mask.any() for mask in motion_masks(images, turn, homographies, parameters=rules))
    known = [t != 9 for t in range(19)]
    assert not any(
        mask.any() for mask in motion_masks(images, turn, homographies, valid=known, parameters=rules)
    )


def test_a_camera_never_known_counts_as_at_rest() -> None:
    images, flows, homographies = constant(20, 4.5)
    wrong = [shift(4.5, 0)] * 19
    at_rest = list(motion_masks(images, flows, homographies))
    unknown = list(motion_masks(images, flows, wrong, valid=[False] * 19))
    assert all(np.array_equal(a, b) for a, b in zip(at_rest, unknown, strict=True))


def test_camera_compensation_follows_the_homography() -> None:
    images, flows, _ = constant(20, 2)
    assert not any(mask.any() for mask in motion_masks(images, flows, [shift(2, 0)] * 19))
    assert all(mask.any() for mask in motion_masks(images, flows, [shift(-3, 0)] * 19))


@pytest.mark.parametrize("size", [(2, 2), (1, 40), (7, 5), (33, 47)])
def test_any_size(size: tuple[int, int]) -> None:
    images = [np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)] * 18
    flows = [np.full((2, *size), 0.5, np.float32)] * 17
    masks = list(motion_masks(images, flows, [np.eye(3)] * 17))
    assert [mask.shape for mask in masks] == [size] * 18


def test_it_streams() -> None:
    """A mask comes as soon as no living track can change it, and nothing is read ahead."""
    images, flows, homographies = constant(40, 2)
    read = 0

    def reading() -> Iterator[np.ndarray]:
        nonlocal read
        for image in images:
            read += 1
            yield image

    for index, _mask in enumerate(motion_masks(reading(), iter(flows), iter(homographies))):
        assert read == min(index + 1 + 15, 40)


def test_result_depends_on_nothing_but_the_input() -> None:
    room = turning_room(5)
    frames = with_square(lambda t: room[t], lambda t: (20 + 3 * t, 30 + t), 28, FRAMES)
    flows, homographies = computed(frames)
    first = list(motion_masks(frames, flows, homographies))
    other = motion_masks(*constant(30, 1))
    next(other)  # another stream in between
    second = list(motion_masks(frames, flows, homographies))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_unfit_input_is_refused() -> None:
    images, flows, homographies = constant(5, 2)
    with pytest.raises(ValueError, match="fewer"):
        list(motion_masks(images, flows[:-1], homographies))
    with pytest.raises(ValueError, match="fewer"):
        list(motion_masks(images, flows, homographies, valid=[True]))
    with pytest.raises(ValueError, match="shape"):
        list(motion_masks([*images[:-1], texture(9, 9)], flows, homographies))
    with pytest.raises(ValueError, match="NaN"):
        list(motion_masks(images, [np.full_like(flow, np.nan) for flow in flows], homographies))
    with pytest.raises(ValueError, match="homography"):
        list(motion_masks(images, flows, [np.zeros((3, 3))] * 4))
    for wrong in ({"minimum_length": 16}, {"minimum_length": 0}, {"spacing": 0}, {"drift_quantile": 2.0}):
        with pytest.raises(ValueError, match=r"has to|have to"):
            TrackParameters(**wrong)


# A plain form of the rules, one scale, one dictionary per track.


def plain_masks(
    images: list[np.ndarray], flows: list[np.ndarray], homographies: list[np.ndarray], rules: TrackParameters
) -> list[np.ndarray]:
    import cv2

    height, width = images[0].shape
    cells = rules.spacing
    rows, columns = height // cells, width // cells
    masks = [np.zeros((height, width), np.uint8) for _ in images]
    living: list[dict] = []
    moving = [np.zeros((height, width), np.uint8) for _ in images]

    def cell(point: np.ndarray) -> tuple[int, int]:
        x, y = np.floor(point + 0.5).astype(int)
        return min(y // cells, rows - 1), min(x // cells, columns - 1)

    def begin(image: np.ndarray) -> None:
        strength = cv2.cornerMinEigenVal(image, 3, ksize=3)
        taken = {cell(track["path"][-1]) for track in living}
        for row in range(rows):
            for column in range(columns):
                x, y = column * cells + cells // 2, row * cells + cells // 2
                if (row, column) not in taken and strength[y, x] > rules.quality * strength.max():
                    living.append({"path": [np.array([x, y], np.float32)], "own": []})

    def judge(ended: list[dict], last_frames: list[int], complete: list[dict]) -> None:
        def drift_of(track: dict) -> float:
            return float(np.sqrt(np.cumsum([[0, 0], *track["own"]], axis=0).var(axis=0).sum()))

        typical = (
            np.quantile([drift_of(track) for track in complete], rules.drift_quantile) if complete else 0
        )
        least = max(rules.least_drift, min(rules.drift_ratio * typical, rules.highest_least_drift))
        for track, last in zip(ended, last_frames, strict=True):
            path, own = np.array(track["path"], np.float64), np.array(track["own"])
            if len(own) < rules.minimum_length:
                continue
            spread, step = path.std(axis=0), np.hypot(*np.diff(path, axis=0).T)
            if (spread < rules.least_spread).all() or (spread > rules.most_spread).any():
                continue
            if step.max() > rules.longest_step and step.max() > rules.longest_share * step.sum():
                continue
            if np.hypot(*own.T).max() <= rules.least_motion:
                continue
            stabilised = np.cumsum([[0, 0], *own], axis=0)
            carried = np.sqrt((path - path[0] - stabilised).var(axis=0).sum())
            demanded = max(least, rules.camera_share * carried)
            if drift_of(track) <= demanded:
                continue
            for k in range(len(path)):
                first, end = max(0, k - rules.window), min(len(own), k + rules.window)
                corners = stabilised[[first, k, end]]
                reach = max(np.hypot(*(a - b)) for a in corners for b in corners)
                if reach > rules.local_ratio * demanded:
                    row, column = cell(np.float32(path[k]))
                    bottom = height if row == rows - 1 else (row + 1) * cells
                    right = width if column == columns - 1 else (column + 1) * cells
                    masks[last - len(own) + k][row * cells : bottom, column * cells : right] = 255

    for t, (flow, homography) in enumerate(zip(flows, homographies, strict=True)):
        begin(images[t])
        for y in range(height):
            for x in range(width):
                back = np.linalg.inv(homography) @ [x + flow[0, y, x], y + flow[1, y, x], 1]
                if np.hypot(*(back[:2] / back[2] - [x, y])) > rules.least_local_motion:
                    moving[t][y, x] = moving[t + 1][y, x] = 1
        smooth = np.stack([cv2.medianBlur(channel, 3) for channel in flow])
        ended, last_frames, complete, going = [], [], [], []
        for track in living:
            x, y = np.floor(track["path"][-1] + 0.5).astype(int)
            old, new = track["path"][-1], track["path"][-1] + smooth[:, y, x]
            if (new < 0).any() or new[0] > width - 1 or new[1] > height - 1:
                ended.append(track)
                last_frames.append(t)
                if len(track["own"]) >= rules.track_length:
                    complete.append(track)
                continue
            back = np.linalg.inv(homography) @ [*new, 1]
            track["path"].append(new)
            track["own"].append(back[:2] / back[2] - old)
            if len(track["own"]) == rules.track_length:
                ended.append(track)
                last_frames.append(t + 1)
                complete.append(track)
            else:
                going.append(track)
        judge(ended, last_frames, complete)
        living[:] = going
    begin(images[-1])
    complete = [track for track in living if len(track["own"]) >= rules.minimum_length]
    judge(living, [len(images) - 1] * len(living), complete)
    if rules.least_local_motion:
        for mask, moves in zip(masks, moving, strict=True):
            mask[cv2.dilate(moves, np.ones((3, 3), np.uint8)) == 0] = 0
    return masks


@pytest.mark.parametrize("published", [True, False])
def test_agreement_with_a_plain_form(published: bool) -> None:
    random = np.random.default_rng(4)
    frames = [moved(texture(107, 113), shift(1.3 * t, 0.4 * t))[0] for t in range(22)]
    flows, homographies = [], []
    for _ in range(21):
        flow = np.zeros((2, 47, 53), np.float32)
        flow[0], flow[1] = 1.3, 0.4
        flow[0, 10:35, 15:40] += np.float32(2 + random.normal(0, 0.5))
        flow += random.normal(0, 0.15, flow.shape).astype(np.float32)
        flows.append(flow)
        homographies.append(shift(1.3, 0.4 + random.normal(0, 0.05)))
    rules = TrackParameters.published() if published else TrackParameters()
    rules = TrackParameters(**{**rules.__dict__, "scales": 1, "spacing": 5})
    expected = plain_masks(frames, flows, homographies, rules)
    found = list(motion_masks(frames, flows, homographies, parameters=rules))
    assert sum(mask.any() for mask in expected) > 15
    assert sum((mask == 0).any() for mask in expected) > 15
    differing = np.mean([(a != b).mean() for a, b in zip(expected, found, strict=True)])
    assert differing < 1e-3  # a rounding may tip a track over a threshold
