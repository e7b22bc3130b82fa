"""Prefetching of pictures: worker processes decode them while the network computes earlier ones."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from embrec.errors import FeatureError
from embrec.features.image.decode import Decoded, ImageTransform, decode, pillow
from embrec.features.image.worker import ask, describe

# Fewer pictures than this are decoded in this process, so that encoding one new item does not start workers.
FEW = 32

_THREADS_WITHOUT_WORKERS = 2


class ImagePrefetcher:
    """Decodes pictures in order, a bounded number of them ahead of their use.

    Args:
        transform: preprocessing of a picture; a dataclass of plain values, because each worker rebuilds it.
        workers: number of decoding processes, which live until `close`; 0 for threads of this process.
        depth: maximum number of pictures decoded, or being decoded, and not yet taken.

    Raises:
        MissingExtraError: Pillow is not installed.
    """

    def __init__(self, transform: ImageTransform, workers: int, depth: int = 64) -> None:
        pillow()
        self._transform = transform
        self._depth = depth
        self._workers = [_DecodingWorker(transform) for _ in range(workers)]
        self._idle = list(self._workers)
        self._threads = ThreadPoolExecutor(workers or _THREADS_WITHOUT_WORKERS, thread_name_prefix="decode")

    def __call__(self, paths: Sequence[Path | None]) -> Iterator[Decoded]:
        """Yield the result of `decode` for each path: an array, a reason why it cannot be read, or None for no file.

        Raises:
            FeatureError: a picture's worker was killed, and so was its replacement.
        """
        work = self._ask_worker if self._workers and len(paths) >= FEW else self._decode_here
        waiting: deque[Future[Decoded]] = deque()
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", module="PIL"
                )  # about oddities of a file, which is then decoded or refused
                for path in paths:
                    waiting.append(self._threads.submit(work, path))
                    if len(waiting) == self._depth:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _decode_here(self, path: Path | None) -> Decoded:
        return decode(path, self._transform)

    def _ask_worker(self, path: Path | None) -> Decoded:
        worker = self._idle.pop()  # never empty: there are as many workers as threads
        try:
            return worker.decode(path)
        finally:
            self._idle.append(worker)

    def close(self) -> None:
        """Stop the workers."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()


class _DecodingWorker:
    """One worker process, started on first use and restarted after it has died."""

    def __init__(self, transform: ImageTransform) -> None:
        self._transform = transform
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def decode(self, path: Path | None) -> Decoded:
        """Decode one picture in the process; a picture that crashes it twice is reported as unreadable.

        Raises:
            FeatureError: the process was killed twice by something other than the picture, or cannot be started.
        """
        status = 0
        for _ in range(2):
            try:
                process = self._started()
                return ask(path, cast(BinaryIO, process.stdin), cast(BufferedReader, process.stdout))
            except (OSError, EOFError, ValueError):
                status = self._ended()
        if status in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL):
            return f"{path}: the decoder crashes on it ({signal.Signals(-status).name})"
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        raise FeatureError(
            f"{path}: the process that decodes images {how}, twice; if memory is short, ask for fewer workers (workers=1), "
            "or for none (workers=0)"
        )

    def _started(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._closed:
                raise FeatureError("images were still being decoded when their encoder was closed")
            if self._process is None:
                # The module path of this process, and a single thread for libraries that would start more.
                environment = os.environ | {
                    "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                }
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "embrec.features.image.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=environment,
                )
                self._process = process
                cast(BinaryIO, process.stdin).write(describe(self._transform))
            return self._process

    def _ended(self) -> int:
        """Return the exit status of the process that has just ended, negative for a signal."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return 0
        with suppress(OSError):
            cast(BinaryIO, process.stdin).close()
        cast(BinaryIO, process.stdout).close()
        try:
            return process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def close(self) -> None:
        """End the process permanently, even if it is busy."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.kill()
            self._ended()
