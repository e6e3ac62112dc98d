"""What happens around a stage's epochs: the best weights, the state to go on from, metrics, progress."""

import contextlib
import csv
import io
import math
import time
import warnings
from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from egotool.clips import Clip
from egotool.errors import RunError
from egotool.files import replacing, write_text
from egotool.progress import Progress
from egotool.runs import EpochRecord, Run, save_weights
from egotool.training.module import StageModule


class DivergedError(RunError):
    """The loss of a training is no number any more."""


class KeepBest(Callback):
    """Saves the weights of the epoch with the best accuracy; of equal ones the one with the smaller loss.

    They are saved as better.ckpt, which becomes best.ckpt once last.ckpt knows of it (`KeepLast`): a training
    that is killed in between repeats the epoch, and a GPU need not repeat it to the last digit.
    """

    def __init__(self, run: Run, *, selection_split: str, prefix: str = "") -> None:
        self.run = run
        self.prefix = prefix
        self.selection_split = selection_split
        self.best: EpochRecord | None = None
        self.last: EpochRecord | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Settle what a training that was killed has left of its last epoch."""
        if trainer.is_global_zero:
            self.settle()

    def settle(self) -> None:
        """Make better.ckpt best.ckpt if it is of the best epoch that last.ckpt knows of; else remove it."""
        better = self.run.better_checkpoint
        if not better.is_file():
            return
        saved = torch.load(better, map_location="cpu", weights_only=True)["epoch"]
        if self.best is not None and saved == self.best.epoch:
            better.replace(self.run.best_checkpoint)
        else:
            better.unlink()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the epoch with the best so far.

        Raises:
            DivergedError: if the network has come to no numbers; what it was before stays.
        """
        metrics = trainer.callback_metrics
        accuracy, loss = float(metrics["selection/accuracy"]), float(metrics["selection/loss"])
        if not math.isfinite(loss):
            raise DivergedError(self._diverged(trainer.current_epoch, loss))
        self.last = EpochRecord(epoch=trainer.current_epoch, accuracy=accuracy, loss=loss)
        best = self.best
        if best is None or (accuracy, -loss) > (best.accuracy, -best.loss):
            self.best = self.last
            assert isinstance(pl_module, StageModule)
            if trainer.is_global_zero:
                identity = self.run.record.identity
                save_weights(
                    pl_module.network, self.run.better_checkpoint, identity=identity, epoch=self.best.epoch
                )

    def _diverged(self, epoch: int, loss: float) -> str:
        stages = self.run.recipe.stages
        return (
            f"{self.run.name} diverged in epoch {epoch + 1}: the loss on the {self.selection_split} split is "
            f"{loss}; choose a smaller learning rate than {stages[-1].lr:g} "
            f"(`--set {self.prefix}stages.{len(stages) - 1}.lr=…`)"
        )

    def state_dict(self) -> dict[str, dict[str, int | float]]:
        """Return what last.ckpt keeps."""
        kept = {"best": self.best, "last": self.last}
        return {name: dict(record) for name, record in kept.items() if record is not None}

    def load_state_dict(self, state_dict: dict[str, dict[str, int | float]]) -> None:
        """Take up what last.ckpt kept."""
        records = {name: EpochRecord.model_validate(values) for name, values in state_dict.items()}
        self.best, self.last = records.get("best"), records.get("last")


class KeepLast(Callback):
    """After every epoch saves all that is needed to go on from there, and in run.json how far it has come."""

    def __init__(self, run: Run, keep_best: KeepBest) -> None:
        self.run = run
        self.keep_best = keep_best
        self.seconds_before = run.record.seconds
        self.began = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write last.ckpt, whole or not at all."""
        path = self.run.last_checkpoint
        # every process takes part in collecting the state, the first one writes it
        with replacing(path) if trainer.is_global_zero else contextlib.nullcontext(path) as target:
            trainer.save_checkpoint(target)
        if trainer.is_global_zero:
            self.record(trainer.current_epoch + 1)

    def record(self, epochs_done: int) -> None:
        """Bring best.ckpt and run.json to where last.ckpt is."""
        self.keep_best.settle()
        self.run.update(
            epochs_done=epochs_done,
            best=self.keep_best.best,
            last=self.keep_best.last,
            seconds=round(self.seconds_before + time.monotonic() - self.began, 1),
        )


class WriteMetrics(Callback):
    """Writes metrics.csv, one row per epoch; a resumed training continues the table."""

    def __init__(self, path: Path, *, selection_split: str) -> None:
        self.path = path
        self.selection_split = selection_split
        self.rows: dict[int, dict[str, str]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the rows of the epochs that are done."""
        if self.path.is_file() and trainer.current_epoch > 0:
            with self.path.open(encoding="utf-8", newline="") as file:
                rows = {int(row["epoch"]): row for row in csv.DictReader(file)}
            self.rows = {epoch: row for epoch, row in rows.items() if epoch < trainer.current_epoch}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add this epoch's row."""
        lr = trainer.optimizers[0].param_groups[0]["lr"]
        row = {"epoch": str(trainer.current_epoch), "lr": f"{lr:.6g}"}
        for name, value in sorted(trainer.callback_metrics.items(), reverse=True):
            row[name.replace("selection/", f"{self.selection_split}/")] = f"{float(value):.6g}"
        self.rows[trainer.current_epoch] = row
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(row), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows.values())
        if trainer.is_global_zero:
            write_text(self.path, text.getvalue())


class TellProgress(Callback):
    """Reports every batch to the library's `Progress`."""

    def __init__(self, task: str, progress: Progress, *, clips: int) -> None:
        self.task = task
        self.progress = progress
        self.clips = clips

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the bar where the training begins."""
        self.progress.start(self.task, total=self.clips * (trainer.max_epochs or 0), unit="clips")
        if trainer.current_epoch:
            self.progress.advance(self.task, self.clips * trainer.current_epoch)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Clip, batch_idx: int
    ) -> None:
        """Move the bar."""
        self.progress.advance(self.task, len(batch["label"]) * trainer.world_size)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the bar."""
        self.progress.finish(self.task)


def checkpoint_is_whole(path: Path) -> bool:
    """Return whether a last.ckpt can be loaded and is one (a power cut may leave an empty file)."""
    try:
        with warnings.catch_warnings(action="ignore"):  # torch has something to say about strange pickles
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # any damage means: begin anew
        return False
    return isinstance(content, dict) and {"epoch", "optimizer_states", "state_dict"} <= content.keys()
