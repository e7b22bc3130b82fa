"""Silhouettes: how well items of one category lie together in the space of the raw item vectors.

From -1 (every item is nearer to another category) over 0 (categories overlap) to 1.

Source: [rousseeuw1987], as in [semikin2019] Table 4, which names neither its distance nor its categories. Here the
distance is 1 - cosine, and a category is the longest beginning of an item's category path that enough items share.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from embrec.data.attributes import category_paths
from embrec.data.catalog import Catalog
from embrec.errors import ConfigError
from embrec.features.encoder import Vectors
from embrec.names import there_are

CATEGORY_COLUMNS = ("category", "categories", "main_cat", "genres", "department")
SAMPLE = 5000  # items at most: the distances of all pairs of them take 100 MB


def category_column(catalog: Catalog, asked: str | None = None) -> str | None:
    """Return the column with the category of an item.

    Args:
        catalog: the items.
        asked: requested column; if None, the first of `CATEGORY_COLUMNS` that is not empty is taken.

    Returns:
        The name of the column; None if there is none.

    Raises:
        ConfigError: the requested column does not exist.
    """
    columns = catalog.frame.columns
    if asked is not None:
        if asked not in columns:
            raise ConfigError(f"the catalog has no column {asked!r} to cluster by{there_are(asked, columns)}")
        return asked
    return next((name for name in CATEGORY_COLUMNS if name in columns and catalog.frame[name].count()), None)


def clusters(paths: Sequence[tuple[str, ...]], *, level: int | None = None, smallest: int = 10) -> NDArray[np.int64]:
    """Return the cluster of each item, from 0, or -1 where it has none, [k].

    Args:
        paths: category path of each item, from the general to the special, k paths.
        level: number of names of a path that are used; all if None.
        smallest: smallest number of items of a cluster. An item with a rarer path belongs to the longest beginning of its path
            that is frequent enough, so that a cluster contains the items that its frequent subcategories leave over.

    >>> clusters([("A", "x"), ("A", "x"), ("A", "y"), ("A", "z"), ("B",)], smallest=2).tolist()
    [1, 1, 0, 0, -1]
    """
    cut = [path[:level] for path in paths]
    shared = Counter(path[:length] for path in cut for length in range(1, len(path) + 1))
    chosen = [
        next((path[:length] for length in range(len(path), 0, -1) if shared[path[:length]] >= smallest), ())
        for path in cut
    ]
    number = {name: place for place, name in enumerate(sorted(set(chosen) - {()}))}
    return np.array([number.get(name, -1) for name in chosen], dtype=np.int64)


class Clustered(NamedTuple):
    """Items with a category.

    Attributes:
        rows: rows of the catalog, increasing, [k].
        labels: cluster of each item, [k].
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]

    def among(self, present: NDArray[np.bool_]) -> "Clustered":
        """Return the items that are present, by a mask of the catalog, [n]."""
        return Clustered(self.rows[present[self.rows]], self.labels[present[self.rows]])


def clustered(catalog: Catalog, column: str | None, level: int | None = None) -> Clustered:
    """Return the items whose silhouette is computed, with their clusters: all with a category, or a sample of `SAMPLE`.

    Args:
        catalog: the items.
        column: column of categories; there are no clusters if None.
        level: number of names of a category path that are used; all if None.
    """
    if column is None:
        return Clustered(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    paths = category_paths(catalog.frame[column].cast(str).to_list())
    rows = np.flatnonzero([len(path) > 0 for path in paths])
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
    labels = clusters([paths[row] for row in rows], level=level)
    return Clustered(rows[labels >= 0], labels[labels >= 0])


def cosine_silhouette(sources: Sequence[Vectors], labels: NDArray[np.int64]) -> float | None:
    """Return the mean of `cosine_silhouettes`, or None if it returns None."""
    values = cosine_silhouettes(sources, labels)
    return None if values is None else float(values.mean())


def cosine_silhouettes(sources: Sequence[Vectors], labels: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the silhouette of each item with the distance 1 - cosine, [known].

    All sources have equal weight: their vectors are scaled to unit length and concatenated, so that the cosine is the mean of
    the cosines of the sources. Source: [rousseeuw1987].

    Args:
        sources: vectors of the same k items, dense or sparse, [k, d_s] for each source. Items whose vectors are zero in all
            sources are left out, since they have no direction.
        labels: cluster of each item, [k].

    Returns:
        The silhouettes; None if fewer than two clusters are left, or no cluster with two items.

    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], dtype=np.float32)
    >>> cosine_silhouettes([vectors], np.array([0, 0, 1, 1])).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    from sklearn.metrics import silhouette_samples
    from sklearn.preprocessing import normalize

    known = np.flatnonzero(sum(np.asarray(abs(vectors).sum(axis=1)).ravel() for vectors in sources) > 0)
    sources, labels = [vectors[known] for vectors in sources], labels[known]
    if not 2 <= len(np.unique(labels)) < len(labels):
        return None
    similarity = np.zeros((len(labels), len(labels)), dtype=np.float32)
    filled = np.zeros(len(labels), dtype=np.float32)  # number of sources in which an item has a vector
    for vectors in sources:
        unit = normalize(vectors.astype(np.float32))
        product = unit @ unit.T
        similarity += product.toarray() if isinstance(product, csr_matrix) else product
        filled += np.asarray(abs(unit).sum(axis=1)).ravel() > 0
    scale = 1 / np.sqrt(filled)
    distance = np.clip(1 - similarity * scale[:, None] * scale, 0, 2)
    np.fill_diagonal(distance, 0)
    values: NDArray[np.float64] = silhouette_samples(distance, labels, metric="precomputed").astype(np.float64)
    return values
