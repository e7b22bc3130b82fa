"""The import of one category: read, prepare, store. The same import again costs nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pydantic import BaseModel, ValidationError

from embrec.data.preparation import PRESETS, PreparationConfig, prepare
from embrec.data.readers.frames import content_fingerprint
from embrec.data.readers.guide import Guide
from embrec.data.readers.raw import Source
from embrec.data.recognition import SOURCES, AnySource, recognise
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.errors import ConfigError, DataError
from embrec.names import there_are, unknown
from embrec.progress import Progress, silent
from embrec.workspace import Category

Model = TypeVar("Model", bound=BaseModel)

# What a reader finds out by itself where nobody says it; so whether it was said makes no difference, but what was found does.
_GUESSED = frozenset({"user_column", "item_column", "catalog_item_column", "time_column", "time_unit"})

DEFAULT_PRESET = {"complete-journey": "complete-journey"}


@dataclass(frozen=True)
class Import:
    """What an import left behind; `fresh` is False where the category was already there and unchanged."""

    category: Category
    dataset: Dataset
    fresh: bool


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
    given = {name: value for name, value in options.items() if value not in (None, ())}
    own = [name for name in kind.model_fields if name != "source"]
    for name in given:
        if name not in own:
            raise ConfigError(
                f"{_flag(name)} does not belong to --source {source}, which takes: {', '.join(map(_flag, own))}"
            )
    for name in own:
        if kind.model_fields[name].is_required() and name not in given:
            raise ConfigError(f"--source {source} needs {_flag(name)} ({kind.model_fields[name].description})")
    return _validated(kind, {"source": source, **given})


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
    return _validated(PreparationConfig, PRESETS[preset].model_dump() | given)


def import_data(
    category: Category,
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
        category: where to.
        source: where from.
        preparation: what to keep; the published preprocessing if None.
        force: replace what is there.
        progress: told how far reading and preparing are.

    Raises:
        DataError: the input is at fault, or the category holds another import and `force` is not given.
    """
    preparation = preparation or PreparationConfig()
    signature = _signature(source, preparation)
    present, touched = None, None
    if (category.data / "meta.json").is_file() and not force:
        present = load_dataset(category)
        recorded = present.meta.get("import", {})
        setting = _difference(recorded, signature, "arguments") or _difference(recorded, signature, "preparation")
        if setting:
            raise _taken(category, setting)
        touched = _guessed(recorded, signature) or _difference(recorded, signature, "inputs")
        if touched is None:
            return Import(category, present, fresh=False)
    raw = source.read(progress)
    progress("prepare events", 0, 1)
    dataset, _ = prepare(raw, preparation)
    progress("prepare events", 1, 1)
    if present is not None and not present.same_data(dataset):
        raise _taken(category, f"content of {touched}")
    dataset = Dataset(dataset.catalog, dataset.interactions, {"import": signature, **dataset.meta})
    save_dataset(category, dataset)
    return Import(category, dataset, fresh=present is None)


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
    return DataError(
        f"category {category.name!r} was already imported, with another {difference}; feature tables and runs may "
        "hang on it: choose another --category, or replace it with --force"
    )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        message = first["msg"].removeprefix("Value error, ").lower()
        raise ConfigError(f"{_flag(name)} is {first['input']!r}: {message}") from None
