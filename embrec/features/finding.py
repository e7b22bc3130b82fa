"""Look-up of a category's feature tables: listing them, finding one by name or spec, and detecting stale ones."""

import contextlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut, SplitConfig, split_text
from embrec.data.store import Dataset, load_dataset
from embrec.errors import DataError, EmbrecError, FeatureError
from embrec.features.encoder import Encoder, name_in_stem
from embrec.features.fitting import sample_hash
from embrec.features.registry import ENCODERS, EncoderSpec, load_encoder, make_encoder
from embrec.features.table import FeatureTable
from embrec.names import listed, there_are
from embrec.parameters import call
from embrec.workspace import Category


def list_tables(
    category: Category, name: str = "*", *, damaged: Callable[[FeatureError], None] | None = None
) -> list[FeatureTable]:
    """Return the finished tables of a category, ordered by name.

    Args:
        category: category to search.
        name: full name of the encoder whose tables are listed, such as `tfidf+svd`; "*" for all.
        damaged: callback for each file that is not a readable table; None to raise.

    Raises:
        FeatureError: a file is not a readable table, and `damaged` is None.
    """
    tables = []
    for path in sorted(category.features.glob(f"{name}-*.h5" if name != "*" else "*.h5")):
        try:
            tables.append(FeatureTable.open(path))
        except FeatureError as error:
            if damaged is None:
                raise
            damaged(error)
    return tables


def named_table(category: Category, name: str) -> FeatureTable:
    """Return a table by its name, its path, or a spec.

    Args:
        category: category to search.
        name: stem of a table, path of its first file, or spec of an encoder. Several tables may match a spec if only one of
            them is up to date.

    Raises:
        FeatureError: no table matches, or several do.
        ConfigError: the name is no table, and no encoder has that name.
    """
    exact = Path(name) if name.endswith(".h5") else category.features / f"{name}.h5"
    if exact.is_file():
        return FeatureTable.open(exact)
    known = [table.path.stem for table in list_tables(category, damaged=lambda _: None)]
    if _STEM.search(name):
        raise _no_table(category, name, known)
    if known and name.partition("+")[0].partition(":")[0].strip() not in ENCODERS:
        raise _no_table(category, name, known)
    spec = EncoderSpec.parse(name)
    tables = _newest([table for table in list_tables(category, spec.full_name) if _matches(table, spec)])
    if len(tables) > 1:
        catalog = load_dataset(category).catalog
        tables = [table for table in tables if why_stale(table, catalog) is None] or tables
    if len(tables) > 1:
        raise FeatureError(f"several feature tables of {name!r}; say which: {listed(t.path.stem for t in tables)}")
    if not tables:
        raise _no_table(category, name, known)
    return tables[0]


def _no_table(category: Category, name: str, known: Sequence[str]) -> FeatureError:
    return FeatureError(f"category {category.name!r} has no feature table {name!r}{there_are(name, known)}")


def find_tables(
    category: Category,
    names: Sequence[str],
    catalog: Catalog,
    train_items: NDArray[np.bool_],
    split: SplitConfig | None = None,
) -> list[FeatureTable]:
    """Return the feature tables of these names; see `find_table`."""
    return [find_table(category, name, catalog, train_items, split) for name in names]


def find_table(
    category: Category,
    name: str,
    catalog: Catalog,
    train_items: NDArray[np.bool_],
    split: SplitConfig | None = None,
) -> FeatureTable:
    """Return the table of an encoder that fits a catalog and a split; damaged and outdated tables are ignored.

    Args:
        category: category to search.
        name: spec of an encoder such as `tfidf+svd`, stem of a table (encoder and identity), or path. If several tables match
            a spec, the one with defaults for all parameters that the spec leaves out is taken.
        catalog: items that the table must have, n of them.
        train_items: True for the training items of the split, [n]. Of the tables of a fitted encoder, the one fitted on these
            items is taken, else the one fitted on the whole catalog. A model that also trains on validation events uses the
            same items: its hyperparameters were chosen with these vectors.
        split: split that `train_items` comes from, for the call that an error proposes; leave-one-out if None.

    Raises:
        FeatureError: no table fits, or several do, or its items or their contents have changed since it was built.
        ConfigError: the name is no table, and no encoder has that name.
    """
    exact = Path(name) if name.endswith(".h5") else category.features / f"{name}.h5"
    if exact.is_file():
        table = FeatureTable.open(exact)
        check_table(table, catalog)
        return table
    if _STEM.search(name) and name_in_stem(name).partition("+")[0] in ENCODERS:
        raise _missing(category, name, name_in_stem(name), split)
    spec = EncoderSpec.parse(name)
    damaged: list[FeatureError] = []
    tables = [table for table in list_tables(category, spec.full_name, damaged=damaged.append) if _matches(table, spec)]
    for sample in (catalog.item_ids[train_items], catalog.item_ids):
        wanted = {None, sample_hash(sample)}
        fitting = [table for table in tables if table.attributes["fitted_on"] in wanted]
        for prefer in (lambda table: _is_current(table, catalog), lambda table: _matches(table, spec, wholly=True)):
            if len(fitting) > 1:
                fitting = [table for table in fitting if prefer(table)] or fitting
        fitting = _newest(fitting)
        if len(fitting) > 1:
            names = ", ".join(table.path.stem for table in fitting)
            raise FeatureError(f"several feature tables of {name!r} fit; say which: {names}")
        if fitting:
            check_table(fitting[0], catalog)
            return fitting[0]
    if damaged:
        raise damaged[0]
    stale = {table.path.stem: why for table in tables if (why := why_stale(table, catalog)) is not None}
    if tables and len(stale) == len(tables):
        stem, why = next(iter(stale.items()))
        raise FeatureError(
            f"the feature table {stem} of {name!r} does not belong to category {category.name!r} as it is now: {why}; "
            f"build it again: {_build_call(category, name, split)}"
        )
    if tables:
        raise FeatureError(
            f"the feature tables of {name!r} in category {category.name!r} were fitted on the training items of another split; "
            f"build one for this split: {_build_call(category, name, split)}"
        )
    raise _missing(category, name, name, split)


def fitting_tables(category: Category, catalog: Catalog, train_items: NDArray[np.bool_]) -> list[FeatureTable]:
    """Return the up-to-date tables of a category that fit a split, ordered by name.

    A table fits if it was fitted on the training items or needs no fitting; if an encoder has no such table, those fitted on
    the whole catalog fit, as for `find_table`.

    Args:
        category: category to search; damaged tables are ignored.
        catalog: items that a table must have, n of them.
        train_items: True for the training items, [n].
    """
    best = {None, sample_hash(catalog.item_ids[train_items])}
    wanted = best | {sample_hash(catalog.item_ids)}
    tables = list_tables(category, damaged=lambda _: None)
    fitting = [table for table in tables if table.attributes["fitted_on"] in wanted and _is_current(table, catalog)]
    fitted = {name_in_stem(table.path.stem) for table in fitting if table.attributes["fitted_on"] in best}
    return _newest(
        [
            table
            for table in fitting
            if table.attributes["fitted_on"] in best or name_in_stem(table.path.stem) not in fitted
        ]
    )


def _newest(tables: Sequence[FeatureTable]) -> list[FeatureTable]:
    """Leave out tables for which a later version of the same encoder has made a table of the same items.

    Runs that were trained with an earlier table refer to it by its full name and continue to use it.
    """
    newest: dict[str, list[int]] = {}
    versions = []
    for table in tables:
        identity = table.attributes["encoder"]
        parts = [identity, *identity.get("transforms", ())]
        asked = str([(part["name"], part["params"]) for part in parts]) + str(table.attributes["fitted_on"])
        # Other pretrained weights are another encoder at any version; the state of a fitted encoder follows from its items.
        if table.attributes["fitted_on"] is None:
            asked += str([part["weights"] for part in parts])
        version = [part["version"] for part in parts]
        newest[asked] = max(version, newest.get(asked, version))
        versions.append((asked, version))
    return [table for table, (asked, version) in zip(tables, versions, strict=True) if version == newest[asked]]


def for_default_split(tables: Sequence[FeatureTable], dataset: Dataset) -> list[FeatureTable]:
    """Return the tables that are fitted on nothing, the whole catalog, or the training items of leave-one-out."""
    wanted = {None, sample_hash(dataset.catalog.item_ids)}
    with contextlib.suppress(DataError):  # the log is too short for this split
        train_items = LeaveOneOut()(dataset.interactions, len(dataset.catalog)).train_items
        wanted.add(sample_hash(dataset.catalog.item_ids[train_items]))
    return [table for table in tables if table.attributes["fitted_on"] in wanted]


_STEM = re.compile(r"-[0-9a-f]{8}$")


def _missing(category: Category, name: str, spec: str, split: SplitConfig | None) -> FeatureError:
    return FeatureError(
        f"category {category.name!r} has no feature table {name!r}; build it with: {_build_call(category, spec, split)}"
    )


def _build_call(category: Category, spec: str, split: SplitConfig | None) -> str:
    arguments: dict[str, Any] = {"category": category.name, "encoders": [spec]}
    if split is not None and split != LeaveOneOut():
        arguments["split"] = split_text(split)
    return call("build_features", **arguments)


def _matches(table: FeatureTable, spec: EncoderSpec, *, wholly: bool = False) -> bool:
    """Return True if a table has the encoder, the transforms and the parameters of a spec.

    Args:
        table: table of any encoder.
        spec: spec to match.
        wholly: True if parameters that the spec leaves out must have their defaults; False if they may have any value.
    """
    identity = table.attributes["encoder"]
    parts = [identity, *identity.get("transforms", ())]
    if [part["name"] for part in parts] != [spec.encoder.name, *(part.name for part in spec.transforms)]:
        return False
    encoder = make_encoder(spec)
    wanted = [encoder.params.identity(), *(step.params.identity() for step in getattr(encoder, "transforms", ()))]
    given = [spec.encoder.params, *(part.params for part in spec.transforms)]
    return all(
        part["params"].get(key) == value
        for part, values, keys in zip(parts, wanted, given, strict=True)
        for key, value in values.items()
        if wholly or key in keys
    )


def why_stale(table: FeatureTable, catalog: Catalog) -> str | None:
    """Return the reason why a table does not belong to the current catalog, None if it does."""
    if not table.holds(catalog):
        if set(table.item_ids.tolist()) == set(catalog.item_ids.tolist()):
            return "it was built for the same items in another order"
        return f"it was built for other items ({len(table):,}; the catalog has {len(catalog):,} now)"
    try:
        changed = _changed(table, catalog)
    except EmbrecError as error:
        return f"its encoder, or a file that it reads, is gone: {error}"
    return f"the contents of {changed:,} items have changed since it was built" if changed else None


def check_table(table: FeatureTable, catalog: Catalog) -> None:
    """Raise unless a table belongs to the current catalog.

    Args:
        table: table to check.
        catalog: current items.

    Raises:
        FeatureError: the items, their order or their contents differ, or the encoder of the table cannot be loaded.
    """
    table.check(catalog)
    changed = _changed(table, catalog)
    if changed:
        raise FeatureError(
            f"the contents of {changed:,} items have changed since {table.path} was built; build the features again, "
            "which encodes only what has changed"
        )


def table_encoder(table: FeatureTable) -> Encoder:
    """Return the encoder of a table, with its caches in the folder of the table.

    Raises:
        FeatureError: the encoder is gone, damaged or of an incompatible version.
        MissingExtraError: a package that the encoder needs is not installed.
    """
    encoder = load_encoder(table.encoder_folder)
    encoder.cache_folder = table.path.parent
    return encoder


def _changed(table: FeatureTable, catalog: Catalog) -> int:
    """Return the number of items whose contents have changed since a table of the same items was built."""
    fingerprints = table_encoder(table).contents(catalog).fingerprints
    return int((fingerprints != table.fingerprints).any(axis=1).sum())


def _is_current(table: FeatureTable, catalog: Catalog) -> bool:
    try:
        check_table(table, catalog)
    except FeatureError:
        return False
    return True
