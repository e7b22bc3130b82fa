"""The feature tables of a category: building them, finding the one that fits a split, listing what is there."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.data.store import load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import BuildReport, build, sample_hash
from embrec.features.encoder import ENCODERS, make_encoder
from embrec.features.table import FeatureTable
from embrec.progress import Progress, silent
from embrec.workspace import Category


def build_features(
    category: Category,
    encoders: Sequence[str],
    *,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    split: SplitConfig | None = None,
    fit_on: str = "train",
    progress: Progress = silent,
) -> Iterator[BuildReport]:
    """Build the tables of several encoders, one after the other; nothing is done before the first is asked for.

    Args:
        category: the prepared data.
        encoders: names from `ENCODERS`.
        params: encoder name -> its parameters, where they are not the defaults.
        split: decides which items are training items; leave-one-out if None.
        fit_on: encoders that are fitted see the texts of the "train" items only, or of the whole "catalog" (the paper's way).
        progress: told of every block.

    Raises:
        ConfigError: an encoder, a parameter or `fit_on` is unknown; nothing is built then.
        FeatureError: a table cannot be built.
    """
    if fit_on not in ("train", "catalog"):
        raise ConfigError(f"fit_on is {fit_on!r}: use train or catalog")
    made = [make_encoder(name, (params or {}).get(name)) for name in encoders]
    dataset = load_dataset(category)
    fit_rows = None
    if fit_on == "train":
        partition = (split or LeaveOneOut())(dataset.interactions, len(dataset.catalog))
        fit_rows = partition.train_items
    for encoder in made:
        yield build(dataset.catalog, encoder, category.features, fit_rows=fit_rows, progress=progress)


def list_tables(category: Category) -> list[FeatureTable]:
    """Return the finished tables of a category, by name."""
    return [FeatureTable.open(path) for path in sorted(category.features.glob("*.h5"))]


def find_table(category: Category, name: str, catalog: Catalog, train_items: NDArray[np.bool_]) -> FeatureTable:
    """Return the table of an encoder that fits a catalog and a split.

    Args:
        category: where to look.
        name: of an encoder, or the stem of a table (encoder and identity), or a path.
        catalog: the items that the table must hold.
        train_items: True for the training items, [n]: among the tables of a fitted encoder, the one that was fitted on these
            items is meant, else the one that was fitted on the whole catalog.

    Raises:
        FeatureError: there is none, or several.
        ConfigError: no encoder has that name.
    """
    exact = Path(name) if name.endswith(".h5") else category.features / f"{name}.h5"
    if exact.is_file():
        table = FeatureTable.open(exact)
        table.check(catalog)
        return table
    if name.rpartition("-")[0] not in ENCODERS and name not in ENCODERS:
        raise ConfigError(f"no feature table {name!r}, and no such encoder; there are: {', '.join(sorted(ENCODERS))}")
    tables = [table for table in list_tables(category) if table.attributes["encoder"]["name"] == name]
    for sample in (catalog.item_ids[train_items], catalog.item_ids):
        wanted = {None, sample_hash(sample)}
        fitting = [table for table in tables if table.attributes["fitted_on"] in wanted]
        if len(fitting) > 1:
            names = ", ".join(table.path.stem for table in fitting)
            raise FeatureError(f"several feature tables of {name!r} fit; say which: {names}")
        if fitting:
            fitting[0].check(catalog)
            return fitting[0]
    encoder = shlex.quote(name.rpartition("-")[0] if name not in ENCODERS else name)
    command = f"embrec features build --category {category.name} --encoder {encoder}"
    if tables:
        raise FeatureError(
            f"the feature tables of {name!r} in category {category.name!r} were fitted on the training items of another split; "
            f"build one with the options of this split: {command} --split ..."
        )
    raise FeatureError(f"category {category.name!r} has no feature table {name!r}; build it with: {command}")
