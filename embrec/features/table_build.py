"""The writing part of a build: rows of a build plan are copied, encoded or repeated into a table."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.blocks import Engine
from embrec.features.encoder import Contents, Encoder
from embrec.features.plan import BuildPlan
from embrec.features.table import BUILD_RECORD, ROWS_AT_A_TIME, FeatureTable, following
from embrec.features.writer import TableWriter, reason
from embrec.files import sync_folder, write_json
from embrec.progress import Progress


class TableBuild:
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
