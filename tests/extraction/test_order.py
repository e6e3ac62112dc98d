"""Which task comes next."""

from egotool.extraction.order import next_task
from egotool.extraction.pool import Task


def tasks(video: str, *stages: str) -> list[Task]:
    return [Task((video, stage, 120 * number), print, ()) for number, stage in enumerate(stages)]


def test_videos_begun_first_are_finished_first() -> None:
    ready = [tasks("a"), tasks("b", "masks", "frames"), tasks("c", "frames", "frames")]
    assert next_task(ready, workers=2, more_videos=False) == (1, 0)
    assert next_task(ready, workers=8, more_videos=True) == (1, 0)


def test_the_last_long_tasks_do_not_wait_for_short_ones() -> None:
    ready = [tasks("a", "masks", "masks"), tasks("b", "masks", "frames")]
    assert next_task(ready, workers=2, more_videos=False) == (1, 1)
    assert next_task([tasks("a", "join"), tasks("b", "masks")], workers=2, more_videos=False) == (1, 0)
    assert next_task([tasks("a", "join"), tasks("b", *["masks"] * 3)], workers=2, more_videos=False) == (1, 0)
    assert next_task([tasks("a", "join"), tasks("b", "masks")], workers=2, more_videos=True) == (0, 0)


def test_there_may_be_nothing_to_do() -> None:
    assert next_task([], workers=2, more_videos=False) is None
    assert next_task([tasks("a"), tasks("b")], workers=2, more_videos=True) is None
