"""Building the feature tables of a category, and what is built or read where nobody names an encoder or a table."""

from collections.abc import Callable, Sequence

from embrec.data.prepared import PreparedSplit, open_split
from embrec.data.readers.raw import REPEATED
from embrec.data.splits import LeaveOneOut, SplitConfig, split_text
from embrec.data.store import Dataset, in_use, load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import BuildReport, Engine, build, encode_here
from embrec.features.defaults import choose_encoders, short_names, spec_of
from embrec.features.encoder import Encoder
from embrec.features.finding import fitting_tables, list_tables
from embrec.features.registry import Spec, make_encoder
from embrec.progress import Progress, silent
from embrec.workspace import Category


def build_features(
    category: Category | str,
    encoders: str | Sequence[str] | None = None,
    *,
    template: str | None = None,
    split: SplitConfig | None = None,
    fit_on: str = "train",
    engine: Engine = encode_here,
    on_choice: Callable[[str], None] = lambda _: None,
    on_report: Callable[[BuildReport], None] = lambda _: None,
    progress: Progress = silent,
) -> list[BuildReport]:
    """Build the tables of one or several encoders, one after the other, and return a report of each.

    Args:
        category: the prepared data, or its name.
        encoders: a spec such as `tfidf` or `minilm:max_tokens=128+whiten`, or several; see `Spec`. If None, those that suit the
            catalog; see `default_encoders`.
        template: the text that encoders of texts read, where their spec does not say; see `TextParams`.
        split: decides which items are training items; leave-one-out if None.
        fit_on: encoders that are fitted see the texts of the "train" items only, or of the whole "catalog" (the paper's way).
        engine: encodes the blocks, here or elsewhere.
        on_choice: told, before the first is built, which encoders were chosen where none is named.
        on_report: told of each table as soon as it is there.
        progress: told of every block.

    Raises:
        ConfigError: an encoder, a parameter or `fit_on` is unknown, or none of the encoders reads texts, or none suits the
            catalog; nothing is built then.
        FeatureError: a table cannot be built, and those before it are kept; or vectors in the order of the items' file do not
            fit the catalog.
    """
    specs = [encoders] if isinstance(encoders, str) else None if encoders is None else list(encoders)
    made = check_encoders(specs, template, fit_on)
    category = Category.of(category)
    dataset = load_dataset(category)
    if specs is None:
        choice = choose_encoders(dataset.catalog)
        on_choice(choice.words)
        made = [_make(Spec.parse(text), template) for text in choice.encoders]
    for encoder in made:
        if encoder.by_place:
            _require_lines(encoder, dataset)
    fit_rows = None
    if fit_on == "train":
        fit_rows = PreparedSplit.of(dataset, split or LeaveOneOut()).partition.train_items
    reports = []
    with in_use(category):
        for encoder in made:
            report = build(
                dataset.catalog, encoder, category.features, fit_rows=fit_rows, engine=engine, progress=progress
            )
            on_report(report)
            reports.append(report)
    return reports


def check_encoders(encoders: Sequence[str] | None, template: str | None = None, fit_on: str = "train") -> list[Encoder]:
    """Return the encoders that `build_features` would build with these arguments, none where none is named.

    Raises:
        ConfigError: an encoder, a parameter or `fit_on` is unknown, or none of the encoders reads texts.
    """
    if fit_on not in ("train", "catalog"):
        raise ConfigError(f"fit_on is {fit_on!r}: use train or catalog")
    made = [_make(Spec.parse(text), template) for text in encoders or ()]
    if template and encoders is not None and not any(_reads_texts(encoder) for encoder in made):
        raise ConfigError(f"text template {template!r}: no encoder of texts is asked for, only {', '.join(encoders)}")
    return made


def tables_or_defaults(
    category: Category,
    split: SplitConfig | None = None,
    *,
    on_choice: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> list[str]:
    """Return the names of the feature tables that fit a split: what is read where none is named.

    Where there is none, those of the encoders that suit the catalog are built.

    Args:
        category: the prepared data.
        split: leave-one-out if None.
        on_choice: told in one line which tables are meant, and why.
        progress: told of every block of a build.

    Raises:
        ConfigError: there is none, and no encoder suits the catalog.
        FeatureError: a table cannot be built.
    """
    split = split or LeaveOneOut()
    prepared = open_split(category, split)
    catalog, rows = prepared.catalog, prepared.partition.train_items
    tables = fitting_tables(category, catalog, rows)
    if not tables:
        build_features(
            category,
            split=split,
            on_choice=lambda words: on_choice(f"no feature table fits {split_text(split)}; building {words}"),
            progress=progress,
        )
        return short_names(fitting_tables(category, catalog, rows))
    names = short_names(tables)
    on_choice(f"no feature table is named; taking {'the one' if len(names) == 1 else 'all'} there: {', '.join(names)}")
    return names


def specs_or_defaults(
    category: Category,
    split: SplitConfig | None = None,
    *,
    any_split: bool = False,
    on_choice: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Return the encoders of the feature tables that are there, as specs; those that suit the catalog where there is none.

    Args:
        category: the prepared data.
        split: that tables must fit; leave-one-out if None.
        any_split: tables of other splits and of older catalogs count too, for what is asked for are their encoders.
        on_choice: told in one line which encoders are meant, and why.

    Raises:
        ConfigError: there is none, and no encoder suits the catalog.
    """
    dataset = load_dataset(category)
    if any_split:
        tables = list_tables(category, damaged=lambda _: None)
    else:
        rows = PreparedSplit.of(dataset, split or LeaveOneOut()).partition.train_items
        tables = fitting_tables(category, dataset.catalog, rows)
    specs = list(dict.fromkeys(spec for table in tables if (spec := spec_of(table)) is not None))
    if specs:
        on_choice(f"no encoder is named; taking those of the feature tables there: {', '.join(specs)}")
        return specs
    choice = choose_encoders(dataset.catalog)
    on_choice(f"no encoder is named and no feature table is there; taking {choice.words}")
    return choice.encoders


def _require_lines(encoder: Encoder, dataset: Dataset) -> None:
    """Raise unless the catalog has the lines of the file that it was imported from, all of them and no other.

    Raises:
        FeatureError: says what the import has dropped and added.
    """
    report = dataset.meta.get("report")
    if report is None:  # no import made it
        return
    added = report["items_without_metadata"]
    changes = {
        "dropped repeated lines": report["notes"].get(REPEATED, 0),
        "left items out": report["read"]["catalog"] - (len(dataset.catalog) - added),
        "added items of the log that have no line": added,
    }
    done = [f"{words} ({count:,})" for words, count in changes.items() if count]
    if done:
        raise FeatureError(
            f"encoder {encoder.name!r}: vectors in the order of the items' file need a catalog that has its lines, but the "
            f"import {' and '.join(done)}; give the item id of each vector with ids=FILE, one id a line"
        )


def _make(spec: Spec, template: str | None) -> Encoder:
    encoder = make_encoder(spec)
    return make_encoder(spec, {"template": template}) if template and _reads_texts(encoder) else encoder


def _reads_texts(encoder: Encoder) -> bool:
    return "template" in type(encoder.params).model_fields
