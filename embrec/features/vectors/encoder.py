"""The encoder of precomputed vectors: an item's vector is looked up in a file."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import ITEM, Catalog, content_hashes
from embrec.data.id_mismatch import find_id_mismatch
from embrec.errors import FeatureError
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.vectors.file import VectorFile, bad_rows
from embrec.features.vectors.formats import open_vectors
from embrec.features.vectors.magnitudes import Magnitudes
from embrec.features.vectors.params import CATALOG_ORDER, VectorsParams

_HASH_ROWS = 4096
_IDS = "item_ids.json"
_FEW = 10  # id mismatches count as chance if they explain fewer than one in ten of the items without a vector


class VectorsEncoder(Encoder):
    """Precomputed vectors from a file: npy, Parquet, HDF5, safetensors, CSV or AlexNet records.

    Use it for vectors that another program computed: from an embedding service, another library, or published with a data
    set. The ids in the file are matched to those of the catalog; an item without a vector has the zero vector.

    The identity of the encoder is the location of the file, not its content: the vectors count as contents of the items. So a
    file to which rows were appended, or in which some were changed, belongs to the same table, and only those rows are
    written again.

    AlexNet records are the published image features of [mcauley2015].

    A compressed or text file is copied to `cache_folder` (or the system's temporary folder) while it is in use.

    Examples:
        >>> import tempfile
        >>> from embrec.data.catalog import Catalog
        >>> file = Path(tempfile.mkdtemp()) / "vectors.parquet"
        >>> pl.DataFrame({"item": ["a", "b"], "vector": [[1.0, 2.0], [3.0, 4.0]]}).write_parquet(file)
        >>> encoder = VectorsEncoder(path=file)
        >>> encoder.encode(Catalog(pl.DataFrame({"item": ["b", "c"]}))).vectors.tolist()
        [[3.0, 4.0], [0.0, 0.0]]
    """

    name = "vectors"
    block_rows = 4096
    keeps_vectors: ClassVar[bool] = False
    libraries = ("pyarrow", "safetensors")
    params: VectorsParams

    def __init__(self, **params: Any) -> None:
        self.params = VectorsParams(**params)
        self._file: VectorFile | None = None
        self._signature: list[tuple[int, int, int]] = []
        self._fingerprinted = False
        self._order: pl.Series | None = None

    @property
    def by_place(self) -> bool:
        """True if the file has no ids, so that its rows are matched to items by their order."""
        return self.params.ids == CATALOG_ORDER

    @property
    def dim(self) -> int:
        """The length of the vectors in the file."""
        return self._opened().rows.dim

    def contents(self, catalog: Catalog) -> Contents:
        """Hash the vectors of the items.

        Raises:
            FeatureError: the file cannot be read; it has none of the items, or their ids in another spelling; an id occurs
                twice with different vectors; a vector is not finite; some numbers cannot be part of an embedding; or its rows
                are in catalog order but differ in number from the items.
        """
        if self._file is not None and _signature(self._file.sources) != self._signature:
            self._file = None
        file = self._opened()
        if self.params.ids == CATALOG_ORDER:
            file = self._file = self._in_order(file, catalog)
        self._fingerprinted = True
        rows = file.index.rows_of(catalog.frame[ITEM])
        filled = rows >= 0
        if not filled.all():
            _explain(file, catalog, rows)
        fingerprints = np.empty((len(catalog), 16), dtype=np.uint8)
        fingerprints[~filled] = content_hashes([b""])
        asked = np.flatnonzero(filled)
        asked = asked[np.argsort(rows[asked], kind="stable")]  # in the order of the file
        bad: list[int] = []
        magnitudes = Magnitudes(file)
        for start in range(0, len(asked), _HASH_ROWS):
            block = asked[start : start + _HASH_ROWS]
            vectors = file.rows.read(rows[block])
            bad.extend(rows[block][bad_rows(vectors)].tolist())
            magnitudes.look(rows[block], vectors)
            fingerprints[block] = content_hashes(vector.tobytes() for vector in vectors)
        file.require_finite(bad)
        magnitudes.check()
        return Contents(fingerprints, filled, np.zeros(len(catalog), dtype=np.int64))

    def encode(self, catalog: Catalog) -> Encoded:
        """Read the vectors of the items; an item that is not in the file has the zero vector and is not present.

        Raises:
            FeatureError: as for `contents`, except that a file may have none of the items; or the file was changed after
                `contents` read it.
        """
        if self._file is not None and _signature(self._file.sources) != self._signature:
            if self._fingerprinted:
                raise FeatureError(f"{self.params.path} was changed while it was being read; build again")
            self._file = None
        file = self._opened()
        if file.ids is None:
            raise FeatureError(
                f"{file.path}: its rows were taken in catalog order, so no item can be looked up by its id; "
                "give the item ids with ids= and build again"
            )
        rows = file.index.rows_of(catalog.frame[ITEM])
        present = rows >= 0
        vectors = np.zeros((len(catalog), file.rows.dim), dtype=np.float32)
        found = file.rows.read(rows[present])
        file.require_finite(rows[present][bad_rows(found)])
        vectors[present] = found
        return Encoded(vectors, present, {})

    def _opened(self) -> VectorFile:
        if self._file is None:
            file = open_vectors(self.params, self.cache_folder)
            if file.ids is None and self._order is not None:
                file = replace(file, ids=self._order)
            self._signature, self._file, self._fingerprinted = _signature(file.sources), file, False
        return self._file

    def _in_order(self, file: VectorFile, catalog: Catalog) -> VectorFile:
        """Give the rows the ids of the catalog.

        Raises:
            FeatureError: the numbers of rows and items differ.
        """
        if len(file.rows) != len(catalog):
            raise FeatureError(
                f"{file.path} has {len(file.rows):,} vectors, the catalog {len(catalog):,} items: ids={CATALOG_ORDER} "
                "needs one for each item, in the same order; write them again or give the item ids with ids="
            )
        self._order = catalog.frame[ITEM]
        return replace(file, ids=self._order)

    def weights_hash(self) -> str:
        """Return an empty hash, because the vectors count as contents of the items."""
        return ""

    def save(self, folder: Path) -> None:
        """Write the parameters, and the item ids if the rows are in catalog order; the vectors stay in their file."""
        super().save(folder)
        if self._order is not None:
            (folder / _IDS).write_text(json.dumps(self._order.to_list(), ensure_ascii=False), encoding="utf-8")

    def load_state(self, folder: Path) -> None:
        """Read the files that `save` wrote."""
        if (folder / _IDS).is_file():
            self._order = pl.Series(json.loads((folder / _IDS).read_text(encoding="utf-8")), dtype=pl.String)


def _signature(sources: Sequence[Path]) -> list[tuple[int, int, int]]:
    """Return size, modification time and inode of each file, to detect changes; missing files are left out."""
    signature = []
    for path in sources:
        try:
            state = os.stat(path)  # noqa: PTH116
        except OSError:
            continue
        signature.append((state.st_size, state.st_mtime_ns, state.st_ino))
    return signature


def _explain(file: VectorFile, catalog: Catalog, rows: NDArray[np.int64]) -> None:
    """Raise if no item has a vector, or if items lack one because the file writes their ids differently.

    Args:
        file: file of vectors.
        catalog: items, n of them.
        rows: row of each item in the file, -1 where it has none, [n].

    Raises:
        FeatureError: one of the two is the case; the message gives examples of the ids.
    """
    missing = rows < 0
    there = file.ids.drop_nulls() if file.ids is not None else pl.Series(dtype=pl.String)
    if missing.sum() < len(catalog):
        there = there.filter(~there.is_in(catalog.frame[ITEM].implode()))
    found = find_id_mismatch(catalog.frame[ITEM].filter(pl.Series(missing)), there)
    if missing.all():
        wanted, example = (
            (found.one, found.other) if found else (catalog.frame[ITEM][0], there[0] if len(there) else None)
        )
        cause = f": {found.cause}" if found else ""
        raise FeatureError(
            f"{file.path}: none of its {len(file.rows):,} vectors belongs to an item of the catalog; its ids look like "
            f"{'(none)' if example is None else repr(example)}, those of the catalog like {wanted!r}{cause}; "
            "write the catalog's ids into the file, or say where they are with ids= or id_column="
        )
    if found is not None and found.pairs * _FEW >= missing.sum():
        raise FeatureError(
            f"{file.path}: {missing.sum():,} of the {len(catalog):,} items have no vector, and for {found.pairs:,} of them "
            f"the file has an id that is nearly theirs ({found.one!r} in the catalog, {found.other!r} in the file: "
            f"{found.cause}); write the catalog's ids into the file"
        )
