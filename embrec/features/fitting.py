"""Fitting an encoder on the items it may see, once: what was learned from the same items is read again."""

import hashlib
import json
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec import __version__
from embrec.data.catalog import Catalog
from embrec.features.chain import Chain
from embrec.features.encoder import Contents, Encoder
from embrec.features.table import FeatureTable

FIT = "fit.json"


def fit(
    encoder: Encoder,
    catalog: Catalog,
    contents: Contents,
    fit_rows: NDArray[np.bool_] | None,
    folder: Path,
    base: FeatureTable | None = None,
) -> dict[str, Any]:
    """Fit an encoder if it needs it, and return what its table says about that.

    Args:
        encoder: to be fitted.
        catalog: all items.
        contents: what the encoder reads of them.
        fit_rows: True for the items that it may be fitted on, [n]; all if None.
        folder: of the tables, whose encoders may have learned the same before.
        base: for a chain, the table of its encoder's own vectors, where it keeps them.

    Returns:
        `fitted_on` (hash of the items), `fitted_items` (their number) and `fit` (hash of all it learned from), or None and 0
        for an encoder that has nothing to learn.
    """
    if not encoder.needs_fitting:
        return {"fitted_on": None, "fitted_items": 0, "fit": None}
    rows = np.arange(len(catalog)) if fit_rows is None else np.flatnonzero(fit_rows)
    items = sample_hash(catalog.item_ids[rows])
    digest = hashlib.blake2b(digest_size=16)
    parts = [encoder.describe(), versions(encoder), items, base.attributes["encoder"] if base is not None else None]
    digest.update(json.dumps(parts, sort_keys=True).encode() + contents.fingerprints[rows].tobytes())
    key = digest.hexdigest()
    if not _recall(encoder, key, folder):
        if base is not None and isinstance(encoder, Chain):
            encoder.fit_on_table(base, rows)
        else:
            encoder.fit(catalog.select(rows))
    return {"fitted_on": items, "fitted_items": len(rows), "fit": key}


def _recall(encoder: Encoder, key: str, folder: Path) -> bool:
    """Read the state of an encoder that has learned from the same, if there is one."""
    for file in folder.glob(f"{encoder.full_name}-*/{FIT}"):
        with suppress(OSError, ValueError, KeyError, TypeError, EOFError):
            if json.loads(file.read_text(encoding="utf-8")) == key:
                encoder.load_state(file.parent)
                return True
    return False


def sample_hash(item_ids: NDArray[np.object_]) -> str:
    """Return a hash of the set of items that an encoder was fitted on."""
    return hashlib.blake2b("\n".join(sorted(item_ids.tolist())).encode(), digest_size=16).hexdigest()


def versions(encoder: Encoder) -> dict[str, str]:
    """Return the versions of the libraries that an encoder depends on."""
    found = {"embrec": __version__, "python": platform.python_version()}
    for library in ("h5py", "numpy", *encoder.libraries):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
