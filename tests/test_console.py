"""Progress on the command line: plain lines without a terminal, nothing lost."""

import io

import pytest
from rich.console import Console

from egotool import console
from egotool.console import ConsoleProgress


def test_without_a_terminal_progress_prints_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PLAIN_INTERVAL_SECONDS", -1.0)
    written = io.StringIO()
    with ConsoleProgress(Console(file=written, force_terminal=False, width=200)) as progress:
        progress.start("clip [1].mp4", total=10, unit="frames")
        progress.advance("clip [1].mp4", 4)
        progress.message("A sentence with [brackets].")
        progress.finish("clip [1].mp4")
    assert "clip [1].mp4: 4/10 frames" in written.getvalue()
    assert "A sentence with [brackets]." in written.getvalue()


def test_without_a_terminal_a_task_without_parts_is_named_when_it_begins() -> None:
    written = io.StringIO()
    with ConsoleProgress(Console(file=written, force_terminal=False, width=20)) as progress:
        progress.start("loading kernels, compiled once", total=None, unit="steps")
        progress.start("clip.mp4", total=7, unit="frames")
    assert written.getvalue() == "loading kernels, compiled once …\n"


def test_unknown_tasks_are_ignored() -> None:
    with ConsoleProgress(Console(file=io.StringIO(), force_terminal=False)) as progress:
        progress.advance("never started")
        progress.finish("never started")


def test_a_task_without_parts_shows_no_numbers() -> None:
    written = io.StringIO()
    with ConsoleProgress(Console(file=written, force_terminal=True, width=120)) as progress:
        progress.start("compiling", total=None, unit="steps")
        progress.start("frames of a clip", total=7, unit="frames")
    screen = written.getvalue()
    assert "compiling" in screen and "steps" not in screen
    assert "0/7" in screen and "frames/s" in screen


def test_names_between_colons_are_no_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    console.output_console().print("runs:boom:/one")
    console.message_console().print("runs:boom:/two")
    assert capsys.readouterr() == ("runs:boom:/one\n", "runs:boom:/two\n")
