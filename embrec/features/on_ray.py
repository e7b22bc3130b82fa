"""The Ray engine: Ray Data workers on several processors or machines encode the blocks of a build.

The calling process writes the table. Blocks and the calls that encode them are those of the local engine, so the table is the
same. (Processors of another kind may round vectors of texts and pictures differently.) Workers on other machines need the same
packages, and images, weights and vector files at the same paths. A worker that dies is restarted and repeats its block.
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
from embrec.features.blocks import EncodedBlock, Engine
from embrec.features.encoder import Encoded, Encoder
from embrec.features.registry import load_encoder
from embrec.on_ray import ray_cluster
from embrec.parameters import parameter

# A block that has killed this many workers will kill the next one too.
_MOST_RESTARTS = 8


@contextmanager
def ray_engine(address: str | None = None, workers: int | None = None) -> Iterator[Engine]:
    """Connect to a Ray cluster, or start one on this machine, and yield an engine for `build`.

    Args:
        address: address of a running cluster, `host:port` or `auto`; a new one is started on this machine if None.
        workers: number of encoding processes, one processor each; one per processor of the cluster if None.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: no cluster answers at the address, or `workers` is below 1.
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
    """Encodes blocks in a Ray process.

    Args:
        files: name -> content of the files of a saved encoder, from which the process loads it.
        text_columns: text columns of the catalog.
    """

    def __init__(self, files: dict[str, bytes], text_columns: Sequence[str]) -> None:
        self.files = files
        self.text_columns = text_columns

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Encode one block; an error is returned as text, because Ray would wrap an exception in its own."""
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
        """The encoder, loaded from its files."""
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
