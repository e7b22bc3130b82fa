"""The feature tables of a category: listing them, finding the one that is meant and fits, and saying which are stale."""

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
from embrec.features.encoder import name_in_stem
from embrec.features.fitting import sample_hash
from embrec.features.registry import ENCODERS, EncoderSpec, load_encoder, make_encoder
from embrec.features.table import FeatureTable
from embrec.names import listed, there_are
from embrec.parameters import call
from embrec.workspace import Category


def list_tables(
    category: Category, name: str = "*", *, damaged: Callable[[FeatureError], None] | None = None
) -> list[FeatureTable]:
    """Return the finished tables of a category, by name.

    Args:
        category: where to look.
        name: full name of the encoder whose tables are meant, such as `tfidf+svd`; all if "*".
        damaged: told of every file that is no readable table.

    Raises:
        FeatureError: a file is no readable table, and `damaged` is None.
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
    """Return a table by its name, its path, or a spec that only one table agrees with, or only one that is up to date.

    Raises:
        FeatureError: there is none, or several.
        ConfigError: no encoder has that name.
    """
    exact = Path(name) if name.endswith(".h5") else category.features / f"{name}.h5"
    if exact.is_file():
        return FeatureTable.open(exact)
    known = [table.path.stem for table in list_tables(category, damaged=lambda _: None)]
    if _STEM.search(name):
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


def find_table(
    category: Category,
    name: str,
    catalog: Catalog,
    train_items: NDArray[np.bool_],
    split: SplitConfig | None = None,
) -> FeatureTable:
    """Return the table of an encoder that fits a catalog and a split; damaged and outdated ones beside it are passed over.

    Args:
        category: where to look.
        name: a spec of an encoder such as `tfidf+svd`, or the stem of a table (encoder and identity), or a path. Of several
            tables that agree with what the spec says, the one with defaults for what it does not say is meant.
        catalog: the items that the table must hold.
        train_items: True for the training items, [n]: among the tables of a fitted encoder, the one that was fitted on these
            items is meant, else the one that was fitted on the whole catalog. They are those of the split itself also where
            a model learns from validation events too: what validation chose was chosen with these vectors, and building them
            again would change them.
        split: whose training items they are, for the command that an error names; leave-one-out if None.

    Raises:
        FeatureError: there is none, or several, or its items or their contents have changed since it was built.
        ConfigError: no encoder has that name.
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
    """Return the tables of a category, by name, that are up to date and were fitted on these training items, or on nothing.

    Where an encoder has none of those, the tables that it has for the whole catalog count, as for `find_table`.

    Args:
        category: where to look; damaged tables are passed over.
        catalog: the items that a table must hold.
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
    """Leave out tables beside which there is one that a later version of the same encoder made of the same items.

    Runs that were trained with the earlier one name it in full, and go on with it.
    """
    newest: dict[str, list[int]] = {}
    versions = []
    for table in tables:
        identity = table.attributes["encoder"]
        parts = [identity, *identity.get("transforms", ())]
        asked = str([(part["name"], part["params"]) for part in parts]) + str(table.attributes["fitted_on"])
        # Vectors of other weights are others at any version; those of fitted encoders follow from the items.
        if table.attributes["fitted_on"] is None:
            asked += str([part["weights"] for part in parts])
        version = [part["version"] for part in parts]
        newest[asked] = max(version, newest.get(asked, version))
        versions.append((asked, version))
    return [table for table, (asked, version) in zip(tables, versions, strict=True) if version == newest[asked]]


def for_default_split(tables: Sequence[FeatureTable], dataset: Dataset) -> list[FeatureTable]:
    """Return those tables that learned from nothing, from the whole catalog, or from the training items of leave-one-out."""
    wanted = {None, sample_hash(dataset.catalog.item_ids)}
    with contextlib.suppress(DataError):  # of a log that is too short to be split
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
    """Whether a table is of the encoder, the transforms and the parameters of a spec.

    Args:
        table: of whatever encoder.
        spec: what is wanted.
        wholly: parameters that the spec does not give must have their defaults; else they may be anything.
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
    """Return in words why a table does not belong to a catalog as it is now, None where it does."""
    if not table.holds(catalog):
        if set(table.item_ids.tolist()) == set(catalog.item_ids.tolist()):
            return "it was built for the same items in another order"
        return f"it was built for other items ({len(table):,}; the catalog has {len(catalog):,} now)"
    try:
        encoder = load_encoder(table.encoder_folder)
        encoder.cache_folder = table.path.parent
        changed = int((encoder.contents(catalog).fingerprints != table.fingerprints).any(axis=1).sum())
    except EmbrecError as error:
        return f"its encoder, or what that reads, is not there any more: {error}"
    return f"the contents of {changed:,} items have changed since it was built" if changed else None


def check_table(table: FeatureTable, catalog: Catalog) -> None:
    """Raise unless a table belongs to a catalog as it is now.

    Raises:
        FeatureError: the items, their order or their contents differ, or the encoder beside the table cannot be read.
    """
    table.check(catalog)
    encoder = load_encoder(table.encoder_folder)
    encoder.cache_folder = table.path.parent
    fingerprints = encoder.contents(catalog).fingerprints
    changed = int((fingerprints != table.fingerprints).any(axis=1).sum())
    if changed:
        raise FeatureError(
            f"the contents of {changed:,} items have changed since {table.path} was built; build the features again, "
            "which encodes only what has changed"
        )


def _is_current(table: FeatureTable, catalog: Catalog) -> bool:
    try:
        check_table(table, catalog)
    except FeatureError:
        return False
    return True
