"""`python -m egotool`: the same as the `egotool` script."""

from egotool.cli.main import run

run()
