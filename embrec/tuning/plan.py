"""Which search a user means: categories, feature tables and names found, so that `embrec tune --loss bpr-max` is enough."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.data.store import load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.features.category import fitting_tables
from embrec.training.presets import build_config, changed_config, load_preset, run_name
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import locate_search
from embrec.tuning.spaces import DEFAULT, build_search, load_space, validated
from embrec.workspace import Category, Workspace


class Plan(NamedTuple):
    """A search that is to be run: of which category, under which name, and what it is."""

    category: Category
    name: str
    config: SearchConfig


def plan_search(
    category: Category,
    *,
    features: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    preset: str | None = None,
    split: SplitConfig | None = None,
    space: str = DEFAULT,
    name: str | None = None,
    **search: Any,
) -> Plan:
    """Return the search of a category that these wishes mean.

    Args:
        category: the prepared data.
        features: tables that trials read; if there are none and the model reads any, all that the category has for this split.
        options: dotted key -> value of what all trials share, and the default space leaves alone; None values are left out.
        settings: texts such as `model.dim=256`, likewise.
        preset: of the configuration that trials change; if None, the one that the space names, if it names any.
        split: how the data are divided; leave-one-out if None.
        space: name or file of a space; see `build_search`.
        name: of the search; made of what it searches if None.
        search: the further arguments of `build_search`.

    Raises:
        ConfigError: a wish cannot be met; the message says which.
        FeatureError: the model reads content, and the category has no feature table.
    """
    split = split or LeaveOneOut()
    if space != DEFAULT:
        preset = preset or load_space(space).preset
    dataset = load_dataset(category)
    partition = split(dataset.interactions, len(dataset.catalog))
    tables = list(features)
    options = dict(options or {})
    if not tables and _reads_content(options, settings, preset):
        tables = [table.path.stem for table in fitting_tables(category, dataset.catalog, partition.train_items)]
        if not tables:
            raise FeatureError(
                f"category {category.name!r} has no feature table for this split; build one with: "
                f"embrec features build --category {category.name} --encoder tfidf, or search a model of ids (--source id)"
            )
    base = build_config(
        category.name,
        split=split,
        preset=preset,
        options=options | {"model.features": tables or None},
        settings=settings,
    )
    config = build_search(
        base,
        space=space,
        tables=tables,
        items=int(partition.train_items.sum()),
        fixed=_named(options, settings),
        **search,
    )
    return Plan(category, name or _name(config, space), config)


def resumed_search(
    name: str,
    workspace: Workspace,
    changes: Mapping[str, Any] | None = None,
    *,
    space: str | None = None,
    device: str | None = None,
) -> Plan:
    """Return a search that was begun, as it was begun.

    Args:
        name: of the search, or `category/search`.
        workspace: where it lies.
        changes: what may be other than before, such as `samples`; None values are left out.
        space: name or file of a space that it is said to have.
        device: to train on in this sitting; that of the one before if None.

    Raises:
        RunError: there is no such search, or it was begun with another space.
        ConfigError: a value is not allowed, or the space is not valid.
    """
    folder = locate_search(name, workspace)
    before = folder.config()
    config = validated(
        before.model_dump() | {key: value for key, value in (changes or {}).items() if value is not None}
    )
    if device is not None:
        config = config.model_copy(update={"base": changed_config(config.base, {"training.device": device})})
    if space is not None and space != DEFAULT:
        dataset = load_dataset(folder.category)
        partition = config.base.split(dataset.interactions, len(dataset.catalog))
        tables = config.base.model.features
        items = int(partition.train_items.sum())
        told = build_search(config.base, space=space, tables=tables, items=items, warm=False)
        folder.check(config.model_copy(update={"space": told.space}))
    return Plan(folder.category, folder.name, config)


def refuse_with_resume(wishes: Mapping[str, Any]) -> None:
    """Raise a ConfigError if anything is wished for that would make another search of one that is resumed.

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


def _reads_content(options: Mapping[str, Any], settings: Sequence[str], preset: str | None) -> bool:
    """Whether the model that is asked for reads feature tables, and none are named in a setting."""
    model = load_preset(preset).get("model", {}) if preset else {}
    given = {key.strip(): value.strip() for key, _, value in (setting.partition("=") for setting in settings)}
    if "model.features" in given:
        return False
    kind = given.get("model.kind") or options.get("model.kind") or model.get("kind", "embrec")
    source = given.get("model.source") or options.get("model.source") or model.get("source")
    return bool((source or ("content" if kind == "embrec" else "id")) != "id")


def _named(options: Mapping[str, Any], settings: Sequence[str]) -> set[str]:
    """Return the settings that the user gave a value: no search is to change them unless it is told to."""
    named = {key for key, value in options.items() if value is not None}
    for key, _, text in (setting.partition("=") for setting in settings):
        value = yaml.safe_load(text)  # it is valid: the configuration was built from it
        # A value may hold several settings, such as training.loss={name: bpr-max, regularization: 0.5}.
        inner = value if isinstance(value, Mapping) else {}
        named |= {key.strip(), *(f"{key.strip()}.{name}" for name in inner)}
    return named


def _name(config: SearchConfig, space: str) -> str:
    """Return the default name of a search: what its model is made of, and how it is searched if not in the default way."""
    parts = ["tuned", run_name(config.base)]
    if space != DEFAULT:
        parts.append(Path(space).stem)
    if config.algorithm != "tpe":
        parts.append(config.algorithm)
    return "-".join(parts)
