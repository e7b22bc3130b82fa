"""Verification of a feature table against its catalog and its encoder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.errors import EmbrecError
from embrec.features.encoder import Encoder
from embrec.features.finding import table_encoder
from embrec.features.table import ROWS_AT_A_TIME, FeatureTable

# Relative difference allowed when a vector is encoded again, with other items or on another processor.
_TOLERANCE = {np.dtype(np.float32): 1e-4, np.dtype(np.float16): 2e-3}

# Relative difference allowed if the encoder computes in lower precision.
_TOLERANCE_OF_PRECISION = {"float16": 4e-3, "bfloat16": 3e-2}


@dataclass(frozen=True)
class TableCheck:
    """The result of one check of a feature table.

    Attributes:
        name: the claim that was checked.
        passed: True if the claim holds.
        seen: what was found, in words.
    """

    name: str
    passed: bool
    seen: str


def verify(table: FeatureTable, catalog: Catalog, sample: int = 32) -> list[TableCheck]:
    """Verify a feature table.

    Args:
        table: table to verify.
        catalog: current items.
        sample: number of items, spread evenly over the table, that are encoded again and compared; 0 for none.

    Returns:
        The checks that could be made. Encoding again is left out where an earlier check fails.
    """
    checks = [_numbers(table), _absent(table), _ids(table)]
    checks.append(
        TableCheck("items are those of the catalog", table.holds(catalog), f"{len(table):,} of {len(catalog):,}")
    )
    try:
        encoder = table_encoder(table)
        stem = encoder.stem
        fingerprints = encoder.contents(catalog).fingerprints
    except EmbrecError as error:
        return [*checks, TableCheck("the encoder and what it reads are there", False, str(error))]
    checks.append(TableCheck("the encoder is the one that the table names", stem == table.path.stem, stem))
    if not table.holds(catalog):
        return checks
    changed = int((fingerprints != table.fingerprints).any(axis=1).sum())
    checks.append(TableCheck("contents are as they were", changed == 0, f"{changed:,} items changed"))
    present = np.flatnonzero(table.present)
    if changed or not len(present) or not sample:
        return checks
    rows = present[np.unique(np.linspace(0, len(present) - 1, min(sample, len(present))).astype(int))]
    return [*checks, _again(table, encoder, catalog, rows)]


def _numbers(table: FeatureTable) -> TableCheck:
    wrong = 0
    for start in range(0, len(table), ROWS_AT_A_TIME):
        wrong += int((~np.isfinite(table.vectors[start : start + ROWS_AT_A_TIME])).any(axis=1).sum())
        table.vectors.forget()
    return TableCheck("vectors are finite", wrong == 0, f"{wrong:,} of {len(table):,} are not")


def _absent(table: FeatureTable) -> TableCheck:
    absent = np.flatnonzero(~table.present)
    filled = sum(
        int(table.vectors[absent[start : start + ROWS_AT_A_TIME]].any(axis=1).sum())
        for start in range(0, len(absent), ROWS_AT_A_TIME)
    )
    return TableCheck("items that are not present have the zero vector", filled == 0, f"{len(absent):,} not present")


def _ids(table: FeatureTable) -> TableCheck:
    distinct = len(set(table.item_ids.tolist()))
    return TableCheck("item ids are distinct", distinct == len(table), f"{distinct:,} of {len(table):,}")


def _again(table: FeatureTable, encoder: Encoder, catalog: Catalog, rows: NDArray[np.int64]) -> TableCheck:
    vectors = encoder.encode(catalog.select(rows)).vectors.astype(np.float64)
    stored = table.vectors[rows].astype(np.float64)
    lengths = np.maximum(np.linalg.norm(stored, axis=1), 1e-12)
    worst = float((np.linalg.norm(vectors - stored, axis=1) / lengths).max())
    precision = getattr(encoder.params, "precision", "float32")
    passed = worst <= max(_TOLERANCE[table.vectors.dtype], _TOLERANCE_OF_PRECISION.get(precision, 0.0))
    return TableCheck(
        f"{len(rows):,} items encoded again have the same vectors", passed, f"differ by {worst:.1e} at most"
    )
