"""Weights that live in files: their identity, and what is said where they cannot be loaded."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from embrec.errors import FeatureError


def hash_files(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 of a file, or of the names and SHA-256s of several, as hexadecimal text.

    Args:
        files: name -> path; the names, not the paths, are hashed, so that a copy elsewhere has the same hash.

    Raises:
        FeatureError: a file cannot be read.
    """
    digests = {name: _sha256(path) for name, path in sorted(files.items())}
    if len(digests) == 1:
        return next(iter(digests.values()))
    listing = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    return hashlib.sha256(listing.encode()).hexdigest()


def broken(path: Path, what: str, error: Exception) -> FeatureError:
    """Return the error that says in one line that a part of a model cannot be loaded."""
    return FeatureError(f"{path}: the {what} cannot be loaded ({first_line(error)}); fetch or install the model again")


def first_line(reason: object) -> str:
    """Return the first line of an error's message, or of a text; the kind of an error that says nothing."""
    return str(reason).strip().partition("\n")[0] or type(reason).__name__


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FeatureError(f"{path}: the weights cannot be read ({error.strerror or error})") from None
