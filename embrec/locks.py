"""Locks between processes, by `flock`: one writer at a time, and no lock outlives its process."""

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
# Errors of file systems without locks, such as some parallel ones: there the lock has no effect.
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def locked(file: Path, busy: EmbrecError | None, *, shared: bool = False, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock while the body runs; the operating system releases it when the process ends.

    Threads exclude each other as processes do, so the body must not acquire the same lock again.

    Args:
        file: lock file, empty; beside the guarded folder, or inside it if the folder itself is never replaced. It is created
            with its folder and removed afterwards; the folder stays if it has other files.
        busy: error to raise if another process holds the lock; its message says what that process is doing and what to do.
            None: wait for the lock, for short work.
        shared: True for readers, which exclude writers but not each other. A reader that cannot create the file goes on
            without a lock: nobody can write there either.
        patience: seconds to wait before `busy` is raised, for a process that is about to end.

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
    """Create a folder and keep other processes from writing a group of files into it while the body writes its own."""
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
        stream.close()  # the last holder has removed the file: this lock guards a file without a name


def _is_at(file: Path, stream: IO[str]) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), file.stat())
    except OSError:
        return False


def _remove(file: Path, stream: IO[str], shared: bool) -> None:
    """Remove the file of a held lock unless other processes hold it too."""
    with contextlib.suppress(OSError):
        if shared:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(file, stream):
            file.unlink()
