"""Building a run's configuration from a preset, options and free settings: one place, whoever asks."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml
from pydantic import ValidationError

from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError
from embrec.training.config import RunConfig


def preset_names() -> list[str]:
    """Return the names of the presets that come with the package."""
    folder = files("embrec") / "presets"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_preset(name: str) -> dict[str, Any]:
    """Return a preset's settings, section -> key -> value.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in preset_names():
        raise ConfigError(f"unknown preset {name!r}; there are: {', '.join(preset_names())}")
    settings: dict[str, Any] = yaml.safe_load((files("embrec") / "presets" / f"{name}.yaml").read_text("utf-8"))
    return settings


def build_config(
    category: str,
    *,
    split: SplitConfig | None = None,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
) -> RunConfig:
    """Return a run's configuration; later sources win: defaults, preset, options, settings.

    Args:
        category: the data set.
        split: how it is divided; leave-one-out if None.
        preset: name of a preset.
        options: dotted key -> value; None values are left out.
        settings: texts such as `model.dim=256`, their values read as YAML.

    Raises:
        ConfigError: a key is unknown or a value not allowed; the message names both.
    """
    tree: dict[str, Any] = load_preset(preset) if preset else {}
    pairs = [(key, value) for key, value in (options or {}).items() if value is not None]
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or "." not in key:
            raise ConfigError(f"setting {text!r} has not the form section.key=value, such as model.dim=256")
        pairs.append((key.strip(), yaml.safe_load(value)))
    for key, value in pairs:
        section, _, name = key.partition(".")
        tree.setdefault(section, {})[name] = value
    tree["category"] = category
    tree.setdefault("model", {})
    if split is not None:
        tree["split"] = split.model_dump()
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def run_name(config: RunConfig) -> str:
    """Return the default name of a run: what it reads, and the split if it is not leave-one-out."""
    parts = [config.model.source, *(feature.split("/")[-1] for feature in config.model.features)]
    if config.split.kind != "leave-one-out":
        parts.append(config.split.kind)
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts))


def _explain(error: ValidationError) -> str:
    """Say key, value and what is allowed in one line."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        section = first["loc"][0] if len(first["loc"]) > 1 else None
        known = RunConfig.model_fields[str(section)].annotation if section in RunConfig.model_fields else RunConfig
        names = ", ".join(getattr(known, "model_fields", {}))
        return f"unknown setting {key!r}; there are: {names}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{key}: {message}"
    return f"setting {key!r} is {first['input']!r}: {message}"
