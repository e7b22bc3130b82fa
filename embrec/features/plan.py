"""What a build has to do: which contents are new, in which blocks they are encoded, and where the others come from."""

import hashlib
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.features.encoder import Contents
from embrec.features.table import FeatureTable


class BuildPlan(NamedTuple):
    """What there is to do for a catalog, or for its rows from `start` on where a table has those before.

    Attributes:
        start: the first row that is written.
        first: for each item, the first item with the same content, [n].
        distinct: rows of the distinct contents.
        source: for each of those, its row in the old table, -1 where it is not there.
        blocks: rows to encode, those of like size together.
    """

    start: int
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


def make_plan(contents: Contents, old: FeatureTable | None, block_rows: int, start: int = 0) -> BuildPlan:
    """Compare the contents of a catalog with each other and with an old table.

    Args:
        contents: of every item.
        old: a table of the same encoder, for whatever items.
        block_rows: items a block.
        start: the rows before it are in the old table already, as they are now.
    """
    keys = _keys(contents.fingerprints).with_row_index("row")
    first = keys.select(pl.col("row").first().over("high", "low"))[:, 0].to_numpy().astype(np.int64)
    distinct = np.flatnonzero((first == np.arange(len(first))) & contents.filled)
    source = np.full(len(distinct), -1, dtype=np.int64)
    if old is not None:
        known = _keys(old.fingerprints).with_row_index("source").unique(["high", "low"], keep="first")
        found = keys[distinct].join(known, on=["high", "low"], how="left", maintain_order="left")["source"]
        source = found.cast(pl.Int64).fill_null(-1).to_numpy()
    todo = distinct[source < 0]
    todo = todo[np.argsort(contents.sizes[todo], kind="stable")]
    blocks = [todo[begin : begin + block_rows] for begin in range(0, len(todo), block_rows)]
    return BuildPlan(start, first, distinct, source, blocks)


def _keys(fingerprints: NDArray[np.uint8]) -> pl.DataFrame:
    halves = np.ascontiguousarray(fingerprints).reshape(-1, 16).view(np.uint64)
    return pl.DataFrame({"high": halves[:, 0], "low": halves[:, 1]})
