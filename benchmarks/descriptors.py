"""Whether matches of descriptors improve the camera motion: `python -m benchmarks.descriptors`.

Frames of rendered kitchens (456×256, hands not yet in view) are warped by exact random homographies whose
mean motion is given, with noise and JPEG added; over 0, 20 or 40 % of the frame a hand-like blob, from below,
moves by itself. Printed is, per method, head motion and hand, the median corner error in pixels, and the time
relative to this package's own estimate:

- `corners`: `estimate_camera_motion`, whose matches are corners displaced by the flow;
- `+ ORB`, `+ AKAZE`, `+ SIFT`: the same with mutual nearest descriptors, at most 25 px apart, added;
- `plain`: what is common: corners and SIFT matches together, cv2.findHomography with RANSAC at 1 px.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from unittest import mock

import cv2
import numpy as np
from benchmarks.masks import corner_error

from egotool.motion import camera, estimate_camera_motion, to_gray, tvl1
from egotool.motion._sample_kernels import share_weights
from egotool.motion._samples import CELL, CORNERS_PER_CELL, corner_samples
from egotool.synthetic import ClipPlan, Verb, build_scene, render_frames

HEIGHT, WIDTH, MARGIN = 256, 456, 44
HEAD_MOTIONS = (0.5, 4.0, 10.0, 20.0)
HANDS = (0.0, 0.2, 0.4)
REACH = 25.0
"""Matches farther apart, in pixels, are wrong."""


def kitchens(number: int, seed: int) -> list[np.ndarray]:
    """Return the first frames, gray and larger than needed, of as many subjects."""
    pictures = []
    for subject in range(number):
        plan = ClipPlan(
            seed=seed, subject=subject, verb=Verb.OPEN, width=WIDTH + 2 * MARGIN, height=HEIGHT + 2 * MARGIN
        )
        pictures.append(to_gray(next(iter(render_frames(build_scene(plan), clean=True))).rgb))
    return pictures


def random_homography(motion: float, random: np.random.Generator) -> np.ndarray:
    """Return a homography of the frame that moves its corners by `motion` pixels on average."""
    angle = random.uniform(0, 2 * np.pi)
    entries = np.zeros((3, 3))
    entries[:2, 2] = np.cos(angle), np.sin(angle)
    turn = random.normal(0, 0.002)
    entries[:2, :2] = random.normal(0, 0.0005, (2, 2)) + turn * np.array([[0, -1], [1, 0]])
    entries[2, :2] = random.normal(0, 2e-6, 2)
    scale = motion
    for _ in range(3):
        scale *= motion / corner_error(np.eye(3) + scale * entries, np.eye(3), HEIGHT, WIDTH)
    return np.eye(3) + scale * entries


def skin(random: np.random.Generator) -> np.ndarray:
    """Return a picture as smooth as skin, with some creases."""
    picture = np.full((HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN), 150, np.float32)
    for size, height in ((40, 60), (12, 15), (3, 6)):
        noise = random.normal(0, 1, picture.shape).astype(np.float32)
        picture += height * size * cv2.GaussianBlur(noise, (0, 0), size)
    return picture


def pair(
    kitchen: np.ndarray, motion: float, cover: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return two frames and the exact homography between them."""
    exact = random_homography(motion, random)
    to_crop = np.array([[1, 0, -MARGIN], [0, 1, -MARGIN], [0, 0, 1.0]])
    first = kitchen[MARGIN : MARGIN + HEIGHT, MARGIN : MARGIN + WIDTH].astype(np.float32)
    second = cv2.warpPerspective(
        kitchen, exact @ to_crop, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    if cover:
        x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
        middle = random.uniform(0.35, 0.65) * WIDTH
        distance = ((x - middle) / WIDTH) ** 2 + ((y - HEIGHT) / HEIGHT) ** 2
        shape = np.float32(distance <= np.quantile(distance, cover))
        angle, length = random.uniform(0, 2 * np.pi), motion + random.uniform(2, 8)
        own = np.array([[1, 0, length * np.cos(angle)], [0, 1, length * np.sin(angle)], [0, 0, 1]])
        hand = skin(random)
        later = cv2.warpPerspective(
            shape, own, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        moved = cv2.warpPerspective(hand, own @ to_crop, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
        first += shape * (hand[MARGIN : MARGIN + HEIGHT, MARGIN : MARGIN + WIDTH] - first)
        second += later * (moved - second)
    return _recorded(first, random), _recorded(second, random), exact


def _recorded(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    noisy = np.clip(picture + random.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def detectors() -> dict[str, tuple[cv2.Feature2D, int]]:
    """Return the descriptors of this OpenCV, and the norms that compare them."""
    akaze = cv2.xfeatures2d.AKAZE_create if hasattr(cv2, "xfeatures2d") else cv2.AKAZE_create
    return {
        "ORB": (cv2.ORB_create(1000), cv2.NORM_HAMMING),
        "AKAZE": (akaze(), cv2.NORM_HAMMING),
        "SIFT": (cv2.SIFT_create(1000), cv2.NORM_L2),
    }


def matches(detector: cv2.Feature2D, norm: int, gray0: np.ndarray, gray1: np.ndarray) -> np.ndarray:
    """Return (N, 4): x, y in both frames of mutual nearest descriptors that are not too far apart."""
    points0, descriptors0 = detector.detectAndCompute(gray0, None)
    points1, descriptors1 = detector.detectAndCompute(gray1, None)
    if descriptors0 is None or descriptors1 is None:
        return np.zeros((0, 4))
    found = cv2.BFMatcher(norm, crossCheck=True).match(descriptors0, descriptors1)
    both = np.array([[*points0[m.queryIdx].pt, *points1[m.trainIdx].pt] for m in found]).reshape(-1, 4)
    near = np.hypot(*(both[:, 2:] - both[:, :2]).T) < REACH
    height, width = gray0.shape
    inside = (both[:, :2] >= 0).all(axis=1) & (both[:, 0] < width) & (both[:, 1] < height)
    return both[near & inside]


def with_descriptors(name: str, gray0: np.ndarray, gray1: np.ndarray, flow: np.ndarray) -> np.ndarray:
    detector, norm = detectors()[name]

    def corners_and_matches(gray: np.ndarray, flow: np.ndarray, keep: np.ndarray) -> np.ndarray:
        corners = corner_samples(gray, flow, keep)
        found = matches(detector, norm, gray0, gray1).astype(np.float32).T
        further = np.concatenate([found, np.ones_like(found[:1]), np.zeros_like(found[:1]), found[:1]])
        samples = np.ascontiguousarray(np.concatenate([corners, further], axis=1))
        counts = np.zeros((-(-HEIGHT // CELL), -(-WIDTH // CELL)), np.int32)
        share_weights(samples, CELL, CORNERS_PER_CELL, counts)
        return samples

    with mock.patch.object(camera, "corner_samples", corners_and_matches):
        return estimate_camera_motion(gray0, gray1, flow).homography


def plain(gray0: np.ndarray, gray1: np.ndarray, flow: np.ndarray) -> np.ndarray:
    corners = corner_samples(gray0, flow, np.full_like(gray0, 255))[:4].T
    both = np.concatenate([corners, matches(*detectors()["SIFT"], gray0, gray1)])
    if len(both) < 4:
        return np.eye(3)
    found, _ = cv2.findHomography(both[:, :2], both[:, 2:], cv2.RANSAC, 1.0)
    return np.eye(3) if found is None else found


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "corners": lambda gray0, gray1, flow: estimate_camera_motion(gray0, gray1, flow).homography,
    "+ ORB": lambda *arguments: with_descriptors("ORB", *arguments),
    "+ AKAZE": lambda *arguments: with_descriptors("AKAZE", *arguments),
    "+ SIFT": lambda *arguments: with_descriptors("SIFT", *arguments),
    "plain": plain,
}


def measure(number: int, seed: int) -> Iterator[tuple[str, float, float, float, float]]:
    """Yield method, head motion, hand's part of the frame, corner error and seconds of every try."""
    random = np.random.default_rng(seed)
    pictures = kitchens(number, seed)
    for motion in HEAD_MOTIONS:
        for cover in HANDS:
            for kitchen in pictures:
                gray0, gray1, exact = pair(kitchen, motion, cover, random)
                flow = tvl1(gray0, gray1)
                for name, method in METHODS.items():
                    begun = time.process_time()
                    found = method(gray0, gray1, flow)
                    seconds = time.process_time() - begun
                    yield name, motion, cover, corner_error(found, exact, HEIGHT, WIDTH), seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=950)
    parser.add_argument("--kitchens", type=int, default=16, help="pairs per head motion and hand")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    errors: dict[tuple[str, float, float], list[float]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    for name, motion, cover, error, took in measure(options.kitchens, options.seed):
        errors[name, motion, cover].append(error)
        seconds[name].append(took)
    rows = [
        {
            "method": name,
            "time": float(np.median(seconds[name]) / np.median(seconds["corners"])),
            "errors": {
                f"{motion:g} px, {cover:.0%} hand": float(np.median(errors[name, motion, cover]))
                for motion in HEAD_MOTIONS
                for cover in HANDS
            },
            "above_2px": float(
                np.mean([e > 2 for key, each in errors.items() if key[0] == name for e in each])
            ),
        }
        for name in METHODS
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['method']}: time × {row['time']:.1f}, {row['above_2px']:.1%} above 2 px")
        for scene, error in row["errors"].items():
            print(f"    {scene}: {error:.3f} px")


if __name__ == "__main__":
    main()
