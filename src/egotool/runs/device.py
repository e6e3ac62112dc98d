"""The device a computation runs on."""

import torch

from egotool.errors import UsageError


def choose_device(wanted: str) -> torch.device:
    """Return the device that `auto`, `cpu` or `gpu` means here.

    Raises:
        UsageError: if a GPU is wanted and there is none.
    """
    if wanted == "gpu" and not torch.cuda.is_available():
        raise UsageError("--device gpu: torch sees no GPU here; use --device cpu, or auto")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
