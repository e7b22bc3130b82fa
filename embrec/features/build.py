"""Building a feature table: encode only what is new or changed, and go on where a killed build stopped."""

import fcntl
import hashlib
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embrec import __version__
from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.encoder import Contents, Encoder
from embrec.features.table import RECORD, ROWS_AT_A_TIME, FeatureTable
from embrec.features.writer import TableWriter, reason
from embrec.files import atomic_folder, sync_folder, write_json
from embrec.progress import Progress, silent


@dataclass(frozen=True)
class BuildReport:
    """What a build did; items = encoded + reused + repeated + empty.

    Attributes:
        path: of the table.
        items: n.
        encoded: distinct contents that were encoded in this sitting.
        reused: distinct contents whose vectors were there already, from the old table or an interrupted build.
        repeated: items that share their content with an earlier item, and its vector.
        empty: items with nothing to encode.
        failed: (item, reason) of the items whose content could not be read, in this sitting or an earlier one.
        seconds: time spent in this sitting.
    """

    path: Path
    items: int
    encoded: int
    reused: int
    repeated: int
    empty: int
    failed: list[tuple[str, str]]
    seconds: float


class Plan(NamedTuple):
    """What there is to do for a catalog.

    Attributes:
        first: for each item, the first item with the same content, [n].
        distinct: rows of the distinct contents.
        source: for each of those, its row in the old table, -1 where it is not there.
        blocks: rows to encode, those of like size together.
    """

    first: NDArray[np.int64]
    distinct: NDArray[np.int64]
    source: NDArray[np.int64]
    blocks: list[NDArray[np.int64]]

    def fingerprint(self) -> str:
        """Return a hash of which rows are in which block."""
        digest = hashlib.blake2b(digest_size=16)
        for block in self.blocks:
            digest.update(len(block).to_bytes(8, "little") + block.tobytes())
        return digest.hexdigest()


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
    bytes of one that was not. (Adding items later encodes them in blocks of their own, whose last bits may differ.) A build
    that was killed goes on only for the same items: if the catalog changed meanwhile, it begins again.

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
    attributes: dict[str, Any] = {"fitted_on": None, "fitted_items": 0}
    if encoder.needs_fitting:
        sample = catalog if fit_rows is None else catalog.select(np.flatnonzero(fit_rows))
        encoder.fit(sample)
        attributes |= {"fitted_on": sample_hash(sample.item_ids), "fitted_items": len(sample)}
    attributes |= {"encoder": encoder.identity(), "versions": _versions(encoder)}
    contents = encoder.contents(catalog)
    if not contents.filled.any():
        raise FeatureError(
            f"encoder {encoder.name!r} finds nothing to read in any of the {len(catalog):,} items; "
            "check the text columns or images of the catalog"
        )
    path = folder / f"{encoder.stem}.h5"
    with _lock(path):
        _save_encoder(encoder, path.with_suffix(""))
        old = FeatureTable.open(path) if path.exists() else None
        plan = _plan(contents, old, encoder.block_rows)
        encoded = 0
        if old is None or not _same(old, catalog, contents):
            encoded = _fill(path, catalog, encoder, contents, old, plan, attributes, progress)
        table = FeatureTable.open(path)
    reasons = table.attributes["unreadable"]
    unreadable = table.item_ids[contents.filled & ~table.present].tolist()
    return BuildReport(
        path=path,
        items=len(catalog),
        encoded=encoded,
        reused=len(plan.distinct) - encoded,
        repeated=int(contents.filled.sum()) - len(plan.distinct),
        empty=int((~contents.filled).sum()),
        failed=[(item, reasons.get(item, "could not be read")) for item in unreadable],
        seconds=time.monotonic() - started,
    )


def _plan(contents: Contents, old: FeatureTable | None, block_rows: int) -> Plan:
    keys = np.ascontiguousarray(contents.fingerprints).view("V16").ravel()
    _, first_of_key, key = np.unique(keys, return_index=True, return_inverse=True)
    first = first_of_key[key]
    distinct = np.flatnonzero((first == np.arange(len(first))) & contents.filled)
    known = {} if old is None else old.row_of_content
    source = np.array([known.get(contents.fingerprints[row].tobytes(), -1) for row in distinct], dtype=np.int64)
    todo = distinct[source < 0]
    todo = todo[np.argsort(contents.sizes[todo], kind="stable")]
    blocks = [todo[start : start + block_rows] for start in range(0, len(todo), block_rows)]
    return Plan(first, distinct, source, blocks)


def _fill(
    path: Path,
    catalog: Catalog,
    encoder: Encoder,
    contents: Contents,
    old: FeatureTable | None,
    plan: Plan,
    attributes: dict[str, Any],
    progress: Progress,
) -> int:
    """Write the table; return how many contents were encoded in this sitting."""
    fingerprint = plan.fingerprint()
    writer = TableWriter(path, catalog, contents.fingerprints, encoder.dim, len(plan.blocks), fingerprint, attributes)
    if old is not None:
        _copy_old(old, plan, writer)
    reasons: dict[str, str] = {}
    encoded = 0
    finished = sum(len(block) for block, done in zip(plan.blocks, writer.done, strict=True) if done)
    total = sum(map(len, plan.blocks))
    for number in np.flatnonzero(~writer.done).tolist():
        block = plan.blocks[number]
        began = time.monotonic()
        result = encoder.encode(catalog.select(block))
        if not np.isfinite(result.vectors).all():
            raise FeatureError(f"encoder {encoder.name!r} gave vectors that are not finite; its weights may be damaged")
        writer.write(block, result.vectors, result.present)
        writer.mark(number, time.monotonic() - began)
        reasons |= _reasons(catalog, block, result.problems)
        encoded += len(block)
        progress(f"encode {encoder.name}", finished + encoded, total)
    repeats = np.flatnonzero((plan.first != np.arange(len(catalog))) & contents.filled)
    writer.copy(repeats, plan.first[repeats])
    unreadable = np.flatnonzero(contents.filled & ~writer.present)
    unexplained = np.array([row for row in unreadable if str(catalog.item_ids[row]) not in reasons], dtype=np.int64)
    for start in range(0, len(unexplained), encoder.block_rows):  # of an earlier sitting, and repeats
        block = unexplained[start : start + encoder.block_rows]
        reasons |= _reasons(catalog, block, encoder.encode(catalog.select(block)).problems)
    record = {
        "seconds": writer.seconds + ((old.attributes["seconds"] or 0.0) if old is not None else 0.0),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "unreadable": reasons,
    }
    try:
        write_json(path.with_suffix("") / RECORD, record)
    except OSError as error:
        raise FeatureError(f"{path} could not be finished ({reason(error)}); free some room and run it again") from None
    writer.finish()
    sync_folder(path.parent)
    return encoded


def _copy_old(old: FeatureTable, plan: Plan, writer: TableWriter) -> None:
    for start in range(0, len(plan.distinct), ROWS_AT_A_TIME):
        rows, sources = plan.distinct[start : start + ROWS_AT_A_TIME], plan.source[start : start + ROWS_AT_A_TIME]
        there = sources >= 0
        writer.write(rows[there], old.vectors[sources[there]], old.present[sources[there]])


def _reasons(catalog: Catalog, rows: NDArray[np.int64], problems: Mapping[int, str]) -> dict[str, str]:
    return {str(catalog.item_ids[rows[row]]): problem for row, problem in problems.items()}


def _same(table: FeatureTable, catalog: Catalog, contents: Contents) -> bool:
    return np.array_equal(table.item_ids, catalog.item_ids) and np.array_equal(
        table.fingerprints, contents.fingerprints
    )


def _save_encoder(encoder: Encoder, folder: Path) -> None:
    """Write the encoder beside its table, unless it is there whole; the record of an earlier build stays.

    Raises:
        FeatureError: it cannot be written.
    """
    try:
        with TemporaryDirectory() as scratch:
            encoder.save(Path(scratch))
            files = {path.name: path.read_bytes() for path in sorted(Path(scratch).iterdir())}
        if all((folder / name).is_file() and (folder / name).read_bytes() == data for name, data in files.items()):
            return
        if (folder / RECORD).is_file():
            files[RECORD] = (folder / RECORD).read_bytes()
        with atomic_folder(folder) as temporary:
            for name, data in files.items():
                (temporary / name).write_bytes(data)
    except OSError as error:
        raise FeatureError(
            f"the encoder could not be written to {folder} ({reason(error)}); free some room and run the command again"
        ) from None


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
    with path.with_suffix(".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FeatureError(f"{path} is being built by another process; wait for it or stop it") from None
        yield


def _versions(encoder: Encoder) -> dict[str, str]:
    versions = {"embrec": __version__, "python": platform.python_version()}
    for library in ("h5py", "numpy", *encoder.libraries):
        with suppress(PackageNotFoundError):
            versions[library] = version(library)
    return versions
