"""Weights of others: the same input gives the same output as in the network they come from."""

import dataclasses
import io
import os
import pickle
import resource
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from egotool.errors import RunError, UsageError
from egotool.models import ActionNetwork, FlowNetwork, TwoStreamNetwork
from egotool.runs import Run, load_network, read_run
from egotool.runs.importing import WeightsPlan, import_weights, plan_import
from tests.runs.original import (
    FilterHead,
    MotionHead,
    OriginalFlow,
    OriginalRgb,
    OriginalTwoStream,
    shaken,
)

CLASSES, GRID = 5, 3
FRAMES = torch.randn(2, 3, 3, 96, 96, generator=torch.Generator().manual_seed(7))
STACK = torch.randn(2, 10, 96, 96, generator=torch.Generator().manual_seed(8))


def imported(network: nn.Module, folder: Path, **options: object) -> tuple[nn.Module, WeightsPlan]:
    file = folder / "theirs.pth"
    folder.mkdir(exist_ok=True)
    torch.save(network.state_dict(), file)
    plan = plan_import(file, runs=folder / "runs", **options)
    return load_network(import_weights(plan, versions={}, command="egotool weights import")), plan


def close(ours: Tensor | None, theirs: Tensor | None) -> None:
    assert ours is not None and theirs is not None
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("depth", [18, 34])
@pytest.mark.parametrize("model", ["convlstm-attention", "convlstm"])
def test_networks_on_frames(model: str, depth: int, tmp_path: Path) -> None:
    theirs = shaken(OriginalRgb(CLASSES, depth=depth, attention=model == "convlstm-attention"), 1)
    ours, plan = imported(theirs, tmp_path, model=model)
    assert isinstance(ours, ActionNetwork)
    assert plan.model == model and plan.recipe.backbones[0].depth == depth
    logits, pooled, attention, _ = theirs(FRAMES)
    output = ours(FRAMES)
    close(output.logits, logits)
    close(output.pooled, pooled)
    if model == "convlstm-attention":
        close(output.attention, attention)
        assert plan.translation.duplicates == ["fc.weight", "fc.bias", "weight_softmax"]
    else:
        assert output.attention is None


HEADS: list[tuple[str, str, Callable[[int], nn.Module], str]] = [
    ("idt-net", "sup_head", lambda channels: MotionHead(channels, GRID, 1), "regression"),
    ("idt-net", "sup_head", lambda channels: MotionHead(channels, GRID, 2), "classification"),
    ("convlstm-idt", "sup_head", lambda channels: MotionHead(channels, GRID, 1), "regression"),
    ("dynamic-net", "dinam", lambda channels: FilterHead(channels, 9), "full"),
    ("dynamic-net", "sup_head", lambda channels: FilterHead(channels, 3), "depthwise"),
    ("convlstm-dynamic", "dinam", lambda channels: FilterHead(channels, 9), "full"),
]


@torch.no_grad()
@pytest.mark.parametrize(("model", "name", "make", "form"), HEADS)
def test_heads(model: str, name: str, make: Callable[[int], nn.Module], form: str, tmp_path: Path) -> None:
    at_cnn = model.startswith("convlstm")
    head = make(512 if at_cnn else 16)
    theirs = OriginalRgb(CLASSES, head=head, head_name=name, tap="cnn" if at_cnn else "convlstm")
    ours, plan = imported(shaken(theirs, 2), tmp_path, model=model)
    assert plan.recipe.head is not None and plan.recipe.head.form == form
    logits, _, attention, head_output = theirs(FRAMES)
    output = ours(FRAMES)
    close(output.logits, logits)
    close(output.attention, attention)
    close(output.head_output, head_output)


@torch.no_grad()
def test_flow_and_two_stream(tmp_path: Path) -> None:
    theirs = shaken(OriginalFlow(CLASSES, depth=50), 3)
    ours, plan = imported(theirs, tmp_path / "flow")
    assert isinstance(ours, FlowNetwork) and plan.recipe.backbones[0].depth == 50
    close(ours(STACK[:, None]).logits, theirs(STACK)[0])
    both = shaken(OriginalTwoStream(CLASSES), 4)
    joint, plan = imported(both, tmp_path / "joint")
    assert isinstance(joint, TwoStreamNetwork) and plan.model == "two-stream"
    close(joint(FRAMES, STACK[:, None]).logits, both(FRAMES, STACK))
    stacks = torch.stack([STACK, -STACK], dim=1)
    flow_first = torch.stack([both.flowModel(each)[1] for each in (STACK, -STACK)]).mean(dim=0)
    pooled = torch.cat([flow_first, both.frameModel(FRAMES)[1]], dim=1)
    close(joint(FRAMES, stacks).logits, both.classifier(pooled))


@pytest.fixture(scope="module")
def state() -> Mapping[str, Tensor]:
    return shaken(OriginalRgb(CLASSES), 5).state_dict()


def saved(folder: Path, content: object) -> Path:
    file = folder / "theirs.pth.tar"
    torch.save(content, file)
    return file


@torch.no_grad()
def test_wrapped_parallel_and_old_files_load_the_same(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    plain = plan_import(saved(tmp_path, state), runs=tmp_path).translation.tensors
    old = {name: each for name, each in state.items() if not name.endswith("num_batches_tracked")}
    parallel = {f"module.{name}": tensor for name, tensor in old.items()}
    partly = {name.replace("resNet.", "resNet.module."): tensor for name, tensor in old.items()}
    nested = {"model": {"state_dict": old}}
    for content in (parallel, {"epoch": 3, "state_dict": parallel}, partly, nested):
        other = plan_import(saved(tmp_path, content), runs=tmp_path).translation.tensors
        assert plain.keys() == other.keys()
        for name in plain:
            assert torch.equal(plain[name], other[name]), name
    legacy = tmp_path / "legacy.pth"
    torch.save(state, legacy, _use_new_zipfile_serialization=False)
    assert plan_import(legacy, runs=tmp_path).translation.tensors.keys() == plain.keys()


@torch.no_grad()
def test_other_precisions_become_single(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    """And what was read stays, whatever becomes of the file afterwards."""
    for kind in (torch.float64, torch.float16, torch.bfloat16):
        content = {name: each.to(kind) if each.is_floating_point() else each for name, each in state.items()}
        file = saved(tmp_path, content)
        tensors = plan_import(file, runs=tmp_path).translation.tensors
        file.write_bytes(b"")
        assert torch.equal(tensors["backbone.conv1.weight"], content["resNet.conv1.weight"].float())
        assert tensors["backbone.bn1.num_batches_tracked"].dtype == torch.int64


def test_either_name_of_the_classifier_will_do(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    for left_out in ("fc.", "classifier.1."):
        content = {name: each for name, each in state.items() if not name.startswith(left_out)}
        tensors = plan_import(saved(tmp_path, content), runs=tmp_path).translation.tensors
        assert torch.equal(tensors["classifier.weight"], state["fc.weight"])


def test_contradictions_are_told(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    content = dict(state) | {"weight_softmax": torch.zeros(1000, 512)}
    notes = plan_import(saved(tmp_path, content), runs=tmp_path).notes
    assert any("weight_softmax and resNet.fc.weight should be equal" in note for note in notes)


def test_what_the_file_does_not_say_is_told(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    plan = plan_import(saved(tmp_path, state), runs=tmp_path, overrides=["clips.length=7"])
    assert plan.model == "convlstm-attention" and plan.recipe.clips.length == 7
    assert any("--model convlstm" in note for note in plan.notes)
    assert any("no names yet" in note for note in plan.notes)
    assert plan.actions[0] == "class-000"


def test_the_same_import_is_one_run(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    file = saved(tmp_path, state)
    names = ["open", "close", "take", "put", "stir"]
    first = import_weights(
        plan_import(file, runs=tmp_path / "runs", actions=names), versions={}, command="egotool"
    )
    again = plan_import(file, runs=tmp_path / "runs", actions=names)
    assert again.exists and again.folder == first.folder
    assert first.record.actions == tuple(names) and first.finished and first.record.best is None
    other = plan_import(file, runs=tmp_path / "runs", actions=names[::-1])
    assert other.folder != first.folder


def test_an_import_gets_the_store_that_is_given_later(
    state: Mapping[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, names = saved(tmp_path, state), ["open", "close", "take", "put", "stir"]
    plan = plan_import(file, runs=tmp_path / "runs", actions=names)
    assert not import_weights(plan, versions={}, command="egotool").record.data.store
    again = plan_import(file, runs=tmp_path / "runs", actions=names)
    given = dataclasses.replace(
        again, data=again.data.model_copy(update={"store": "store", "fingerprint": "1" * 64})
    )
    assert import_weights(given, versions={}, command="egotool").record.data.store == "store"
    assert read_run(plan.folder).record.data.store == "store"
    monkeypatch.setattr(Run, "scores", lambda *_: object())
    other = dataclasses.replace(
        given, data=given.data.model_copy(update={"store": "other", "fingerprint": "2" * 64})
    )
    with pytest.raises(RunError, match="was imported before and is scored on store"):
        import_weights(other, versions={}, command="egotool")


def without(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: each for key, each in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: without(s, "lstm_cell.conv_f_hh.weight"), "it has no lstm_cell.conv_f_hh.weight"),
        (lambda s: without(s, "resNet.layer2.0.bn1.weight"), "nothing becomes backbone.layer2.0.bn1.weight"),
        (lambda s: without(s, "resNet.conv1.weight"), "nothing in it becomes backbone.conv1.weight"),
        (lambda s: dict(s) | {"extra.weight": torch.zeros(2)}, "there is no place for extra.weight"),
        (lambda s: dict(s) | {"resNet.layer9.weight": torch.zeros(2)}, "no place for backbone.layer9.weight"),
        (lambda s: dict(s) | {"resNet.bn1.weight": torch.zeros(2)}, "backbone.bn1.weight (2,), not (64,)"),
        (
            lambda s: dict(s) | {"resNet.bn1.weight": torch.full((64,), float("nan"))},
            "not finite numbers: backbone.bn1.weight",
        ),
        (lambda s: dict(s) | {"resNet.conv1.weight": torch.zeros(3)}, "which fits no network"),
        (
            lambda s: dict(s) | {"lstm_cell.conv_f_xx.weight": torch.zeros(3)},
            "conv_f_xx.weight (3,), not (16,",
        ),
        (lambda s: dict(s) | {"lstm_cell.conv_i_hh.bias": torch.zeros(3)}, "conv_i_hh.bias (3,), not (16,)"),
        (lambda s: dict(s) | {"module.fc.bias": torch.zeros(5)}, "two tensors named fc.bias"),
        (lambda s: dict(s) | {"fc.bias": torch.zeros(5).to_sparse()}, "fc.bias is no plain array"),
        (lambda s: dict(s) | {"fc.bias": torch.zeros(5, device="meta")}, "fc.bias is no plain array"),
        (lambda s: dict(s) | {"fc.bias": torch.zeros(5, dtype=torch.complex64)}, "fc.bias is no plain array"),
        (
            lambda s: dict(s) | {"fc.bias": torch.zeros(5).to(torch.float8_e4m3fn)},
            "fc.bias is no plain array",
        ),
        (lambda s: {"encoder.weight": torch.zeros(2)}, "none of the networks that can be imported"),
        (lambda s: {"resNet.conv1.weight": torch.zeros(1).expand(3000, 3000, 7, 7)}, "claims"),
        (lambda s: [1, 2], "does not hold a state dict"),
        (lambda s: {"epoch": 3}, "holds no tensors"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_written(
    state: Mapping[str, Tensor], change: Callable[[Mapping[str, Tensor]], object], said: str, tmp_path: Path
) -> None:
    file = saved(tmp_path, change(state))
    with pytest.raises(RunError) as failure:
        plan_import(file, runs=tmp_path / "runs")
    assert said in str(failure.value)
    assert list(tmp_path.iterdir()) == [file]


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_hostile_file_runs_nothing(
    state: Mapping[str, Tensor], legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "theirs.pth"
    content = {"state_dict": dict(state), "args": Attack()}
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(RunError, match="never loaded since they could run code"):
        plan_import(file, runs=tmp_path / "runs")
    file.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(RunError):
        plan_import(file, runs=tmp_path / "runs")
    assert not (tmp_path / "executed").exists()


def test_damaged_files_are_named(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    whole = saved(tmp_path, state).read_bytes()
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * (64 << 20))
    files = {
        "half": whole[: len(whole) // 2],
        "cut": whole[:-100],
        "empty": b"",
        "text": b"<html>404 not found</html>",
        "bomb": bomb.getvalue(),
    }
    for name, content in files.items():
        file = tmp_path / f"{name}.pth"
        file.write_bytes(content)
        with pytest.raises(RunError, match=name):
            plan_import(file, runs=tmp_path / "runs")
    with pytest.raises(RunError, match="there is no file"):
        plan_import(tmp_path / "absent.pth", runs=tmp_path / "runs")


def test_of_a_huge_file_only_what_is_used_is_read(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    """A tensor of 4 GiB beside the network, in a file with a hole that takes no room on the disk."""
    small, numbers = saved(tmp_path, dict(state) | {"filler": torch.zeros(1 << 10)}), 1 << 30
    huge = tmp_path / "huge.pth"
    with zipfile.ZipFile(small) as archive, zipfile.ZipFile(huge, "w") as other:
        for entry in archive.infolist():
            content = archive.read(entry)
            if entry.filename.endswith("data.pkl"):  # 1024 and 2 ** 30 as the pickle writes them
                content = content.replace(b"M\x00\x04", b"J" + numbers.to_bytes(4, "little"))
            with other.open(zipfile.ZipInfo(entry.filename), "w", force_zip64=True) as written:
                written.write(content)
                if entry.file_size == 4 << 10:
                    hole = 4 * numbers - written._file_size
                    other.fp.seek(hole, os.SEEK_CUR)
                    written._file_size += hole
                    written._compress_size += hole
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RunError, match="no place for filler"):
        plan_import(huge, runs=tmp_path / "runs")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 << 20  # KiB


def test_wrong_options_are_named(state: Mapping[str, Tensor], tmp_path: Path) -> None:
    file = saved(tmp_path, state)
    with pytest.raises(UsageError, match="not of flow"):
        plan_import(file, runs=tmp_path, model="flow")
    with pytest.raises(UsageError, match="tells 5 classes apart, but --actions names 2"):
        plan_import(file, runs=tmp_path, actions=["a", "b"])
    with pytest.raises(UsageError, match="twice"):
        plan_import(file, runs=tmp_path, actions=["a", "b", "c", "d", "a"])
