"""Building a run's configuration from a preset, options and free settings: one place, whoever asks."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError
from embrec.training.config import RunConfig


def preset_names() -> list[str]:
    """Return the names of the presets that come with the package."""
    return sorted(file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml"))


def _folder() -> Traversable:
    return files("embrec") / "presets"


def load_preset(name: str) -> dict[str, Any]:
    """Return a preset's settings, section -> key -> value.

    Args:
        name: of a preset, or several with plus signs between them, of which later ones win: `embrec+published-negatives`.

    Raises:
        ConfigError: there is no such preset, or none that it extends.
    """
    settings: dict[str, Any] = {}
    for part in name.split("+"):
        settings = _merged(settings, _resolved(part.strip()))
    settings.pop("reads", None)
    return settings


def _resolved(name: str, below: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a preset's settings together with those that it extends; `below` are the presets that extend it."""
    by = f" (preset {below[-1]!r} extends it)" if below else ""
    if name not in preset_names():
        raise ConfigError(f"unknown preset {name!r}{by}; there are: {', '.join(preset_names())}")
    if name in below:
        raise ConfigError(f"preset {name!r} extends itself{by}")
    settings: dict[str, Any] = yaml.safe_load((_folder() / f"{name}.yaml").read_text("utf-8"))
    base = settings.pop("extends", None)
    return settings if base is None else _merged(_resolved(base, (*below, name)), settings)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, keys of `over` winning, section by section; a choice such as a loss is replaced as a whole."""
    together = dict(base)
    for key, value in over.items():
        before = together.get(key)
        inner = isinstance(before, Mapping) and isinstance(value, Mapping) and key not in ("loss", "schedule")
        together[key] = _merged(before, value) if inner and before is not None else value
    return together


def _published_features(preset: str | None) -> str:
    """Say which vectors a preset was published with, as a hint to who names none."""
    sources = [kind for part in (preset or "").split("+") if part for kind in _resolved(part.strip()).get("reads", ())]
    if not sources:
        return ""
    return (
        f" (preset {preset} was published with {' and '.join(f'{kind} vectors' for kind in sources)}: --features TABLE)"
    )


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
        preset: name of a preset, or several with plus signs between them; see `load_preset`.
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
        pairs.append((key.strip(), _yaml(text, value)))
    for key, value in pairs:
        _put(tree, key, value)
    tree["category"] = category
    tree.setdefault("model", {})
    if split is not None:
        tree["split"] = split.model_dump()
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        message = _explain(error)
        if "needs at least one feature table" in message:
            message += _published_features(preset)
        if "has no negatives" in message and preset:
            message += f" (preset {preset} sets them; preset embrec-cosine does not)"
        raise ConfigError(message) from None


def _yaml(text: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"the value of setting {text!r} is not YAML; put it in quotes") from None


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key; where a branch is a bare name, such as loss: bpr-max, it becomes that choice with a parameter."""
    *branches, name = key.split(".")
    for branch in branches:
        inner = tree.get(branch, {})
        if not isinstance(inner, dict):
            inner = {"count" if branch == "negatives" else "name": inner}
        tree[branch] = dict(inner)
        tree = tree[branch]
    tree[name] = value


def run_name(config: RunConfig) -> str:
    """Return the default name of a run: the model and the loss if not the default ones, what it reads, and the split."""
    parts = [config.model.source, *(feature.split("/")[-1] for feature in config.model.features)]
    if config.model.kind != "embrec":
        parts.insert(0, config.model.kind)
    if config.training.loss.name != "cross-entropy":
        parts.append(config.training.loss.name)
    if config.split.kind != "leave-one-out":
        parts.append(config.split.kind)
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts))


def _explain(error: ValidationError) -> str:
    """Say key, value and what is allowed in one line."""
    # Of a value that may be of several types there is an error for each; the last is of the most general one.
    first = error.errors()[-1]
    path, fields = _resolve(first["loc"])
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        return f"unknown setting {key!r}; there are: {', '.join(fields)}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{key}: {message}" if key else message
    if first["type"].startswith("union_tag"):
        return f"setting {key!r} is {first['ctx'].get('tag', first['input'])!r}; there are: {_tags(first['ctx'])}"
    return f"setting {key!r} is {first['input']!r}: {message}"


def _tags(context: Mapping[str, Any]) -> str:
    return str(context["expected_tags"]).replace("'", "")


def _resolve(location: tuple[int | str, ...]) -> tuple[list[str], list[str]]:
    """Return the keys of an error's place without the marks of alternatives, and the keys that are known there."""
    path: list[str] = []
    fields = list(RunConfig.model_fields)
    alternatives: list[Any] = [RunConfig]
    for part in location:
        field = next((kind.model_fields[part] for kind in alternatives if part in kind.model_fields), None)
        tagged = [kind for kind in alternatives if part in (_default(kind, "kind"), _default(kind, "name"))]
        if field is None and (tagged or not alternatives):
            alternatives = tagged
        else:
            path.append(str(part))
            fields = [name for kind in alternatives for name in kind.model_fields]
            alternatives = _models(field.annotation) if field is not None else []
    return path, list(dict.fromkeys(fields))


def _default(kind: type[BaseModel], name: str) -> Any:
    return kind.model_fields[name].default if name in kind.model_fields else None


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models among the alternatives of a field."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in get_args(annotation) for model in _models(part)]
