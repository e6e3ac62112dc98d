"""Which task is done next."""

from collections.abc import Sequence

from egotool.extraction.pool import Task


def next_task(ready: Sequence[Sequence[Task]], *, workers: int, more_videos: bool) -> tuple[int, int] | None:
    """Return which video's task to do next, and which of its tasks; None if none is ready.

    The tasks of the videos begun first, and of each the first: so few parts lie about, and an interruption
    leaves whole videos. At the very end, though, long tasks go first: one that is begun last keeps a single
    worker busy while the others have nothing to do. (For each frame, a part takes 45 ms, its masks 8, and to
    join it 2.)

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
    if not more_videos:
        frames, masks = _of_stage(ready, "frames"), _of_stage(ready, "masks")
        if frames and len(frames) <= workers:
            return frames[0]
        if masks and not frames:
            return masks[0]
    return next(((video, 0) for video, tasks in enumerate(ready) if tasks), None)


def _of_stage(ready: Sequence[Sequence[Task]], stage: str) -> list[tuple[int, int]]:
    """Return where the tasks of one stage are."""
    return [
        (video, place)
        for video, tasks in enumerate(ready)
        for place, task in enumerate(tasks)
        if isinstance(task.key, tuple) and task.key[1] == stage
    ]
