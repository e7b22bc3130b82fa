"""Import of a source into a category: read, prepare, store. Repeating an import does nothing."""

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel

from embrec.data.preparation import PRESETS, PreparationConfig, prepare
from embrec.data.readers.frames import content_fingerprint
from embrec.data.readers.guide import Guide
from embrec.data.readers.raw import Source
from embrec.data.recognition import SOURCES, AnySource, given_options, recognise
from embrec.data.store import Dataset, load_dataset, load_with_others, save_dataset
from embrec.errors import ConfigError, DataError
from embrec.files import tidy
from embrec.locks import locked
from embrec.names import listed, there_are, unknown
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent
from embrec.validation import by_parameter, validated
from embrec.workspace import Category

# Arguments that a reader guesses if they are not given: naming the guessed value later is not another import.
_GUESSED = frozenset({"user_column", "item_column", "catalog_item_column", "time_column", "time_unit"})
_NAMED = 5  # maximum number of runs, tables or searches named in a message

DEFAULT_PRESET = {"complete-journey": "complete-journey"}


@dataclass(frozen=True)
class Import:
    """The result of an import.

    Attributes:
        category: imported category.
        dataset: its data.
        fresh: False if the category already held this import.
        changed: what differs from the replaced import: "catalog", "log", or "" if nothing does; None if no import was
            replaced.
    """

    category: Category
    dataset: Dataset
    fresh: bool
    changed: str | None = None


def make_source(source: str | None, options: Mapping[str, Any]) -> AnySource:
    """Return a source by name, with options.

    Args:
        source: name of the source; None: the one that the options imply, see `recognise`.
        options: parameter -> value; None and empty tuples count as not given.

    Raises:
        ConfigError: the source is unknown, or an option belongs to another source, is missing or has an invalid value.
    """
    if source is None:
        source, _ = recognise(options)
    if source not in SOURCES:
        raise ConfigError(
            f"{unknown('source', source, SOURCES, len(SOURCES))} ({call('source_guides')} says what each is)"
        )
    kind = SOURCES[source]
    given = given_options(options)
    own = [name for name in kind.model_fields if name != "source"]
    for name in given:
        if name not in own:
            raise ConfigError(
                f"{parameter(name)} does not belong to {parameter('source', source)}, which takes: "
                f"{', '.join(map(parameter, own))}"
            )
    for name in own:
        if kind.model_fields[name].is_required() and name not in given:
            what = kind.model_fields[name].description
            raise ConfigError(f"{parameter('source', source)} needs {parameter(name)} ({what})")
    return validated(kind, {"source": source, **given}, subject=by_parameter)


def source_guides(name: str | None = None) -> dict[str, Guide]:
    """Return the descriptions of all sources, or of one, name -> guide.

    Raises:
        ConfigError: the source is unknown.
    """
    if name is not None and name not in SOURCES:
        raise ConfigError(unknown("source", name, SOURCES, len(SOURCES)))
    return {kind: source.guides[kind] for kind, source in SOURCES.items() if name in (None, kind)}


def source_options(name: str) -> dict[str, str]:
    """Return the parameters of a source: name -> description and default."""
    options = {}
    for field, info in SOURCES[name].model_fields.items():
        if field != "source":
            value = info.default
            default = "needed" if info.is_required() else f"default: {value}" if value not in (None, ()) else "optional"
            options[field] = f"{info.description} ({default})"
    return options


def make_preparation(preset: str | None, options: Mapping[str, Any], source: str = "") -> PreparationConfig:
    """Return a preset with some of its values replaced.

    Args:
        preset: name of the preset; None: the default preset of the source.
        options: field of `PreparationConfig` -> value; None counts as not given.
        source: name of the source.

    Raises:
        ConfigError: the preset is unknown, or a value is not allowed.
    """
    preset = preset or DEFAULT_PRESET.get(source, "embrec")
    if preset not in PRESETS:
        raise ConfigError(f"{parameter('preset')} {preset!r} is unknown{there_are(preset, PRESETS)}")
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("last") == 0:
        given["last"] = None  # on the command line, 0 stands for "all"
    return validated(PreparationConfig, PRESETS[preset].model_dump() | given, subject=by_parameter)


def import_data(
    category: Category | str,
    source: Source,
    preparation: PreparationConfig | None = None,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> Import:
    """Read a source, prepare it and store it as a category.

    Repeating an import does nothing. If a file has a new modification time, or a column that was named is now guessed (or
    the reverse), the source is read again and compared. A different import into an existing category is refused without
    `force`, because feature tables and runs depend on its catalog.

    Args:
        category: target category, or its name.
        source: source to read.
        preparation: filters; the published preprocessing if None.
        force: True to replace the data of the category.
        progress: callback for the progress of reading and preparing.

    Raises:
        ConfigError: an argument is not a category, a source or a preparation.
        DataError: the input is invalid, the category holds another import and `force` is False, or another process is
            importing or using the category.
    """
    category, preparation = Category.of(category), preparation or PreparationConfig()
    if not (hasattr(source, "read") and hasattr(source, "files")):
        raise ConfigError(
            f"{source!r} is not a source; give one such as TableSource(interactions='log.csv', items='items.csv')"
        )
    if not isinstance(preparation, PreparationConfig):
        raise ConfigError(f"{preparation!r} is not a preparation; give one such as PreparationConfig(filter='none')")
    signature = _signature(source, preparation)
    if not force and (known := _known(category, signature)) is not None and known[1] is None:
        return Import(category, known[0], fresh=False)  # also while others use it
    with _writing(category):
        return _import(category, source, preparation, signature, force, progress)


def _import(
    category: Category,
    source: Source,
    preparation: PreparationConfig,
    signature: dict[str, Any],
    force: bool,
    progress: Progress,
) -> Import:
    known = None if force else _known(category, signature)
    if known is not None and known[1] is None:  # another process has just finished the same import
        return Import(category, known[0], fresh=False)
    raw = source.read(progress)
    progress("prepare events", 0, 1)
    dataset, _ = prepare(raw, preparation)
    progress("prepare events", 1, 1)
    if known is not None:
        dataset = _as_before(category, known[0], dataset, _touched(known[0], signature), str(known[1]))
    changed = _changed(category, dataset) if force else None
    dataset = replace(dataset, meta={"import": signature, **dataset.meta})
    save_dataset(category, dataset)
    return Import(category, dataset, fresh=known is None, changed=changed)


def _known(category: Category, signature: Mapping[str, Any]) -> tuple[Dataset, str | None] | None:
    """Return the data of the category and the reason to read the source again and compare, None for no reason.

    Raises:
        DataError: the category holds another import.
    """
    if not (category.data / "meta.json").is_file():
        return None
    present = load_with_others(category)
    recorded = present.meta.get("import", {})
    setting = _difference(recorded, signature, "arguments") or _difference(recorded, signature, "preparation")
    if setting:
        raise _taken(category, setting)
    touched = _guessed(recorded, signature) or _touched(present, signature)
    if touched is None and present.others is None:
        touched = next(iter(signature["inputs"]), "the source")  # older versions did not store the filtered-out events
    return present, touched


def _as_before(category: Category, present: Dataset, dataset: Dataset, touched: str | None, reason: str) -> Dataset:
    """Return the newly read data set with the stored catalog and log, so that feature tables and runs remain valid.

    Versions differ in the columns that they take for texts. Older ones, which did not store the filtered-out events, also
    differ in the cleaning of texts.

    Raises:
        DataError: the data differ.
    """
    older = present.others is None and not touched
    same = present.catalog.fingerprint == dataset.catalog.fingerprint if older else present.same_items(dataset)
    if not (same and present.same_log(dataset)):
        raise _taken(category, f"content of {reason}")
    before, now = present.catalog, dataset.catalog
    if (before.text_columns, before.frame.columns) != (now.text_columns, now.frame.columns):
        dataset.meta["report"]["remarks"].append(
            f"the catalog stays as it was first read, with the texts of {listed(before.text_columns, _NAMED) or 'no column'}; "
            f"this version would read {listed(now.text_columns, _NAMED) or 'no column'}: import with "
            f"{parameter('force', True)} to read those"
        )
    return replace(dataset, catalog=before, interactions=present.interactions)


def _touched(present: Dataset, signature: Mapping[str, Any]) -> str | None:
    """Return the first input file that has changed since the import, None if none has."""
    return _difference(present.meta.get("import", {}), signature, "inputs")


def _changed(category: Category, dataset: Dataset) -> str | None:
    """Return what differs from the stored data: "catalog", "log" or "" for nothing; None without stored data."""
    if not (category.data / "meta.json").is_file():
        return None
    try:
        before = load_with_others(category)
    except (DataError, OSError, ValueError, KeyError, pl.exceptions.PolarsError):  # unreadable: counts as changed
        return "catalog"
    if before.catalog.text_columns != dataset.catalog.text_columns or not before.catalog.frame.equals(
        dataset.catalog.frame
    ):
        return "catalog"
    return "" if before.same_data(dataset) else "log"


@contextlib.contextmanager
def _writing(category: Category) -> Iterator[None]:
    """Hold the lock of a category's data while they are replaced.

    Raises:
        DataError: another process is importing or using them.
    """
    busy = DataError(
        f"another process is importing category {category.name!r}, or building tables, training or searching with it; wait for "
        "it or stop it"
    )
    with locked(category.lock, busy):
        tidy(category.data)
        yield


def dependents(category: Category, changed: str = "catalog", without: Collection[str] = ()) -> str:
    """Return what was made from the data of a category, in words; empty if nothing was.

    For example `2 runs (first, second) and 1 feature table (tfidf-01234567)`.

    Args:
        category: category to look into.
        changed: changed part of the data: "catalog", or "log", on which feature tables do not depend.
        without: runs to leave out.
    """
    kinds = {
        "run": (category.runs, "*/config.yaml"),
        "search": (category.searches, "*/search.yaml"),
        "comparison": (category.comparisons, "*/comparison.json"),
        "feature table": (category.features, "*.h5"),
    }
    if changed == "log":
        del kinds["feature table"]
    found = []
    for kind, (folder, pattern) in kinds.items():
        files = sorted(folder.glob(pattern))
        names = [file.stem if file.parent == folder else file.parent.name for file in files]
        names = [name for name in names if kind != "run" or name not in without]
        found += [named(kind, names)] if names else []
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def named(kind: str, names: Sequence[str]) -> str:
    """Return the number and the names of things of a kind: `2 runs (first, second)`."""
    plural = kind + ("" if len(names) == 1 else "es" if kind.endswith("ch") else "s")
    return f"{len(names):,} {plural} ({listed(names, _NAMED)})"


def summary(category: Category) -> tuple[str, int, int, int, int]:
    """Return source, users, items, events and catalog size of a category, from its `meta.json` alone."""
    meta = json.loads((category.data / "meta.json").read_text(encoding="utf-8"))
    source = meta.get("import", {}).get("arguments", {}).get("source", "")
    kept = meta["report"]["kept"] if "report" in meta else load_dataset(category).statistics()
    return source, int(kept["users"]), int(kept["items"]), int(kept["events"]), int(kept["catalog"])


def _signature(source: Source, preparation: PreparationConfig) -> dict[str, Any]:
    """Return the identity of an import: its arguments, and the size and modification time of every input file."""
    arguments = source.model_dump(mode="python") if isinstance(source, BaseModel) else {"source": repr(source)}
    images = getattr(source, "images", None)
    paths = [*source.files(), *([images] if images is not None and images.exists() else [])]
    inputs = {str(path.absolute()): [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}
    return {
        "arguments": {name: _plain(value) for name, value in arguments.items()},
        "inputs": inputs,
        "preparation": preparation.identity(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, pl.DataFrame):
        return f"a table of {len(value):,} rows with the fingerprint {content_fingerprint(value)}"
    return list(value) if isinstance(value, tuple) else value


def _difference(old: Mapping[str, Any], new: Mapping[str, Any], part: str) -> str | None:
    """Return the first difference between one part of two signatures, in words; None if they are equal."""
    before, after = old.get(part, {}), new[part]
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name) and not (part == "arguments" and _is_guess(name, before, after)):
            return name if part == "inputs" else f"{name} ({before.get(name)!r} before, {after.get(name)!r} now)"
    return None


def _is_guess(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return True if an argument was given in one import and guessed by the reader in the other."""
    return name in _GUESSED and None in (before.get(name), after.get(name))


def _guessed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return the first argument that was given in one of two imports and guessed in the other, in words."""
    before, after = old.get("arguments", {}), new["arguments"]
    for name in sorted(_GUESSED):
        if before.get(name) != after.get(name) and _is_guess(name, before, after):
            return f"{name} ({before.get(name)!r} before, {after.get(name)!r} now)"
    return None


def _taken(category: Category, difference: str) -> DataError:
    made = dependents(category)
    return DataError(
        f"category {category.name!r} was already imported, with another {difference}"
        f"{f'; made from it: {made}' if made else ''}; choose another {parameter('category')}, or replace it with "
        f"{parameter('force', True)}"
    )
