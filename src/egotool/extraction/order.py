"""Which task is done next."""

from collections.abc import Sequence

from egotool.extraction.pool import Task

LONGEST_FIRST = ("frames", "masks")
"""Stages whose tasks take long, the longest first: about 45 and 8 ms for a frame; to join takes 2."""


def next_task(ready: Sequence[Sequence[Task]], *, workers: int, more_videos: bool) -> tuple[int, int] | None:
    """Return which video's task to do next, and which of its tasks; None if none is ready.

    The tasks of the videos begun first, and of each the first: so few parts lie about, and an interruption
    leaves whole videos. At the very end, though, long tasks go first: one that is begun last keeps a single
    worker busy while the others have nothing to do.

    ```text
        two videos of two parts, two workers; F: frames of a part, M: its masks, J: join the parts

        begun first        FFFFF FFFFF ....... M .
                           FFFFF M M J FFFFF . M J
        long ones first    FFFFF FFFFF M M J
                           FFFFF FFFFF M M J
    ```

    Args:
        ready: the tasks of every video that can begin now; their keys are video, stage and first frame.
        workers: how many tasks run side by side.
        more_videos: whether there are videos that have not been begun.
    """
    for stage in () if more_videos else LONGEST_FIRST:
        of_stage = [
            (video, place)
            for video, tasks in enumerate(ready)
            for place, task in enumerate(tasks)
            if _stage(task) == stage
        ]
        if len(of_stage) > workers:
            break
        if of_stage:
            return of_stage[0]
    return next(((video, 0) for video, tasks in enumerate(ready) if tasks), None)


def _stage(task: Task) -> str | None:
    return task.key[1] if isinstance(task.key, tuple) else None
