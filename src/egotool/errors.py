"""Errors a user can act on: one sentence saying what, where, and what to do next."""


class EgotoolError(Exception):
    """The work could not be done; the message is one complete sentence for the user.

    The command line prints it without a traceback and exits with `exit_status`.
    """

    exit_status = 1


class UsageError(EgotoolError):
    """The command was typed wrongly: an unknown name, an impossible option value."""

    exit_status = 2


class VideoError(EgotoolError):
    """A video cannot be opened, decoded or written."""


class StoreError(EgotoolError):
    """A store, or one file of it, is missing, damaged, or of a format this version cannot read."""


class DiskFullError(StoreError):
    """A file of a store was not written because the disk, or the user's share of it, is full."""


class ManifestError(EgotoolError):
    """A manifest cannot be read, or does not fit the videos it names."""


class RecipeError(UsageError):
    """A recipe has an unknown key, a wrong type, or does not fit the model."""


class RunError(EgotoolError):
    """A run folder or checkpoint is missing, damaged, or of another model."""
