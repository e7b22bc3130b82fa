"""Planning of a search: the configuration, feature tables and name of a search, from the few options that a user gives."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from embrec.data.prepared import open_split
from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.features.category import tables_or_defaults
from embrec.progress import Progress, silent
from embrec.runs.planning import UNKNOWN_TABLE
from embrec.runs.presets import build_config, changed_config, lacks_features, published_features, run_name
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder, identity_of, locate_search
from embrec.tuning.search import check_config, check_items, read_inputs
from embrec.tuning.spaces import DEFAULT, SearchRequest, build_search, load_space, search_of
from embrec.workspace import Category, Workspace, check_name


class SearchPlan(NamedTuple):
    """A search that is ready to run: its category, name and configuration."""

    category: Category
    name: str
    config: SearchConfig


def plan_search(
    category: Category | str,
    *,
    features: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    preset: str | None = None,
    split: SplitConfig | None = None,
    space: str = DEFAULT,
    name: str | None = None,
    on_choice: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
    **search: Any,
) -> SearchPlan:
    """Return the search that the given options describe, with defaults for everything else.

    Args:
        category: the prepared data, or its name.
        features: names of the feature tables of the trials; if empty and the model reads tables, all tables of the category for
            this split, built if there are none (see `tables_or_defaults`).
        options: dotted key -> value that all trials share; the default space does not vary these keys. None values are ignored.
        settings: texts such as `model.dim=256`, with the same effect as `options`.
        preset: preset of the base configuration; that of the space if None.
        split: split of the data; leave-one-out if None.
        space: name or file of a space; see `SearchRequest`.
        name: name of the search; derived from its configuration if None.
        on_choice: callback that receives a line about the chosen tables if none is named.
        progress: callback for the progress of building tables.
        search: further attributes of a `SearchRequest`, such as `samples` or `objective`.

    Raises:
        ConfigError: an option is not valid; the message names it. Nothing is built then.
        FeatureError: a table is missing, or cannot be built.
    """
    category, split = Category.of(category), split or LeaveOneOut()
    if name is not None:
        check_name("search", name)
    if space != DEFAULT:
        preset = preset or load_space(space).preset
    prepared = open_split(category, split)
    train_items = prepared.n_train_items
    options = dict(options or {})
    request = SearchRequest(space=space, **search)

    def config(tables: Sequence[str]) -> SearchConfig:
        values = options | {"model.features": list(tables) or None}
        base = build_config(category.name, split=split, preset=preset, options=values, settings=settings)
        return build_search(base, request, items=train_items, tables=tables, fixed=_named(options, settings))

    if features or not lacks_features(options, settings, preset):
        planned = config(features)
    else:
        checked = config([UNKNOWN_TABLE])
        check_config(checked)
        check_items(checked, len(prepared.catalog), train_items)
        planned = config(
            tables_or_defaults(
                category,
                split,
                on_choice=lambda words: on_choice(words + published_features(preset)),
                progress=progress,
            )
        )
    return SearchPlan(category, name or _default_name(category, planned, space), planned)


def _default_name(category: Category, config: SearchConfig, space: str) -> str:
    """Return the default name of a search.

    If a different search already has that name, a hash of the configuration is appended, so that the same command always finds
    the same search. Searches of earlier versions, whose names contain the full names of tables, are found as well.
    """
    plain = _name(config, space)
    if not any(category.searches.glob("tuned-*")):
        return plain
    prepared = read_inputs(category, config)
    identity = identity_of(prepared.config) + prepared.fingerprint
    hashed = f"{plain}-{hashlib.blake2b(identity.encode(), digest_size=4).hexdigest()}"
    for name in (hashed, plain, _name(prepared.config, space)):
        if SearchFolder(category.searches / name).holds(prepared.config, prepared.fingerprint):
            return name
    return hashed if SearchFolder(category.searches / plain).config_file.is_file() else plain


def resumed_search(
    name: str,
    workspace: Workspace,
    changes: Mapping[str, Any] | None = None,
    *,
    space: str | None = None,
    device: str | None = None,
) -> SearchPlan:
    """Return an existing search, to be resumed.

    Args:
        name: name of the search, or `category/search`.
        workspace: the workspace of the search.
        changes: new values of fields that may change between sessions, such as `samples`; None values are ignored.
        space: name or file of a space; checked against that of the search.
        device: device of this session; that of the last one if None.

    Raises:
        RunError: there is no such search, or it was started with another space.
        ConfigError: a value is not allowed, or the space is not valid.
    """
    folder = locate_search(name, workspace)
    before = folder.config()
    config = search_of(
        before.model_dump() | {key: value for key, value in (changes or {}).items() if value is not None}
    )
    if device is not None:
        config = config.model_copy(update={"base": changed_config(config.base, {"training.device": device})})
    if space is not None and space != DEFAULT:
        tables = config.base.model.features
        items = open_split(folder.category, config.base.split).n_train_items
        told = build_search(config.base, SearchRequest(space, warm=False), items=items, tables=tables)
        folder.check(config.model_copy(update={"space": told.space}))
    return SearchPlan(folder.category, folder.name, config)


def _named(options: Mapping[str, Any], settings: Sequence[str]) -> set[str]:
    """Return the settings that the user gave a value: no default space varies them."""
    named = {key for key, value in options.items() if value is not None}
    for key, _, text in (setting.partition("=") for setting in settings):
        value = yaml.safe_load(text)  # valid, since the configuration was built from it
        # A value may hold several settings, such as training.loss={name: bpr-max, regularization: 0.5}.
        inner = value if isinstance(value, Mapping) else {}
        named |= {key.strip(), *(f"{key.strip()}.{name}" for name in inner)}
    return named


def _name(config: SearchConfig, space: str) -> str:
    """Return the default name of a search: the name of a run, then the space and the algorithm if they are not the defaults."""
    parts = ["tuned", run_name(config.base)]
    if space != DEFAULT:
        parts.append(Path(space).stem)
    if config.algorithm != "tpe":
        parts.append(config.algorithm)
    return "-".join(parts)
