"""Figure 2: which parts a network has, and how they are connected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from egotool.models import ActionNetwork, DynamicFilterHead, FlowNetwork, TwoStreamNetwork
from egotool.reporting.figures.tracing import Shape, Trace

Look = Literal["data", "trained", "partly", "frozen", "operation"]


@dataclass(frozen=True)
class Box:
    """A box of the drawing.

    Attributes:
        name: unique in the drawing.
        column, row: its place; may lie between two.
        title: what it is.
        lines: shape of what comes out, and parameters.
        look: data, a computation without parameters, or parameters of which all, some or none are trained.
    """

    name: str
    column: float
    row: float
    title: str
    lines: tuple[str, ...]
    look: Look


@dataclass
class Drawing:
    """Boxes and arrows (from, to, label)."""

    boxes: list[Box] = field(default_factory=list)
    arrows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, box: Box, *sources: str, label: str = "") -> str:
        """Add a box with an arrow from each of `sources`; returns its name."""
        self.boxes.append(box)
        self.arrows += [(source, box.name, label) for source in sources]
        return box.name


def draw_parts(trace: Trace) -> Drawing:
    """Return the boxes and arrows of the traced network."""
    drawing = Drawing()
    network = trace.network
    if isinstance(network, TwoStreamNetwork):
        rgb = _frames(drawing, trace, network.rgb, "rgb.", row=0)
        flow = _flow(drawing, trace, "flow.", row=2, column=2)
        last = max(box.column for box in drawing.boxes) + 1
        joined = drawing.add(
            Box("join", last, 1, "concatenate", (_size(trace.outputs["dropout"]),), "operation"), rgb, flow
        )
        _classifier(drawing, trace, "classifier", joined, column=last + 1, row=1)
    elif isinstance(network, FlowNetwork):
        pooled = _flow(drawing, trace, "", row=0, column=0)
        _classifier(drawing, trace, "backbone.fc", pooled, column=8, row=0)
    else:
        pooled = _frames(drawing, trace, network, "", row=0)
        last = max(box.column for box in drawing.boxes) + 1
        _classifier(drawing, trace, "classifier", pooled, column=last, row=0)
        if network.head is not None:
            _head(drawing, trace, network, network.head)
    return drawing


def _frames(drawing: Drawing, trace: Trace, network: ActionNetwork, prefix: str, *, row: float) -> str:
    frames = trace.inputs["frames"]
    source = drawing.add(Box("frames", 0, row, f"{frames[0]} frames", (_size(frames[1:]),), "data"))
    source = _backbone(drawing, trace, prefix, source, row=row, column=1)
    column, label = 6, str(network.features)
    if network.attention:
        assert trace.attention is not None  # the network says that it has one
        fc = f"{prefix}backbone.fc"
        own = _part(trace, fc, 5, row - 1, "own classifier", _size(trace.outputs[fc]), fc)
        drawing.add(own, source, label="post")
        lines = (f"softmax {_size(trace.attention)}",)
        attention = Box(f"{prefix}attention", 6, row, "CAM attention", lines, "operation")
        drawing.arrows.append((fc, attention.name, "post × weights of the top-1 class"))
        source = drawing.add(attention, source, label=label)
        column, label = 7, ""
    hidden = network.convlstm.hidden_channels
    grid = trace.outputs[f"{prefix}backbone.layer4"][1:]
    name = f"{prefix}convlstm"
    source = drawing.add(
        _part(trace, name, column, row, "ConvLSTM", _size((hidden, *grid)), name), source, label=label
    )
    state = "cell state" if network.state == "cell" else "hidden state"
    return drawing.add(
        Box(f"{prefix}pool", column + 1, row, f"last {state}", ("mean", _size((hidden,))), "operation"),
        source,
    )


def _flow(drawing: Drawing, trace: Trace, prefix: str, *, row: float, column: float) -> str:
    flow = trace.inputs["flow"]
    title = f"{flow[0]} flow stacks"
    source = drawing.add(Box("flow", column, row, title, (_size(flow[1:]),), "data"))
    source = _backbone(drawing, trace, prefix, source, row=row, column=column + 1)
    pooled = (trace.outputs[f"{prefix}backbone.layer4"][0],)
    return drawing.add(
        Box(f"{prefix}mean", column + 6, row, "mean", ("of the stacks", _size(pooled)), "operation"),
        source,
        label="post",
    )


def _backbone(drawing: Drawing, trace: Trace, prefix: str, source: str, *, row: float, column: float) -> str:
    backbone = f"{prefix}backbone"
    pooled = trace.outputs[f"{backbone}.maxpool"]
    first = f"{backbone}.conv1"
    title = "conv1" if trace.outputs[first] == pooled else "conv1, pool"
    source = drawing.add(
        _part(trace, first, column, row, title, _size(pooled), first, f"{backbone}.bn1"), source
    )
    for number in range(1, 5):
        name = f"{backbone}.layer{number}"
        shape = trace.outputs[name]
        source = drawing.add(
            _part(trace, name, column + number, row, f"layer{number}", _size(shape), name), source
        )
    return source


def _classifier(drawing: Drawing, trace: Trace, name: str, source: str, *, column: float, row: float) -> None:
    drawing.add(_part(trace, name, column, row, "classifier", f"{trace.logits} actions", name), source)


def _head(drawing: Drawing, trace: Trace, network: ActionNetwork, head: nn.Module) -> None:
    assert trace.head is not None
    tap = "convlstm" if network.tap == "convlstm" else "backbone.layer4"
    label = "every step" if network.tap == "convlstm" else network.features
    last = max(box.column for box in drawing.boxes)
    if isinstance(head, DynamicFilterHead):
        column = last - 3
        shape = trace.outputs["head.conv.1"]
        source = drawing.add(
            _part(trace, "head.conv.1", column, 1, "3×3 conv", _size(shape), "head.conv.1"), tap, label=label
        )
        filters = drawing.add(
            _part(
                trace, "head.conv.3", column + 1, 1, "1×1 conv", f"filters {_size(trace.head)}", "head.conv.3"
            ),
            source,
        )
        assert trace.predicted is not None
        forms = {"full": "3 × 3 colours", "depthwise": "every colour"}
        applied = drawing.add(
            Box("apply", column + 2, 1, "filter frame t", (forms[head.form],), "operation"), filters
        )
        drawing.add(Box("predicted", column + 3, 1, "frame t+1", (_size(trace.predicted),), "data"), applied)
        return
    column = last - 2
    shape = trace.outputs["head.conv.1"]
    source = drawing.add(
        _part(trace, "head.conv.1", column, 1, "1×1 conv", _size(shape), "head.conv.1"), tap, label=label
    )
    source = drawing.add(
        _part(trace, "head.fc.0", column + 1, 1, "linear", _size(trace.head), "head.fc"), source
    )
    drawing.add(Box("mask", column + 2, 1, "motion mask", (_size(trace.head[1:]),), "data"), source)


def _part(trace: Trace, name: str, column: float, row: float, title: str, shape: str, *prefixes: str) -> Box:
    total, trained = trace.parameters(*prefixes)
    look: Look = "frozen" if trained == 0 else "trained" if trained == total else "partly"
    count = _count(total) if trained in (0, total) else f"{_count(trained)} of {_count(total)}"
    return Box(name, column, row, title, (shape, count), look)


def _size(shape: Shape | Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _count(number: int) -> str:
    """1234567 → "1.23 M"."""
    for unit, name in ((1_000_000, " M"), (1_000, " k")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return str(number)
