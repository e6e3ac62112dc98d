"""Motion: TV-L1 flow, camera motion, warp flow, dense tracks and motion masks; arrays in, arrays out.

Coordinates: x to the right, y downwards, pixel centres at integers. A flow (2, H, W) float32 holds the x and
the y displacement in pixels from frame t to frame t + 1; a homography maps pixel coordinates the same way.
"""

from egotool.motion.camera import CameraMotion, estimate_camera_motion
from egotool.motion.camera_tracker import CameraTracker
from egotool.motion.flow import Backend, tvl1, tvl1_batch, warm_up
from egotool.motion.pictures import to_gray
from egotool.motion.schedule import FLOW_REVISION, SCHEDULES, Schedule
from egotool.motion.track_parameters import TrackParameters
from egotool.motion.tracks import motion_masks
from egotool.motion.truth import endpoint_error, read_flo
from egotool.motion.warping import add_camera_motion, compensate_flow, warp_back, warp_flow

__all__ = [
    "FLOW_REVISION",
    "SCHEDULES",
    "Backend",
    "CameraMotion",
    "CameraTracker",
    "Schedule",
    "TrackParameters",
    "add_camera_motion",
    "compensate_flow",
    "endpoint_error",
    "estimate_camera_motion",
    "motion_masks",
    "read_flo",
    "to_gray",
    "tvl1",
    "tvl1_batch",
    "warm_up",
    "warp_back",
    "warp_flow",
]
