"""Building a feature table: encode only what is new or changed, and go on where a killed build stopped."""

import fcntl
import hashlib
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec import __version__
from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.encoder import Contents, Encoder
from embrec.features.table import FeatureTable, TableWriter
from embrec.files import atomic_folder, sync_folder
from embrec.progress import Progress, silent


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        path: of the table.
        items: n.
        encoded: items whose content was encoded in this sitting, each distinct content once.
        reused: items whose vectors were there already, from the old table or an interrupted build.
        repeated: items that share their content with an earlier item.
        empty: items with nothing to encode.
        failed: (item, reason) of the items whose content could not be read.
        seconds: time spent in this sitting.
    """

    path: Path
    items: int
    encoded: int
    reused: int
    repeated: int
    empty: int
    failed: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0


def build(
    catalog: Catalog,
    encoder: Encoder,
    folder: Path,
    *,
    fit_rows: NDArray[np.bool_] | None = None,
    progress: Progress = silent,
) -> BuildReport:
    """Bring an encoder's table of a catalog up to date.

    The blocks of a build depend only on what there is to encode, so a build that was killed and resumed ends with the very
    bytes of one that was not. (Adding items later encodes them in blocks of their own, whose last bits may differ.)

    Args:
        catalog: the items.
        encoder: fitted here if it needs fitting.
        folder: of the tables; the encoder's state is saved beside its table.
        fit_rows: True for the items that it may be fitted on, [n]; all if None.
        progress: told of every block.

    Raises:
        FeatureError: there is nothing to encode, no room on the disk, or another build of the same table is running.
    """
    started = time.monotonic()
    fitted_on = None
    if encoder.needs_fitting:
        sample = catalog if fit_rows is None else catalog.select(np.flatnonzero(fit_rows))
        encoder.fit(sample)
        fitted_on = sample_hash(sample.item_ids)
    contents = encoder.contents(catalog)
    if not contents.filled.any():
        raise FeatureError(
            f"encoder {encoder.name!r} finds nothing to read in any of the {len(catalog):,} items; "
            "check the text columns or images of the catalog"
        )
    path = folder / f"{encoder.stem}.h5"
    with _lock(path):
        old = FeatureTable.open(path) if path.exists() else None
        if old is not None and _same(old, catalog, contents):
            return _report(old, contents, len(catalog), 0, {}, time.monotonic() - started)
        if not path.with_suffix("").exists():
            with atomic_folder(path.with_suffix("")) as temporary:
                encoder.save(temporary)
        attributes = {"encoder": encoder.identity(), "fitted_on": fitted_on, "versions": _versions()}
        encoded, reused, problems = _fill(path, catalog, encoder, contents, old, attributes, progress)
        sync_folder(folder)
        table = FeatureTable.open(path)
    return _report(table, contents, reused, encoded, problems, time.monotonic() - started)


def _fill(
    path: Path,
    catalog: Catalog,
    encoder: Encoder,
    contents: Contents,
    old: FeatureTable | None,
    attributes: dict[str, Any],
    progress: Progress,
) -> tuple[int, int, dict[str, str]]:
    """Write the table; return how many items were encoded, how many were there already, and what could not be read."""
    first = _first_rows(contents)
    distinct = np.flatnonzero((first == np.arange(len(catalog))) & contents.filled)
    known = {} if old is None else old.row_of_content
    old_row = np.array([known.get(contents.fingerprints[row].tobytes(), -1) for row in distinct], dtype=np.int64)
    todo = distinct[old_row < 0]
    todo = todo[np.argsort(contents.sizes[todo], kind="stable")]
    blocks = [todo[start : start + encoder.block_rows] for start in range(0, len(todo), encoder.block_rows)]
    writer = TableWriter(path, catalog, contents.fingerprints, encoder.dim, len(blocks), attributes)
    if old is not None:
        for start in range(0, len(distinct), 4096):
            rows, sources = distinct[start : start + 4096], old_row[start : start + 4096]
            there = sources >= 0
            writer.write(rows[there], old.vectors[sources[there]], old.present[sources[there]])
    done = writer.done
    resumed = sum(len(block) for block, is_done in zip(blocks, done, strict=True) if is_done)
    finished = resumed
    problems: dict[str, str] = {}
    task = f"encode {encoder.name}"
    for number, block in enumerate(blocks):
        if done[number]:
            continue
        began = time.monotonic()
        result = encoder.encode(catalog.select(block))
        if not np.isfinite(result.vectors).all():
            raise FeatureError(f"encoder {encoder.name!r} gave vectors that are not finite; its weights may be damaged")
        writer.write(block, result.vectors, result.present)
        writer.mark(number, time.monotonic() - began)
        problems |= {str(catalog.item_ids[block[row]]): reason for row, reason in result.problems.items()}
        finished += len(block)
        progress(task, finished, len(todo))
    repeats = np.flatnonzero(first != np.arange(len(catalog)))
    writer.copy(repeats, first[repeats])
    writer.finish()
    return finished - resumed, len(distinct) - len(todo) + resumed, problems


def _first_rows(contents: Contents) -> NDArray[np.int64]:
    """Return, for each item, the first item with the same content, [n]."""
    keys = np.ascontiguousarray(contents.fingerprints).view("V16").ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rows: NDArray[np.int64] = first[inverse]
    return rows


def _same(table: FeatureTable, catalog: Catalog, contents: Contents) -> bool:
    return np.array_equal(table.item_ids, catalog.item_ids) and np.array_equal(
        table.fingerprints, contents.fingerprints
    )


def _report(
    table: FeatureTable, contents: Contents, reused: int, encoded: int, problems: dict[str, str], seconds: float
) -> BuildReport:
    unreadable = table.item_ids[contents.filled & ~table.present].tolist()
    first = _first_rows(contents)
    return BuildReport(
        path=table.path,
        items=len(table),
        encoded=encoded,
        reused=reused,
        repeated=int(((first != np.arange(len(table))) & contents.filled).sum()),
        empty=int((~contents.filled).sum()),
        failed=[(item, problems.get(item, "could not be read")) for item in unreadable],
        seconds=seconds,
    )


def sample_hash(item_ids: NDArray[np.object_]) -> str:
    """Return a hash of the set of items that an encoder was fitted on."""
    return hashlib.blake2b("\n".join(sorted(item_ids.tolist())).encode(), digest_size=16).hexdigest()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep a second build of the same table out.

    Raises:
        FeatureError: another process is building it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_suffix(".lock")
    with lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FeatureError(f"{path} is being built by another process; wait for it or stop it") from None
        yield


def _versions() -> dict[str, str]:
    return {"embrec": __version__, "python": platform.python_version(), "numpy": np.__version__}
