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
_PARALLEL = "module"
_SLACK = 1 << 20
_NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64)


@dataclass(frozen=True)
class ForeignWeights:
    """The tensors of a file.

    Attributes:
        tensors: by name, without the `module.` of a data-parallel network or part of one.
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
    mapped = _check_archive(path, size)
    try:
        with warnings.catch_warnings(action="ignore"):  # on unusual pickles; what matters is the outcome
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
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
    while wrapped := [content[name] for name in _WRAPPERS if isinstance(content.get(name), Mapping)]:
        content = wrapped[0]
    tensors: dict[str, Tensor] = {}
    leftover: list[str] = []
    for name, each in content.items():
        if not isinstance(each, Tensor):
            leftover.append(str(name))
            continue
        plain = _plain(name)
        if plain in tensors:
            raise RunError(f"{path} holds two tensors named {plain}, one of them under {_PARALLEL}.")
        _check_tensor(path, plain, each, size)
        tensors[plain] = each
    if not tensors:
        raise RunError(
            f"{path} holds no tensors: give a state dict, as torch.save(network.state_dict(), …) writes"
        )
    return ForeignWeights(tensors, tuple(leftover))


def _plain(name: object) -> str:
    """Leave out what a data-parallel wrapper adds, around the whole network or around a part of it."""
    return ".".join(part for part in str(name).split(".") if part != _PARALLEL)


def _check_archive(path: Path, size: int) -> bool:
    """Refuse an archive that would unpack to more than it is: torch stores, it never compresses.

    Returns:
        Whether the file can be mapped into memory: then only what is used of it is ever read.
    """
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise RunError(f"{path} is damaged: fetch it again") from error
    declared = sum(entry.file_size for entry in entries)
    if declared > size + _SLACK:
        raise RunError(f"{path} claims to hold {declared:,} bytes but has {size:,}: it is not opened")
    return all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)


def _check_tensor(path: Path, name: str, tensor: Tensor, size: int) -> None:
    """Refuse what is no plain array of real numbers, or larger than the file: views can repeat one number."""
    if tensor.numel() * tensor.element_size() > size + _SLACK:
        raise RunError(
            f"{path}: the tensor {name} claims {tensor.numel():,} numbers, more than the file holds"
        )
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.dtype not in _NUMBERS:
        kind = f"{tensor.layout}, {tensor.dtype}, {tensor.device}".replace("torch.", "")
        raise RunError(f"{path}: the tensor {name} is no plain array of real numbers ({kind})")
