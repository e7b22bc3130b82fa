"""The build of a category's feature tables, and the default encoders and tables."""

from collections.abc import Callable, Sequence

from embrec.data.prepared import PreparedSplit, open_split
from embrec.data.readers.raw import REPEATED
from embrec.data.splits import LeaveOneOut, SplitConfig, parse_split, split_text
from embrec.data.store import Dataset, in_use, load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.features.blocks import Engine, encode_here
from embrec.features.build import BuildReport, build
from embrec.features.defaults import choose_encoders, short_names, spec_of
from embrec.features.encoder import Encoder
from embrec.features.finding import fitting_tables, list_tables
from embrec.features.registry import EncoderSpec, make_encoder
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.workspace import Category


def build_features(
    category: Category | str,
    encoders: str | Sequence[str] | None = None,
    *,
    template: str | None = None,
    split: SplitConfig | str | None = None,
    fit_on: str = "train",
    engine: Engine = encode_here,
    on_choice: Callable[[str], None] = lambda _: None,
    on_report: Callable[[BuildReport], None] = lambda _: None,
    progress: Progress = silent,
) -> list[BuildReport]:
    """Build the feature tables of one or several encoders.

    Only new and changed items are encoded, and a killed build resumes when it is repeated.

    Args:
        category: category, or its name.
        encoders: one or several specs such as `tfidf` or `minilm:max_tokens=128+whiten`; see `EncoderSpec`. If None, the
            default encoders of the catalog; see `default_encoders`.
        template: text template of the text encoders whose spec gives none; see `TextParams`.
        split: the split that says which items are training items, or its text such as `item-holdout:fraction=0.2`;
            leave-one-out if None.
        fit_on: items that encoders are fitted on: "train" for the training items, "catalog" for all items, as in
            [semikin2019].
        engine: function that encodes the blocks, in this process or in others; see `open_engine`.
        on_choice: callback for the choice of default encoders, in one line, before the first build.
        on_report: callback for the report on each table, as soon as it is built.
        progress: callback, called after every block.

    Returns:
        A report for each encoder.

    Raises:
        ConfigError: an encoder, a parameter, a split, an engine or `fit_on` is unknown, no encoder reads texts, or none suits
            the catalog; nothing is built then.
        FeatureError: a table cannot be built (earlier ones are kept), or vectors in the order of the items' file do not fit
            the catalog.
    """
    split = parse_split(split) if isinstance(split, str) else split or LeaveOneOut()
    specs = [encoders] if isinstance(encoders, str) else None if encoders is None else list(encoders)
    made = check_encoders(specs, template, fit_on)
    if not callable(engine):
        raise ConfigError(f"engine is {engine!r}, not an engine; open one: with open_engine('ray') as engine")
    category = Category.of(category)
    dataset = load_dataset(category)
    if specs is None:
        choice = choose_encoders(dataset.catalog)
        on_choice(choice.words)
        made = [_make(EncoderSpec.parse(text), template) for text in choice.encoders]
    for encoder in made:
        if encoder.by_place:
            _require_lines(encoder, dataset)
    fit_rows = None
    if fit_on == "train":
        fit_rows = PreparedSplit.of(dataset, split).partition.train_items
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
    """Make the encoders that `build_features` would build with these arguments, to check the arguments beforehand.

    Args:
        encoders: specs of the encoders; None for the default encoders, of which none is made.
        template: text template of the text encoders whose spec gives none.
        fit_on: items that encoders are fitted on: "train" or "catalog".

    Raises:
        ConfigError: an encoder, a parameter or `fit_on` is unknown, or a template is given and no encoder reads texts.
    """
    if fit_on not in ("train", "catalog"):
        raise ConfigError(f"{parameter('fit_on', fit_on)}: use train or catalog")
    made = [_make(EncoderSpec.parse(text), template) for text in encoders or ()]
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
    """Return the names of the default feature tables: those that fit a split, else tables of the default encoders.

    The latter are built if there are none.

    Args:
        category: category whose tables are listed.
        split: split that the tables must fit; leave-one-out if None.
        on_choice: callback for the choice of tables and its reason, in one line.
        progress: callback, called after every block of a build.

    Raises:
        ConfigError: there are no tables, and no encoder suits the catalog.
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
    """Return the specs of the encoders of existing feature tables, or of the default encoders if there are none.

    Args:
        category: category whose tables are listed.
        split: split that the tables must fit; leave-one-out if None.
        any_split: True to include tables of other splits and older catalogs, since only their encoders matter.
        on_choice: callback for the choice of encoders and its reason, in one line.

    Raises:
        ConfigError: there are no tables, and no encoder suits the catalog.
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
    """Raise unless the catalog has exactly the lines of the file that it was imported from.

    Raises:
        FeatureError: the import dropped or added items; the message says which.
    """
    report = dataset.meta.get("report")
    if report is None:  # not made by an import
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
            f"import {' and '.join(done)}; give the item id of each vector with ids=FILE, one id per line"
        )


def _make(spec: EncoderSpec, template: str | None) -> Encoder:
    encoder = make_encoder(spec)
    return make_encoder(spec, {"template": template}) if template and _reads_texts(encoder) else encoder


def _reads_texts(encoder: Encoder) -> bool:
    return "template" in type(encoder.params).model_fields
