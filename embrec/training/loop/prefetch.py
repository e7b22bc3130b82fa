"""Prefetching of batches in a background thread."""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_WAITING = 2  # prefetched batches in the queue
_LOOK_SECONDS = 0.1  # time until a waiting thread checks whether the iterator was closed


def prefetch(make: Callable[[Job], Result], jobs: Sequence[Job]) -> Generator[Result, None, None]:
    """Yield `make(job)` for each job in order, computed ahead in a thread; errors of the thread are raised here.

    Close the iterator if you stop early, so that the thread ends.

    Args:
        make: function of a job, called in the thread.
        jobs: arguments of `make`.

    >>> list(prefetch(lambda number: number**2, [1, 2, 3]))
    [1, 4, 9]
    """
    results: queue.Queue[tuple[Result | None, BaseException | None]] = queue.Queue(_WAITING)
    left = threading.Event()

    def put(result: Result | None, error: BaseException | None = None) -> None:
        while not left.is_set():
            try:
                return results.put((result, error), timeout=_LOOK_SECONDS)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for job in jobs:
                if left.is_set():
                    return
                put(make(job))
        except BaseException as error:
            put(None, error)

    thread = threading.Thread(target=work, name="embrec-batches", daemon=True)
    thread.start()
    try:
        for _ in jobs:
            result, error = results.get()
            if error is not None:
                raise error
            yield result  # type: ignore[misc]
    finally:
        left.set()
        thread.join()
