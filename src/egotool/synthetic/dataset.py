"""Rendering a whole dataset: many clips, several processes, interrupted and continued."""

import contextlib
import json
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import cv2
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import ValidationError

from egotool.errors import EgotoolError, UsageError
from egotool.files import write_text
from egotool.progress import Progress, SilentProgress
from egotool.synthetic.parameters import GENERATOR_VERSION, Kind, ParameterOptions, SyntheticParameters, Verb
from egotool.synthetic.plan import ClipPlan, plan_clips
from egotool.synthetic.render import RenderedFrame, render_frames
from egotool.synthetic.scene import Scene, build_scene
from egotool.synthetic.subjects import draw_subject
from egotool.synthetic.truth import Truth, truth_path, writing_truth
from egotool.video import write_video

RECORD_NAME = "synth.json"
_LOCK_NAME = ".synth.lock"


@dataclass(frozen=True)
class RenderedClip:
    """A clip in memory: the scene it shows, its frames and their truth."""

    scene: Scene
    frames: list[RenderedFrame]
    truth: Truth


@dataclass(frozen=True)
class SynthSummary:
    """What `render_dataset` does (planned) or did.

    Attributes:
        out: the dataset's folder.
        parameters: what it is made of.
        videos: all clips' videos, relative to `out`.
        rendered: those that were missing, relative to `out`.
    """

    out: Path
    parameters: SyntheticParameters
    videos: tuple[str, ...]
    rendered: tuple[str, ...]


def render_clip(plan: ClipPlan, *, clean: bool = False) -> RenderedClip:
    """Render one clip in memory.

    Args:
        plan: what it shows.
        clean: leave out motion blur, exposure change and noise, for comparing pixels with the truth.
    """
    scene = build_scene(plan)
    frames = list(render_frames(scene, clean=clean))
    return RenderedClip(scene, frames, Truth.of(scene, frames))


def make_parameters(**options: Unpack[ParameterOptions]) -> SyntheticParameters:
    """Return checked parameters from plain values (verbs and objects as text).

    Raises:
        UsageError: naming the first parameter that is impossible, and what is possible.
    """
    values: dict[str, object] = dict(options)
    for name, choices in (("verbs", Verb), ("objects", Kind)):
        if name in values:
            values[name] = tuple(_choice(name, str(value), choices) for value in options[name])  # type: ignore[literal-required]
    try:
        return SyntheticParameters.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "verbs and objects"
        message = problem["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"the synthetic dataset's {where} cannot be used ({message}): choose another value"
        ) from None


def _choice(name: str, value: str, choices: type[Verb] | type[Kind]) -> Verb | Kind:
    if value not in list(choices):
        raise UsageError(f"{value!r} is none of the synthetic {name}: choose from {', '.join(choices)}")
    return choices(value)


def video_name(plan: ClipPlan) -> str:
    """Return the video's path in the dataset, `S01/take_cup/clip01.mp4`."""
    return f"{draw_subject(plan.seed, plan.subject).name}/{plan.action}/clip{plan.repetition + 1:02d}.mp4"


def plan_dataset(out: Path, **options: Unpack[ParameterOptions]) -> SynthSummary:
    """Return what `render_dataset` would render into `out`, writing nothing.

    Raises:
        UsageError: for impossible parameters, or if `out` holds anything but their earlier output.
    """
    parameters = make_parameters(**options)
    _check_folder(out, parameters)
    names = [video_name(plan) for plan in plan_clips(parameters)]
    missing = tuple(name for name in names if not _is_complete(out / name))
    return SynthSummary(out=out, parameters=parameters, videos=tuple(names), rendered=missing)


def render_dataset(
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    **options: Unpack[ParameterOptions],
) -> SynthSummary:
    """Render a labelled dataset: `out/<subject>/<action>/<clip>.mp4` with `<clip>.truth.h5` beside it.

    Clips that are already there, complete and made with the same parameters, are kept, so an interrupted
    call goes on. The content depends on the parameters only, not on `workers`.

    Args:
        out: folder; must be new, empty, or an earlier output made with the same parameters.
        workers: processes to render with; 1 renders in this process.
        progress: told about frames.
        options: see `SyntheticParameters`.

    Raises:
        UsageError: for impossible parameters, or if `out` holds anything else.
    """
    progress = progress or SilentProgress()
    plan_dataset(out, **options)  # refuse before anything is created
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} cannot be created ({error.strerror}): name another folder") from None
    with _locked(out):
        summary = plan_dataset(out, **options)
        parameters = summary.parameters
        write_text(out / RECORD_NAME, _record(parameters))
        todo = set(summary.rendered)
        plans = [plan for plan in plan_clips(parameters) if video_name(plan) in todo]
        task = "rendering"
        progress.start(task, total=len(plans) * parameters.frames, unit="frames")
        for plan in _render_all(plans, out, workers):
            progress.advance(task, plan.frames)
        progress.finish(task)
    return summary


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    try:
        with FileLock(out / _LOCK_NAME, timeout=0):
            yield
    except Timeout:
        raise UsageError(
            f"another process is rendering into {out}: wait for it, or choose another folder"
        ) from None


def _record(parameters: SyntheticParameters) -> str:
    record = {"generator_version": GENERATOR_VERSION, "parameters": parameters.model_dump(mode="json")}
    return json.dumps(record, indent=2) + "\n"


def _check_folder(out: Path, parameters: SyntheticParameters) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: name a folder for the synthetic dataset")
    if not out.is_dir() or all(entry.name.startswith(".") for entry in out.iterdir()):
        return
    try:
        record = json.loads((out / RECORD_NAME).read_text(encoding="utf-8"))
        version, found = record["generator_version"], dict(record["parameters"])
    except FileNotFoundError:
        raise UsageError(
            f"{out} holds other files: name a new or empty folder for the synthetic dataset"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{out / RECORD_NAME} cannot be read: name a new folder for the synthetic dataset"
        ) from None
    wanted = json.loads(_record(parameters))["parameters"]
    differing = [name for name in wanted if found.get(name) != wanted[name]]
    if version != GENERATOR_VERSION:
        differing.insert(0, "generator version")
    if differing:
        names = " and ".join(filter(None, [", ".join(differing[:-1]), differing[-1]]))
        raise UsageError(
            f"{out} holds a synthetic dataset made with other options ({names}): "
            "name a new folder, or repeat the options recorded in its synth.json"
        )


def _is_complete(video: Path) -> bool:
    # The truth file is renamed into place after the video, so its presence means that both are whole.
    return video.is_file() and truth_path(video).is_file()


def _render_to_file(plan: ClipPlan, out: Path) -> ClipPlan:
    """Write one clip's video and truth, both or neither as far as `_is_complete` can see."""
    video = out / video_name(plan)
    try:
        _write_clip(plan, video)
    except (OSError, RuntimeError) as error:
        number = re.search(r"errno = (\d+)", str(error))  # h5py passes HDF5's text on, over several lines
        if number is None and not isinstance(error, OSError):
            raise
        reason = os.strerror(int(number[1])) if number else getattr(error, "strerror", None) or str(error)
        raise EgotoolError(
            f"{video} cannot be written ({reason}): check the disk and its rights, then run the command again"
        ) from error
    return plan


def _write_clip(plan: ClipPlan, video: Path) -> None:
    video.parent.mkdir(parents=True, exist_ok=True)
    for leftover in video.parent.glob(f".{video.stem}.*.tmp.*"):  # of a process that was killed
        leftover.unlink(missing_ok=True)
    scene = build_scene(plan)
    with writing_truth(truth_path(video), scene) as truth:

        def frames() -> Iterator[NDArray[np.uint8]]:
            for frame in render_frames(scene):
                truth.append(frame)
                yield frame.rgb

        write_video(video, frames(), frame_rate=plan.frame_rate)


def _render_all(plans: list[ClipPlan], out: Path, workers: int) -> Iterator[ClipPlan]:
    """Yield each plan when it is rendered."""
    if workers <= 1 or len(plans) <= 1:
        for plan in plans:
            yield _render_to_file(plan, out)
        return
    # Spawned, not forked: the caller may hold threads (torch, OpenCV) that do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(plans)), mp_context=context, initializer=_start_worker)
    try:
        waiting: set[Future[ClipPlan]] = {pool.submit(_render_to_file, plan, out) for plan in plans}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Keep a worker to one core; let it finish its clip on Ctrl-C, and end with a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
