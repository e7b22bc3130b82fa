"""Forward passes side by side: as many batches at once as there are cores, each computed by one thread.

The usual way, all threads on one batch, makes every operation wait for its slowest thread; while decoders run on the same
cores that is a wait for the scheduler, hundreds of times a batch. Side by side nobody waits. And because every batch is
computed by one thread, its vectors are the same to the last bit however many cores a machine has.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray

# Beyond this the threads wait for each other's turn in Python.
MOST_LANES = 16

Key = TypeVar("Key")


class Lanes:
    """Threads that each compute one batch at a time; they live until `close`.

    Args:
        forward: computes one batch; called by several threads at once.
        lanes: how many.
    """

    def __init__(self, forward: Callable[[NDArray[Any]], NDArray[Any]], lanes: int) -> None:
        self._forward = forward
        self._lanes = lanes
        threads = torch.get_num_threads()
        ready = threading.Barrier(lanes + 1)
        self._pool = ThreadPoolExecutor(lanes, thread_name_prefix="forward")
        for _ in range(lanes):
            self._pool.submit(_single, ready)
        ready.wait()
        torch.set_num_threads(threads)  # what the lanes set is also what threads yet unborn would get

    def __call__(self, batches: Iterable[tuple[Key, NDArray[Any]]]) -> Iterator[tuple[Key, NDArray[Any]]]:
        """Yield the result of each batch in order, with the key that came with it; few are held at a time."""
        running: deque[tuple[Key, Future[NDArray[Any]]]] = deque()
        for key, batch in batches:
            running.append((key, self._pool.submit(self._forward, batch)))
            if len(running) > self._lanes + 1:
                first, future = running.popleft()
                yield first, future.result()
        for key, future in running:
            yield key, future.result()

    def close(self) -> None:
        """End the threads when they have finished what they are computing."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _single(ready: threading.Barrier) -> None:
    torch.get_num_threads()  # a thread takes over the number of the process when it is first asked for, and then keeps its own
    torch.set_num_threads(1)
    ready.wait()
