"""OpenCV's DualTVL1: the reference that the engine is measured against."""

import threading

import cv2
import numpy as np

from egotool.motion._arrays import Flow, GrayImage
from egotool.motion.schedule import EXACT, Schedule

_of_thread = threading.local()


def opencv_tvl1(image0: GrayImage, image1: GrayImage, schedule: Schedule) -> Flow:
    """Return OpenCV's TV-L1 flow with its default parameters.

    Raises:
        ValueError: `schedule` is not `exact`, the only one OpenCV can follow.
    """
    if schedule != EXACT:
        raise ValueError('OpenCV can follow the schedule "exact" only; name it, or use the backend "numba"')
    solver = _of_thread.__dict__.get("solver")
    if solver is None:  # it keeps buffers, and is not for use from two threads at once
        solver = _of_thread.solver = cv2.optflow.DualTVL1OpticalFlow_create()  # type: ignore[attr-defined]
    flow = solver.calc(np.ascontiguousarray(image0), np.ascontiguousarray(image1), None)
    return np.ascontiguousarray(np.moveaxis(flow, 2, 0))
