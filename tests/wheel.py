"""Build the wheel, install it outside the checkout, and run the three commands of the README there.

Run as `python tests/wheel.py`. The new environment borrows the libraries of the running one, so that only
egotool itself comes from the wheel and torch is not downloaded twice.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SYNTHETIC = ["--subjects", "3", "--repetitions", "2", "--frames", "24", "--size", "128x96", "--seed", "7"]
COMMANDS = [
    ["data", "synth", "videos", "--verbs", "take,push-left", "--objects", "cup,jar", *SYNTHETIC],
    ["extract", "videos/"],
    ["train", "dynamic-net"],
    ["report", "--table", "4"],
    ["report", "--page", "report.html"],
]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="egotool-wheel-") as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(CHECKOUT)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (wheel,) = folder.glob("egotool-*.whl")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        site = subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
        # A path in a .pth file is not searched for .pth files itself: the editable checkout stays unseen.
        (Path(site) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)], check=True)
        work = folder / "work"
        work.mkdir()
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        where = subprocess.check_output(
            [python, "-c", "import egotool; print(egotool.__file__)"], text=True, cwd=work, env=environment
        )
        assert str(folder) in where, f"egotool was imported from {where}, not from the wheel"
        for arguments in COMMANDS:
            print("$ egotool", *arguments, flush=True)
            subprocess.run(
                [folder / "venv" / "bin" / "egotool", *arguments], check=True, cwd=work, env=environment
            )
    print("The built wheel runs the three commands outside the checkout.")


if __name__ == "__main__":
    main()
