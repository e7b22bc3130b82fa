"""Attributes of items as arrays: numbers such as a price, and names such as a brand or a level of a category path.

A column is named as it stands in the catalog, and a level of its paths behind it: `price`, `brand`, `categories:level=2`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, DataError
from embrec.names import there_are

_SEPARATORS = (" > ", "|", ";", " / ", ", ")
_LARGEST = 2**30  # bytes of an attribute of lists
_LEVEL = re.compile(r"(?P<column>.+):level=(?P<level>[1-9][0-9]*)")


@dataclass(frozen=True)
class Attribute:
    """One attribute of n items, by tensor id.

    Attributes:
        values: numbers, float32 [n + 1], NaN where one is missing; or names, as their numbers in the vocabulary from 1, int64
            [n + 1], 0 where one is missing; or, for items with several names each, bool [n + 1, V + 1]. The padding has 0.
        vocabulary: the V names in alphabetical order; empty for numbers.
    """

    values: NDArray
    vocabulary: tuple[str, ...] = ()


def read_attribute(catalog: Catalog, name: str) -> Attribute:
    """Read an attribute of the items of a catalog.

    Columns of numbers and truth values are numbers, texts and dates are names. Of a column of lists, or of paths such as
    `Beauty > Hair Care`, a level is one name an item; without a level a list is several names, and a text is one.

    Args:
        catalog: the items, [n].
        name: a column, or a column and a level of its paths counted from 1, `categories:level=2`.

    Raises:
        DataError: there is no such column, it can be neither numbers nor names, or its lists have too many names.
        ConfigError: a level is asked of numbers.
    """
    found = None if name in catalog.frame.columns else _LEVEL.fullmatch(name)
    column, level = (name, None) if found is None else (found["column"], int(found["level"]))
    if column not in catalog.frame.columns:
        raise DataError(
            f"the catalog has no column {column!r} to read an attribute from{there_are(column, catalog.frame.columns)}"
        )
    values = catalog.frame[column]
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        if level is not None:
            raise ConfigError(
                f"attribute {name!r}: column {column!r} holds numbers, which have no levels; leave the level out"
            )
        return Attribute(_padded(values.cast(pl.Float32).fill_null(np.nan).to_numpy()))
    if isinstance(values.dtype, pl.List | pl.Array):
        lists = values.cast(pl.List(pl.String)).to_list()
        paths = [tuple(one for one in row or () if one) for row in lists]
        return _several_names(paths, name) if level is None else _names([path[level - 1 : level] for path in paths])
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object):
        raise DataError(f"column {column!r} of the catalog holds {values.dtype}, which is neither numbers nor names")
    texts = values.cast(pl.String).str.strip_chars().to_list()
    if level is None:
        return _names([(text,) if text else () for text in texts])
    return _names([path[level - 1 : level] for path in category_paths(texts)])


def renumbered(attribute: Attribute, vocabulary: Sequence[str]) -> NDArray:
    """Return the values of an attribute by the numbers of another vocabulary; names that it lacks count as missing.

    >>> renumbered(Attribute(np.array([0, 1, 2]), ("blue", "red")), ("green", "red"))
    array([0, 0, 2])
    """
    number = {name: place for place, name in enumerate(vocabulary, start=1)}
    numbers = np.array([0, *(number.get(name, 0) for name in attribute.vocabulary)])
    if attribute.values.ndim == 1:
        return attribute.values if attribute.values.dtype == np.float32 else numbers[attribute.values]
    found = np.zeros((len(attribute.values), len(vocabulary) + 1), dtype=bool)
    found[:, numbers] = attribute.values
    found[:, 0] = False
    return found


def category_paths(values: Sequence[str | None]) -> list[tuple[str, ...]]:
    """Return each text as a path from the general to the special, empty where there is none.

    The separator is whichever of those in use (`A > B`, `A|B`, `A;B`, `A / B`, `A, B`) most values have; a text without it
    is one name.

    >>> category_paths(["Beauty, Hair Care, Shampoos", "Beauty, Makeup", None])
    [('Beauty', 'Hair Care', 'Shampoos'), ('Beauty', 'Makeup'), ()]
    """
    texts = [value or "" for value in values]
    separator = max(_SEPARATORS, key=lambda candidate: sum(candidate in text for text in texts))
    return [tuple(part for piece in text.split(separator) if (part := piece.strip())) for text in texts]


def _names(of_items: Sequence[Sequence[str]]) -> Attribute:
    """Return the attribute of items that have at most one name each."""
    vocabulary = _vocabulary(of_items)
    number = {one: place for place, one in enumerate(vocabulary, start=1)}
    return Attribute(
        _padded(np.array([number[names[0]] if names else 0 for names in of_items], dtype=np.int64)), vocabulary
    )


def _several_names(of_items: Sequence[Sequence[str]], name: str) -> Attribute:
    """Return the attribute of items that may have several names each.

    Raises:
        DataError: there are too many names.
    """
    vocabulary = _vocabulary(of_items)
    if (len(of_items) + 1) * (len(vocabulary) + 1) > _LARGEST:
        raise DataError(
            f"attribute {name!r} has {len(vocabulary):,} different names in the lists of {len(of_items):,} items, too many to "
            f"mark each; name a level such as {f'{name}:level=1'!r}"
        )
    number = {one: place for place, one in enumerate(vocabulary, start=1)}
    values = np.zeros((len(of_items) + 1, len(vocabulary) + 1), dtype=bool)
    for row, names in enumerate(of_items, start=1):
        values[row, [number[one] for one in names]] = True
    return Attribute(values, vocabulary)


def _vocabulary(of_items: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for names in of_items for name in names}))


def _padded(values: NDArray) -> NDArray:
    """Return values of items with that of the padding before them, [n] -> [n + 1]."""
    return np.concatenate([np.zeros(1, dtype=values.dtype), values])
