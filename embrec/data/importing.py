"""The import of one category: read, prepare, store. The same import again costs nothing."""

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
from embrec.data.recognition import SOURCES, AnySource, recognise, said
from embrec.data.store import Dataset, load_dataset, load_with_others, save_dataset
from embrec.errors import ConfigError, DataError
from embrec.files import tidy
from embrec.locks import locked
from embrec.names import listed, there_are, unknown
from embrec.progress import Progress, silent
from embrec.validation import validated
from embrec.workspace import Category

# What a reader finds out by itself where nobody says it; so whether it was said makes no difference, but what was found does.
_GUESSED = frozenset({"user_column", "item_column", "catalog_item_column", "time_column", "time_unit"})
_NAMED = 5  # runs, tables or searches that a message names

DEFAULT_PRESET = {"complete-journey": "complete-journey"}


@dataclass(frozen=True)
class Import:
    """What an import left behind.

    Attributes:
        category: where it is.
        dataset: what it holds.
        fresh: False where the category was already there and unchanged.
        changed: what is not as it was before, where an import was replaced: "catalog", "log", or nothing (""); None where
            nothing was replaced.
    """

    category: Category
    dataset: Dataset
    fresh: bool
    changed: str | None = None


def make_source(source: str | None, options: Mapping[str, Any]) -> AnySource:
    """Return the source of that name with these options; options that are None are absent.

    Args:
        source: its name; None: the one that the options mean, see `recognise`.
        options: by name.

    Raises:
        ConfigError: no such source, an option belongs to another source, is missing or has a wrong value.
    """
    if source is None:
        source, _ = recognise(options)
    if source not in SOURCES:
        raise ConfigError(f"{unknown('source', source, SOURCES, len(SOURCES))} (embrec data sources says what each is)")
    kind = SOURCES[source]
    given = said(options)
    own = [name for name in kind.model_fields if name != "source"]
    for name in given:
        if name not in own:
            raise ConfigError(
                f"{_flag(name)} does not belong to --source {source}, which takes: {', '.join(map(_flag, own))}"
            )
    for name in own:
        if kind.model_fields[name].is_required() and name not in given:
            raise ConfigError(f"--source {source} needs {_flag(name)} ({kind.model_fields[name].description})")
    return validated(kind, {"source": source, **given}, subject=_flag)


def source_guides(name: str | None = None) -> dict[str, Guide]:
    """Return what the sources are, in words, name -> guide: all of them, or one.

    Raises:
        ConfigError: no such source.
    """
    if name is not None and name not in SOURCES:
        raise ConfigError(unknown("source", name, SOURCES, len(SOURCES)))
    return {kind: source.guides[kind] for kind, source in SOURCES.items() if name in (None, kind)}


def source_options(name: str) -> dict[str, str]:
    """Return the options of a source, as the command line calls them, and what each is."""
    options = {}
    for field, info in SOURCES[name].model_fields.items():
        if field != "source":
            value = info.default
            default = "needed" if info.is_required() else f"default: {value}" if value not in (None, ()) else "optional"
            options[_flag(field)] = f"{info.description} ({default})"
    return options


def make_preparation(preset: str | None, options: Mapping[str, Any], source: str = "") -> PreparationConfig:
    """Return a preset with some of its values replaced; `preset` None is the one that suits the source.

    Raises:
        ConfigError: no such preset, or a value that is not allowed.
    """
    preset = preset or DEFAULT_PRESET.get(source, "embrec")
    if preset not in PRESETS:
        raise ConfigError(f"--preset {preset!r} is unknown{there_are(preset, PRESETS)}")
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("last") == 0:
        given["last"] = None  # a command line has no other way to say "all"
    return validated(PreparationConfig, PRESETS[preset].model_dump() | given, subject=_flag)


def import_data(
    category: Category | str,
    source: Source,
    preparation: PreparationConfig | None = None,
    *,
    force: bool = False,
    progress: Progress = silent,
) -> Import:
    """Read a source, prepare it and store it as a category.

    The same import again does nothing; where a file was touched meanwhile, or a column that was named is guessed now, it is
    read again to see whether it still says the same.
    Another import over an existing category is refused, because feature tables and runs hang on its catalog.

    Args:
        category: where to, or its name.
        source: where from.
        preparation: what to keep; the published preprocessing if None.
        force: replace what is there.
        progress: told how far reading and preparing are.

    Raises:
        ConfigError: what is given is no category, no source or no preparation.
        DataError: the input is at fault, the category holds another import and `force` is not given, or another process is
            importing it or works with it.
    """
    category, preparation = Category.of(category), preparation or PreparationConfig()
    if not (hasattr(source, "read") and hasattr(source, "files")):
        raise ConfigError(
            f"{source!r} is no source; say what kind it is, such as TableSource(interactions='log.csv', items='items.csv')"
        )
    if not isinstance(preparation, PreparationConfig):
        raise ConfigError(f"{preparation!r} is no preparation; write PreparationConfig(filter='none'), for example")
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
    if known is not None and known[1] is None:  # another process has just imported the same
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
    """Return what the category holds, and why it has to be read again to see whether it is what is asked for, None if not.

    Raises:
        DataError: it is another import.
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
        touched = next(iter(signature["inputs"]), "the source")  # an older version did not keep what the filters took
    return present, touched


def _as_before(category: Category, present: Dataset, dataset: Dataset, touched: str | None, reason: str) -> Dataset:
    """Return what was read anew, with catalog and log as they are there already: what was made from these stays of use.

    Versions differ in which columns they take for texts, and older ones, which did not keep what the filters took, in what
    they make of the text of an item.

    Raises:
        DataError: it is not the same.
    """
    older = present.others is None and not touched
    same = present.catalog.fingerprint == dataset.catalog.fingerprint if older else present.same_items(dataset)
    if not (same and present.same_log(dataset)):
        raise _taken(category, f"content of {reason}")
    before, now = present.catalog, dataset.catalog
    if (before.text_columns, before.frame.columns) != (now.text_columns, now.frame.columns):
        dataset.meta["report"]["remarks"].append(
            f"the catalog stays as it was first read, with the texts of {listed(before.text_columns, _NAMED) or 'no column'}; "
            f"this version would read {listed(now.text_columns, _NAMED) or 'no column'}: import with --force to have that"
        )
    return replace(dataset, catalog=before, interactions=present.interactions)


def _touched(present: Dataset, signature: Mapping[str, Any]) -> str | None:
    """Return the first file that is not as it was when the data were imported."""
    return _difference(present.meta.get("import", {}), signature, "inputs")


def _changed(category: Category, dataset: Dataset) -> str | None:
    """Return what an import changes that replaces another one."""
    if not (category.data / "meta.json").is_file():
        return None
    try:
        before = load_with_others(category)
    except (DataError, OSError, ValueError, KeyError, pl.exceptions.PolarsError):  # whatever it was, it is not the same
        return "catalog"
    if before.catalog.text_columns != dataset.catalog.text_columns or not before.catalog.frame.equals(
        dataset.catalog.frame
    ):
        return "catalog"
    return "" if before.same_data(dataset) else "log"


@contextlib.contextmanager
def _writing(category: Category) -> Iterator[None]:
    """Keep everybody else from the data of a category while they are replaced.

    Raises:
        DataError: another process imports them or builds on them.
    """
    busy = DataError(
        f"another process is importing category {category.name!r}, or building tables, training or searching with it; wait for "
        "it or stop it"
    )
    with locked(category.lock, busy):
        tidy(category.data)
        yield


def dependents(category: Category, changed: str = "catalog", without: Collection[str] = ()) -> str:
    """Return what was made from the data of a category and fits no others, in words; empty if nothing was.

    For example `2 runs (first, second) and 1 feature table (tfidf-01234567)`.

    Args:
        category: where it lies.
        changed: "catalog", or "log" where the items stay what they are: feature tables go by those.
        without: runs that are left out.
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
    """Return how many there are of something, and their names: `2 runs (first, second)`."""
    plural = kind + ("" if len(names) == 1 else "es" if kind.endswith("ch") else "s")
    return f"{len(names):,} {plural} ({listed(names, _NAMED)})"


def summary(category: Category) -> tuple[str, int, int, int, int]:
    """Return source, users, items, events and catalog size of a category, from its description alone."""
    meta = json.loads((category.data / "meta.json").read_text(encoding="utf-8"))
    source = meta.get("import", {}).get("arguments", {}).get("source", "")
    kept = meta["report"]["kept"] if "report" in meta else load_dataset(category).statistics()
    return source, int(kept["users"]), int(kept["items"]), int(kept["events"]), int(kept["catalog"])


def _signature(source: Source, preparation: PreparationConfig) -> dict[str, Any]:
    """Return what an import depends on: arguments, and the size and time of change of every input."""
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
    """Return the first difference between a part of two signatures, in words; None if there is none."""
    before, after = old.get(part, {}), new[part]
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name) and not (part == "arguments" and _is_guess(name, before, after)):
            return name if part == "inputs" else f"{name} ({before.get(name)!r} before, {after.get(name)!r} now)"
    return None


def _is_guess(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether an argument was named in one import and left to the reader in the other."""
    return name in _GUESSED and None in (before.get(name), after.get(name))


def _guessed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return the first argument that one of two signatures names and the other leaves to the reader, in words."""
    before, after = old.get("arguments", {}), new["arguments"]
    for name in sorted(_GUESSED):
        if before.get(name) != after.get(name) and _is_guess(name, before, after):
            return f"{name} ({before.get(name)!r} before, {after.get(name)!r} now)"
    return None


def _taken(category: Category, difference: str) -> DataError:
    made = dependents(category)
    return DataError(
        f"category {category.name!r} was already imported, with another {difference}"
        f"{f'; made from it: {made}' if made else ''}; choose another --category, or replace it with --force"
    )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-") if name else ""
