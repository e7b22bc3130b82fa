"""Do items of one category lie together in the vectors of each feature table? After [semikin2019] Table 4.

No model is trained for this, and it does not say how well one would do: [semikin2019] Table 4 and Fig. 11 agree on
TF-IDF, but a table whose vectors lie apart by category may still hold nothing of what sells together.
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
from embrec.progress import Progress, silent
from embrec.runs.inputs import vectors


@dataclass(frozen=True)
class Silhouette:
    """One feature table by the categories of one level.

    Attributes:
        table: name of the table.
        level: how many names of a category path count; None for all.
        items: with a category and a vector.
        clusters: that these items are in.
        mean: silhouette over the items, from -1 to 1; None where there are too few clusters to compare.
        low: lower end of its bootstrap interval over items, the clusters being what they are.
        high: upper end.
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
    """Feature tables of one category, side by side.

    Attributes:
        category: its name.
        column: of the categories that items are clustered by.
        is_text: whether encoders read that column, unless they are told otherwise.
        catalog: how many items there are.
        sampled: whether they are a sample of those with a category.
        values: of each table at each level.
        stale: tables that were left out, for they were built for other items or contents.
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
        """The levels, in the order asked for."""
        return list(dict.fromkeys(value.level for value in self.values))

    @property
    def tables(self) -> list[str]:
        """The names of the tables, in the order asked for."""
        return list(dict.fromkeys(value.table for value in self.values))

    def at(self, level: int | None) -> list[Silhouette]:
        """Return the values of one level, a table each."""
        return [value for value in self.values if value.level == level]

    @property
    def title(self) -> str:
        """Say what is measured on what."""
        of = f"{SAMPLE:,} of {self.catalog:,} items" if self.sampled else f"{self.catalog:,} items"
        return f"{self.category}, silhouettes of {of} by {self.column!r}, distance 1 - cosine"

    def notes(self) -> list[str]:
        """Say what a reader of the values should know."""
        notes = []
        if self.is_text:
            notes.append(f"column {self.column!r} is among the texts that encoders read unless told otherwise")
        if self.stale:
            notes.append(f"left out, for they are stale (see embrec features list): {', '.join(self.stale)}")
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
        name: of the category.
        catalog: the items.
        tables: of this catalog.
        column: of the categories.
        levels: how many names of a category path count; None for all.
        seed: of the bootstrap.
        progress: told of every table.
    """
    kinds = {level: clustered(catalog, column, level) for level in levels}
    values = []
    for done, table in enumerate(tables, start=1):
        of_table = vectors(table)
        for level, all_kinds in kinds.items():
            of_kind = all_kinds.among(np.asarray(table.present, dtype=bool))
            samples = cosine_silhouettes([of_table[of_kind.rows]], of_kind.labels)
            values.append(_silhouette(table.path.stem, level, of_kind, samples, seed))
        progress("silhouettes", done, len(tables), table.path.stem)
    with_kind = int(catalog.frame[column].count())
    return Silhouettes(name, column, column in catalog.text_columns, len(catalog), with_kind > SAMPLE, values)


def _silhouette(
    table: str, level: int | None, kinds: Clustered, samples: NDArray[np.float64] | None, seed: int
) -> Silhouette:
    count = len(np.unique(kinds.labels))
    if samples is None:
        return Silhouette(table, level, len(kinds.labels), count)
    low, high = interval(bootstrap_means(samples[:, None], resamples=RESAMPLES, seed=seed), CONFIDENCE)
    return Silhouette(
        table, level, len(samples), count, float(samples.mean()), float(low[0]), float(high[0]),
        float((samples > 0).mean()),
    )  # fmt: skip


def level_words(level: int | None) -> str:
    """Name a level of category paths."""
    return "whole paths" if level is None else f"level {level}"


def tables_of(found: Silhouettes) -> list[Table]:
    """Return a table a level, a row for each feature table."""
    columns = ["feature table", "items", "categories", "silhouette", f"{CONFIDENCE:.0%} interval", "items above 0"]
    return [Table(level_words(level), columns, [_row(value) for value in found.at(level)]) for level in found.levels]


def _row(value: Silhouette) -> list[str]:
    cells = [value.table, f"{value.items:,}", f"{value.clusters:,}"]
    if value.mean is None:
        return [*cells, "-", "-", "-"]
    return [*cells, f"{value.mean:+.3f}", f"{value.low:+.3f} to {value.high:+.3f}", f"{value.positive:.1%}"]
