"""The options that `train` and `sweep` share: declared once, turned into requests in one place."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

import typer

from egotool.errors import UsageError
from egotool.machine import available_cores

if TYPE_CHECKING:
    from egotool.runs import Recipe
    from egotool.training import RecipeChoice, TrainingRequest

_RECIPE_HELP = "auto (paper with a GPU and ImageNet weights, else small), paper, small, demo, or a TOML file."

RecipeOption: TypeAlias = Annotated[str, typer.Option(help=_RECIPE_HELP)]
SettingsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: stages.0.lr=1e-3; repeatable."),
]
StoreOption: TypeAlias = Annotated[Path, typer.Option(help="Folder that `egotool extract` made.")]
ManifestOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="Labels.", show_default="the store's own")
]
RunsOption: TypeAlias = Annotated[Path, typer.Option(help="Folder of runs.")]
SeedOption: TypeAlias = Annotated[
    int, typer.Option(min=0, help="Of weights, order, augmentation and dropout.")
]
ProtocolOption: TypeAlias = Annotated[
    str, typer.Option(help="honest, or paper: the test split picks the epoch.")
]
WeightsOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="ImageNet weights (.pth), without a network.")
]
DeviceOption: TypeAlias = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
DevicesOption: TypeAlias = Annotated[int, typer.Option(min=1, help="How many devices.")]
AccumulateOption: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Compute each batch in so many parts, for less memory.")
]
PrecisionOption: TypeAlias = Annotated[str, typer.Option(help="32-true, bf16-mixed or 16-mixed.")]
WorkersOption: TypeAlias = Annotated[
    int | None,
    typer.Option(min=0, help="Processes that load clips.", show_default="with a GPU up to 8, else 0"),
]
KeepOption: TypeAlias = Annotated[
    str, typer.Option(help="Weights to keep once a run is finished and scored: best, last, both or none.")
]
BalanceOption: TypeAlias = Annotated[
    bool,
    typer.Option("--balance", help="Draw clips of every action equally often, however rare it is."),
]
FoldsOption: TypeAlias = Annotated[
    str | None, typer.Option(help="subjects: leave one subject out after the other, and average.")
]
DryRunOption: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What was typed, checked as far as that needs neither torch nor files."""

    recipe: str
    settings: Sequence[str]
    store: Path
    manifest: Path | None
    runs: Path
    seed: int
    protocol: str
    weights: Path | None
    device: str
    devices: int
    precision: str
    workers: int | None
    keep: str
    balance: bool = False
    accumulate: int = 1

    def __post_init__(self) -> None:
        """Raise UsageError for a word that is not one of those an option has."""
        check_word(self.device, ("auto", "cpu", "gpu"), "--device")
        check_word(self.protocol, ("honest", "paper"), "--protocol")
        check_word(self.precision, ("32-true", "bf16-mixed", "16-mixed"), "--precision")
        check_word(self.keep, ("best", "last", "both", "none"), "--keep")

    def choose_recipe(self) -> "RecipeChoice":
        """Return what `--recipe` means on this machine."""
        from egotool.training import choose_recipe

        return choose_recipe(self.recipe, device=self.device, weights=self.weights)

    def folds(self, word: str | None) -> tuple[str, ...]:
        """Return the subjects to leave out one after the other for `--folds`; ("",): none."""
        from egotool.runs import subjects_of

        if word is not None:
            check_word(word, ("none", "subjects"), "--folds")
        return subjects_of(self.store, self.manifest) if word == "subjects" else ("",)

    def request(
        self,
        recipe: "Recipe",
        *,
        reason: str,
        seed: int,
        fold: str = "",
        start_from: tuple[Path, ...] = (),
        again: bool = False,
        only_plan: bool = False,
        role: Literal["model", "search"] = "model",
    ) -> "TrainingRequest":
        """Return the request to train `recipe`."""
        from egotool.runs import choose_device
        from egotool.training import Keep, TrainingRequest

        on_gpu = choose_device(self.device).type == "cuda"
        return TrainingRequest(
            recipe=recipe,
            recipe_reason=reason,
            overrides=tuple(self.settings),
            store=self.store,
            manifest=self.manifest,
            runs=self.runs,
            seed=seed,
            protocol=cast(Literal["honest", "paper"], self.protocol),
            device=self.device,
            precision=self.precision,
            devices=self.devices,
            accumulate=self.accumulate,
            workers=_loading_processes(on_gpu, self.devices) if self.workers is None else self.workers,
            weights=self.weights,
            start_from=start_from,
            keep=cast(Keep, self.keep),
            balance=self.balance,
            fold=fold,
            role=role,
            again=again,
            only_plan=only_plan,
            command=shlex.join(["egotool", *sys.argv[1:]]),
        )


def check_word(value: str, allowed: tuple[str, ...], option: str) -> None:
    """Raise UsageError unless `value` is one of the words that `option` takes."""
    if value not in allowed:
        raise UsageError(f"{option} is {', '.join(allowed[:-1])} or {allowed[-1]}, not {value!r}")


def wait_politely() -> None:
    """Let torch's threads sleep while they wait for each other; call it before torch is imported.

    By default they spin, which on cores shared with other work makes training several times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _loading_processes(on_gpu: bool, devices: int) -> int:
    """A GPU waits for clips of full size; on a CPU the training itself needs the cores."""
    return min(8, max(1, available_cores() // devices)) if on_gpu else 0
