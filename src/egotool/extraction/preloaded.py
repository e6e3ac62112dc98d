"""What the server imports of which workers are copies: all that their tasks need, numba's own parts too.

To be imported by nothing else. One kernel is called, the smallest: most of what the first call of a process
takes, numba takes for itself. If it has to be compiled first, that is a second.
"""

import contextlib

import cv2

import egotool.extraction.stages  # noqa: F401
from egotool.extraction.kernels import prepare_worker

# threads would not be copied
cv2.setNumThreads(1)
# whatever is wrong, the work itself will say it with the name of a video
with contextlib.suppress(Exception):
    prepare_worker(lambda done: None)
