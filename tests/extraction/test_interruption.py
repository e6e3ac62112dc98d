"""kill -9, for real."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

from egotool.extraction import extract_videos
from egotool.video import find_videos
from tests.extraction.conftest import SMALL, make_video

# A child process of its own, that extracts with two workers and says when parts appear.
PROGRAM = """
import sys
from pathlib import Path
from egotool.extraction import extract_videos
from egotool.video import find_videos
from tests.extraction.conftest import SMALL

class Teller:
    def start(self, task, *, total, unit): pass
    def advance(self, task, amount=1):
        if list(Path(sys.argv[2], ".work").rglob("frames-*.h5")):
            print("part", flush=True)
    def finish(self, task): pass
    def message(self, text): pass

if __name__ == "__main__":
    found = find_videos([Path(sys.argv[1])])
    extract_videos(found, out=Path(sys.argv[2]), parameters=SMALL, workers=2, progress=Teller())
"""


@pytest.mark.parametrize("later", [0.0, 0.2, 0.5])
def test_ctrl_c_while_workers_start_says_one_sentence(tmp_path, later):
    make_video(tmp_path / "videos" / "a" / "1.mp4", frames=16, size=(160, 120))
    command = [sys.executable, "-m", "egotool", "extract", str(tmp_path / "videos"), "--workers", "2"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        watch = threading.Timer(300, process.kill)
        watch.start()
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        assert "loading kernels" in lines[0]
        # now the server of the workers imports; the terminal's Ctrl-C reaches all processes
        time.sleep(later)
        os.killpg(process.pid, signal.SIGINT)
        lines += process.stdout.read().splitlines()
        watch.cancel()
    assert process.returncode == 130
    assert [line for line in lines[1:] if "frames/s" not in line] == [
        "Stopped; the same command goes on from here."
    ]


def test_kill_and_go_on(tmp_path):
    make_video(tmp_path / "videos" / "a" / "1.mp4", frames=16, size=(160, 120))
    make_video(tmp_path / "videos" / "b" / "1.mp4", frames=10)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(tmp_path / "videos"), str(tmp_path / "store")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        # a hang must not hang the tests
        watch = threading.Timer(300, process.kill)
        watch.start()
        assert process.stdout is not None
        assert process.stdout.readline() == "part\n"
        os.kill(process.pid, signal.SIGKILL)
        # The workers hold the pipe open, too: it ends when they have noticed and ended.
        process.stdout.read()
        watch.cancel()
    left = list((tmp_path / "store" / ".work").rglob("frames-*.h5"))
    assert left
    found = find_videos([tmp_path / "videos"])
    assert extract_videos(found, out=tmp_path / "store", parameters=SMALL, workers=0).ok
    assert extract_videos(found, out=tmp_path / "reference", parameters=SMALL, workers=0).ok
    for path in sorted((tmp_path / "reference").rglob("*.h5")):
        other = tmp_path / "store" / path.relative_to(tmp_path / "reference")
        with h5py.File(path) as expected, h5py.File(other) as actual:
            assert set(expected) == set(actual)
            for name in expected:
                np.testing.assert_array_equal(expected[name][()], actual[name][()])
    names = [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert not [name for name in names if ".tmp" in name]
    assert json.loads((tmp_path / "store" / "manifest.json").read_text())["source"] == "folders"
