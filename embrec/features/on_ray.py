"""Building on several processors or machines: workers of Ray Data encode the blocks of a build, its own process writes them.

The blocks are those of a build in one process, and a block is encoded by the same call, so the table is the same. (On
processors of another kind texts and pictures may be rounded differently.) Workers on other machines need the same packages,
and find images, weights and vector files at the same paths. A worker that dies is started again and repeats the block that
it was at.
"""

import io
import json
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, EmbrecError, FeatureError
from embrec.features.build import EncodedBlock, Engine
from embrec.features.encoder import Encoded, Encoder
from embrec.features.registry import load_encoder
from embrec.on_ray import ray_cluster
from embrec.parameters import parameter

# A block that has taken so many workers with it will take the next one too.
_MOST_RESTARTS = 8


@contextmanager
def ray_engine(address: str | None = None, workers: int | None = None) -> Iterator[Engine]:
    """Connect to a Ray cluster, or start one on this machine, and yield an engine for `build`.

    Args:
        address: of a running cluster, `host:port` or `auto`; a new one here if None.
        workers: processes that encode, one processor each; as many as the cluster has if None.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: no cluster answers at the address.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"{parameter('workers', workers)}: at least one must encode")
    with ray_cluster(parameter("engine", "ray"), "data", address=address, processors=workers or 1) as ray:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

        def engine(
            encoder: Encoder, catalog: Catalog, blocks: Sequence[tuple[int, NDArray[np.int64]]]
        ) -> Iterator[EncodedBlock]:
            if blocks:
                yield from _encode(ray, encoder, catalog, blocks, min(count, len(blocks)))

        yield engine


def _encode(
    ray: Any, encoder: Encoder, catalog: Catalog, blocks: Sequence[tuple[int, NDArray[np.int64]]], workers: int
) -> Iterator[EncodedBlock]:
    warnings.filterwarnings("ignore", message="`ray_remote_args_fn` is deprecated")
    rows = [{"number": number, "items": _to_bytes(catalog.select(block).frame)} for number, block in blocks]
    tasks = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _EncodingWorker,
        fn_constructor_args=(_files(encoder), catalog.text_columns),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        ray_remote_args_fn=_restarts,
    )
    try:
        for row in tasks.iter_rows():
            if row["error"]:
                raise FeatureError(row["error"])
            shape = (len(row["present"]), -1)
            vectors = np.frombuffer(row["vectors"], dtype=encoder.dtype).reshape(shape)
            problems = {int(place): reason for place, reason in json.loads(row["problems"]).items()}
            present = np.frombuffer(row["present"], dtype=bool)
            yield EncodedBlock(int(row["number"]), Encoded(vectors, present, problems), float(row["seconds"]))
    except ray.exceptions.RayError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise FeatureError(f"Ray could not encode all items ({lines[-1][:200].strip()}); build again") from None


def _restarts() -> dict[str, Any]:
    return {"max_restarts": _MOST_RESTARTS, "max_task_retries": _MOST_RESTARTS}


class _EncodingWorker:
    """Encodes blocks in a process of its own; built there from the files of a saved encoder."""

    def __init__(self, files: dict[str, bytes], text_columns: Sequence[str]) -> None:
        self.files = files
        self.text_columns = text_columns

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Encode one block; an error is returned as a text, since Ray would wrap it in its own."""
        began = time.monotonic()
        error = ""
        encoded = Encoded(np.zeros((0, 0), dtype=np.float32), np.zeros(0, dtype=bool), {})
        try:
            encoded = self.encoder.encode(Catalog(pl.read_ipc(io.BytesIO(row["items"])), self.text_columns))
        except EmbrecError as problem:
            error = str(problem)
        except Exception as problem:
            error = (
                f"a worker of Ray failed ({type(problem).__name__}: {problem}); build again with "
                f"{parameter('engine', 'local')}"
            )
        return {
            "number": row["number"],
            "vectors": np.ascontiguousarray(encoded.vectors).tobytes(),
            "present": encoded.present.astype(bool).tobytes(),
            "problems": json.dumps(dict(encoded.problems)),
            "seconds": time.monotonic() - began,
            "error": error,
        }

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder, as every process that reads its files would have it."""
        with tempfile.TemporaryDirectory() as folder:
            for name, data in self.files.items():
                (Path(folder) / name).write_bytes(data)
            return load_encoder(Path(folder))


def _to_bytes(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc(stream)
    return stream.getvalue()


def _files(encoder: Encoder) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        encoder.save(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}
