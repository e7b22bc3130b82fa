"""Choosing the column, dataset or tensor that is meant: the one asked for, else the one of a usual name, else the only one."""

from collections.abc import Sequence
from pathlib import Path

from embrec.errors import FeatureError
from embrec.names import listed, there_are

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
            raise FeatureError(f"{path} has no {what} {asked!r} ({option}){_listed(asked, there)}")
        return asked
    for name in usual:
        if name in there:
            return name
    if len(there) > 1:
        raise FeatureError(f"{path} has more than one {what}; say which with {option}: {listed(there)}")
    return there[0] if there else None


def _listed(asked: str, there: Sequence[str]) -> str:
    return there_are(asked, there) if there else "; there is none"
