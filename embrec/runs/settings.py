"""Settings by dotted key, such as `training.loss.elu`: reading and setting one, and the list of all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from embrec.errors import ConfigError
from embrec.evaluation.evaluator import EvaluationConfig
from embrec.models import registry
from embrec.training.config import TrainingConfig
from embrec.validation import choices_of, name_of


def read_setting(text: str) -> tuple[str, Any]:
    """Return dotted key and value of a text such as `model.dim=256`; the value is read as YAML.

    >>> read_setting("model.features=[tfidf, minilm]")
    ('model.features', ['tfidf', 'minilm'])

    Raises:
        ConfigError: the text does not have this form.
    """
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise ConfigError(f"setting {text!r} does not have the form section.key=value, such as model.dim=256")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"the value of setting {text!r} is not YAML; put it in quotes") from None


def set_by_key(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested plain values.

    A branch that is only a name, such as `loss: bpr-max`, is replaced by a mapping with that name and the new parameter.

    Args:
        tree: nested mappings; changed in place.
        key: dotted key, such as `training.loss.elu`, or `training.l2.items.weight` for a part of the model.
        value: new value.

    >>> tree = {"training": {"loss": "bpr-max"}}
    >>> set_by_key(tree, "training.loss.elu", 0.5)
    >>> tree
    {'training': {'loss': {'name': 'bpr-max', 'elu': 0.5}}}
    """
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
        # The same name again, or another number of negatives, keeps the parameters set before that still apply.
        if name in ("loss", "schedule") and before.get("name") == value:
            return
        if name == "negatives" and isinstance(value, int | str):
            kept = before if value != "all" else {key: before[key] for key in ("exclude", "frozen") if key in before}
            value = kept | {"count": value}
    tree[name] = value


def dotted(tree: Mapping[str, Any], whole: Sequence[str] = (), above: str = "") -> dict[str, Any]:
    """Return nested values by dotted key, as users write settings.

    Args:
        tree: nested mappings.
        whole: dotted keys of mappings whose values are not split further, even if they are mappings.
        above: dotted key of the tree itself.

    >>> dotted({"model": {"dim": 64}, "training": {"l2": {}}})
    {'model.dim': 64, 'training.l2': {}}
    """
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{above}.{key}" if above else str(key)
        inner = isinstance(value, Mapping) and value and above not in whole
        flat |= dotted(value, whole, path) if inner else {path: value}
    return flat


class Setting(NamedTuple):
    """A setting with its default and its meaning.

    Attributes:
        key: dotted key, such as `training.loss.regularization`.
        default: default value as a text; `-` if there is none.
        meaning: description, which begins with the choice that the setting is a parameter of, if any.
    """

    key: str
    default: str
    meaning: str


def list_settings(model: str = registry.DEFAULT) -> list[Setting]:
    """Return all settings of a kind of model, of its training and of its evaluation.

    Args:
        model: registered kind of model.

    Raises:
        ConfigError: there is no such kind of model.
    """
    sections: dict[str, type[BaseModel]] = {
        "model": registry.lookup(model).config,
        "training": TrainingConfig,
        "evaluation": EvaluationConfig,
    }
    return [setting for section, kind in sections.items() for setting in _settings(section, kind)]


def _settings(above: str, kind: type[BaseModel], of: str = "") -> Iterator[Setting]:
    for name, field in kind.model_fields.items():
        key = f"{above}.{name}"
        choices = choices_of(field)
        if of and name in ("name", "kind"):
            continue  # the name of the choice itself
        is_kind = key == "model.kind"
        meaning = f"the kind of model ({', '.join(registry.kinds())})" if is_kind else _meaning(field, choices, of)
        yield Setting(key, _shown(field), meaning)
        for choice in choices:
            yield from _settings(key, choice, name_of(choice) if len(choices) > 1 else "")


def _meaning(field: FieldInfo, choices: list[type[BaseModel]], of: str) -> str:
    names = (
        [name for choice in choices if (name := name_of(choice))] if len(choices) > 1 else _literals(field.annotation)
    )
    values = f"({', '.join(names)})" if names else ""
    return " ".join(part for part in (f"of {of}:" if of else "", field.description or "", values) if part)


def _shown(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True) if not field.is_required() else None
    if isinstance(default, BaseModel):
        first = getattr(default, "name", getattr(default, "kind", getattr(default, "count", None)))
        return "-" if first is None else str(first)
    if default is None or default in ((), {}):
        return "-"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return f"{default:g}" if isinstance(default, float) else str(default)


def _literals(annotation: Any) -> list[str]:
    if get_origin(annotation) is None:
        return []
    values = get_args(annotation)
    return [str(value) for value in values] if all(isinstance(value, str) for value in values) else []
