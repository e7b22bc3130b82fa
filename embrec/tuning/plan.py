"""Defaults of a search: the feature tables and the name for callers who name neither, and searches that are resumed."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from embrec.data.prepared import open_split
from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.errors import ConfigError
from embrec.features.category import tables_or_defaults
from embrec.progress import Progress, silent
from embrec.runs.planning import UNKNOWN_TABLE
from embrec.runs.presets import build_config, changed_config, published_features, reads_tables, run_name
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder, locate_search, told_apart_by
from embrec.tuning.search import check_items, check_wishes, read_inputs
from embrec.tuning.spaces import DEFAULT, SearchRequest, build_search, load_space, search_of
from embrec.workspace import Category, Workspace, check_name


class SearchPlan(NamedTuple):
    """A search to run: its category, its name and its configuration."""

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
    """Return the search of a category that these arguments describe.

    Args:
        category: the prepared data, or its name.
        features: feature tables that trials read; if none is given and the model reads any, all tables of the category that fit
            the split, which are built if there are none (see `tables_or_defaults`).
        options: dotted key -> value of settings that all trials share and the default space does not vary; None values are
            ignored.
        settings: the same as texts such as `model.dim=256`.
        preset: preset of the configuration that trials change; the one that the space names, if any, if None.
        split: how the data are divided; leave-one-out if None.
        space: name or file of a space; see `SearchRequest`.
        name: of the search; made of what it searches if None.
        on_choice: told in one line which tables are meant where none is named.
        progress: told of every block of a build.
        search: further attributes of a `SearchRequest`, such as `samples` or `objective`.

    Raises:
        ConfigError: a wish cannot be met; the message says which. Nothing is built then.
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
        wishes = options | {"model.features": list(tables) or None}
        base = build_config(category.name, split=split, preset=preset, options=wishes, settings=settings)
        return build_search(base, request, items=train_items, tables=tables, fixed=_named(options, settings))

    if features or not reads_tables(options, settings, preset):
        planned = config(features)
    else:
        checked = config([UNKNOWN_TABLE])
        check_wishes(checked)
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

    If another search has that name, a hash of the new search is added, so that the same arguments always mean the same search.
    Searches of earlier versions, whose names have the full names of tables, are found too.
    """
    plain = _name(config, space)
    if not any(category.searches.glob("tuned-*")):
        return plain
    prepared = read_inputs(category, config)
    mark = told_apart_by(prepared.config) + prepared.fingerprint
    apart = f"{plain}-{hashlib.blake2b(mark.encode(), digest_size=4).hexdigest()}"
    for name in (apart, plain, _name(prepared.config, space)):
        if SearchFolder(category.searches / name).holds(prepared.config, prepared.fingerprint):
            return name
    return apart if SearchFolder(category.searches / plain).config_file.is_file() else plain


def resumed_search(
    name: str,
    workspace: Workspace,
    changes: Mapping[str, Any] | None = None,
    *,
    space: str | None = None,
    device: str | None = None,
) -> SearchPlan:
    """Return a search that was started before, with the same configuration.

    Args:
        name: name of the search, or `category/search`.
        workspace: workspace of the search.
        changes: settings that may differ from before, such as `samples`; None values are ignored.
        space: name or file of the space that the search must have; not checked if None.
        device: device to train on in this session; that of the previous session if None.

    Raises:
        RunError: there is no such search, or it was begun with another space.
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


def refuse_with_resume(wishes: Mapping[str, Any]) -> None:
    """Raise a ConfigError if an option would change a search that is resumed.

    Args:
        wishes: option -> value; None, False and nothing at all are no wishes.
    """
    for option, value in wishes.items():
        if value and option not in _OF_A_SITTING:
            name = _OPTIONS.get(option, option.replace("_", "-"))
            raise ConfigError(
                f"--resume goes on with a search as it was begun; leave out --{name}, or begin another search with --name"
            )


# What a resumed search may be given: how it runs, and what it is checked against.
_OF_A_SITTING = {
    "resume", "workspace", "samples", "final_epochs", "final_on", "space", "seeds",
    "concurrent", "threads", "per_gpu", "device", "address",
}  # fmt: skip
_OPTIONS = {"every": "all", "setting": "set"}


def _named(options: Mapping[str, Any], settings: Sequence[str]) -> set[str]:
    """Return the settings that the user gave a value: no default space varies them."""
    named = {key for key, value in options.items() if value is not None}
    for key, _, text in (setting.partition("=") for setting in settings):
        value = yaml.safe_load(text)  # it is valid: the configuration was built from it
        # A value may hold several settings, such as training.loss={name: bpr-max, regularization: 0.5}.
        inner = value if isinstance(value, Mapping) else {}
        named |= {key.strip(), *(f"{key.strip()}.{name}" for name in inner)}
    return named


def _name(config: SearchConfig, space: str) -> str:
    """Return a name made of the model of a search, and of its space if that is not the default."""
    parts = ["tuned", run_name(config.base)]
    if space != DEFAULT:
        parts.append(Path(space).stem)
    if config.algorithm != "tpe":
        parts.append(config.algorithm)
    return "-".join(parts)
