"""The 5×5 median of a flow against OpenCV's: `python -m benchmarks.median`.

Both filter the two components of the flow of a real pair in place, in turn, one thread each; the best time
counts.
"""

import argparse
import time

import cv2
import numpy as np

from egotool.motion import tvl1
from egotool.motion._engine import aligned_zeros
from egotool.motion._kernels import FIELDS, PAD, U, V, kernels_for, row_stride
from egotool.motion.benchmark import embedded_pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for width, height in ((340, 256), (456, 256), (640, 480)):
        pair = embedded_pairs(width, height, per_clip=1)[0]
        flow = tvl1(pair.image0, pair.image1)
        kernels = kernels_for(row_stride(width))
        fields = aligned_zeros((height + 2) * FIELDS * kernels.stride)
        rows = fields.reshape(height + 2, FIELDS, kernels.stride)
        inside = rows[1 : height + 1, U : V + 1, PAD : PAD + width].transpose(1, 0, 2)
        room = np.empty((height + 4, width + 4), np.float32), np.empty((5, width + 4), np.float32)
        best = {"ours": float("inf"), "OpenCV": float("inf")}
        for _ in range(options.repeats):
            inside[:] = flow
            begun = time.perf_counter()
            kernels.median(fields, height, width, *room)
            best["ours"] = min(best["ours"], time.perf_counter() - begun)
            found = inside.copy()
            inside[:] = flow
            begun = time.perf_counter()
            for component in inside:
                component[:] = cv2.medianBlur(component, 5)
            best["OpenCV"] = min(best["OpenCV"], time.perf_counter() - begun)
            assert np.array_equal(found, inside)
        print(
            f"{width}×{height}: {best['OpenCV'] / best['ours']:.2f} × OpenCV {cv2.__version__}, equal values"
        )


if __name__ == "__main__":
    main()
