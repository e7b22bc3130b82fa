"""Errors that a user can cause.

Each message is one line that says what is wrong, where (file, line, column, item) and what to do. A Python caller can catch
the base class; the command line prints the message and exits with code 2.
"""


class EmbrecError(Exception):
    """Base class of every error that a user can cause and fix."""


class DataError(EmbrecError):
    """Input data is missing, unreadable or not what it claims to be."""


class ConfigError(EmbrecError):
    """An option or configuration value is unknown or out of range."""


class FeatureError(EmbrecError):
    """A feature table or encoder is missing, broken or belongs to another catalog."""


class RunError(EmbrecError):
    """A run folder is missing, incomplete, or does not support the requested operation."""


class DivergedError(RunError):
    """The loss, a gradient or a weight became NaN or infinite during training.

    Args:
        what: event and place.
        advice: what to do, and which results are kept.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}{advice}")
        self.what = what


class StorageError(RunError):
    """A file of a run cannot be written, most often because the disk is full."""


class MissingExtraError(EmbrecError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}; install it with: pip install 'embrec[{extra}]'")
