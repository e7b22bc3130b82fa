"""What the image files of a catalog contain, as hashes, without reading again what has not changed.

A file is taken as unchanged if its size, its time of modification and its time of change (which the system sets at every
write, rename or change of permissions, and no program can set) are those of when it was hashed.
"""

import hashlib
import os
import stat
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from embrec.data.catalog import Catalog, content_hashes
from embrec.features.encoder import Contents
from embrec.files import write_parquet

FILE = "image-fingerprints.parquet"

# File systems keep times in steps of up to two seconds: a file written twice within one step looks unchanged.
_SETTLED_NS = 2_000_000_000


class Fingerprint(NamedTuple):
    """A file as it was when it was hashed.

    Attributes:
        size: in bytes.
        modified_ns: time of modification.
        changed_ns: time of change.
        content: 16-byte hash.
    """

    size: int
    modified_ns: int
    changed_ns: int
    content: bytes


Known = MutableMapping[str, Fingerprint]

_SCHEMA = {"path": pl.String, "size": pl.Int64, "modified_ns": pl.Int64, "changed_ns": pl.Int64, "content": pl.Binary}


def image_contents(catalog: Catalog, known: Known | None = None) -> Contents:
    """Return the fingerprints of the items' image files; a missing file counts as no image, an unreadable one does not.

    Args:
        catalog: the items.
        known: path -> fingerprint; files that stand here as they are now are not read, others are added.
    """
    known = {} if known is None else known
    nothing, filled, fingerprints = content_hashes([b""])[0].tobytes(), [], []
    for path in catalog.image_paths():
        fingerprint = None if path is None else _content(path, known)
        filled.append(fingerprint is not None)
        fingerprints.append(fingerprint or nothing)
    table = np.frombuffer(b"".join(fingerprints), dtype=np.uint8).reshape(len(filled), 16)
    return Contents(table, np.array(filled, dtype=bool), np.zeros(len(filled), dtype=np.int64))


def _content(path: Path, known: Known) -> bytes | None:
    """Return the hash of a file, None if there is none; of its path where it may not be read, which decoding will report."""
    name = str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError
        stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if (old := known.get(name)) is not None and old[:3] == stamp:
            return old.content
        known.pop(name, None)
        started = time.time_ns()
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = hashlib.file_digest(stream, _blake).digest()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no path at all, as one with a zero byte
        known.pop(name, None)
        return None
    except OSError:
        return content_hashes([name])[0].tobytes()
    if stamp == (status.st_size, status.st_mtime_ns, status.st_ctime_ns) and max(stamp[1:]) < started - _SETTLED_NS:
        known[name] = Fingerprint(*stamp, content)
    return content


def _blake() -> Any:
    return hashlib.blake2b(digest_size=16)  # as `content_hashes`


def load_fingerprints(path: Path) -> dict[str, Fingerprint]:
    """Return what `save_fingerprints` wrote; nothing where the file is missing or damaged, for it can be made again."""
    try:
        frame = pl.read_parquet(path)
        if frame.schema != pl.Schema(_SCHEMA):
            return {}
        return {name: Fingerprint(*stamp) for name, *stamp in frame.iter_rows()}
    except (OSError, pl.exceptions.PolarsError):
        return {}


def save_fingerprints(path: Path, known: Known) -> None:
    """Write fingerprints atomically, as Parquet.

    Raises:
        DataError: the file cannot be written.
    """
    rows = [(name, *fingerprint) for name, fingerprint in known.items()]
    write_parquet(pl.DataFrame(rows, schema=_SCHEMA, orient="row"), path)
