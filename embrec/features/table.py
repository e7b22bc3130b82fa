"""Feature tables: HDF5 files with the vectors of one encoder for a whole catalog.

The vectors of a file are one contiguous dataset, so that readers memory-map them and random rows need no HDF5 call. A table is
one file, `NAME.h5`; if items were added to a large table later, `NAME.h5.1`, `NAME.h5.2` and so on hold the rows that follow.
Every file is complete and never changes, and a file that does not follow the one before is ignored.
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.rows import Rows

FORMAT = 2
BUILD_RECORD = "build.json"
ROWS_AT_A_TIME = 4096


class FeatureTable:
    """A finished feature table, read-only. Row r belongs to item r of the catalog that it was built for.

    Attributes:
        path: path of its first file, whose stem names the encoder and its identity.
        files: paths of all its files.
        sizes: number of rows of each file.
        present: False where an item had no content and the vector is zero, [n].
        fingerprints: hashes of the contents that were encoded, [n, 16].
        attributes: `encoder` (its identity), `fitted_on` (hash of the items it was fitted on, None if nothing is fitted),
            `fitted_items` (their number), `versions` of the libraries, `density` (share of non-zero entries, estimated from
            at most 4,096 rows per file). Further, from the build record beside the encoder, and None or empty if that is
            missing: `seconds` (time spent on fitting, encoding, and the table that the vectors were made from), `encoding`
            (the part spent on encoding), `encoded` (number of contents encoded), `finished` (UTC), `machine`, and
            `unreadable` (item id -> reason). The record is no part of the table, so that equal vectors give equal files.
        vectors: memory-mapped vectors, float32 or float16, [n, d].
    """

    def __init__(self, path: Path, parts: list["TableFile"]) -> None:
        self.path = path
        self.files = [part.path for part in parts]
        self.present = np.concatenate([part.present for part in parts])
        self.fingerprints = np.concatenate([part.fingerprints for part in parts])
        sizes = [len(part.present) for part in parts]
        density = sum(part.attributes["density"] * size for part, size in zip(parts, sizes, strict=True))
        self.attributes: dict[str, Any] = parts[0].attributes | {"density": density / max(1, sum(sizes))}
        self.attributes |= _record(path.with_suffix(""))
        self.vectors: Rows = parts[0].vectors if len(parts) == 1 else Rows.stacked([part.vectors for part in parts])
        self.sizes = sizes
        self._ids = [part.ids for part in parts]

    @classmethod
    def open(cls, path: Path) -> "FeatureTable":
        """Open a table.

        Args:
            path: path of its first file, `NAME.h5`.

        Raises:
            FeatureError: the file is missing, damaged, or not a feature table of this format.
        """
        parts = [TableFile.read(path)]
        while (more := following(path, len(parts))).is_file():
            part = TableFile.read(more)
            if part.attributes.get("extends") != chain_token(parts):
                break  # left over from a table that was replaced
            parts.append(part)
        return cls(path, parts)

    def __len__(self) -> int:
        return len(self.present)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def item_ids(self) -> NDArray[np.object_]:
        """The item ids as Python strings, [n]."""
        return np.array([item.decode() for ids in self._ids for item in ids.tolist()], dtype=object)

    @property
    def encoder_folder(self) -> Path:
        """The folder of the table's encoder, for `load_encoder`."""
        return self.path.with_suffix("")

    @property
    def bytes(self) -> int:
        """The total size of its files in bytes."""
        return sum(file.stat().st_size for file in self.files)

    def token(self) -> str:
        """Return the hash by which a file of further rows identifies the files that it follows."""
        return chain_token([TableFile.read(file) for file in self.files])

    def holds(self, catalog: Catalog) -> bool:
        """Return True if its items are those of a catalog, in the same order."""
        return len(self) == len(catalog) and self.begins(catalog)

    def begins(self, catalog: Catalog) -> bool:
        """Return True if its items are the first items of a catalog, in the same order."""
        return len(self) <= len(catalog) and np.array_equal(self.item_ids, catalog.item_ids[: len(self)])

    def check(self, catalog: Catalog) -> None:
        """Raise unless the table has the items of a catalog.

        Raises:
            FeatureError: the items or their order differ.
        """
        if not self.holds(catalog):
            raise FeatureError(
                f"{self.path} was built for another catalog ({len(self):,} items; now {len(catalog):,}); "
                "build the features again, which encodes only what is new"
            )

    def csr(self) -> csr_matrix:
        """Return the vectors as a sparse matrix, converted block by block, [n, d]."""
        blocks = [
            csr_matrix(self.vectors[start : start + ROWS_AT_A_TIME].astype(np.float32))
            for start in range(0, max(1, len(self)), ROWS_AT_A_TIME)
        ]
        self.vectors.forget()
        return vstack(blocks, format="csr")


class TableFile(NamedTuple):
    """One file of a table; see `FeatureTable`. The ids are UTF-8, [m]."""

    path: Path
    attributes: dict[str, Any]
    ids: NDArray[np.bytes_]
    present: NDArray[np.bool_]
    fingerprints: NDArray[np.uint8]
    vectors: Rows

    @classmethod
    def read(cls, path: Path) -> "TableFile":
        """Open a file.

        Raises:
            FeatureError: the file is missing, damaged, or not a feature table of this format.
        """
        if not path.is_file():
            raise FeatureError(f"no feature table {path}")
        try:
            with h5py.File(path, "r") as file:
                attributes = json.loads(file.attrs["attributes"])
                if attributes["format"] != FORMAT:
                    raise OldFormatError(
                        f"{path} has format {attributes['format']}, this version reads {FORMAT}; build it again"
                    )
                _ = attributes["encoder"]["name"], attributes["fitted_on"]
                attributes["density"] = float(file["density"][0])
                shape, dtype, offset = file["vectors"].shape, file["vectors"].dtype, file["vectors"].id.get_offset()
                ids = file["item_ids"][:]
                present = file["present"][:].astype(bool)
                fingerprints = file["fingerprints"][:]
                if (
                    dtype not in (np.float32, np.float16)
                    or offset is None
                    or len(shape) != 2
                    or not shape[0] == len(ids) == len(present) == len(fingerprints)
                ):
                    raise ValueError("its datasets do not fit together")
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FeatureError(f"{path} is no readable feature table ({error}); delete it and build it again") from None
        if path.stat().st_size < offset + dtype.itemsize * shape[0] * shape[1]:
            raise FeatureError(f"{path} is cut short; delete it and build it again")
        return cls(path, attributes, ids, present, fingerprints, Rows.of_file(path, dtype, offset, shape))


class OldFormatError(FeatureError):
    """The table has the format of an earlier version."""


def following(path: Path, number: int) -> Path:
    """Return the path of a table's file of further rows; `number` counts from 1."""
    return path.with_name(f"{path.name}.{number}")


def chain_token(parts: list[TableFile]) -> str:
    """Return a hash of the files of a table without the vectors, which follow from the rest."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(json.dumps(part.attributes["encoder"], sort_keys=True).encode())
        digest.update(np.ascontiguousarray(part.ids).tobytes() + part.fingerprints.tobytes())
    return digest.hexdigest()


def _record(folder: Path) -> dict[str, Any]:
    """Return the build record beside the encoder; it differs from build to build, the table does not."""
    try:
        record = json.loads((folder / BUILD_RECORD).read_text(encoding="utf-8"))
        return {
            "seconds": float(record["seconds"]),
            "encoding": float(record["encoding"]),
            "encoded": int(record["encoded"]),
            "finished": str(record["finished"]),
            "machine": str(record["machine"]),
            "unreadable": dict(record["unreadable"]),
        }
    except (OSError, KeyError, TypeError, ValueError):
        return {"seconds": None, "encoding": None, "encoded": None, "finished": None, "machine": None, "unreadable": {}}
