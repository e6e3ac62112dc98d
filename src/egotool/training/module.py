"""The Lightning side of a stage: losses, optimiser, metrics.

The network itself knows nothing of Lightning.
"""

import torch
from lightning import LightningModule
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from egotool.clips import Clip
from egotool.models import NetworkOutput, dynamic_filter_loss, motion_segmentation_loss
from egotool.runs import (
    HeadRecipe,
    Network,
    StageRecipe,
    forward_clip,
    freeze,
    parameter_groups,
    set_training_mode,
    trainable_tensors,
)
from egotool.training.schedule import learning_rate_factor


class StageModule(LightningModule):
    """Trains one stage of a recipe.

    Args:
        network: what is trained; tensors the stage does not train are frozen here.
        stage: how.
        head: the self-supervised head's recipe, if the recipe has one.
        classes: number of actions.
        seed: with the epoch's number it seeds dropout, so that a resumed training draws the same.
        accumulate: how many batches of the loader make one of the stage's.
    """

    def __init__(
        self,
        network: Network,
        *,
        stage: StageRecipe,
        head: HeadRecipe | None,
        classes: int,
        seed: int,
        accumulate: int = 1,
    ) -> None:
        super().__init__()
        self.network = network
        self.stage = stage
        self.head = head if stage.head else None
        self.seed = seed
        self.accumulate = accumulate
        self.trainable = trainable_tensors(network, stage)
        freeze(network, self.trainable)
        self.train_loss = MeanMetric()
        self.train_head_loss = MeanMetric()
        self.train_accuracy = MulticlassAccuracy(classes, average="micro")
        self.selection_loss = MeanMetric()
        self.selection_accuracy = MulticlassAccuracy(classes, average="micro")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser with the paper's groups of parameters, each with its learning rate."""
        stage = self.stage
        parameters = dict(self.network.named_parameters())
        groups = [
            {"params": [parameters[name] for name in group.tensors], "lr": group.lr, "base_lr": group.lr}
            for group in parameter_groups(self.trainable, stage)
        ]
        decay = stage.weight_decay
        if stage.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=stage.lr, momentum=stage.momentum, weight_decay=decay)
        kind = torch.optim.AdamW if stage.optimizer == "adamw" else torch.optim.Adam
        return kind(groups, lr=stage.lr, eps=stage.eps, weight_decay=decay)

    def on_train_batch_start(self, batch: Clip, batch_idx: int) -> None:
        """At the beginning of an epoch: its learning rate, its random numbers, its mode."""
        if batch_idx > 0:
            return
        epoch = self.current_epoch
        torch.manual_seed(self.seed * 100_003 + epoch + 50_021 * self.global_rank)  # its own on every device
        set_training_mode(self.network, self.stage)
        optimizer = self.optimizers()
        assert isinstance(optimizer, torch.optim.Optimizer)
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * learning_rate_factor(self.stage, epoch)

    def training_step(self, batch: Clip, batch_idx: int) -> Tensor:
        """Return cross-entropy + α · head loss (equation 1) + the auxiliary loss of single frames."""
        stage, labels = self.stage, batch["label"]
        output = forward_clip(self.network, batch)
        loss = F.cross_entropy(output.logits, labels, label_smoothing=stage.label_smoothing)
        if stage.frame_loss_weight > 0:
            assert output.frame_logits is not None  # the recipe asks for frames then
            frame_logits = output.frame_logits.flatten(0, 1)
            of_frames = labels.repeat_interleave(output.frame_logits.shape[1])
            frame_loss = F.cross_entropy(frame_logits, of_frames, label_smoothing=stage.label_smoothing)
            loss = loss + stage.frame_loss_weight * frame_loss
        if self.head is not None:
            head_loss = self._head_loss(output, batch)
            loss = loss + self.head.alpha * head_loss
            self.train_head_loss.update(head_loss.detach(), weight=len(labels))
        self.train_loss.update(loss.detach(), weight=len(labels))
        self.train_accuracy.update(output.logits.detach(), labels)
        return loss if self.accumulate == 1 else loss * self._share(batch_idx, len(labels))

    def _share(self, batch_idx: int, clips: int) -> float:
        """Return the factor for a part's mean loss with which gradients add up to those of the whole batch.

        Lightning divides by the number of parts; the last batch of an epoch may have fewer, or a small one.
        """
        loader = self.trainer.train_dataloader
        assert isinstance(loader, DataLoader) and loader.batch_size is not None
        whole = loader.batch_size * self.accumulate
        begun = batch_idx // self.accumulate * whole
        return self.accumulate * clips / min(whole, len(loader.sampler) - begun)  # type: ignore[arg-type]  # it has one

    def _head_loss(self, output: NetworkOutput, batch: Clip) -> Tensor:
        assert self.head is not None and output.head_output is not None
        if self.head.kind == "dynamic-filters":
            return dynamic_filter_loss(output.head_output, batch["frames"], batch["next_frames"])
        return motion_segmentation_loss(output.head_output, batch["masks"], l1=self.head.loss == "l1")

    def on_validation_start(self) -> None:
        """Give every device the running averages of the first one, whose weights are kept."""
        if self.trainer.world_size > 1:
            for buffer in self.network.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def validation_step(self, batch: Clip, batch_idx: int) -> None:
        """Count loss and accuracy on the split that selects the epoch."""
        logits = forward_clip(self.network, batch).logits
        self.selection_loss.update(F.cross_entropy(logits, batch["label"]), weight=len(batch["label"]))
        self.selection_accuracy.update(logits, batch["label"])

    def on_validation_epoch_end(self) -> None:
        """Log the epoch: training first, since validation comes last in an epoch."""
        self.log("train/loss", self.train_loss)
        self.log("train/accuracy", self.train_accuracy)
        if self.head is not None:
            self.log("train/head_loss", self.train_head_loss)
        self.log("selection/loss", self.selection_loss)
        self.log("selection/accuracy", self.selection_accuracy)
