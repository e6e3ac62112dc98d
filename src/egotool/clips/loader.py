"""Batches of clips, the same ones whatever the number of workers."""

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed
from torch.utils.data import DataLoader, Sampler

from egotool.clips.dataset import Clip, ClipDataset


class ClipSampler(Sampler[int]):
    """The order of an epoch's clips, a function of seed and epoch alone.

    `set_epoch` also tells the dataset. Lightning calls it before every epoch.

    With `balance` an epoch draws as many clips as there are, with replacement: every action is equally
    likely, and so is every clip of it. Rare actions are then seen as often as frequent ones.

    With `shared` the processes of a torch.distributed group, once there is one, divide the epoch. Shuffled
    (training), all get equally many, and the first clips of the order fill up; otherwise (scoring) every
    clip goes to exactly one, or, with fewer clips than processes, all clips to every one: rates are those of
    one process either way.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        *,
        shuffle: bool,
        seed: int,
        epoch: int = 0,
        balance: bool = False,
        shared: bool = False,
    ) -> None:
        if balance and not shuffle:
            raise ValueError("balanced clips are drawn at random: balance needs shuffle")
        self.dataset = dataset
        self.shuffle = shuffle
        self.balance = balance
        self.shared = shared
        self.seed = seed
        self.set_epoch(epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose order and augmentation of an epoch; call it before iterating."""
        self.epoch = epoch
        self.dataset.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._share(np.arange(len(self.dataset))))

    def __iter__(self) -> Iterator[int]:
        order = np.arange(len(self.dataset))
        rng = np.random.default_rng([self.seed, self.epoch])
        if self.balance:
            order = rng.choice(order, size=len(order), p=self._chances())
        elif self.shuffle:
            rng.shuffle(order)
        return iter(self._share(order).tolist())

    def _share(self, order: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return which places of an epoch's order are this process's."""
        if not self.shared or not distributed.is_available() or not distributed.is_initialized():
            return order
        processes, number = distributed.get_world_size(), distributed.get_rank()
        if self.shuffle:
            order = np.resize(order, -(-len(order) // processes) * processes)
        elif len(order) < processes:
            return order
        return order[number::processes]

    def _chances(self) -> NDArray[np.float64]:
        """Return how likely each clip is to be drawn."""
        _, actions, counts = np.unique(self.dataset.labels, return_inverse=True, return_counts=True)
        chances: NDArray[np.float64] = 1 / (len(counts) * counts[actions])
        return chances


def shared_memory_problem(error: RuntimeError, workers: int) -> str | None:
    """Return what to say when a loader's workers cannot hand over their batches; None: it is something else.

    Workers hand them over in /dev/shm, of which a container of Docker's has 64 MiB if nobody asks for more.
    """
    said = str(error)
    if not workers or not ("shared memory" in said or "unable to write to file </torch_" in said):
        return None
    return (
        f"the shared memory (/dev/shm) is too small for batches from {workers} "
        f"{'process' if workers == 1 else 'processes'}: give --workers 0, or give a container more of it "
        "(docker run --ipc=host)"
    )


def _start_worker(_number: int) -> None:
    cv2.setNumThreads(0)  # the workers are the parallelism; OpenCV's threads do not survive a fork


def clip_loader(
    dataset: ClipDataset,
    *,
    batch_size: int,
    workers: int,
    shuffle: bool,
    seed: int,
    epoch: int = 0,
    drop_last: bool = False,
    balance: bool = False,
    shared: bool = False,
    pin_memory: bool | None = None,
    start_method: Literal["fork", "spawn", "forkserver"] | None = None,
) -> DataLoader[Clip]:
    """Return a loader whose batches depend on the seed and the epoch, not on the number of workers.

    Workers live on between epochs, with what they have cached. Before every epoch call
    `loader.sampler.set_epoch(epoch)` (Lightning does); without it every epoch repeats the first.

    Args:
        dataset: where the clips come from.
        batch_size: clips of a batch; the last one may be smaller.
        workers: processes that load; 0 loads in this one.
        shuffle: a new order every epoch (training).
        seed: of the order.
        epoch: the first epoch; a resumed training gives the one it goes on with, since workers begin to load
            before Lightning names the epoch.
        drop_last: leave an incomplete last batch out.
        balance: draw every action equally often (training), see `ClipSampler`.
        shared: several processes divide every epoch among them, see `ClipSampler`.
        pin_memory: put batches where a GPU fetches them faster; None: if there is a GPU (CUDA).
        start_method: how workers are started; None takes Python's default.
    """
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=ClipSampler(dataset, shuffle=shuffle, seed=seed, epoch=epoch, balance=balance, shared=shared),
        num_workers=workers,
        drop_last=drop_last,
        persistent_workers=workers > 0,
        worker_init_fn=_start_worker,
        multiprocessing_context=start_method if workers > 0 else None,
        pin_memory=torch.cuda.is_available() and pin_memory is not False,
    )
