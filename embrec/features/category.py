"""The feature tables of a category: building them, finding the one that fits a split, listing what is there."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.data.store import load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import BuildReport, build, sample_hash
from embrec.features.encoder import ENCODERS, Encoder, load_encoder, make_encoder
from embrec.features.table import FeatureTable
from embrec.progress import Progress, silent
from embrec.workspace import Category


def build_features(
    category: Category,
    encoders: Sequence[str],
    *,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    columns: Sequence[str] | None = None,
    split: SplitConfig | None = None,
    fit_on: str = "train",
    progress: Progress = silent,
) -> Iterator[BuildReport]:
    """Build the tables of several encoders, one after the other; nothing is done before the first is asked for.

    Args:
        category: the prepared data.
        encoders: names from `ENCODERS`.
        params: encoder name -> its parameters, where they are not the defaults.
        columns: what the encoders of texts among them read; the text columns of the catalog if None.
        split: decides which items are training items; leave-one-out if None.
        fit_on: encoders that are fitted see the texts of the "train" items only, or of the whole "catalog" (the paper's way).
        progress: told of every block.

    Raises:
        ConfigError: an encoder, a parameter or `fit_on` is unknown, or none of the encoders reads columns; nothing is
            built then.
        FeatureError: a table cannot be built.
    """
    if fit_on not in ("train", "catalog"):
        raise ConfigError(f"fit_on is {fit_on!r}: use train or catalog")
    made = [_make(name, (params or {}).get(name, {}), columns) for name in encoders]
    if columns and not any(_reads_columns(encoder) for encoder in made):
        raise ConfigError(
            f"text columns {', '.join(columns)}: no encoder of texts is asked for, only {', '.join(encoders)}"
        )
    dataset = load_dataset(category)
    fit_rows = None
    if fit_on == "train":
        partition = (split or LeaveOneOut())(dataset.interactions, len(dataset.catalog))
        fit_rows = partition.train_items
    for encoder in made:
        yield build(dataset.catalog, encoder, category.features, fit_rows=fit_rows, progress=progress)


def _make(name: str, params: Mapping[str, Any], columns: Sequence[str] | None) -> Encoder:
    encoder = make_encoder(name, params)
    return make_encoder(name, {**params, "columns": tuple(columns)}) if columns and _reads_columns(encoder) else encoder


def _reads_columns(encoder: Encoder) -> bool:
    return "columns" in type(encoder.params).model_fields


def list_tables(
    category: Category, encoder: str = "*", *, damaged: Callable[[FeatureError], None] | None = None
) -> list[FeatureTable]:
    """Return the finished tables of a category, by name.

    Args:
        category: where to look.
        encoder: name of the encoder whose tables are meant; all if "*".
        damaged: told of every file that is no readable table.

    Raises:
        FeatureError: a file is no readable table, and `damaged` is None.
    """
    tables = []
    for path in sorted(category.features.glob(f"{encoder}-*.h5" if encoder != "*" else "*.h5")):
        try:
            tables.append(FeatureTable.open(path))
        except FeatureError as error:
            if damaged is None:
                raise
            damaged(error)
    return tables


def find_table(category: Category, name: str, catalog: Catalog, train_items: NDArray[np.bool_]) -> FeatureTable:
    """Return the table of an encoder that fits a catalog and a split; damaged and outdated ones beside it are passed over.

    Args:
        category: where to look.
        name: of an encoder, or the stem of a table (encoder and identity), or a path.
        catalog: the items that the table must hold.
        train_items: True for the training items, [n]: among the tables of a fitted encoder, the one that was fitted on these
            items is meant, else the one that was fitted on the whole catalog.

    Raises:
        FeatureError: there is none, or several, or its items or their contents have changed since it was built.
        ConfigError: no encoder has that name.
    """
    exact = Path(name) if name.endswith(".h5") else category.features / f"{name}.h5"
    if exact.is_file():
        table = FeatureTable.open(exact)
        _check(table, catalog)
        return table
    if name.rpartition("-")[0] not in ENCODERS and name not in ENCODERS:
        raise ConfigError(f"no feature table {name!r}, and no such encoder; there are: {', '.join(sorted(ENCODERS))}")
    damaged: list[FeatureError] = []
    tables = [
        table
        for table in list_tables(category, name, damaged=damaged.append)
        if table.attributes["encoder"]["name"] == name
    ]
    for sample in (catalog.item_ids[train_items], catalog.item_ids):
        wanted = {None, sample_hash(sample)}
        fitting = [table for table in tables if table.attributes["fitted_on"] in wanted]
        if len(fitting) > 1:
            fitting = [table for table in fitting if _is_current(table, catalog)] or fitting[:1]
        if len(fitting) > 1:
            names = ", ".join(table.path.stem for table in fitting)
            raise FeatureError(f"several feature tables of {name!r} fit; say which: {names}")
        if fitting:
            _check(fitting[0], catalog)
            return fitting[0]
    if damaged:
        raise damaged[0]
    encoder = shlex.quote(name.rpartition("-")[0] if name not in ENCODERS else name)
    command = f"embrec features build --category {category.name} --encoder {encoder}"
    if tables:
        raise FeatureError(
            f"the feature tables of {name!r} in category {category.name!r} were fitted on the training items of another split; "
            f"build one with the options of this split: {command} --split ..."
        )
    raise FeatureError(
        f"category {category.name!r} has no feature table {name!r}; build it with: {command} "
        "(and, for a fitted encoder, the --split and --holdout options of the training)"
    )


def _check(table: FeatureTable, catalog: Catalog) -> None:
    """Raise unless a table belongs to a catalog as it is now.

    Raises:
        FeatureError: the items, their order or their contents differ, or the encoder beside the table cannot be read.
    """
    table.check(catalog)
    fingerprints = load_encoder(table.encoder_folder).contents(catalog).fingerprints
    changed = int((fingerprints != table.fingerprints).any(axis=1).sum())
    if changed:
        raise FeatureError(
            f"the contents of {changed:,} items have changed since {table.path} was built; run embrec features build again, "
            "which encodes only what has changed"
        )


def _is_current(table: FeatureTable, catalog: Catalog) -> bool:
    try:
        _check(table, catalog)
    except FeatureError:
        return False
    return True
