"""What a training should remember of the machine it ran on."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "egotool", "torch", "torchvision", "lightning", "torchmetrics", "numpy", "opencv-contrib-python", "h5py"
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages a result may depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def git_commit(folder: Path) -> str | None:
    """Return the commit `folder` is at, with "-dirty" if files differ from it, or None outside git."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
