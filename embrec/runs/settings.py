"""All settings of a training: keys, defaults and meanings, read from the configuration itself."""

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from embrec.errors import ConfigError
from embrec.evaluation.evaluator import EvaluationConfig
from embrec.models.config import MODEL_KINDS
from embrec.names import unknown
from embrec.training.config import TrainingConfig

_KIND = f"the kind of model ({', '.join(MODEL_KINDS)})"


class Setting(NamedTuple):
    """One setting.

    Attributes:
        key: the dotted key, such as `training.loss.regularization`.
        default: in words; `-` where there is none.
        meaning: what it is, and of which choice, where it is a parameter of one.
    """

    key: str
    default: str
    meaning: str


def list_settings(model: str = "embrec") -> list[Setting]:
    """Return all settings of a kind of model, of its training and of its evaluation.

    Args:
        model: kind of model.

    Raises:
        ConfigError: there is no such kind.
    """
    if model not in MODEL_KINDS:
        raise ConfigError(unknown("model", model, MODEL_KINDS))
    sections: dict[str, type[BaseModel]] = {
        "model": MODEL_KINDS[model],
        "training": TrainingConfig,
        "evaluation": EvaluationConfig,
    }
    return [setting for section, kind in sections.items() for setting in _settings(section, kind)]


def _settings(above: str, kind: type[BaseModel], of: str = "") -> Iterator[Setting]:
    for name, field in kind.model_fields.items():
        key = f"{above}.{name}"
        choices = models_of(field.annotation)
        if of and name in ("name", "kind"):
            continue  # what the choice itself is called
        meaning = _KIND if key == "model.kind" else _meaning(field, choices, of)
        yield Setting(key, _shown(field), meaning)
        for choice in choices:
            yield from _settings(key, choice, _name(choice) if len(choices) > 1 else "")


def _meaning(field: FieldInfo, choices: list[type[BaseModel]], of: str) -> str:
    names = [name for choice in choices if (name := _name(choice))] if len(choices) > 1 else _literals(field.annotation)
    values = f"({', '.join(names)})" if names else ""
    return " ".join(part for part in (f"of {of}:" if of else "", field.description or "", values) if part)


def _name(choice: type[BaseModel]) -> str:
    """Return what a choice is called: by its field `name` or `kind`."""
    field = choice.model_fields.get("name") or choice.model_fields.get("kind")
    return "" if field is None or field.is_required() else str(field.default)


def _shown(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True) if not field.is_required() else None
    if isinstance(default, BaseModel):
        first = getattr(default, "name", getattr(default, "kind", getattr(default, "count", None)))
        return "-" if first is None else str(first)
    if default is None or default in ((), {}):
        return "-"
    if isinstance(default, bool):
        return str(default).lower()
    return (
        ", ".join(map(str, default))
        if isinstance(default, tuple)
        else f"{default:g}"
        if _is_float(default)
        else str(default)
    )


def _is_float(value: Any) -> bool:
    return isinstance(value, float)


def _literals(annotation: Any) -> list[str]:
    if get_origin(annotation) is None:
        return []
    values = get_args(annotation)
    return [str(value) for value in values] if all(isinstance(value, str) for value in values) else []


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models among the alternatives of a field."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_of(part)]
