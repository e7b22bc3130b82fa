"""Making batches ready while the one before them is worked on."""

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_WAITING = 2  # batches that are ready and wait
_LOOK_SECONDS = 0.1


def prefetch(make: Callable[[Job], Result], jobs: Sequence[Job]) -> Generator[Result, None, None]:
    """Yield `make(job)` of each job in order, the next ones being made in a thread; its errors are raised here.

    Close the iterator when it is left early, so that the thread ends.
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
