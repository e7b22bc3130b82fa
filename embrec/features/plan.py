"""The plan of a build: new contents in blocks to encode, and sources of the vectors that exist."""

import hashlib
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.features.encoder import Contents
from embrec.features.table import FeatureTable


class BuildPlan(NamedTuple):
    """The plan of a build for a catalog of n items.

    Attributes:
        start: first row that is written; the rows before it are already in the table.
        first: row of the first item with the same content, for each item, [n].
        distinct: rows of the distinct contents, [m].
        source: row in the old table of each distinct content, -1 if it has none, [m].
        blocks: rows to encode, grouped by size of content.
    """

    start: int
    first: NDArray[np.int64]
    distinct: NDArray[np.int64]
    source: NDArray[np.int64]
    blocks: list[NDArray[np.int64]]

    def fingerprint(self) -> str:
        """Return a hash of the blocks and their rows."""
        digest = hashlib.blake2b(digest_size=16)
        for block in self.blocks:
            digest.update(len(block).to_bytes(8, "little") + block.tobytes())
        return digest.hexdigest()


def make_plan(contents: Contents, old: FeatureTable | None, block_rows: int, start: int = 0) -> BuildPlan:
    """Make a plan by comparing the contents of a catalog with each other and with an old table.

    Args:
        contents: contents of the n items.
        old: table of the same encoder, possibly for other items; None if there is none.
        block_rows: number of items per block.
        start: number of leading rows that are already in the old table unchanged.
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
