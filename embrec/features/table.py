"""The feature table: one HDF5 file with the vectors of one encoder for a whole catalog.

The vectors are one contiguous dataset, so that readers map them into memory and random rows cost no HDF5 call.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError

FORMAT = 1
RECORD = "build.json"
ROWS_AT_A_TIME = 4096


class FeatureTable:
    """A finished table, read-only. Row r belongs to item r of the catalog that it was built for.

    Attributes:
        path: of the file; its stem names the encoder's identity.
        item_ids: [n].
        present: False where an item had nothing to encode; its vector is zero, [n].
        fingerprints: hashes of what was encoded, [n, 16].
        attributes: `encoder` (identity), `fitted_on` (hash of the items it was fitted on, None where nothing is fitted),
            `fitted_items` (their number), `versions` of the libraries, `density` (share of non-zero entries); and, from the
            record beside the encoder, None or empty where that is gone: `seconds` (time spent encoding), `finished` (UTC)
            and `unreadable` (item id -> reason). They are not in the table, so that equal vectors are equal files.
        vectors: mapped into memory, [n, d].
    """

    def __init__(
        self,
        path: Path,
        item_ids: NDArray[np.object_],
        present: NDArray[np.bool_],
        fingerprints: NDArray[np.uint8],
        attributes: dict[str, Any],
        vectors: NDArray[np.float32],
    ) -> None:
        self.path = path
        self.item_ids = item_ids
        self.present = present
        self.fingerprints = fingerprints
        self.attributes = attributes
        self.vectors = vectors

    @classmethod
    def open(cls, path: Path) -> "FeatureTable":
        """Open a table.

        Raises:
            FeatureError: the file is missing, damaged, or no feature table of this format.
        """
        if not path.is_file():
            raise FeatureError(f"no feature table {path}")
        try:
            with h5py.File(path, "r") as file:
                attributes = json.loads(file.attrs["attributes"])
                if attributes["format"] != FORMAT:
                    raise FeatureError(
                        f"{path} has format {attributes['format']}, this version reads {FORMAT}; build it again"
                    )
                _ = attributes["encoder"]["name"], attributes["fitted_on"]
                attributes["density"] = float(file["density"][0])
                shape, dtype, offset = file["vectors"].shape, file["vectors"].dtype, file["vectors"].id.get_offset()
                item_ids = file["item_ids"].asstr()[:]
                present = file["present"][:].astype(bool)
                fingerprints = file["fingerprints"][:]
                if (
                    dtype != np.float32
                    or offset is None
                    or len(shape) != 2
                    or not shape[0] == len(item_ids) == len(present) == len(fingerprints)
                ):
                    raise ValueError("its parts do not belong together")
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FeatureError(f"{path} is no readable feature table ({error}); delete it and build it again") from None
        if path.stat().st_size < offset + 4 * shape[0] * shape[1]:
            raise FeatureError(f"{path} is cut short; delete it and build it again")
        vectors: NDArray[np.float32]
        vectors = (
            np.memmap(path, np.float32, "r", offset, shape) if shape[0] and shape[1] else np.zeros(shape, np.float32)
        )
        return cls(path, item_ids, present, fingerprints, attributes | _record(path.with_suffix("")), vectors)

    def __len__(self) -> int:
        return len(self.item_ids)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    @property
    def encoder_folder(self) -> Path:
        """The folder of the encoder that made this table, for `load_encoder`."""
        return self.path.with_suffix("")

    @cached_property
    def row_of_content(self) -> dict[bytes, int]:
        """Fingerprint -> a row with that content."""
        return {fingerprint.tobytes(): row for row, fingerprint in enumerate(self.fingerprints)}

    def check(self, catalog: Catalog) -> None:
        """Raise unless the table belongs to this catalog.

        Raises:
            FeatureError: the items or their order differ.
        """
        if len(self) != len(catalog) or not np.array_equal(self.item_ids, catalog.item_ids):
            raise FeatureError(
                f"{self.path} was built for another catalog ({len(self):,} items; now {len(catalog):,}); run "
                "embrec features build again, which encodes only what is new"
            )

    def csr(self) -> csr_matrix:
        """Return the vectors as a sparse matrix, never holding more than a block of them densely."""
        blocks = [
            csr_matrix(self.vectors[start : start + ROWS_AT_A_TIME])
            for start in range(0, max(1, len(self)), ROWS_AT_A_TIME)
        ]
        return vstack(blocks, format="csr")


def _record(folder: Path) -> dict[str, Any]:
    """Return what stands beside the encoder about the build: it differs from build to build, the table does not."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {
            "seconds": float(record["seconds"]),
            "finished": str(record["finished"]),
            "unreadable": dict(record["unreadable"]),
        }
    except (OSError, KeyError, TypeError, ValueError):
        return {"seconds": None, "finished": None, "unreadable": {}}
