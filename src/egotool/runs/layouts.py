"""The names of Ego-RNN and its relatives, translated to ours.

theirs                                     ours
resNet.*                                   backbone.*
weight_softmax                             – (the very same parameter as resNet.fc.weight)
lstm_cell.conv_{i,f,c,o}_{xx,hh}.*         convlstm.input_gates.*, convlstm.hidden_gates.weight
classifier.1.* and, the same, fc.*         classifier.*
sup_head.conv.1.*, sup_head.fc.0.*         head.conv.1.*, head.fc.0.*       motion segmentation
dinam.conv.{1,3}.*, sup_head.conv.{1,3}.*  head.conv.{1,3}.*                dynamic filters
conv1, bn1, layer1 … layer4, fc_action     backbone.*, backbone.fc          flow
frameModel.*, flowModel.*                  rgb.*, flow.*                    two-stream
classifier.1.* and, the same, fc2.*        classifier.*, columns reordered
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from egotool.models import GATES, fuse_gates

Kind = Literal["convlstm", "flow", "two-stream"]
JointOrder = Literal["flow-rgb", "rgb-flow"]

_HEADS = ("sup_head.", "dinam.")
_FLOW_BACKBONE = ("conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.")


@dataclass
class Translation:
    """State dict under our names, and what became of the rest.

    Attributes:
        tensors: our name → tensor.
        duplicates: their names that say what another one says already.
        notes: sentences about choices that had to be made.
        unknown: their names that have no place in our networks.
        missing: their names that belong to what is there, and are not there.
        odd: their names whose shape is not that of their like, with both shapes.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


def kind_of(names: Mapping[str, Tensor]) -> Kind | None:
    """Return which network the tensors belong to; None if it is none of these."""
    if any(name.startswith(("flowModel.", "frameModel.")) for name in names):
        return "two-stream"
    if any(name.startswith("resNet.") for name in names):
        return "convlstm"
    return "flow" if "fc_action.weight" in names else None


def translate(
    tensors: Mapping[str, Tensor], kind: Kind, *, joint_order: JointOrder = "flow-rgb"
) -> Translation:
    """Translate the names of a whole state dict.

    Args:
        tensors: theirs.
        kind: see `kind_of`.
        joint_order: of the joint classifier's columns in the file; the original concatenates flow first.
    """
    if kind == "flow":
        return _flow(tensors)
    if kind == "convlstm":
        return _convlstm(tensors)
    return _two_stream(tensors, joint_order)


def _flow(tensors: Mapping[str, Tensor]) -> Translation:
    result = Translation()
    for name, tensor in tensors.items():
        if name.startswith("fc_action."):
            result.tensors[f"backbone.fc.{name.removeprefix('fc_action.')}"] = tensor
        elif name.startswith(_FLOW_BACKBONE):
            result.tensors[f"backbone.{name}"] = tensor
        else:
            result.unknown.append(name)
    return result


def _convlstm(tensors: Mapping[str, Tensor]) -> Translation:
    result = Translation()
    gates: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.startswith("resNet."):
            result.tensors[f"backbone.{name.removeprefix('resNet.')}"] = tensor
        elif name.startswith("lstm_cell.conv_"):
            gates[name.removeprefix("lstm_cell.")] = tensor
        elif name.startswith("classifier.1."):
            result.tensors[f"classifier.{name.removeprefix('classifier.1.')}"] = tensor
        elif name.startswith(_HEADS):
            result.tensors[f"head.{name.partition('.')[2]}"] = tensor
        elif name not in ("weight_softmax", "fc.weight", "fc.bias"):
            result.unknown.append(name)
    for part in ("weight", "bias"):
        _duplicate(result, tensors, f"fc.{part}", f"classifier.{part}", "classifier.1." + part)
    _duplicate(result, tensors, "weight_softmax", "backbone.fc.weight", "resNet.fc.weight")
    _add_gates(result, gates)
    return result


def _duplicate(
    result: Translation, tensors: Mapping[str, Tensor], theirs: str, ours: str, counterpart: str
) -> None:
    """Take `theirs` for `ours` if nothing else is; otherwise it must say the same."""
    if theirs not in tensors:
        return
    if ours not in result.tensors:
        result.tensors[ours] = tensors[theirs]
        return
    result.duplicates.append(theirs)
    if not torch.equal(tensors[theirs], result.tensors[ours]):
        result.notes.append(
            f"{theirs} and {counterpart} should be equal and are not: {counterpart} was taken."
        )


def _add_gates(result: Translation, gates: dict[str, Tensor]) -> None:
    """Fuse the gates; a bias on the hidden convolution adds to the one on the input convolution."""
    wanted = [f"conv_{gate}_{part}" for gate in GATES for part in ("xx.weight", "xx.bias", "hh.weight")]
    known = {*wanted, *(f"conv_{gate}_hh.bias" for gate in GATES)}
    result.unknown += [f"lstm_cell.{name}" for name in gates if name not in known]
    result.missing += [f"lstm_cell.{name}" for name in wanted if name not in gates]
    result.odd += [*_odd_shapes(gates, "xx.weight"), *_odd_shapes(gates, "hh.weight")]
    result.odd += _odd_shapes(gates, "xx.bias", "hh.bias")
    if result.missing or result.odd:
        return
    for gate in GATES:
        extra = gates.get(f"conv_{gate}_hh.bias")
        if extra is not None:
            gates[f"conv_{gate}_xx.bias"] = gates[f"conv_{gate}_xx.bias"] + extra
    for name, tensor in fuse_gates(gates).items():
        result.tensors[f"convlstm.{name}"] = tensor


def _odd_shapes(gates: Mapping[str, Tensor], *parts: str) -> list[str]:
    """Name the gates' tensors that are not shaped as the first of them."""
    names = [f"conv_{gate}_{part}" for part in parts for gate in GATES if f"conv_{gate}_{part}" in gates]
    shapes = [tuple(gates[name].shape) for name in names]
    return [
        f"lstm_cell.{name} {shape}, not {shapes[0]}"
        for name, shape in zip(names, shapes, strict=True)
        if shape != shapes[0]
    ]


def _two_stream(tensors: Mapping[str, Tensor], joint_order: JointOrder) -> Translation:
    parts: dict[str, dict[str, Tensor]] = {"frameModel": {}, "flowModel": {}, "": {}}
    for name, tensor in tensors.items():
        stream, _, rest = name.partition(".")
        if stream in parts:
            parts[stream][rest] = tensor
        else:
            parts[""][name] = tensor
    result = Translation()
    for theirs, ours, part in (
        ("frameModel", "rgb", _convlstm(parts["frameModel"])),
        ("flowModel", "flow", _flow(parts["flowModel"])),
    ):
        result.tensors |= {f"{ours}.{name}": tensor for name, tensor in part.tensors.items()}
        result.duplicates += [f"{theirs}.{name}" for name in part.duplicates]
        result.unknown += [f"{theirs}.{name}" for name in part.unknown]
        result.missing += [f"{theirs}.{name}" for name in part.missing]
        result.odd += [f"{theirs}.{name}" for name in part.odd]
        result.notes += part.notes
    for name, tensor in parts[""].items():
        if name.startswith("classifier.1."):
            result.tensors[f"classifier.{name.removeprefix('classifier.1.')}"] = tensor
        elif name not in ("fc2.weight", "fc2.bias"):
            result.unknown.append(name)
    for piece in ("weight", "bias"):
        _duplicate(result, parts[""], f"fc2.{piece}", f"classifier.{piece}", "classifier.1." + piece)
    _order_columns(result, joint_order)
    return result


def _order_columns(result: Translation, joint_order: JointOrder) -> None:
    """Bring the columns of the RGB stream to the front."""
    weight, bias = result.tensors.get("classifier.weight"), result.tensors.get("rgb.classifier.weight")
    flow = result.tensors.get("flow.backbone.fc.weight")
    if weight is None or flow is None or joint_order == "rgb-flow":
        return
    hidden = weight.shape[1] - flow.shape[1] if bias is None else bias.shape[1]
    flow_columns = weight.shape[1] - hidden
    result.tensors["classifier.weight"] = torch.cat(
        [weight[:, flow_columns:], weight[:, :flow_columns]], dim=1
    )
