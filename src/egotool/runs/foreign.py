"""Reading files of weights that other programs wrote, without trusting them."""

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from egotool.errors import RunError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
_PARALLEL = "module."
_SLACK = 1 << 20


@dataclass(frozen=True)
class ForeignWeights:
    """The tensors of a file.

    Attributes:
        tensors: by name, without the `module.` of a data-parallel network.
        leftover: names of what is no tensor.
    """

    tensors: Mapping[str, Tensor]
    leftover: tuple[str, ...]


def read_foreign_weights(path: Path) -> ForeignWeights:
    """Return the tensors of a state dict, or of a checkpoint that holds one; never runs code from the file.

    Raises:
        RunError: if there is no such file, it is damaged, claims more than it holds, would run code when it
            is opened the old way, or holds no tensors.
    """
    if not path.is_file():
        raise RunError(f"there is no file {path}")
    size = path.stat().st_size
    if size == 0:
        raise RunError(f"{path} is empty: fetch it again")
    _check_archive(path, size)
    try:
        with warnings.catch_warnings(action="ignore"):  # on unusual pickles; what matters is the outcome
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise RunError(
            f"{path} is not a plain file of weights: it is damaged, or holds Python objects beside tensors, "
            "which are never loaded since they could run code; save the state dict alone with "
            "torch.save(network.state_dict(), FILE)"
        ) from error
    except Exception as error:  # damage shows in many ways
        raise RunError(f"{path} is not a file of weights, or is damaged: fetch it again") from error
    if not isinstance(content, Mapping):
        raise RunError(f"{path} does not hold a state dict, but a {type(content).__name__}")
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    tensors = {_plain(name): each for name, each in content.items() if isinstance(each, Tensor)}
    if not tensors:
        raise RunError(
            f"{path} holds no tensors: give a state dict, as torch.save(network.state_dict(), …) writes"
        )
    _check_sizes(path, tensors, size)
    leftover = tuple(str(name) for name, each in content.items() if not isinstance(each, Tensor))
    return ForeignWeights(tensors, leftover)


def _plain(name: object) -> str:
    return str(name).removeprefix(_PARALLEL)


def _check_archive(path: Path, size: int) -> None:
    """Refuse an archive that would unpack to more than it is: torch stores, it never compresses."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise RunError(f"{path} is damaged: fetch it again") from error
    if declared > size + _SLACK:
        raise RunError(f"{path} claims to hold {declared:,} bytes but has {size:,}: it is not opened")


def _check_sizes(path: Path, tensors: Mapping[str, Tensor], size: int) -> None:
    """Refuse tensors that are larger than the file: views can repeat one number any number of times."""
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > size + _SLACK:
            raise RunError(
                f"{path}: the tensor {name} claims {tensor.numel():,} numbers, more than the file holds"
            )
