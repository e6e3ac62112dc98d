"""The run folder: everything needed to say later what was trained, on what, how, and with what result.

runs/dynamic-net-small-1f2e3d4c/
    run.json            RunRecord: status, why this recipe, seed, protocol, data, versions, …
    recipe.toml         the complete resolved recipe
    metrics.csv         losses and accuracies by epoch
    tensorboard/        the same for TensorBoard
    checkpoints/        best.ckpt: weights of the chosen epoch; last.ckpt: with optimiser, to go on
    predictions/        <split>.csv: probability of every action for every segment
    scores/             <split>.json: Scores
"""

import contextlib
import datetime
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from egotool.errors import RecipeError, RunError
from egotool.files import inside, write_text
from egotool.runs.loading import ALIASES, model_names, recipe_from_toml, recipe_to_toml
from egotool.runs.recipe import Recipe
from egotool.runs.scores import Loss, Scores

RUN_FORMAT_VERSION = 1
Protocol = Literal["honest", "paper"]
Status = Literal["training", "finished"]


class _Document(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class DataRecord(_Document):
    """What a run was trained on."""

    store: str
    manifest: str
    fingerprint: str
    """Digest of the manifest and of the receipts of all videos it uses."""
    manifest_fingerprint: str
    videos: int
    segments: dict[str, dict[str, int]]
    """Split (train, validation, test) → action → number of segments."""
    fold: str = ""
    """The subject that was left out to test on (leave-one-subject-out), or "": the manifest's own splits."""
    whole_fingerprint: str = ""
    """As `fingerprint`, but the same for all folds of a manifest; "" without folds."""


class EpochRecord(_Document):
    """Where an epoch stood on the split that selects (rates 0..1)."""

    epoch: int
    accuracy: float
    loss: Loss


class RunRecord(_Document):
    """The content of run.json."""

    format_version: int = RUN_FORMAT_VERSION
    identity: str
    """Digest of recipe, data, seed, protocol and parents: equal identities are the same training."""
    role: Literal["model", "stage", "search"]
    """`model`: a model's last stage, the one to score; `stage`: one that others start from; `search`: a trial
    of a hyper-parameter search, in no table."""
    model: str
    stage: str
    status: Status
    recipe: str
    recipe_reason: str
    """Why this recipe: asked for, or what `auto` saw."""
    overrides: tuple[str, ...] = ()
    seed: int
    protocol: Protocol
    balance: bool = False
    """Whether training drew every action equally often instead of every segment once."""
    devices: int = 1
    """How many trained together, each with batches of the recipe's size."""
    accumulate: int = 1
    """In how many parts, one after the other, each batch was computed."""
    selection: str
    """In words: what chooses the epoch."""
    actions: tuple[str, ...]
    data: DataRecord
    parents: tuple[str, ...] = ()
    """Folder names of the runs whose weights this one started from."""
    weights: str
    """Where the first weights came from: random, ImageNet (with a digest), or the parent."""
    trainable: tuple[str, ...]
    """Names of the tensors that were trained."""
    parameters_trainable: int
    parameters_total: int
    epochs: int
    epochs_done: int = 0
    best: EpochRecord | None = None
    last: EpochRecord | None = None
    device: str
    precision: str
    versions: dict[str, str]
    git_commit: str | None = None
    command: str
    started: str
    finished: str | None = None
    seconds: float = 0.0
    """Time spent training, all sittings together."""


def utc_now() -> str:
    """Return the present moment as ISO 8601 in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


class Run:
    """One run folder that exists."""

    def __init__(self, folder: Path, *, record: RunRecord, recipe: Recipe) -> None:
        self.folder = folder
        self.record = record
        self.recipe = recipe

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def finished(self) -> bool:
        """Whether the training has ended."""
        return self.record.status == "finished"

    @property
    def clips_at_once(self) -> int:
        """How many clips the last stage computed at once: what fitted into memory then will fit again."""
        return self.recipe.stages[-1].batch_size // self.record.accumulate

    @property
    def best_checkpoint(self) -> Path:
        """Weights of the chosen epoch."""
        return self.folder / "checkpoints" / "best.ckpt"

    @property
    def better_checkpoint(self) -> Path:
        """Weights of an epoch that beats the best one, until last.ckpt is of that epoch, too."""
        return self.folder / "checkpoints" / "better.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        """Everything needed to go on training."""
        return self.folder / "checkpoints" / "last.ckpt"

    def predictions_file(self, split: str) -> Path:
        """Return where the predictions for `split` are kept."""
        return inside(self.folder / "predictions", f"{split}.csv")

    def scores_file(self, split: str) -> Path:
        """Return where the scores on `split` are kept."""
        return inside(self.folder / "scores", f"{split}.json")

    def scores(self, split: str = "test") -> Scores | None:
        """Return the scores on `split`, or None if it has not been evaluated.

        Raises:
            RunError: if the file is damaged.
        """
        path = self.scores_file(split)
        if not path.is_file():
            return None
        try:
            return Scores.model_validate_json(path.read_bytes())
        except ValidationError as error:
            folder = shlex.quote(str(self.folder))
            raise RunError(
                f"{path} is damaged: run `egotool evaluate {folder} --split {split}` again"
            ) from error

    def ended_with(self, scores: Scores) -> bool:
        """Return whether `scores` are of the weights that it ended with: a training can be scored before."""
        return scores.selection == self.record.selection

    def trained_on(self, split: str) -> bool:
        """Return whether the segments of `split` trained it: under protocol `paper` validation does, too."""
        splits = ("train", "validation") if self.record.protocol == "paper" else ("train",)
        return split in splits and self.record.epochs > 0  # of imported weights nobody knows

    def was_trained_with_data_of(self, scores: Scores) -> bool:
        """Return whether `scores` are on the data that the run was trained with."""
        data = self.record.data
        return (
            scores.manifest_fingerprint == data.manifest_fingerprint
            and scores.data_fingerprint in (None, data.fingerprint)
            and scores.segments > 0
        )

    def write_scores(self, scores: Scores) -> None:
        """Write `scores` under their split."""
        write_text(self.scores_file(scores.split), scores.model_dump_json(indent=2) + "\n")

    def update(self, **changes: object) -> None:
        """Change fields of the record, here and in run.json."""
        record = RunRecord.model_validate({**dict(self.record), **changes})
        write_text(self.folder / "run.json", record.model_dump_json(indent=2) + "\n")
        self.record = record


def create_run(folder: Path, *, record: RunRecord, recipe: Recipe) -> Run:
    """Write recipe.toml and run.json into `folder` (made if missing) and return the run."""
    write_text(folder / "recipe.toml", recipe_to_toml(recipe))
    write_text(folder / "run.json", record.model_dump_json(indent=2) + "\n")
    return Run(folder, record=record, recipe=recipe)


def read_run(folder: Path) -> Run:
    """Return the run in `folder`.

    Raises:
        RunError: if it is no run folder, is damaged, or was written by a newer version.
    """
    path = folder / "run.json"
    try:
        text = path.read_text(encoding="utf-8")
        recipe_text = (folder / "recipe.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{folder} is not a run folder ({path.name} or recipe.toml cannot be read)") from error
    try:
        record = RunRecord.model_validate_json(text)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RunError(
            f"{path} is damaged or from another version of egotool (at {key or 'its beginning'}): "
            "move its folder away, and what it was can be trained again"
        ) from error
    return Run(
        folder, record=record, recipe=recipe_from_toml(recipe_text, origin=str(folder / "recipe.toml"))
    )


def find_runs(folder: Path, *, model: str | None = None, finished: bool = True) -> list[Run]:
    """Return the runs of models (not the stages they start from) in `folder`, oldest first.

    What is damaged is left out: `damaged_runs` tells of it.

    Args:
        folder: the folder of run folders; may be missing.
        model: only runs of this model.
        finished: only runs whose training has ended.
    """
    chosen = [
        run
        for run in _readable(folder)
        if run.record.role == "model" and model in (None, run.record.model) and (run.finished or not finished)
    ]
    return sorted(chosen, key=lambda run: (run.record.started, run.name))


def _readable(folder: Path) -> Iterator[Run]:
    for path in folder.glob("*/run.json") if folder.is_dir() else ():
        with contextlib.suppress(RunError, RecipeError):
            yield read_run(path.parent)


def damaged_runs(folder: Path) -> list[str]:
    """Return a sentence for each run in `folder` that cannot be read."""
    sentences = []
    for path in sorted(folder.glob("*/run.json")) if folder.is_dir() else ():
        try:
            read_run(path.parent)
        except (RunError, RecipeError) as error:
            sentences.append(f"{error}.")
    return sentences


def resolve_run(name: str, *, runs: Path) -> Run:
    """Return the run that `name` means: a path, a folder name in `runs`, the unique beginning of one, or a
    model with a single finished run.

    Raises:
        RunError: if none or several fit; lists the candidates.
    """
    for folder in (Path(name), runs / name):
        if (folder / "run.json").is_file():
            return read_run(folder)
    files = runs.glob("*/run.json") if runs.is_dir() else ()
    names = sorted(path.parent.name for path in files)
    fitting = [each for each in names if each.startswith(name.removeprefix(f"{runs.name}/").rstrip("/"))]
    model = ALIASES.get(name, name)
    if model in model_names():  # `convlstm` is also the beginning of other models' names
        fitting = [run.name for run in find_runs(runs, model=model)] or fitting
    if len(fitting) == 1:
        return read_run(runs / fitting[0])
    if fitting:
        raise RunError(f"{name!r} fits several runs: {', '.join(fitting)}; give more of the name")
    known = f"there are {', '.join(names)}" if names else "train one with `egotool train dynamic-net`"
    raise RunError(f"there is no run {name!r} in {runs}: {known}")
