"""The identity of weights that live in files."""

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


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FeatureError(f"{path}: the weights cannot be read ({error.strerror or error})") from None
