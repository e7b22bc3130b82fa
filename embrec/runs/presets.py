"""Building a run's configuration from a preset, options and free settings: one place, whoever asks."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import takewhile
from typing import Any, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError
from embrec.names import did_you_mean, listed, nearest, there_are, unknown
from embrec.parameters import call, parameter
from embrec.runs.config import RunConfig
from embrec.runs.settings import models_of


def preset_names() -> list[str]:
    """Return the names of the presets that come with the package."""
    return sorted(file.name.removesuffix(".yaml") for file in _folder().iterdir() if file.name.endswith(".yaml"))


def _folder() -> Traversable:
    return files("embrec") / "presets"


def describe_preset(name: str) -> str:
    """Return what a preset says of itself: the first sentence of the comment that its file begins with.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in preset_names():
        raise ConfigError(unknown("preset", name, preset_names()))
    lines = (_folder() / f"{name}.yaml").read_text("utf-8").splitlines()
    comment = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))
    return re.split(r"(?<!Fig)(?<!sec)\. (?=[A-Z])", comment, maxsplit=1)[0].rstrip(".")


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
        raise ConfigError(f"{unknown('preset', name, preset_names())} (all: {call('preset_names')}){by}")
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


def published_features(preset: str | None) -> str:
    """Say which vectors a preset was published with, as a hint to who names none; nothing where it says nothing."""
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
            message = (
                "the model reads content, and no feature table is named; name one with "
                f"{parameter('model.features')} (see: {call('list_tables')}) or let the model know items by their ids with "
                f"{parameter('model.source', 'id')}" + published_features(preset)
            )
        if "has no negatives" in message and preset:
            message += f" (preset {preset} sets them; preset embrec-cosine does not)"
        raise ConfigError(message) from None


def reads_tables(options: Mapping[str, Any], settings: Sequence[str] = (), preset: str | None = None) -> bool:
    """Return whether the model that is asked for reads feature tables, and none is named.

    Args:
        options: dotted key -> value, as `build_config` takes them.
        settings: texts such as `model.source=id`.
        preset: name of a preset.

    Raises:
        ConfigError: there is no such preset.
    """
    model = load_preset(preset).get("model", {}) if preset else {}
    given = {key.strip(): value.strip(" '\"") for key, _, value in (setting.partition("=") for setting in settings)}
    if "model.features" in given or options.get("model.features") or model.get("features"):
        return False
    kind = given.get("model.kind") or options.get("model.kind") or model.get("kind", "embrec")
    source = given.get("model.source") or options.get("model.source") or model.get("source")
    return bool((source or ("content" if kind == "embrec" else "id")) != "id")


def changed_config(config: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """Return a configuration with some settings replaced, dotted key -> value.

    Raises:
        ConfigError: a key is unknown or a value not allowed; the message names both.
    """
    tree = config.model_dump()
    for key, value in settings.items():
        _put(tree, key, value)
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _yaml(text: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"the value of setting {text!r} is not YAML; put it in quotes") from None


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key; where a branch is a bare name, such as loss: bpr-max, it becomes that choice with a parameter."""
    head, part, rest = key.partition(".l2.")
    branches, name = ([*head.split("."), "l2"], rest) if part else (key.split(".")[:-1], key.split(".")[-1])
    for branch in branches:
        inner = tree.get(branch) or {}
        if not isinstance(inner, dict):
            inner = {"count" if branch == "negatives" else "name": inner}
        tree[branch] = dict(inner)
        tree = tree[branch]
    before = tree.get(name)
    if isinstance(before, dict):
        # The same choice again, or another number of negatives, keeps the parameters that are set already and still apply.
        if name in ("loss", "schedule") and before.get("name") == value:
            return
        if name == "negatives" and isinstance(value, int | str):
            kept = before if value != "all" else {key: before[key] for key in ("exclude", "frozen") if key in before}
            value = kept | {"count": value}
    tree[name] = value


def dotted(tree: Mapping[str, Any], whole: Sequence[str] = (), above: str = "") -> dict[str, Any]:
    """Return nested values by dotted key, as users write settings.

    Args:
        tree: mappings within mappings.
        whole: keys whose mappings' values are taken whole, whatever they are.
        above: the key of the tree.
    """
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{above}.{key}" if above else str(key)
        inner = isinstance(value, Mapping) and value and above not in whole
        flat |= dotted(value, whole, path) if inner else {path: value}
    return flat


def run_name(config: RunConfig) -> str:
    """Return the default name of a run: what it reads, and model, loss, split and what it learns from if not the default."""
    parts = [config.model.source, *(feature.split("/")[-1] for feature in config.model.features)]
    if config.model.kind != "embrec":
        parts.insert(0, config.model.kind)
    if config.training.loss.name != "cross-entropy":
        parts.append(config.training.loss.name)
    if config.split.kind != "leave-one-out":
        parts.append(config.split.kind)
    if config.training.learn_from != "train":
        parts.append(config.training.learn_from)
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts))


def _explain(error: ValidationError) -> str:
    """Say key, value and what is allowed in one line."""
    errors = error.errors()
    last = errors[-1]
    path, known, choices = _resolve(last["loc"])
    key = ".".join(path)
    kind, value = last["type"], last["input"]
    if kind == "extra_forbidden":
        meant = nearest(path[-1], known)
        beside = ".".join([*path[:-1], meant]) if meant is not None else ""
        return (
            f"unknown setting {key!r}{f'; did you mean {beside!r}?' if beside else ';'} there are: {listed(known)} "
            f"(all: {call('list_settings')})"
        )
    if kind == "value_error":
        message = last["msg"].removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    if kind.startswith("union_tag"):
        by, names = _names(choices)
        if kind == "union_tag_not_found":
            return f"setting {key!r} has no {by}; set {_choice(key, by)} to one of: {', '.join(names)}"
        tag = str(last["ctx"]["tag"])
        return f"setting {_choice(key, by)!r} is {tag!r}{there_are(tag, names)}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        by, names = _names(choices)
        allowed = (
            f"one of: {', '.join(names)}" if names else f"settings: {', '.join(_fields(choices)) or 'name: value'}"
        )
        return f"setting {key!r} is {value!r}; it takes {allowed}"
    # Of a value that may be of several types there is an error for each.
    messages = [other["msg"] for other in errors if _resolve(other["loc"])[0] == path]
    first, *others = dict.fromkeys(messages)
    said = " or ".join(
        [f"setting {key!r} is {value!r}: {first}", *(text.removeprefix("Input should be ") for text in others)]
    )
    # Of a choice among words pydantic knows the words only as a text.
    words = re.findall(r"'([^']*)'", str(last.get("ctx", {}).get("expected", ""))) if kind == "literal_error" else []
    return said + did_you_mean(str(value), words)


def _choice(key: str, by: str) -> str:
    """Return the key that a choice is made with: a loss by its own name, a model by its kind."""
    return key if by == "name" else f"{key}.{by}"


def _names(choices: list[type[BaseModel]]) -> tuple[str, list[str]]:
    """Return what several models are told apart by, and its values; none for a single model."""
    by = "kind" if all("kind" in model.model_fields for model in choices) else "name"
    names = [str(_default(model, by)) for model in choices]
    return by, names if len(choices) > 1 else []


def _fields(models: list[type[BaseModel]]) -> list[str]:
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _resolve(location: tuple[int | str, ...]) -> tuple[list[str], list[str], list[type[BaseModel]]]:
    """Return what an error's place means.

    Returns:
        Its keys, without the marks of alternatives; the keys that are known beside it; the models that may stand there.
    """
    path: list[str] = []
    known: list[str] = []
    choices: list[type[BaseModel]] = [RunConfig]
    mapping = False
    for part in location:
        field = next((kind.model_fields[part] for kind in choices if part in kind.model_fields), None)
        if field is not None or mapping:
            path.append(str(part))
            known, choices = _fields(choices), [] if field is None else models_of(field.annotation)
            mapping = field is not None and get_origin(field.annotation) is dict
        elif tagged := [kind for kind in choices if part in (_default(kind, "kind"), _default(kind, "name"))]:
            choices = tagged
        elif choices:  # an unknown key
            path.append(str(part))
            known, choices = _fields(choices), []
    return path, known, choices


def _default(kind: type[BaseModel], name: str) -> Any:
    return kind.model_fields[name].default if name in kind.model_fields else None
