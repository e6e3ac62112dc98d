"""Training one stage: setup, fit, finish."""

import contextlib
import logging
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.data import DataLoader

from egotool.clips import Clip, ClipDataset, clip_loader, shared_memory_problem
from egotool.errors import EgotoolError, RunError
from egotool.files import remove_leftovers
from egotool.models import TwoStreamNetwork
from egotool.progress import Progress, SilentProgress
from egotool.runs import (
    EpochRecord,
    Network,
    Run,
    RunRecord,
    build_network,
    choose_device,
    clip_settings,
    create_run,
    read_run,
    utc_now,
)
from egotool.training.callbacks import KeepBest, KeepLast, TellProgress, WriteMetrics
from egotool.training.devices import Meet, agree, all_devices, is_main_process
from egotool.training.environment import git_commit, versions
from egotool.training.module import StageModule
from egotool.training.parents import load_parents
from egotool.training.planning import StagePlan, TrainingPlan, stage_state
from egotool.training.weights import load_imagenet_weights


def fit_stage(plan: TrainingPlan, stage: StagePlan, *, progress: Progress) -> Run:
    """Train `stage`, go on with it, or return the finished run, whichever is the case.

    A lock makes two identical trainings at once into one: the second waits and then reuses. With several
    devices the first process writes, and the others, started by Lightning, only compute beside it.
    """
    if not is_main_process(plan.request.devices):
        return _fit_beside(plan, stage)
    if stage.state == "reuse":
        agree(stage.folder, "reuse", devices=plan.request.devices)
        return read_run(stage.folder)
    try:
        stage.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"the run folder {stage.folder} cannot be made ({error.strerror}): choose another --runs folder"
        ) from error
    with only_one(stage.folder, progress):
        again = plan.request.again and stage.is_last
        state = stage_state(  # may have changed while waiting
            stage.folder, stage.identity, again=again, scored_is_enough=stage.is_last
        )
        if state == "reuse":
            agree(stage.folder, "reuse", devices=plan.request.devices)
            return read_run(stage.folder)
        if state == "train":
            run_file = stage.folder / "run.json"
            if run_file.is_file() and _has_damaged_checkpoint(read_run(stage.folder)):
                progress.message(
                    f"Begun anew: what {stage.folder.name} had of an earlier training is damaged."
                )
            _clear(stage.folder)
            run = create_run(stage.folder, record=_new_record(plan, stage), recipe=stage.recipe)
        else:
            run = read_run(stage.folder)
            remove_leftovers(run.last_checkpoint.parent)
            for made in ("scores", "predictions"):  # of weights that it will not end with
                shutil.rmtree(stage.folder / made, ignore_errors=True)
        agree(stage.folder, state, devices=plan.request.devices)
        try:
            with all_devices(plan.request.devices):
                _fit(plan, stage, run, resume=state == "resume", progress=progress)
        except EgotoolError:
            if not run.last_checkpoint.is_file():  # nothing was trained: nothing half-written stays
                _clear(stage.folder)
            raise
        run.update(
            status="finished",
            selection=_selection_sentence(plan, stage, run.record.best),
            finished=utc_now(),
        )
    return run


def _has_damaged_checkpoint(run: Run) -> bool:
    return not run.finished and run.last_checkpoint.exists()


def _fit_beside(plan: TrainingPlan, stage: StagePlan) -> Run:
    state = agree(stage.folder, stage.state, devices=plan.request.devices)
    run = Run(stage.folder, record=_new_record(plan, stage), recipe=stage.recipe)
    if state == "reuse":
        return run
    with all_devices(plan.request.devices):
        _fit(plan, stage, run, resume=state == "resume", progress=SilentProgress())
    return run


def _fit(plan: TrainingPlan, stage: StagePlan, run: Run, *, resume: bool, progress: Progress) -> None:
    # setup
    request, classes = plan.request, len(plan.data.actions)
    torch.manual_seed(request.seed)
    network = build_network(stage.recipe, classes)
    if not resume:
        _start_weights(network, stage)
    module = StageModule(
        network,
        stage=stage.stage,
        head=stage.recipe.head,
        classes=classes,
        seed=request.seed,
        accumulate=request.accumulate,
    )
    epochs_done = _epochs_done(run.last_checkpoint) if resume else 0
    train_loader, selection_loader = _loaders(plan, stage, epoch=epochs_done)
    keep_best = KeepBest(run, selection_split=plan.selection_split, prefix=_prefix(plan, stage))
    keep_last = KeepLast(run, keep_best)
    clips = len(train_loader.dataset)  # type: ignore[arg-type]  # a ClipDataset has a length
    task = f"{'shared' if stage.role == 'stage' else stage.recipe.model} {stage.stage.name}"
    if request.devices == 1:
        # srun numbers its tasks, and Lightning would not log for another than the first
        rank_zero_only.rank = 0  # type: ignore[attr-defined]
    with _quiet_lightning():
        trainer = Trainer(
            accelerator=choose_device(request.device).type,
            devices=request.devices,
            strategy=_strategy(request.devices, stage),
            precision=request.precision,  # type: ignore[arg-type]  # checked by Lightning
            max_epochs=stage.stage.epochs,
            gradient_clip_val=stage.stage.clip_gradient,
            accumulate_grad_batches=request.accumulate,
            logger=TensorBoardLogger(stage.folder, name="tensorboard", version=""),
            callbacks=[
                Meet(stage.folder, resume=resume),
                keep_best,
                WriteMetrics(stage.folder / "metrics.csv", selection_split=plan.selection_split),
                TellProgress(task, progress, clips=clips),
                keep_last,
            ],
            default_root_dir=stage.folder,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # it would count segments twice to make the shares equal
        )
        # fit, and validate after every epoch
        checkpoint = run.last_checkpoint if resume else None
        try:
            with _lack_of_memory_said(plan, stage):
                trainer.fit(module, train_loader, selection_loader, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as error:  # Lightning's answer to Ctrl-C
            raise KeyboardInterrupt from error
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.is_global_zero:  # killed after its last epoch, nothing has been trained and told now
        keep_last.record(trainer.current_epoch)


def _prefix(plan: TrainingPlan, stage: StagePlan) -> str:
    """Return what the recipe's keys of a stage begin with: those of a stream are within the model's."""
    if plan.request.recipe.streams is None or stage.recipe.streams is not None:
        return ""
    return "streams.flow." if stage.recipe.network.kind == "flow" else "streams.rgb."


@contextlib.contextmanager
def _lack_of_memory_said(plan: TrainingPlan, stage: StagePlan) -> Iterator[None]:
    """Turn memory that does not suffice, of a device or shared with the workers, into a sentence."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunError(_too_large(plan, stage)) from error
    except RuntimeError as error:
        problem = shared_memory_problem(error, plan.request.workers)
        if problem is None:
            raise
        raise RunError(problem) from error


def _too_large(plan: TrainingPlan, stage: StagePlan) -> str:
    """Return what to say when the memory of a device does not hold what a batch needs."""
    request, size = plan.request, stage.stage.batch_size
    parts = [each for each in range(request.accumulate + 1, size + 1) if size % each == 0]
    remedies = [f"--accumulate {parts[0]} computes them in {parts[0]} parts"] if parts else []
    if request.precision == "32-true":
        remedies.append("--precision bf16-mixed needs less")
    remedies.append("--device cpu has the computer's memory")
    clips = size // request.accumulate
    return (
        f"the memory of {_device_name(request.device, 1)} is too small for {stage.stage.name} with "
        f"{clips} clips at once: {'; '.join(remedies)}"
    )


def _strategy(devices: int, stage: StagePlan) -> str:
    if devices == 1:
        return "auto"
    # without a loss on single frames the backbone's classifier, or its bias, has no gradient
    used = stage.stage.frame_loss_weight > 0 or stage.recipe.network.kind == "flow"
    return "ddp" if used else "ddp_find_unused_parameters_true"


def _start_weights(network: Network, stage: StagePlan) -> None:
    if stage.parents:
        load_parents(network, stage.recipe, stage.parents)
    elif stage.imagenet is not None:
        assert not isinstance(network, TwoStreamNetwork)  # its streams come trained
        classifier = stage.recipe.backbones[0].classifier
        load_imagenet_weights(network, stage.imagenet, classifier=classifier)


def _loaders(
    plan: TrainingPlan, stage: StagePlan, *, epoch: int
) -> tuple[DataLoader[Clip], DataLoader[Clip]]:
    train, selection = datasets(plan, stage)
    request = plan.request
    batch_size = stage.stage.batch_size // request.accumulate
    pin_memory = choose_device(request.device).type == "cuda"
    return (
        clip_loader(
            train,
            batch_size=batch_size,
            workers=request.workers,
            shuffle=True,
            seed=request.seed,
            epoch=epoch,
            balance=request.balance,
            shared=request.devices > 1,
            pin_memory=pin_memory,
        ),
        clip_loader(
            selection,
            batch_size=batch_size,
            workers=request.workers,
            shuffle=False,
            seed=request.seed,
            shared=request.devices > 1,
            pin_memory=pin_memory,
        ),
    )


def datasets(plan: TrainingPlan, stage: StagePlan) -> tuple[ClipDataset, ClipDataset]:
    """Return the clips that train `stage` and those that choose its epoch.

    Raises:
        StoreError: if the store lacks what the head learns from; names the extract command.
    """
    data, seed = plan.data, plan.request.seed
    segments = [segment for split in plan.train_splits for segment in data.segments[split]]
    training = clip_settings(stage.recipe, augment=True, targets=True)
    selecting = clip_settings(stage.recipe, augment=False, targets=False)
    return (
        ClipDataset(data.store, segments, data.actions, training, seed=seed),
        ClipDataset(data.store, data.segments[plan.selection_split], data.actions, selecting, seed=seed),
    )


def _epochs_done(last_checkpoint: Path) -> int:
    return int(torch.load(last_checkpoint, map_location="cpu", weights_only=True)["epoch"]) + 1


def _new_record(plan: TrainingPlan, stage: StagePlan) -> RunRecord:
    request, data = plan.request, plan.data
    if stage.parents:
        weights = f"those of {' and '.join(parent.name for parent in stage.parents)}"
    else:
        weights = f"{stage.imagenet.source} ({stage.imagenet.digest})" if stage.imagenet else "random"
    return RunRecord(
        identity=stage.identity,
        role=stage.role,
        model=stage.stage.name if stage.role == "stage" else stage.recipe.model,
        stage=stage.stage.name,
        status="training",
        recipe=stage.recipe.name,
        recipe_reason=request.recipe_reason,
        overrides=stage.overrides,
        seed=request.seed,
        protocol=request.protocol,
        balance=request.balance,
        devices=request.devices,
        accumulate=request.accumulate,
        selection=_selection_sentence(plan, stage, None),
        actions=data.actions,
        data=data.record,
        parents=tuple(parent.name for parent in stage.parents),
        weights=weights,
        trainable=stage.trainable,
        parameters_trainable=stage.parameters_trainable,
        parameters_total=stage.parameters_total,
        epochs=stage.stage.epochs,
        device=_device_name(request.device, request.devices),
        precision=request.precision,
        versions=versions(),
        git_commit=git_commit(Path.cwd()),
        command=request.command,
        started=utc_now(),
    )


def _selection_sentence(plan: TrainingPlan, stage: StagePlan, best: EpochRecord | None) -> str:
    chosen = f"epoch {best.epoch + 1}, the" if best else "the"
    return f"{chosen} best of {stage.stage.epochs} on the {plan.selection_split} split"


def _device_name(wanted: str, devices: int) -> str:
    device = choose_device(wanted)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return f"{devices} × {name}" if devices > 1 else name


_LOCK_NAME = ".lock"


@contextlib.contextmanager
def only_one(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of a run's or a search's folder; another process waits for it, and says so.

    Raises:
        RunError: if the folder cannot be written.
    """
    lock = FileLock(folder / _LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.message(f"Another egotool is at work in {folder.name}; waiting for it.")
        lock.acquire()
    except OSError as error:
        raise RunError(f"the run folder {folder} cannot be written: {error}") from error
    try:
        yield
    finally:
        lock.release()


def _clear(folder: Path) -> None:
    """Remove what an earlier attempt left."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK_NAME:
            path.unlink()


@contextlib.contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's advice off the screen; errors still come through as exceptions."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
