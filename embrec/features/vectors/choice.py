"""Choice of a column, dataset or tensor by name: the requested one, else one with a usual name, else the only one."""

from collections.abc import Sequence
from pathlib import Path

from embrec.errors import FeatureError
from embrec.names import listed, there_are

ID_NAMES = ("item", "item_id", "item_ids", "id", "ids", "asin")
VECTOR_NAMES = ("vectors", "vector", "embeddings", "embedding", "features")


def choose(
    path: Path, what: str, there: Sequence[str], asked: str | None, usual: Sequence[str], option: str
) -> str | None:
    """Choose a name.

    Args:
        path: file, for messages.
        what: kind of thing that is chosen, for messages: "column of item ids", "dataset of vectors" ...
        there: names to choose from.
        asked: name that the user gave, None if none.
        usual: names that are preferred, in this order.
        option: parameter by which the user gives a name, for messages: "id_column=".

    Returns:
        The chosen name; None if there is nothing to choose from and none was requested.

    Raises:
        FeatureError: the requested name does not exist, or several names fit.

    Examples:
        >>> choose(Path("v.h5"), "dataset", ["mean", "vectors"], None, VECTOR_NAMES, "key=")
        'vectors'
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
