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
# What file systems answer that know no locks, such as some parallel ones. There is nothing to be done about two processes.
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def locked(file: Path, busy: EmbrecError | None, *, shared: bool = False, patience: float = 0.0) -> Iterator[None]:
    """Hold a lock while the body runs; the operating system lets go of it when the process ends, however it ends.

    Threads of one process keep each other out as processes do, so a body must not ask for its own lock again.

    Args:
        file: whose lock it is; made where it is missing, never read. It stands beside what it guards, or in it where the
            folder itself is not replaced. Only who holds it alone may remove it.
        busy: raised where another process holds the lock; its message says what that process is doing and what to do. None
            waits for that process instead, which suits what takes a moment.
        shared: several may hold it at once, for they only read what it guards; whoever asks for it alone is kept out. A
            folder where the lock cannot be made is one where nobody can write either, and is read without.
        patience: seconds to wait before `busy` is raised, for a process that is just ending.

    Raises:
        EmbrecError: `busy`.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = _acquired(file, busy, shared, time.monotonic() + patience)
    except OSError:
        if not shared:
            raise
        stream = None
    with contextlib.nullcontext() if stream is None else stream:
        yield


def _acquired(file: Path, busy: EmbrecError | None, shared: bool, deadline: float) -> IO[str]:
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        stream = file.open("a+")
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
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(stream.fileno()), file.stat()):
                return stream
        stream.close()  # its last holder removed it meanwhile: what is locked now has no name
        file.parent.mkdir(parents=True, exist_ok=True)
