"""Locks of folders: two processes never write the same thing at once, and a killed one leaves nothing locked."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from embrec.errors import EmbrecError

_LOOK_SECONDS = 0.05
# What file systems answer that know no locks, such as some parallel ones: there two processes are not told apart.
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def locked(file: Path, busy: EmbrecError | None, *, shared: bool = False, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock while the body runs; the operating system lets go of it when the process ends, however it ends.

    Threads of one process keep each other out as processes do, so a body must not ask for its own lock again.

    Args:
        file: whose lock it is; never read. It stands beside what it guards, or in it where the folder itself is not replaced.
            It is made where it is missing, with its folder, and both go again afterwards, unless there is more in the folder.
        busy: raised where another process holds the lock; its message says what that process is doing and what to do. None
            waits for that process instead, which suits what takes a moment.
        shared: several may hold it at once, for they only read what it guards; whoever asks for it alone is kept out. Where
            the lock cannot be made nobody can write either, so that nothing is locked.
        patience: seconds to wait before `busy` is raised, for a process that is just ending.

    Raises:
        EmbrecError: `busy`.
    """
    made = [folder for folder in file.parents if not folder.exists()]
    try:
        stream = _acquired(file, busy, shared, time.monotonic() + patience)
    except OSError:
        if not shared:
            raise
        yield
        return
    try:
        yield
    finally:
        with stream:
            _remove(file, stream, shared)
        for folder in made:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()


@contextlib.contextmanager
def together(folder: Path) -> Iterator[None]:
    """Write files that belong together into a folder, made where it is missing, while no other process writes such ones."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".together.lock", None):
        yield


def _acquired(file: Path, busy: EmbrecError | None, shared: bool, deadline: float) -> IO[str]:
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            stream = file.open("a+")
        except FileNotFoundError:  # another process has just removed the folder
            continue
        try:
            fcntl.flock(stream, kind if busy is None else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            if busy is not None and time.monotonic() >= deadline:
                raise busy from None
            time.sleep(_LOOK_SECONDS)
            continue
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                stream.close()
                raise
        if _is_at(file, stream):
            return stream
        stream.close()  # its last holder removed it meanwhile: what is locked now has no name


def _is_at(file: Path, stream: IO[str]) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), file.stat())
    except OSError:
        return False


def _remove(file: Path, stream: IO[str], shared: bool) -> None:
    """Remove the file of a lock that is held, unless others hold it too."""
    with contextlib.suppress(OSError):
        if shared:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(file, stream):
            file.unlink()
