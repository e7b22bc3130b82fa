"""The feature tables of a category: building them, finding the one that fits a split, listing what is there."""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.data.store import in_use, load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import BuildReport, Engine, build, encode_here
from embrec.features.encoder import Encoder, name_in_stem
from embrec.features.fitting import sample_hash
from embrec.features.registry import ENCODERS, Spec, load_encoder, make_encoder
from embrec.features.table import FeatureTable
from embrec.progress import Progress, silent
from embrec.workspace import Category


def build_features(
    category: Category,
    encoders: Sequence[str],
    *,
    template: str | None = None,
    split: SplitConfig | None = None,
    fit_on: str = "train",
    engine: Engine = encode_here,
    progress: Progress = silent,
) -> Iterator[BuildReport]:
    """Build the tables of several encoders, one after the other; nothing is done before the first is asked for.

    Args:
        category: the prepared data.
        encoders: specs such as `tfidf` or `minilm:max_tokens=128+whiten`; see `Spec`.
        template: the text that encoders of texts read, where their spec does not say; see `TextParams`.
        split: decides which items are training items; leave-one-out if None.
        fit_on: encoders that are fitted see the texts of the "train" items only, or of the whole "catalog" (the paper's way).
        engine: encodes the blocks, here or elsewhere.
        progress: told of every block.

    Raises:
        ConfigError: an encoder, a parameter or `fit_on` is unknown, or none of the encoders reads texts; nothing is
            built then.
        FeatureError: a table cannot be built.
    """
    if fit_on not in ("train", "catalog"):
        raise ConfigError(f"fit_on is {fit_on!r}: use train or catalog")
    made = [_make(Spec.parse(text), template) for text in encoders]
    if template and not any(_reads_texts(encoder) for encoder in made):
        raise ConfigError(f"text template {template!r}: no encoder of texts is asked for, only {', '.join(encoders)}")
    dataset = load_dataset(category)
    fit_rows = None
    if fit_on == "train":
        partition = (split or LeaveOneOut())(dataset.interactions, len(dataset.catalog))
        fit_rows = partition.train_items
    with in_use(category):
        for encoder in made:
            yield build(
                dataset.catalog, encoder, category.features, fit_rows=fit_rows, engine=engine, progress=progress
            )


def _make(spec: Spec, template: str | None) -> Encoder:
    encoder = make_encoder(spec)
    return make_encoder(spec, {"template": template}) if template and _reads_texts(encoder) else encoder


def _reads_texts(encoder: Encoder) -> bool:
    return "template" in type(encoder.params).model_fields


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
    """Return a table by its name, its path, or a spec that only one table agrees with, whether or not it is up to date.

    Raises:
        FeatureError: there is none, or several.
        ConfigError: no encoder has that name.
    """
    exact = Path(name) if name.endswith(".h5") else category.features / f"{name}.h5"
    if exact.is_file():
        return FeatureTable.open(exact)
    known = [table.path.stem for table in list_tables(category, damaged=lambda _: None)]
    if _STEM.search(name):
        raise FeatureError(f"category {category.name!r} has no feature table {name!r}; there are: {', '.join(known)}")
    spec = Spec.parse(name)
    tables = [table for table in list_tables(category, spec.full_name) if _matches(table, spec)]
    if len(tables) > 1:
        raise FeatureError(f"several feature tables of {name!r}; say which: {', '.join(t.path.stem for t in tables)}")
    if not tables:
        there = ", ".join(known) or "none yet"
        raise FeatureError(f"category {category.name!r} has no feature table {name!r}; there are: {there}")
    return tables[0]


def find_table(category: Category, name: str, catalog: Catalog, train_items: NDArray[np.bool_]) -> FeatureTable:
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

    Raises:
        FeatureError: there is none, or several, or its items or their contents have changed since it was built.
        ConfigError: no encoder has that name.
    """
    exact = Path(name) if name.endswith(".h5") else category.features / f"{name}.h5"
    if exact.is_file():
        table = FeatureTable.open(exact)
        _check(table, catalog)
        return table
    if _STEM.search(name) and name_in_stem(name).partition("+")[0] in ENCODERS:
        raise _missing(category, name, name_in_stem(name))
    spec = Spec.parse(name)
    damaged: list[FeatureError] = []
    tables = [table for table in list_tables(category, spec.full_name, damaged=damaged.append) if _matches(table, spec)]
    for sample in (catalog.item_ids[train_items], catalog.item_ids):
        wanted = {None, sample_hash(sample)}
        fitting = [table for table in tables if table.attributes["fitted_on"] in wanted]
        for prefer in (lambda table: _is_current(table, catalog), lambda table: _matches(table, spec, wholly=True)):
            if len(fitting) > 1:
                fitting = [table for table in fitting if prefer(table)] or fitting
        if len(fitting) > 1:
            names = ", ".join(table.path.stem for table in fitting)
            raise FeatureError(f"several feature tables of {name!r} fit; say which: {names}")
        if fitting:
            _check(fitting[0], catalog)
            return fitting[0]
    if damaged:
        raise damaged[0]
    if tables:
        raise FeatureError(
            f"the feature tables of {name!r} in category {category.name!r} were fitted on the training items of another split; "
            "build one with the options of this split: "
            f"embrec features build --category {category.name} --encoder {shlex.quote(name)} --split ..."
        )
    raise _missing(category, name, name)


def fitting_tables(category: Category, catalog: Catalog, train_items: NDArray[np.bool_]) -> list[FeatureTable]:
    """Return the tables of a category, by name, that are up to date and were fitted on these training items, or on nothing.

    Args:
        category: where to look; damaged tables are passed over.
        catalog: the items that a table must hold.
        train_items: True for the training items, [n].
    """
    wanted = {None, sample_hash(catalog.item_ids[train_items])}
    tables = list_tables(category, damaged=lambda _: None)
    return [table for table in tables if table.attributes["fitted_on"] in wanted and _is_current(table, catalog)]


_STEM = re.compile(r"-[0-9a-f]{8}$")


def _missing(category: Category, name: str, spec: str) -> FeatureError:
    return FeatureError(
        f"category {category.name!r} has no feature table {name!r}; build it with: "
        f"embrec features build --category {category.name} --encoder {shlex.quote(spec)} "
        "(and, for a fitted encoder, the --split of the training)"
    )


def _matches(table: FeatureTable, spec: Spec, *, wholly: bool = False) -> bool:
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


def _check(table: FeatureTable, catalog: Catalog) -> None:
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
            f"the contents of {changed:,} items have changed since {table.path} was built; run embrec features build again, "
            "which encodes only what has changed"
        )


def _is_current(table: FeatureTable, catalog: Catalog) -> bool:
    try:
        _check(table, catalog)
    except FeatureError:
        return False
    return True
