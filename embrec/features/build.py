"""The build of a feature table: encodes only new and changed contents, and resumes after a kill."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.blocks import EncodedBlock, Engine, encode_here
from embrec.features.chain import Chain
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.fitting import FIT, Fit, fit, versions
from embrec.features.plan import make_plan
from embrec.features.table import BUILD_RECORD, FeatureTable, OldFormatError
from embrec.features.table_build import TableBuild
from embrec.features.writer import reason
from embrec.files import atomic_folder, tidy
from embrec.locks import locked
from embrec.progress import Progress, silent

# A table is rewritten as one file if it has more files than this, or if a larger share of its rows is in later files.
_MOST_FILES = 16
_MOST_LATER_ROWS = 0.1

# Number of blocks after which the memory pages of an old table are released.
_FORGET_EVERY = 16


@dataclass(frozen=True)
class BuildReport:
    """The result of a build; items = encoded + reused + repeated + empty.

    Attributes:
        path: path of the table.
        items: number of items, n.
        encoded: number of distinct contents encoded by this build.
        reused: number of distinct contents whose vectors already existed, in the old table or from an interrupted build.
        repeated: number of items that have the same content, and so the vector, of an earlier item.
        empty: number of items without content.
        failed: (item, reason) of each item whose content could not be read, now or in an earlier build.
        seconds: duration of this build.
        base: for transformed vectors, the report on the table of the original vectors, if they have one.
    """

    path: Path
    items: int
    encoded: int
    reused: int
    repeated: int
    empty: int
    failed: list[tuple[str, str]]
    seconds: float
    base: "BuildReport | None" = None


def build(
    catalog: Catalog,
    encoder: Encoder,
    folder: Path,
    *,
    fit_rows: NDArray[np.bool_] | None = None,
    engine: Engine = encode_here,
    progress: Progress = silent,
) -> BuildReport:
    """Build an encoder's table of a catalog, or bring it up to date.

    The blocks of a build depend only on the contents to encode, so a build that was killed and resumed produces the same bytes
    as an uninterrupted one. (Items added later are encoded in blocks of their own, which encoders that run a network on
    batches may round differently; see `Encoder.encode`.) A killed build resumes only for the same items; if the catalog has
    changed, it starts again.

    Items added at the end of a catalog are written to a file of their own, so that adding them costs only their encoding. If
    items changed, left or moved, the table is rewritten from the old vectors and the new ones.

    Transforms of a slow encoder read its vectors from its own table, which is built first.

    Args:
        catalog: items, n of them.
        encoder: encoder, fitted here if it needs fitting.
        folder: folder of the tables; the encoder's state is saved beside its table.
        fit_rows: True for the items that the encoder may be fitted on, [n]; all if None.
        engine: function that encodes the blocks, in this process or in others.
        progress: callback, called after every block.

    Raises:
        ConfigError: the encoder reads columns that the catalog does not have.
        FeatureError: no item has content, contents or weights cannot be read, a vector is not finite, the disk is full, or
            another build of the same table is running.
        MissingExtraError: a package that the encoder needs is not installed.
    """
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    encoder.cache_folder = folder
    contents = encoder.contents(catalog)
    if not contents.filled.any():
        raise FeatureError(
            f"encoder {encoder.name!r} finds nothing to read in any of the {len(catalog):,} items; "
            "check the text columns or images of the catalog"
        )
    below, base = None, None
    if isinstance(encoder, Chain) and encoder.base.keeps_vectors:
        below = build(catalog, encoder.base, folder, fit_rows=fit_rows, engine=engine, progress=progress)
        base = FeatureTable.open(below.path)
        engine = _transforming(encoder, base)
    fitted = fit(encoder, catalog, contents, fit_rows, folder, base)
    attributes = {
        "encoder": encoder.identity(),
        "versions": versions(encoder),
        "fitted_on": fitted.items,
        "fitted_items": fitted.n_items,
        "fit": fitted.key,
    }
    path = folder / f"{encoder.stem}.h5"
    busy = FeatureError(f"{path} is being built by another process; wait for it or stop it")
    with locked(path.with_suffix(".lock"), busy):
        tidy(path.with_suffix(""))
        _save_encoder(encoder, path.with_suffix(""), fitted)
        old = _old_table(path)
        if old is not None and encoder.by_place:
            _require_places(old, catalog, contents)
        start = _rows_in_place(old, catalog, contents)
        plan = make_plan(contents, old, encoder.block_rows, start)
        encoded = 0
        if old is None or not start == len(old) == len(catalog):
            cost = fitted.seconds + (base.attributes["seconds"] or 0.0 if base is not None else 0.0)
            encoded = TableBuild(path, catalog, encoder, contents, old, plan, attributes, cost, engine, progress).run()
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
        base=below,
    )


def _transforming(encoder: Chain, base: FeatureTable) -> Engine:
    """Return an engine that transforms the vectors in the table of the chain's encoder instead of encoding again."""

    def transform(_: Encoder, __: Catalog, blocks: Sequence[tuple[int, NDArray[np.int64]]]) -> Iterator[EncodedBlock]:
        reasons: dict[str, str] = base.attributes["unreadable"]
        for count, (number, rows) in enumerate(blocks):
            began = time.monotonic()
            present = base.present[rows]
            vectors = encoder.transform(base.vectors[rows].astype(np.float32, copy=False), present)
            problems = {
                row: reasons.get(str(base.item_ids[rows[row]]), "") for row in np.flatnonzero(~present).tolist()
            }
            yield EncodedBlock(number, Encoded(vectors, present, problems), time.monotonic() - began)
            if count % _FORGET_EVERY == 0:
                base.vectors.forget()

    return transform


def _old_table(path: Path) -> FeatureTable | None:
    try:
        return FeatureTable.open(path) if path.exists() else None
    except OldFormatError:
        return None


def _require_places(old: FeatureTable, catalog: Catalog, contents: Contents) -> None:
    """Raise if vectors that are matched to items by position stayed while the items at these positions changed.

    Raises:
        FeatureError: the message names an item that would get the vector of another.
    """
    count = min(len(old), len(catalog))
    before, now = (
        np.ascontiguousarray(hashes[:count]).view("V16")[:, 0] for hashes in (old.fingerprints, contents.fingerprints)
    )
    _, row_of, times = np.unique(now, return_inverse=True, return_counts=True)
    stayed = (before == now) & (old.item_ids[:count] != catalog.item_ids[:count]) & (times[row_of] == 1)
    if stayed.any():
        row = int(np.argmax(stayed))
        raise FeatureError(
            f"{stayed.sum():,} vectors stand where they stood when {old.path} was built, but the catalog has other items "
            f"there: row {row + 1:,} was of {old.item_ids[row]!r} and would now be of {catalog.item_ids[row]!r}; write them in "
            "the order of the items' file, or give their ids with ids= (if the rows are right now and were wrong before: "
            f"delete {old.path} and build again)"
        )


def _rows_in_place(old: FeatureTable | None, catalog: Catalog, contents: Contents) -> int:
    """Return the number of rows of the old table that stay in place: all of them, or none."""
    if (
        old is None
        or not old.begins(catalog)
        or not np.array_equal(old.fingerprints, contents.fingerprints[: len(old)])
    ):
        return 0
    later = (len(catalog) - old.sizes[0]) / max(1, len(catalog))
    grows = len(catalog) > len(old)
    return 0 if grows and (len(old.files) > _MOST_FILES or later > _MOST_LATER_ROWS) else len(old)


def _save_encoder(encoder: Encoder, folder: Path, fitted: Fit) -> None:
    """Write the encoder beside its table, unless it is already there; the record of an earlier build is kept.

    Raises:
        FeatureError: the encoder cannot be written.
    """
    try:
        with TemporaryDirectory() as scratch:
            encoder.save(Path(scratch))
            if fitted.key is not None:
                text = json.dumps({"key": fitted.key, "seconds": fitted.seconds})
                (Path(scratch) / FIT).write_text(text, encoding="utf-8")
            files = {path.name: path.read_bytes() for path in sorted(Path(scratch).iterdir())}
        if all((folder / name).is_file() and (folder / name).read_bytes() == data for name, data in files.items()):
            return
        if (folder / BUILD_RECORD).is_file():
            files[BUILD_RECORD] = (folder / BUILD_RECORD).read_bytes()
        with atomic_folder(folder) as temporary:
            for name, data in files.items():
                (temporary / name).write_bytes(data)
    except OSError as error:
        raise FeatureError(
            f"the encoder could not be written to {folder} ({reason(error)}); free some room and build again"
        ) from None
