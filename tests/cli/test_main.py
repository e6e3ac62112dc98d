"""The command's entry point: quick help, one-sentence errors, exit statuses."""

import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from egotool import __version__
from egotool.cli import main
from egotool.cli.main import app

HEAVY = {
    "torch",
    "torchvision",
    "cv2",
    "numpy",
    "numba",
    "h5py",
    "av",
    "lightning",
    "matplotlib",
    "scipy",
    "pydantic",
}


def egotool(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "egotool", *arguments],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_command_line_starts_without_heavy_imports() -> None:
    code = (
        "import sys; import egotool.cli.main; print('\\n'.join(name.split('.')[0] for name in sys.modules))"
    )
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert not HEAVY & loaded


def test_version(tmp_path: Path) -> None:
    assert egotool("--version", cwd=tmp_path).stdout.strip() == f"egotool {__version__}"


@pytest.mark.parametrize("command", ["extract", "train", "evaluate", "report", "sheet", "demo"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"egotool {command}" in result.output


def test_error_is_one_sentence_and_debug_shows_the_traceback(tmp_path: Path) -> None:
    plain = egotool("extract", "nowhere", cwd=tmp_path)
    assert plain.returncode == 2
    assert plain.stdout == ""
    assert "nowhere" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in egotool("--debug", "extract", "nowhere", cwd=tmp_path).stderr


def test_an_empty_argument_is_not_the_current_folder(tmp_path: Path) -> None:
    result = egotool("extract", "", "--dry-run", cwd=tmp_path)
    assert result.returncode == 2
    assert "the argument after 'egotool extract' is empty" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize("format_", ["rich", "markdown"])
def test_pipes_get_utf_8_under_any_locale(
    encoding: str, format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    result = egotool("report", "--table", "4", "--format", format_, cwd=tmp_path)
    assert result.returncode == 0
    assert "Δ RGB" in result.stdout


def test_a_screen_without_unicode_gets_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "argv", ["egotool", "--help"])
    with pytest.raises(SystemExit) as end:
        main.run()
    assert end.value.code == 0
    assert b"egotool extract videos/   ?   egotool train" in screen.buffer.getvalue()  # type: ignore[attr-defined]


def test_unknown_command_and_option_exit_with_two(tmp_path: Path) -> None:
    assert egotool("extrakt", cwd=tmp_path).returncode == 2
    assert egotool("extract", "--no-such-option", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/.s.1-2.tmp.png"), "a cannot be read or written"),
        (PermissionError(errno.EACCES, "Permission denied", "a/manifest.csv"), "a/manifest.csv cannot be"),
        (OSError(errno.EROFS, "Read-only file system"), "choose another place"),
    ],
)
def test_errors_of_the_file_system_are_a_sentence(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def failing() -> None:
        raise error

    monkeypatch.setattr(main, "app", failing)
    with pytest.raises(SystemExit) as end:
        main.run()
    text = capsys.readouterr().err
    assert end.value.code == 1
    assert said in text and str(error.strerror) in text and "unexpected" not in text and ".tmp" not in text
