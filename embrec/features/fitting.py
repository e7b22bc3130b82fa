"""Fitting of an encoder on the items that it may see; a fit on the same items is reused."""

import hashlib
import json
import platform
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.features.chain import Chain
from embrec.features.encoder import Contents, Encoder
from embrec.features.table import FeatureTable
from embrec.version import __version__

FIT = "fit.json"


class Fit(NamedTuple):
    """The origin of an encoder's fitted state.

    Attributes:
        items: hash of the items that the encoder was fitted on; None if it needs no fitting.
        n_items: number of these items.
        key: hash of everything that the fitted state depends on; None if it needs no fitting.
        seconds: time that the fit took when it was made.
    """

    items: str | None = None
    n_items: int = 0
    key: str | None = None
    seconds: float = 0.0


def fit(
    encoder: Encoder,
    catalog: Catalog,
    contents: Contents,
    fit_rows: NDArray[np.bool_] | None,
    folder: Path,
    base: FeatureTable | None = None,
) -> Fit:
    """Fit an encoder, unless it needs no fitting or the same fit exists already.

    Args:
        encoder: encoder to fit.
        catalog: all items, n of them.
        contents: contents that the encoder reads.
        fit_rows: True for the items that the encoder may be fitted on, [n]; all if None.
        folder: folder of the tables, where encoders with the same fit may be saved.
        base: table of the vectors of the chain's encoder, if it keeps them.
    """
    if not encoder.needs_fitting:
        return Fit()
    rows = np.arange(len(catalog)) if fit_rows is None else np.flatnonzero(fit_rows)
    items = sample_hash(catalog.item_ids[rows])
    digest = hashlib.blake2b(digest_size=16)
    parts = [encoder.describe(), versions(encoder), items, base.attributes["encoder"] if base is not None else None]
    digest.update(json.dumps(parts, sort_keys=True).encode() + contents.fingerprints[rows].tobytes())
    key = digest.hexdigest()
    if (seconds := _recall(encoder, key, folder)) is None:
        began = time.monotonic()
        if base is not None and isinstance(encoder, Chain):
            encoder.fit_on_table(base, rows)
        else:
            encoder.fit(catalog.select(rows))
        seconds = time.monotonic() - began
    return Fit(items, len(rows), key, seconds)


def _recall(encoder: Encoder, key: str, folder: Path) -> float | None:
    """Load the state of a saved encoder with the same fit and return the time of that fit; None if there is none."""
    for file in folder.glob(f"{encoder.full_name}-*/{FIT}"):
        with suppress(OSError, ValueError, KeyError, TypeError, EOFError):
            known = json.loads(file.read_text(encoding="utf-8"))
            if known["key"] == key:
                encoder.load_state(file.parent)
                return float(known["seconds"])
    return None


def sample_hash(item_ids: NDArray[np.object_]) -> str:
    """Return a hash of a set of items, independent of their order."""
    return hashlib.blake2b("\n".join(sorted(item_ids.tolist())).encode(), digest_size=16).hexdigest()


def versions(encoder: Encoder) -> dict[str, str]:
    """Return library -> version, for Python, this package and the libraries that an encoder depends on."""
    found = {"embrec": __version__, "python": platform.python_version()}
    for library in ("h5py", "numpy", *encoder.libraries):
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
