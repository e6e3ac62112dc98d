"""What flows through a network: shapes and parameters of its parts, read off the module itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from egotool.clips import Clip
from egotool.models import BackboneFeatures, DynamicFilterHead, apply_dynamic_filters
from egotool.runs import Network, Recipe, build_network, forward_clip, trainable_tensors

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Trace:
    """A network after one clip has gone through it, without a single number computed.

    Attributes:
        network: on torch's `meta` device: shapes only.
        inputs: `frames` (T, 3, H, W) and `flow` (S, 2·stack, H, W), as far as the network takes them.
        outputs: name of a module → shape of its output without the leading clip or frame.
        logits: number of actions.
        attention: (h, w), or None.
        head: (k, s, s) of the self-supervised head, or None.
        predicted: (3, H, W) of the frame that dynamic filters predict, or None.
        trained: names of the parameters that the last stage trains.
    """

    network: Network
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    logits: int
    attention: Shape | None
    head: Shape | None
    predicted: Shape | None
    trained: frozenset[str]

    def parameters(self, *prefixes: str) -> tuple[int, int]:
        """Return how many parameters are under module names, and how many of them are trained."""
        total = trained = 0
        for name, parameter in self.network.named_parameters():
            if any(name.startswith(f"{prefix}.") for prefix in prefixes):
                total += parameter.numel()
                trained += parameter.numel() if name in self.trained else 0
        return total, trained


def trace_network(recipe: Recipe, classes: int) -> Trace:
    """Build the network of `recipe` for `classes` actions and send the shape of one clip through it."""
    with torch.device("meta"):
        network = build_network(recipe, classes).eval()
        size = recipe.clips.crop_size
        clip: dict[str, Tensor] = {}
        if recipe.network.kind != "flow":
            clip["frames"] = torch.empty(1, recipe.clips.length, 3, size, size)
        if recipe.flow is not None:
            clip["flow"] = torch.empty(1, recipe.flow.stacks, 2 * recipe.flow.stack, size, size)
        outputs: dict[str, Shape] = {}
        handles = [
            module.register_forward_hook(_recorder(name, outputs)) for name, module in network.named_modules()
        ]
        with torch.inference_mode():
            output = forward_clip(network, cast(Clip, clip))
            predicted = None
            if (
                isinstance(getattr(network, "head", None), DynamicFilterHead)
                and output.head_output is not None
            ):
                predicted = tuple(apply_dynamic_filters(output.head_output, clip["frames"]).shape[2:])
        for handle in handles:
            handle.remove()
    return Trace(
        network=network,
        inputs={name: tuple(tensor.shape[1:]) for name, tensor in clip.items()},
        outputs=outputs,
        logits=output.logits.shape[1],
        attention=None if output.attention is None else tuple(output.attention.shape[2:]),
        head=None if output.head_output is None else tuple(output.head_output.shape[2:]),
        predicted=predicted,
        trained=frozenset(trainable_tensors(network, recipe.stages[-1]).names),
    )


def _recorder(name: str, outputs: dict[str, Shape]) -> Callable[[nn.Module, object, object], None]:
    def record(module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            outputs[name] = tuple(output.shape[1:])
        elif isinstance(output, BackboneFeatures):  # layer4 is not called as a whole
            outputs[f"{name}.layer4"] = tuple(output.pre.shape[1:])

    return record
