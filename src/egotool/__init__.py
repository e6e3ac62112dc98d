"""egotool: from head-mounted video to the tables of a paper."""

__version__ = "0.1.0"
