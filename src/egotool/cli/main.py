"""The `egotool` command: registers one file per command and turns errors into one sentence."""

import errno
import io
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from egotool import __version__
from egotool.cli.bench import bench
from egotool.cli.data import data
from egotool.cli.demo import demo
from egotool.cli.evaluate import evaluate
from egotool.cli.extract import extract
from egotool.cli.fuse import fuse
from egotool.cli.report import report
from egotool.cli.sheet import sheet
from egotool.cli.sweep import sweep
from egotool.cli.train import train
from egotool.cli.weights import weights
from egotool.errors import EgotoolError, UsageError

app = typer.Typer(
    name="egotool",
    help="From head-mounted video to the tables of a paper.\n\n"
    "egotool extract videos/   →   egotool train dynamic-net   →   egotool report --table 4",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(extract)
app.command()(train)
app.command()(sweep)
app.command()(evaluate)
app.command()(fuse)
app.command()(report)
app.command()(sheet)
app.command()(demo)
app.add_typer(data, name="data")
app.add_typer(weights, name="weights")
app.add_typer(bench, name="bench")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"egotool {__version__}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks instead of one-sentence errors.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options that every command shares."""
    if debug:
        os.environ["EGOTOOL_DEBUG"] = "1"


def _refuse_empty(arguments: list[str]) -> None:
    """Refuse an argument without a character: as a path it would be the current folder.

    Raises:
        UsageError: if there is one.
    """
    if "" in arguments:
        before = " ".join(["egotool", *arguments[: arguments.index("")]])
        raise UsageError(f"the argument after '{before}' is empty: is a variable of the shell not set?")


def _print_every_character() -> None:
    """Let tables have their ± and Δ under locales without them: UTF-8 in pipes and files, ? on a screen."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper) or stream.encoding.lower().startswith("utf"):
            continue
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors=stream.errors)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run() -> None:
    """Run the command line: the entry point of the `egotool` script."""
    signal.signal(signal.SIGTERM, _interrupt)
    _print_every_character()
    try:
        _refuse_empty(sys.argv[1:])
        app()
    except EgotoolError as error:
        if os.environ.get("EGOTOOL_DEBUG"):
            raise
        typer.secho("Error: ", fg="red", err=True, nl=False)
        typer.echo(str(error), err=True)
        sys.exit(error.exit_status)
    except SystemExit as end:
        # typer turns an interruption into this exit status, and says nothing
        if end.code == 130 and os.environ.get("LOCAL_RANK", "0") == "0":  # of several processes one says it
            typer.echo("Stopped; the same command goes on from here.", err=True)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if os.environ.get("EGOTOOL_DEBUG") or error.errno not in _REMEDIES:
            _unexpected(error)
        typer.secho("Error: ", fg="red", err=True, nl=False)
        typer.echo(_of_the_system(error), err=True)
        sys.exit(1)
    except Exception as error:
        _unexpected(error)


_REMEDIES = {
    errno.EACCES: "allow it, or choose another place",
    errno.EPERM: "allow it, or choose another place",
    errno.EROFS: "choose another place",
    errno.ENOSPC: "make room, then run the command again",
    errno.EDQUOT: "make room, then run the command again",
    errno.EFBIG: "make room, then run the command again",
    errno.EIO: "check the disk",
    errno.ENOTDIR: "choose another place",
    errno.EISDIR: "choose another place",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
}
"""What to do about errors of the file system, whatever was being read or written."""


def _of_the_system(error: OSError) -> str:
    """Return one sentence about an error of the file system."""
    name = error.filename
    if name is None:
        where = "a file cannot be read or written"
    else:
        path = Path(os.fsdecode(name))  # temporary names of files on their way say nothing to anybody
        where = f"{path.parent if '.tmp' in path.name else path} cannot be read or written"
    return f"{where} ({error.strerror}): {_REMEDIES[error.errno or 0]}"


def _unexpected(error: Exception) -> NoReturn:
    if os.environ.get("EGOTOOL_DEBUG"):
        raise error
    typer.echo(
        f"Error: something unexpected happened ({type(error).__name__}: {error}); "
        "run the same command as `egotool --debug …` and report the traceback.",
        err=True,
    )
    sys.exit(1)


if __name__ == "__main__":
    run()
