"""Silhouettes of the category clusters in the raw item vectors, computed once for each set of feature tables."""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from embrec.comparisons.results import Clusters
from embrec.comparisons.store import ComparisonFolder
from embrec.comparisons.variants import ClusterChoice
from embrec.data.catalog import Catalog
from embrec.evaluation.silhouette import Clustered, clustered, cosine_silhouette
from embrec.features.table import FeatureTable
from embrec.runs.inputs import vectors


class SilhouetteCache:
    """The silhouettes of one comparison.

    Args:
        catalog: the items.
        choice: their categories; None for no silhouettes.
        folder: keeps what was computed.
    """

    def __init__(self, catalog: Catalog, choice: ClusterChoice | None, folder: ComparisonFolder) -> None:
        self._catalog, self._folder = catalog, folder
        self._column, self._level = (None, None) if choice is None else (choice.column, choice.level)

    @cached_property
    def _clustered(self) -> Clustered:
        return clustered(self._catalog, self._column, self._level)

    def clusters(self) -> Clusters | None:
        """Return a summary of the categories; None where there are none."""
        if self._column is None:
            return None
        rows, labels = self._clustered
        if not len(rows):
            return None
        is_text = self._column in self._catalog.text_columns
        return Clusters(self._column, self._level, is_text, len(rows), len(np.unique(labels)))

    def of(self, tables: Sequence[FeatureTable]) -> float | None:
        """Return the silhouette in the vectors of some tables, side by side; None where there are no categories."""
        if self._column is None:
            return None
        rows, labels = self._clustered.among(np.any([table.present for table in tables], axis=0))
        digest = hashlib.blake2b(rows.tobytes() + labels.tobytes(), digest_size=8)
        for table in tables:
            digest.update(table.path.stem.encode() + np.ascontiguousarray(table.fingerprints).tobytes())
        try:
            return self._folder.silhouette(digest.hexdigest())
        except KeyError:
            value = cosine_silhouette([vectors(table)[rows] for table in tables], labels)
            self._folder.save_silhouette(digest.hexdigest(), value)
            return value
