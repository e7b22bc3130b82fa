"""The build of a feature table: encodes only new and changed contents, and resumes after a kill."""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.chain import Chain
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.fitting import FIT, Fit, fit, versions
from embrec.features.plan import BuildPlan, make_plan
from embrec.features.table import BUILD_RECORD, ROWS_AT_A_TIME, FeatureTable, OldFormatError, following
from embrec.features.writer import TableWriter, reason
from embrec.files import atomic_folder, sync_folder, tidy, write_json
from embrec.locks import locked
from embrec.progress import Progress, silent

# A table is rewritten as one file if it has more files than this, or if a larger share of its rows is in later files.
_MOST_FILES = 16
_MOST_LATER_ROWS = 0.1

# Number of blocks after which the memory pages of an old table are released.
_FORGET_EVERY = 16


class EncodedBlock(NamedTuple):
    """One encoded block of a build plan.

    Attributes:
        number: number of the block in the plan.
        result: vectors of its items.
        seconds: time spent on it.
    """

    number: int
    result: Encoded
    seconds: float


Engine = Callable[[Encoder, Catalog, Sequence[tuple[int, NDArray[np.int64]]]], Iterator[EncodedBlock]]


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


def encode_here(
    encoder: Encoder, catalog: Catalog, blocks: Sequence[tuple[int, NDArray[np.int64]]]
) -> Iterator[EncodedBlock]:
    """Encode blocks one after the other in this process: the local engine.

    Args:
        encoder: encoder, already fitted.
        catalog: all items.
        blocks: (number, rows of the catalog) of each block.
    """
    for number, rows in blocks:
        began = time.monotonic()
        result = encoder.encode(catalog.select(rows))
        yield EncodedBlock(number, result, time.monotonic() - began)


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
            encoded = _TableBuild(path, catalog, encoder, contents, old, plan, attributes, cost, engine, progress).run()
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


class _TableBuild:
    """Writes the rows of a build plan to a table, or to its next file.

    Args:
        path: path of the table.
        catalog: all items, n of them.
        encoder: encoder, already fitted.
        contents: contents that the encoder reads.
        old: table as it was before, if there is one.
        plan: rows to write and where their vectors come from.
        attributes: attributes of the table.
        cost: seconds spent before encoding: fitting, and the table that the vectors are made from.
        engine: function that encodes the blocks.
        progress: callback, called after every block.
    """

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        encoder: Encoder,
        contents: Contents,
        old: FeatureTable | None,
        plan: BuildPlan,
        attributes: dict[str, Any],
        cost: float,
        engine: Engine,
        progress: Progress,
    ) -> None:
        self.path, self.catalog, self.encoder, self.contents = path, catalog, encoder, contents
        self.old, self.plan, self.engine, self.progress = old, plan, engine, progress
        self.start, self.cost = plan.start, cost
        target = path
        if old is not None and self.start:
            target = following(path, len(old.files))
            attributes = {**attributes, "extends": old.token()}
        self.writer = TableWriter(
            target,
            catalog.item_ids[self.start :],
            contents.fingerprints[self.start :],
            encoder.dim,
            encoder.dtype,
            len(plan.blocks),
            plan.fingerprint(),
            attributes,
        )
        self.reasons: dict[str, str] = {}

    def run(self) -> int:
        """Write the rows; return the number of contents that were encoded."""
        try:
            self._copy_old()
            encoded = self._encode()
            self._repeat()
            self._record()
            self.writer.finish()
        finally:
            self.writer.close()
        if not self.start:  # later files belonged to the table that was replaced
            for left in self.path.parent.glob(f"{self.path.name}.[0-9]*"):
                left.unlink()
        sync_folder(self.path.parent)
        return encoded

    def _copy_old(self) -> None:
        """Copy the vectors of contents that the old table has in other rows."""
        if self.old is None:
            return
        here = (self.plan.source >= 0) & (self.plan.distinct >= self.start)
        rows, sources = self.plan.distinct[here], self.plan.source[here]
        self._copy(rows, sources)

    def _copy(self, rows: NDArray[np.int64], sources: NDArray[np.int64]) -> None:
        if self.old is None:
            return
        for begin in range(0, len(rows), ROWS_AT_A_TIME):
            block, there = rows[begin : begin + ROWS_AT_A_TIME], sources[begin : begin + ROWS_AT_A_TIME]
            self.writer.write(block - self.start, self.old.vectors[there], self.old.present[there])
            self.old.vectors.forget()

    def _encode(self) -> int:
        blocks, done = self.plan.blocks, self.writer.done
        task, total = f"encode {self.encoder.full_name}", sum(map(len, blocks))
        finished = sum(len(block) for block, is_done in zip(blocks, done, strict=True) if is_done)
        encoded = 0
        todo = [(number, blocks[number]) for number in np.flatnonzero(~done).tolist()]
        for number, result, seconds in self.engine(self.encoder, self.catalog, todo):
            block = blocks[number]
            if not np.isfinite(result.vectors).all():
                row = int(block[np.flatnonzero(~np.isfinite(result.vectors).all(axis=1))[0]])
                raise FeatureError(
                    f"encoder {self.encoder.full_name!r} gave a vector that is not finite for item "
                    f"{str(self.catalog.item_ids[row])!r}; its weights may be damaged, or the numbers too large for 'half'"
                )
            self.writer.write(block - self.start, result.vectors, result.present)
            self.writer.mark(number, seconds)
            self._explain(block, result.problems)
            encoded += len(block)
            self.progress(task, finished + encoded, total)
        return encoded

    def _repeat(self) -> None:
        """Give items the vectors of earlier items with the same content."""
        rows = np.arange(self.start, len(self.catalog))
        repeats = rows[(self.plan.first[rows] != rows) & self.contents.filled[rows]]
        first = self.plan.first[repeats]
        in_place = first < self.start
        self._copy(repeats[in_place], first[in_place])
        self.writer.copy(repeats[~in_place] - self.start, first[~in_place] - self.start)

    def _record(self) -> None:
        """Write the cost of the build and the unreadable items to a file beside the encoder."""
        present = self.writer.present
        unreadable = self.start + np.flatnonzero(self.contents.filled[self.start :] & ~present)
        old = self.old.attributes if self.old is not None else {"unreadable": {}, "encoding": None, "encoded": None}
        if self.start:
            self.reasons = old["unreadable"] | self.reasons
        for row in unreadable.tolist():  # unreadable since an earlier build, or repeats
            item = str(self.catalog.item_ids[row])
            if item not in self.reasons and item in old["unreadable"]:
                self.reasons[item] = old["unreadable"][item]
        unexplained = np.array([row for row in unreadable if str(self.catalog.item_ids[row]) not in self.reasons], int)
        size = self.encoder.block_rows
        blocks = [unexplained[begin : begin + size] for begin in range(0, len(unexplained), size)]
        for number, result, _ in self.engine(self.encoder, self.catalog, list(enumerate(blocks))):
            self._explain(blocks[number], result.problems)
        record = {
            "seconds": self.writer.seconds + (old["encoding"] or 0.0) + self.cost,
            "encoding": self.writer.seconds + (old["encoding"] or 0.0),
            "encoded": sum(map(len, self.plan.blocks)) + (old["encoded"] or 0),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "unreadable": self.reasons,
        }
        try:
            write_json(self.path.with_suffix("") / BUILD_RECORD, record)
        except OSError as error:
            raise FeatureError(
                f"{self.path} could not be finished ({reason(error)}); free some room and build again"
            ) from None

    def _explain(self, rows: NDArray[np.int64], problems: Mapping[int, str]) -> None:
        self.reasons |= {str(self.catalog.item_ids[rows[row]]): problem for row, problem in problems.items() if problem}


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
