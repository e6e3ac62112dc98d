"""What commands that look through a folder of runs say of those that cannot be read."""

from pathlib import Path


def tell_of_damaged_runs(runs: Path) -> None:
    """Name the runs that are left out because they are damaged."""
    from egotool.console import message_console
    from egotool.runs import damaged_runs

    for sentence in damaged_runs(runs):
        message_console().print(f"Left out: {sentence}", markup=False, highlight=False, soft_wrap=True)
