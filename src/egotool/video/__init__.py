"""Videos in and out: find them, look at their header, index, decode and encode them (PyAV).

Everything here speaks of a video as a player shows it: rotation and pixel aspect applied, edit lists
obeyed, frames in presentation order and numbered from 0.
"""

from egotool.video._clock import FrameClock
from egotool.video._embedded import embedded_clips
from egotool.video._find import VIDEO_SUFFIXES, FoundVideo, find_videos
from egotool.video._geometry import working_size
from egotool.video._index import VideoIndex, index_video
from egotool.video._packets import index_packets, packets_missing
from egotool.video._probe import VideoInfo, probe
from egotool.video._read import Frame, read_frames
from egotool.video._write import write_video

__all__ = [
    "VIDEO_SUFFIXES",
    "FoundVideo",
    "Frame",
    "FrameClock",
    "VideoIndex",
    "VideoInfo",
    "embedded_clips",
    "find_videos",
    "index_packets",
    "index_video",
    "packets_missing",
    "probe",
    "read_frames",
    "working_size",
    "write_video",
]
