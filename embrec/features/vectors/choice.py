"""Choosing the column, dataset or tensor that is meant: the one asked for, else the one of a usual name, else the only one."""

from collections.abc import Sequence
from pathlib import Path

from embrec.errors import FeatureError

ID_NAMES = ("item", "item_id", "item_ids", "id", "ids", "asin")
VECTOR_NAMES = ("vectors", "vector", "embeddings", "embedding", "features")


def choose(
    path: Path, what: str, there: Sequence[str], asked: str | None, usual: Sequence[str], option: str
) -> str | None:
    """Return the name that is meant, None where nothing was asked for and nothing fits.

    Args:
        path: of the file.
        what: is chosen: "column of item ids", "dataset of vectors" ...
        there: the names to choose from.
        asked: the name that the user gave.
        usual: names that win over others.
        option: that names it.

    Raises:
        FeatureError: the name asked for is not there, or several fit.
    """
    if asked is not None:
        if asked not in there:
            raise FeatureError(f"{path} has no {what} {asked!r} ({option}); {_listed(there)}")
        return asked
    for name in usual:
        if name in there:
            return name
    if len(there) > 1:
        raise FeatureError(f"{path} has more than one {what}; say which with {option}: {', '.join(_short(there))}")
    return there[0] if there else None


def _listed(there: Sequence[str]) -> str:
    return f"there are: {', '.join(_short(there))}" if there else "there is none"


def _short(names: Sequence[str], most: int = 12) -> list[str]:
    return [*names[:most], *([f"and {len(names) - most:,} more"] if len(names) > most else [])]
