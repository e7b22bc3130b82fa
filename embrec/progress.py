"""Progress of long tasks: the callback that the caller passes in, and the format of durations."""

from typing import Protocol


class Progress(Protocol):
    """Callback that receives the state of a long task; called often, so it must be cheap."""

    def __call__(self, task: str, done: int, total: int | None, note: str = "") -> None:
        """Report `done` of `total` steps of `task` (total None: unknown), with a short note such as the loss."""
        ...


def silent(task: str, done: int, total: int | None, note: str = "") -> None:
    """Report nothing; the default progress callback."""


def clock(seconds: float) -> str:
    """Return a duration in seconds as h:mm:ss.

    >>> clock(8.3), clock(8000)
    ('0:00:08', '2:13:20')
    """
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def duration(seconds: float) -> str:
    """Show a time as people say it.

    >>> duration(8.31), duration(829.3), duration(8000)
    ('8.3 s', '13 min 49 s', '2 h 13 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
