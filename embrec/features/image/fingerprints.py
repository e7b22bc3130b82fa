"""Content hashes of the image files of a catalog, cached so that unchanged files are not read again.

A file counts as unchanged if its size, modification time and change time are those recorded when it was hashed. (The system
sets the change time at every write, rename or change of permissions; no program can set it.)
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

# File systems store times in steps of up to two seconds, so a file written twice within one step looks unchanged.
_SETTLED_NS = 2_000_000_000


class Fingerprint(NamedTuple):
    """The state of a file when it was hashed.

    Attributes:
        size: size in bytes.
        modified_ns: modification time in nanoseconds.
        changed_ns: change time in nanoseconds.
        content: 16-byte hash of the content.
    """

    size: int
    modified_ns: int
    changed_ns: int
    content: bytes


Known = MutableMapping[str, Fingerprint]

_SCHEMA = {"path": pl.String, "size": pl.Int64, "modified_ns": pl.Int64, "changed_ns": pl.Int64, "content": pl.Binary}


def image_contents(catalog: Catalog, known: Known | None = None) -> Contents:
    """Return the hashes of the items' image files; a missing file counts as no image, an unreadable one does not.

    Args:
        catalog: items, n of them.
        known: path -> fingerprint. Files that are unchanged since are not read; the fingerprints of others are added.
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
    """Return the hash of a file, or None if there is none; an unreadable file gets the hash of its path."""
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
    except (
        FileNotFoundError,
        NotADirectoryError,
        ValueError,
    ):  # ValueError: an invalid path, such as one with a zero byte
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
    """Read the file that `save_fingerprints` wrote; return nothing if it is missing or damaged (it is only a cache)."""
    try:
        frame = pl.read_parquet(path)
        if frame.schema != pl.Schema(_SCHEMA):
            return {}
        return {name: Fingerprint(*stamp) for name, *stamp in frame.iter_rows()}
    except (OSError, pl.exceptions.PolarsError):
        return {}


def save_fingerprints(path: Path, known: Known) -> None:
    """Write fingerprints atomically, as Parquet.

    Args:
        path: file to write.
        known: path -> fingerprint.

    Raises:
        DataError: the file cannot be written.
    """
    rows = [(name, *fingerprint) for name, fingerprint in known.items()]
    write_parquet(pl.DataFrame(rows, schema=_SCHEMA, orient="row"), path)
