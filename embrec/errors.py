"""Errors that a user can cause.

Each message is one line that says what is wrong, where (file, line, column, item) and what to do. The command line
prints it as it is and exits with code 2; a Python caller can catch the base class.
"""


class EmbrecError(Exception):
    """Base of every error that a user can cause and mend."""


class DataError(EmbrecError):
    """Input data is missing, unreadable or not what it claims to be."""


class ConfigError(EmbrecError):
    """An option or configuration value is unknown or out of range."""


class FeatureError(EmbrecError):
    """A feature table or encoder is missing, broken or belongs to another catalog."""


class RunError(EmbrecError):
    """A run folder is missing, incomplete or unfit for what was asked of it."""


class DivergedError(RunError):
    """Loss, gradient or weights of a training stopped being numbers.

    Args:
        what: what happened, where.
        advice: what to do, and what is kept.
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
