"""The demonstration: shows the commands it would run, and stops with a sentence when one fails."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from egotool.cli import demo as demo_module
from egotool.cli.main import app
from egotool.errors import EgotoolError
from egotool.video import embedded_clips


def test_dry_run_prints_the_three_commands_and_writes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "demo"), "--dry-run"])
    assert result.exit_code == 0
    for command in ("egotool extract videos/", "egotool train dynamic-net", "egotool report --table 4"):
        assert command in result.output
    assert not list(tmp_path.iterdir())


def test_the_embedded_clips_are_there() -> None:
    assert all(clip.is_file() for clip in embedded_clips())


def test_a_failing_command_stops_the_demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_module, "demo_commands", lambda *_, **__: [("Fails", ("extract", "nowhere"))])
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert isinstance(result.exception, EgotoolError)
    assert "egotool extract nowhere" in str(result.exception)
