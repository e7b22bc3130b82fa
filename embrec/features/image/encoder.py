"""Base class of the image encoders: image files are hashed, decoded ahead of need, and run through a network in batches."""

import threading
import weakref
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from embrec.data.catalog import Catalog
from embrec.errors import DataError
from embrec.features.encoder import Contents, Encoded, Encoder, EncoderParams
from embrec.features.image.decode import ImageTransform, pillow
from embrec.features.image.fingerprints import FILE, image_contents, load_fingerprints, save_fingerprints
from embrec.features.image.prefetch import ImagePrefetcher
from embrec.features.weights import hash_files
from embrec.processors import usable_processors

# More processes do not help: the network is then the bottleneck, not the decoder.
_MOST_WORKERS = 8

# On a CPU the activations of a few pictures fit its caches and memory that is already mapped (EfficientNet-Lite0 is 1.3 times
# as fast with 4 pictures per batch as with 16); a GPU needs large batches.
_CPU_BATCH, _CUDA_BATCH = 4, 64

# Beyond this the forward threads wait for each other's turn in Python.
_MOST_FORWARD_THREADS = 16

Key = TypeVar("Key")


class ImageParams(EncoderParams):
    """Parameters that all image encoders share; they do not change the vectors."""

    speed_params: ClassVar[frozenset[str]] = frozenset({"batch_size", "workers"})

    batch_size: Annotated[
        int | None, Field(ge=1, description="images per forward pass; chosen for the device if None")
    ] = None
    workers: Annotated[
        int | None,
        Field(ge=0, le=256, description="processes that decode images; one per core if None, threads instead if 0"),
    ] = None


class ImageEncoder(Encoder):
    """Base class of the encoders that read the image file of an item.

    A subclass says how a picture becomes an array (`transform`), which `network` is loaded, and how a batch of arrays becomes
    vectors (`forward`).

    Attributes:
        default_workers: number of decoding processes if the parameters give none; one per core if None.
    """

    block_rows = 256
    default_workers: ClassVar[int | None] = None
    params: ImageParams

    @property
    @abstractmethod
    def transform(self) -> ImageTransform:
        """The preprocessing of a picture: a dataclass of plain values, so that a worker process can rebuild it."""

    @property
    @abstractmethod
    def network(self) -> Any:
        """The network in evaluation mode on `device`, loaded on first use."""

    @abstractmethod
    def forward(self, pictures: NDArray[Any]) -> Tensor:
        """Compute the vectors of a batch; several threads call this at once.

        Args:
            pictures: preprocessed pictures, [k, ...].

        Returns:
            Vectors, [k, dim].
        """

    @abstractmethod
    def weight_files(self) -> list[Path]:
        """Return the files that the vectors depend on: weights, and configurations if there are any."""

    @cached_property
    def device(self) -> torch.device:
        """The device that the network runs on: the GPU if there is one."""
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def dim(self) -> int:
        """The length of a vector, found by encoding an empty picture."""
        return self._dim

    @cached_property
    @torch.inference_mode()
    def _dim(self) -> int:
        empty = self.transform(pillow().new("RGB", (256, 256)))
        return int(self.forward(np.stack([empty])).shape[1])

    def contents(self, catalog: Catalog) -> Contents:
        """Hash the image files; only new and changed files are read."""
        if self.cache_folder is None:
            return image_contents(catalog)
        path = self.cache_folder / FILE
        known = load_fingerprints(path)
        before = dict(known)
        contents = image_contents(catalog, known)
        if known != before:
            with suppress(DataError, OSError):  # without the cache the next build is slower, nothing else
                save_fingerprints(path, known)
        return contents

    def encode(self, catalog: Catalog) -> Encoded:
        """Encode images; an image that cannot be read has the zero vector and is listed in `problems`.

        Raises:
            FeatureError: the weights cannot be loaded, or the decoding processes are killed repeatedly.
            MissingExtraError: a package is not installed.
        """
        vectors = np.zeros((len(catalog), self.dim), dtype=np.float32)
        present = np.zeros(len(catalog), dtype=bool)
        problems: dict[int, str] = {}
        for rows, values in self._parallel_forward(self._batches(catalog, problems)):
            vectors[rows] = values
            present[rows] = True
        return Encoded(vectors, present, problems)

    def _batches(self, catalog: Catalog, problems: dict[int, str]) -> Iterator[tuple[list[int], NDArray[Any]]]:
        """Yield batches of (rows, pictures) of the readable pictures; the pictures of a batch have one shape."""
        size = self.params.batch_size or (_CUDA_BATCH if self.device.type == "cuda" else _CPU_BATCH)
        rows: list[int] = []
        pictures: list[NDArray[Any]] = []
        for row, picture in enumerate(self._decoder(catalog.image_paths())):
            if isinstance(picture, str):
                problems[row] = picture
            elif picture is not None:
                if pictures and (len(pictures) == size or pictures[0].shape != picture.shape):
                    yield rows, np.stack(pictures)
                    rows, pictures = [], []
                rows.append(row)
                pictures.append(picture)
        if pictures:
            yield rows, np.stack(pictures)

    @torch.inference_mode()
    def _forward(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self.forward(pictures).float().cpu().numpy()
        return vectors

    @cached_property
    def _parallel_forward(self) -> "ParallelForward":
        self.network  # noqa: B018 (loaded before several threads ask for it)
        threads = min(torch.get_num_threads(), _MOST_FORWARD_THREADS) if self.device.type == "cpu" else 1
        this = weakref.proxy(self)  # so that the threads do not keep the encoder alive
        parallel = ParallelForward(lambda pictures: this._forward(pictures), threads)
        weakref.finalize(self, parallel.close)
        return parallel

    @cached_property
    def _decoder(self) -> ImagePrefetcher:
        workers = self.params.workers
        if workers is None:
            workers = self.default_workers
        if workers is None:
            workers = min(usable_processors(), _MOST_WORKERS)
        decoder = ImagePrefetcher(self.transform, workers)
        weakref.finalize(self, decoder.close)
        return decoder

    def weights_hash(self) -> str:
        """Hash the files that the vectors depend on."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return hash_files({path.name: path for path in self.weight_files()})


class ParallelForward:
    """Runs forward passes in parallel: one batch per thread, as many batches at once as there are cores.

    The usual way, all threads on one batch, makes every operation wait for its slowest thread; with decoders on the same
    cores that means waiting for the scheduler hundreds of times a batch. Here threads do not wait for each other. And because
    one thread computes a whole batch, its vectors are the same to the last bit on any number of cores.

    Args:
        forward: function that computes one batch; called by several threads at once.
        threads: number of threads, which live until `close`.
    """

    def __init__(self, forward: Callable[[NDArray[Any]], NDArray[Any]], threads: int) -> None:
        self._forward = forward
        self._threads = threads
        before = torch.get_num_threads()
        ready = threading.Barrier(threads + 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="forward")
        for _ in range(threads):
            self._pool.submit(_use_one_thread, ready)
        ready.wait()
        torch.set_num_threads(before)  # the pool's setting would also apply to threads started later

    def __call__(self, batches: Iterable[tuple[Key, NDArray[Any]]]) -> Iterator[tuple[Key, NDArray[Any]]]:
        """Yield (key, result) of each (key, batch) in order, holding only a few batches at a time."""
        running: deque[tuple[Key, Future[NDArray[Any]]]] = deque()
        for key, batch in batches:
            running.append((key, self._pool.submit(self._forward, batch)))
            if len(running) > self._threads + 1:
                first, future = running.popleft()
                yield first, future.result()
        for key, future in running:
            yield key, future.result()

    def close(self) -> None:
        """Stop the threads once they finish their current batch."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _use_one_thread(ready: threading.Barrier) -> None:
    torch.get_num_threads()  # the first call copies the process's number to this thread, which keeps its own from then on
    torch.set_num_threads(1)
    ready.wait()
