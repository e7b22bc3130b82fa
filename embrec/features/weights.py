"""Files of pretrained weights: hashes, and the error for those that cannot be loaded."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from embrec.errors import FeatureError


def hash_files(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 of a file, or of the names and SHA-256s of several, as hexadecimal text.

    Args:
        files: name -> path of each file; names, not paths, are hashed, so that a copy elsewhere has the same hash.

    Raises:
        FeatureError: a file cannot be read.
    """
    digests = {name: _sha256(path) for name, path in sorted(files.items())}
    if len(digests) == 1:
        return next(iter(digests.values()))
    listing = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    return hashlib.sha256(listing.encode()).hexdigest()


def broken(path: Path, what: str, error: Exception) -> FeatureError:
    """Return the one-line error for a part of a model that cannot be loaded.

    Args:
        path: file or folder that cannot be loaded.
        what: name of the part, such as "weights" or "tokenizer".
        error: the cause.
    """
    return FeatureError(f"{path}: the {what} cannot be loaded ({first_line(error)}); fetch or install the model again")


def first_line(reason: object) -> str:
    """Return the first line of a text or an error message; the type of an error without a message."""
    return str(reason).strip().partition("\n")[0] or type(reason).__name__


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise FeatureError(f"{path}: the weights cannot be read ({error.strerror or error})") from None
