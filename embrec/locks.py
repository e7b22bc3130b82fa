"""Locks of folders: two processes never write the same thing at once, and a killed one leaves nothing locked."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from embrec.errors import EmbrecError


@contextlib.contextmanager
def locked(file: Path, busy: EmbrecError) -> Iterator[None]:
    """Hold a lock while the body runs; the operating system lets go of it when the process ends, however it ends.

    Args:
        file: whose lock it is; made where it is missing, never read and never removed. It stands beside what it guards, or
            in it where the folder itself is not replaced.
        busy: raised where another process holds the lock; its message says what that process is doing and what to do.

    Raises:
        EmbrecError: `busy`.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        yield
