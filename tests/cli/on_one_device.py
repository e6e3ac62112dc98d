"""The command line with something the matter on one of several devices: `RANK:slow` or `RANK:memory`."""

import os
import time

import torch

from egotool.cli.main import run
from egotool.training import StageModule
from egotool.training.callbacks import KeepBest

rank, _, matter = os.environ["ON_ONE_DEVICE"].partition(":")
if rank == os.environ.get("LOCAL_RANK", "0") and matter == "slow":
    settle = KeepBest.settle

    def settle_slowly(self: KeepBest) -> None:
        if self.run.better_checkpoint.is_file():  # what the next stage starts from is not yet best.ckpt
            time.sleep(2)
        settle(self)

    KeepBest.settle = settle_slowly  # type: ignore[method-assign]
elif rank == os.environ.get("LOCAL_RANK", "0") and matter == "memory":

    def run_out(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    StageModule.validation_step = run_out  # type: ignore[assignment,method-assign]
run()
