"""Silhouettes of the categories of items in the vectors of each feature table, after [semikin2019] Table 4.

No model is trained, and a high silhouette does not promise good recommendations. [semikin2019] Table 4 and Fig. 11 agree on
TF-IDF, but vectors that separate categories well may still not tell which items are bought together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES
from embrec.comparisons.tables import Table
from embrec.data.catalog import Catalog
from embrec.evaluation.silhouette import SAMPLE, Clustered, clustered, cosine_silhouettes
from embrec.evaluation.statistics import bootstrap_means, interval
from embrec.features.table import FeatureTable
from embrec.parameters import call
from embrec.progress import Progress, silent
from embrec.runs.inputs import vectors


@dataclass(frozen=True)
class Silhouette:
    """One feature table by the categories of one level.

    Attributes:
        table: name of the table.
        level: depth at which category paths are cut; None for whole paths.
        items: number of items with a category and a vector.
        clusters: number of categories of these items.
        mean: mean silhouette over the items, from -1 to 1; None if there are fewer than two categories.
        low: lower end of its bootstrap interval over items, with fixed clusters.
        high: upper end of that interval.
        positive: share of the items that are nearer to their own category than to any other.
    """

    table: str
    level: int | None
    items: int
    clusters: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    positive: float | None = None


@dataclass(frozen=True)
class Silhouettes:
    """Silhouettes of the feature tables of one data set.

    Attributes:
        category: name of the data set.
        column: column with the categories of items.
        is_text: True if encoders read that column by default.
        catalog: number of items in the catalog.
        sampled: True if the silhouettes are those of a sample of the items with a category.
        values: silhouettes of each table at each level.
        stale: names of tables that were left out because items or contents have changed.
    """

    category: str
    column: str
    is_text: bool
    catalog: int
    sampled: bool
    values: Sequence[Silhouette]
    stale: tuple[str, ...] = ()

    @property
    def levels(self) -> list[int | None]:
        """The levels, in the given order."""
        return list(dict.fromkeys(value.level for value in self.values))

    @property
    def tables(self) -> list[str]:
        """The names of the tables, in the given order."""
        return list(dict.fromkeys(value.table for value in self.values))

    def at(self, level: int | None) -> list[Silhouette]:
        """Return the silhouettes of one level, one per table."""
        return [value for value in self.values if value.level == level]

    @property
    def title(self) -> str:
        """The title of the figure: data set, items, column and distance."""
        of = f"{SAMPLE:,} of {self.catalog:,} items" if self.sampled else f"{self.catalog:,} items"
        return f"{self.category}, silhouettes of {of} by {self.column!r}, distance 1 - cosine"

    def notes(self) -> list[str]:
        """Return remarks for readers of the values."""
        notes = []
        if self.is_text:
            notes.append(f"column {self.column!r} is among the texts that encoders read unless told otherwise")
        if self.stale:
            notes.append(f"left out, for they are stale (see {call('list_tables')}): {', '.join(self.stale)}")
        alone = [level_words(level) for level in self.levels if all(one.mean is None for one in self.at(level))]
        if alone:
            notes.append(f"there are no two categories to compare at {' and '.join(alone)}")
        return notes


def measure(
    name: str,
    catalog: Catalog,
    tables: Sequence[FeatureTable],
    column: str,
    levels: Sequence[int | None],
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Silhouettes:
    """Return the silhouettes of each table at each level.

    Args:
        name: name of the data set.
        catalog: the catalog.
        tables: feature tables of this catalog.
        column: column with the categories of items.
        levels: depths at which category paths are cut; None for whole paths.
        seed: seed of the bootstrap.
        progress: callback, called after each table.
    """
    clusterings = {level: clustered(catalog, column, level) for level in levels}
    values = []
    for done, table in enumerate(tables, start=1):
        matrix = vectors(table)
        for level, clustering in clusterings.items():
            present = clustering.among(np.asarray(table.present, dtype=bool))
            samples = cosine_silhouettes([matrix[present.rows]], present.labels)
            values.append(_silhouette(table.path.stem, level, present, samples, seed))
        progress("silhouettes", done, len(tables), table.path.stem)
    with_category = int(catalog.frame[column].count())
    return Silhouettes(name, column, column in catalog.text_columns, len(catalog), with_category > SAMPLE, values)


def _silhouette(
    table: str, level: int | None, clusters: Clustered, samples: NDArray[np.float64] | None, seed: int
) -> Silhouette:
    count = len(np.unique(clusters.labels))
    if samples is None:
        return Silhouette(table, level, len(clusters.labels), count)
    low, high = interval(bootstrap_means(samples[:, None], resamples=RESAMPLES, seed=seed), CONFIDENCE)
    return Silhouette(
        table,
        level,
        len(samples),
        count,
        float(samples.mean()),
        float(low[0]),
        float(high[0]),
        float((samples > 0).mean()),
    )


def level_words(level: int | None) -> str:
    """Return the name of a level of category paths."""
    return "whole paths" if level is None else f"level {level}"


def tables_of(found: Silhouettes) -> list[Table]:
    """Return a table for each level, with a row for each feature table."""
    columns = ["feature table", "items", "categories", "silhouette", f"{CONFIDENCE:.0%} interval", "items above 0"]
    return [Table(level_words(level), columns, [_row(value) for value in found.at(level)]) for level in found.levels]


def _row(value: Silhouette) -> list[str]:
    cells = [value.table, f"{value.items:,}", f"{value.clusters:,}"]
    if value.mean is None:
        return [*cells, "-", "-", "-"]
    return [*cells, f"{value.mean:+.3f}", f"{value.low:+.3f} to {value.high:+.3f}", f"{value.positive:.1%}"]
