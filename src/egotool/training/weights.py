"""ImageNet weights for the backbone: a file of yours, torch's cache, or a download."""

import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

import torch
from torch import Tensor
from torchvision.models import ResNet18_Weights, ResNet34_Weights, ResNet50_Weights, WeightsEnum

from egotool.errors import RunError
from egotool.files import sha256_of_file
from egotool.models import ActionNetwork, FlowNetwork
from egotool.runs import read_state_dict

REACH_SECONDS = 5.0
"""How long to wait for an answer before the network counts as not there."""

_DIGITS = 8  # torch names its files by so many digits of their SHA-256


@dataclass(frozen=True)
class ImageNetWeights:
    """Where a backbone's ImageNet weights are.

    Attributes:
        depth: of the ResNet.
        file: on this disk, or None: still to be downloaded.
        digest: first digits of the file's SHA-256.
        source: in words.
    """

    depth: int
    file: Path | None
    digest: str
    source: str


def _published(depth: int) -> WeightsEnum:
    published: dict[int, WeightsEnum] = {
        18: ResNet18_Weights.IMAGENET1K_V1,
        34: ResNet34_Weights.IMAGENET1K_V1,
        50: ResNet50_Weights.IMAGENET1K_V1,
    }
    return published[depth]


def find_imagenet_weights(depth: int, *, file: Path | None = None) -> ImageNetWeights | None:
    """Return where ImageNet weights can be had, or None if nowhere; downloads nothing.

    Args:
        depth: 18, 34 or 50.
        file: your own file; asked for first.

    Raises:
        RunError: if `file` is not there.
    """
    if file is not None:
        if not file.is_file():
            raise RunError(f"--weights: there is no file {file}")
        return ImageNetWeights(depth, file, sha256_of_file(file)[:_DIGITS], f"ImageNet, {file.name}")
    published = published_imagenet_weights(depth)
    url = _published(depth).url
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if cached.is_file():
        return replace(published, file=cached)
    return published if _reachable(url) else None


def published_imagenet_weights(depth: int) -> ImageNetWeights:
    """Return what torchvision publishes for a ResNet of this depth, wherever it may be."""
    name = Path(urlparse(_published(depth).url).path).name
    digest = name.rpartition("-")[2].removesuffix(".pth")
    return ImageNetWeights(depth, None, digest, f"ImageNet, {name}")


def no_weights_message(depth: int) -> str:
    """Return the sentence for a training that needs ImageNet weights and cannot have them."""
    url = _published(depth).url
    return (
        f"this recipe starts from the ImageNet weights of ResNet-{depth}, which are not on this machine, and "
        f"there is no network to fetch them: fetch {url} elsewhere and give it with --weights FILE, "
        "or use --recipe small, which needs none"
    )


def _reachable(url: str) -> bool:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=REACH_SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def load_imagenet_weights(
    network: ActionNetwork | FlowNetwork,
    weights: ImageNetWeights,
    *,
    classifier: Literal["imagenet", "actions"] = "imagenet",
) -> None:
    """Load `weights` into the backbone of `network`, its own classifier included.

    A backbone of flow takes the first convolution averaged over R, G and B for each of its channels ("cross
    modality" initialisation of temporal segment networks, as run), and keeps its classifier of the actions.

    Args:
        network: receives the weights.
        weights: from `find_imagenet_weights`.
        classifier: what the backbone of a network on frames tells apart by itself; with `actions` its
            classifier stays as it is.

    Raises:
        RunError: if the download fails, or the file is damaged or of another network.
    """
    if weights.file is None:
        try:
            published = _published(weights.depth)
            state: dict[str, Tensor] = dict(published.get_state_dict(progress=False, check_hash=True))
        except (OSError, RuntimeError) as error:
            raise RunError(no_weights_message(weights.depth)) from error
    else:
        state = read_state_dict(weights.file)
    wanted = network.backbone.state_dict()
    if isinstance(network, FlowNetwork) or classifier == "actions":
        wanted = {name: tensor for name, tensor in wanted.items() if not name.startswith("fc.")}
    if isinstance(network, FlowNetwork) and "conv1.weight" in state:
        channels = wanted["conv1.weight"].shape[1]
        averaged = state["conv1.weight"].mean(dim=1, keepdim=True)
        state["conv1.weight"] = averaged.expand(-1, channels, -1, -1).contiguous()
    for name, tensor in wanted.items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, tensor)  # files from before 2018 lack it
        if name not in state or state[name].shape != tensor.shape:
            problem = "missing" if name not in state else f"of shape {tuple(state[name].shape)}"
            raise RunError(
                f"{weights.file or weights.source} does not hold the ImageNet weights of "
                f"ResNet-{weights.depth}: {name} is {problem}"
            )
    network.backbone.load_state_dict({name: state[name] for name in wanted}, strict=False)
