"""Presets, and configurations of runs built from a preset, options and settings."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import takewhile
from typing import Any

import yaml
from pydantic import BaseModel

from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError
from embrec.models import registry
from embrec.names import unknown
from embrec.parameters import call, parameter
from embrec.runs.config import RunConfig
from embrec.runs.settings import read_setting, set_by_key
from embrec.validation import validated


def preset_names() -> list[str]:
    """Return the names of the presets that come with the package."""
    return sorted(file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml"))


def _folder() -> Traversable:
    return files("embrec") / "presets"


def describe_preset(name: str) -> str:
    """Return the description of a preset: the first sentence of the comment at the top of its file.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in preset_names():
        raise ConfigError(unknown("preset", name, preset_names()))
    lines = (_folder() / f"{name}.yaml").read_text("utf-8").splitlines()
    comment = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))
    return re.split(r"(?<!Fig)(?<!sec)\. (?=[A-Z])", comment, maxsplit=1)[0].rstrip(".")


def load_preset(name: str) -> dict[str, Any]:
    """Return the settings of a preset, section -> key -> value.

    Args:
        name: name of a preset, or several joined by plus signs, such as `embrec+published-negatives`; later ones win.

    Raises:
        ConfigError: there is no such preset, or the preset that it extends does not exist.
    """
    settings: dict[str, Any] = {}
    for part in name.split("+"):
        settings = _merged(settings, _resolved(part.strip()))
    settings.pop("reads", None)
    return settings


def _resolved(name: str, below: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the settings of a preset merged over those of the preset that it extends.

    Args:
        name: name of the preset.
        below: presets that extend this one.
    """
    by = f" (preset {below[-1]!r} extends it)" if below else ""
    if name not in preset_names():
        raise ConfigError(f"{unknown('preset', name, preset_names())} (all: {call('preset_names')}){by}")
    if name in below:
        raise ConfigError(f"preset {name!r} extends itself{by}")
    settings: dict[str, Any] = yaml.safe_load((_folder() / f"{name}.yaml").read_text("utf-8"))
    base = settings.pop("extends", None)
    return settings if base is None else _merged(_resolved(base, (*below, name)), settings)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both merged by section, where keys of `over` win; a choice such as a loss is replaced as a whole."""
    together = dict(base)
    for key, value in over.items():
        before = together.get(key)
        inner = isinstance(before, Mapping) and isinstance(value, Mapping) and key not in ("loss", "schedule")
        together[key] = _merged(before, value) if inner and before is not None else value
    return together


def published_features(preset: str | None) -> str:
    """Return a hint about the vectors that a preset was published with; empty if its file names none."""
    sources = [kind for part in (preset or "").split("+") if part for kind in _resolved(part.strip()).get("reads", ())]
    if not sources:
        return ""
    return (
        f" (preset {preset} was published with {' and '.join(f'{kind} vectors' for kind in sources)}: "
        f"{parameter('model.features', ['TABLE'])})"
    )


def build_config(
    category: str,
    *,
    split: SplitConfig | None = None,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
) -> RunConfig:
    """Return a run's configuration from defaults, preset, options and settings, where later sources win.

    Args:
        category: name of the data set.
        split: split of the log; leave-one-out if None.
        preset: name of a preset, or several; see `load_preset`.
        options: dotted key -> value; None values are ignored.
        settings: texts such as `model.dim=256`; values are read as YAML.

    >>> config = build_config("shop", preset="sasrec", settings=["training.epochs=5"])
    >>> config.model.kind, config.training.epochs
    ('sasrec', 5)

    Raises:
        ConfigError: a key is unknown or a value is not allowed; the message names both.
    """
    if split is not None and not isinstance(split, BaseModel):
        raise ConfigError(f"{parameter('split', split)} is no split; write GlobalTime(targets='last'), for example")
    if options is not None and not isinstance(options, Mapping):
        raise ConfigError(f"{parameter('options', options)} is no mapping of settings, such as {{'model.dim': 64}}")
    tree: dict[str, Any] = load_preset(preset) if preset else {}
    given = [(key, value) for key, value in (options or {}).items() if value is not None]
    for key, value in [*given, *map(read_setting, [settings] if isinstance(settings, str) else settings)]:
        set_by_key(tree, key, value)
    tree["category"] = category
    tree.setdefault("model", {})
    if split is not None:
        tree["split"] = split.model_dump()
    try:
        return _config(tree)
    except ConfigError as error:
        message = str(error)
        if "needs at least one feature table" in message:
            message = (
                "the model reads content, and no feature table is named; name one with "
                f"{parameter('model.features')} (see: {call('list_tables')}) or let the model know items by their ids with "
                f"{parameter('model.source', 'id')}" + published_features(preset)
            )
        if "has no negatives" in message and preset:
            message += f" (preset {preset} sets them; preset embrec-cosine does not)"
        raise ConfigError(message) from None


def lacks_features(options: Mapping[str, Any], settings: Sequence[str] = (), preset: str | None = None) -> bool:
    """Return True if the configured model reads feature tables and none is named.

    Args:
        options: dotted key -> value; see `build_config`.
        settings: texts such as `model.source=id`.
        preset: name of a preset.

    Raises:
        ConfigError: there is no such preset.
    """
    model = load_preset(preset).get("model", {}) if preset else {}
    given = {key.strip(): value.strip(" '\"") for key, _, value in (setting.partition("=") for setting in settings)}
    if "model.features" in given or options.get("model.features") or model.get("features"):
        return False
    kind = given.get("model.kind") or options.get("model.kind") or model.get("kind", registry.DEFAULT)
    source = given.get("model.source") or options.get("model.source") or model.get("source")
    if source is None and kind not in registry.MODELS:
        return False  # an unknown kind, which `build_config` reports
    return bool((source or registry.lookup(kind).source) != "id")


def changed_config(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """Return a configuration with some settings replaced.

    Args:
        config: configuration to start from.
        settings: dotted key -> new value.

    Raises:
        ConfigError: a key is unknown or a value is not allowed; the message names both.
    """
    tree = config.model_dump()
    for key, value in settings.items():
        set_by_key(tree, key, value)
    return _config(tree)


def _config(tree: Mapping[str, Any]) -> RunConfig:
    model = tree.get("model")
    kind = model.get("kind") if isinstance(model, Mapping) else None
    of_kind = {"model": kind} if isinstance(kind, str) and kind != registry.DEFAULT and kind in registry.MODELS else {}
    return validated(RunConfig, tree, see=f" (all: {call('list_settings', **of_kind)})")


def run_name(config: RunConfig) -> str:
    """Return the default name of a run: item source and features, and kind, loss, split and data unless they are defaults."""
    parts = [config.model.source, *(feature.split("/")[-1] for feature in config.model.features)]
    if config.model.kind != registry.DEFAULT:
        parts.insert(0, config.model.kind)
    if config.training.loss.name != "cross-entropy":
        parts.append(config.training.loss.name)
    if config.split.kind != "leave-one-out":
        parts.append(config.split.kind)
    if config.training.learn_from != "train":
        parts.append(config.training.learn_from)
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts))
