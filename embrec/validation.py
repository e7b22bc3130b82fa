"""Validation of options, configurations and files: pydantic's errors as one line for a person.

`validated` checks plain values against a pydantic model; a `Checked` model says what is wrong when it is made in Python.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from embrec.errors import ConfigError, EmbrecError
from embrec.names import did_you_mean, listed, nearest, there_are
from embrec.parameters import parameter
from embrec.registry import ChosenFrom

Model = TypeVar("Model", bound=BaseModel)
Subject = Callable[[str], str]


def by_parameter(key: str) -> str:
    """Return a key as `parameter` writes it, which the command line shows as an option; empty for all values together.

    >>> by_parameter("time_unit")
    '`time_unit`'
    """
    return parameter(key) if key else ""


class OptionError(ConfigError, ValueError):
    """An option of a class is unknown, missing or not allowed; a ValueError too, as pydantic's own errors are."""


def validated(
    model: type[Model],
    data: Any,
    where: str = "",
    *,
    noun: str = "setting",
    subject: Subject | None = None,
    see: str = "",
    error: type[EmbrecError] = ConfigError,
) -> Model:
    """Return plain values as a pydantic model.

    Args:
        model: class of the result.
        data: plain values, most often a mapping.
        where: place of the values, such as a file, that the message begins with.
        noun: word for a key, such as `setting` or `parameter`.
        subject: writes a dotted key, such as `parameter`; empty for all values together. None for the noun and the key.
        see: where all keys are listed, at the end of a message about an unknown one.
        error: class of the error.

    Raises:
        EmbrecError: of class `error`: a key is unknown or missing, or a value is not allowed. The message is one line with the
            place, the key, the value and what is allowed.

    Examples:
        >>> from embrec.training.config import Schedule
        >>> validated(Schedule, {"warmup": 5}, "file")
        Traceback (most recent call last):
        ...
        embrec.errors.ConfigError: file: unknown setting 'warmup'; did you mean 'warm_up'? there are: name, warm_up, unit, floor
    """
    try:
        return model.model_validate(data)
    except ValidationError as problem:
        message = explain(problem, model, noun=noun, subject=subject, see=see)
    raise error(f"{where}: {message}" if where else message)


def read_validated(model: type[Model], file: Path, error: type[EmbrecError]) -> Model:
    """Read a YAML file as a pydantic model.

    Args:
        model: class of the result.
        file: path of the file, which exists.
        error: class of the error.

    Raises:
        EmbrecError: of class `error`: the file is no YAML, a key is unknown or missing, or a value is not allowed.
    """
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as problem:
        raise error(f"{file}: {problem}") from None
    return validated(model, values, str(file), error=error)


if TYPE_CHECKING:

    class Checked(BaseModel):
        """Base of the options that Python callers make by hand: a wrong one is a ConfigError of one line."""

else:

    class _Calls(type(BaseModel)):
        """Translates the errors of a class that is called; `model_validate`, and so nested models, keep pydantic's own."""

        def __call__(cls, *arguments: Any, **options: Any) -> Any:
            try:
                return super().__call__(*arguments, **options)
            except ValidationError as problem:
                message = explain(problem, cls, noun="parameter", subject=by_parameter)
            raise OptionError(f"{cls.__name__}: {message}")

    class Checked(BaseModel, metaclass=_Calls):
        """Base of the options that Python callers make by hand: a wrong one is a ConfigError of one line."""


def explain(
    error: ValidationError,
    model: type[BaseModel],
    *,
    noun: str = "setting",
    subject: Subject | None = None,
    see: str = "",
) -> str:
    """Return an error of pydantic in one line: key, value and what is allowed.

    Args:
        error: as pydantic raised it.
        model: class that was validated.
        noun: see `validated`.
        subject: see `validated`.
        see: see `validated`.
    """
    name = subject or (lambda key: f"{noun} {key!r}" if key else "")
    errors = error.errors(include_url=False)
    last = errors[-1]
    path, known, choices = _resolve(model, last["loc"])
    key = ".".join(path)
    kind, value = last["type"], last["input"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        meant = nearest(path[-1], known)
        beside = ".".join([*path[:-1], meant]) if meant is not None else ""
        there = listed(known) if known else "none"
        return f"unknown {noun} {key!r}{f'; did you mean {beside!r}?' if beside else ';'} there are: {there}{see}"
    if kind == "missing":
        return f"{name(key)} is missing{_described(model, path)}"
    if kind == "value_error":
        message = last["msg"].removeprefix("Value error, ")
        if key and isinstance(value, str | int | float):
            return f"{name(key)} is {value!r}: {message}"
        start = key if subject is None else name(key)
        return f"{start}: {message}" if start else message
    if kind.startswith("union_tag"):
        by, names = _names(choices)
        if kind == "union_tag_not_found":
            return f"{name(key)} has no {by}; set {_choice(key, by)} to one of: {', '.join(names)}"
        tag = str(last["ctx"]["tag"])
        return f"{name(_choice(key, by))} is {tag!r}{there_are(tag, names)}"
    if kind in ("model_type", "model_attributes_type", "dict_type") and key:
        by, names = _names(choices)
        allowed = f"one of: {', '.join(names)}" if names else f"{noun}s: {', '.join(_fields(choices)) or 'name: value'}"
        return f"{name(key)} is {value!r}; it takes {allowed}"
    # Of a value that may be of several types there is an error for each.
    messages = [other["msg"] for other in errors if _resolve(model, other["loc"])[0] == path]
    first, *others = dict.fromkeys(messages)
    told = f"{name(key)} is {_shown(value)}: {first}" if key else f"{_shown(value)}: {first}"
    said = " or ".join([told, *(text.removeprefix("Input should be ") for text in others)])
    # Of a choice among words pydantic knows the words only as a text.
    words = re.findall(r"'([^']*)'", str(last.get("ctx", {}).get("expected", ""))) if kind == "literal_error" else []
    return said + did_you_mean(str(value), words)


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """Return the models among the alternatives of a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_of(part)]


def choices_of(field: FieldInfo) -> list[type[BaseModel]]:
    """Return the models that may be the value of a field, also those that were registered later."""
    chosen = [mark for mark in field.metadata if isinstance(mark, ChosenFrom)]
    return chosen[0].classes() if chosen else models_of(field.annotation)


def name_of(choice: type[BaseModel]) -> str:
    """Return the name of a choice, the default of its field `name` or `kind`; empty if it has none."""
    field = choice.model_fields.get("name") or choice.model_fields.get("kind")
    return "" if field is None or field.is_required() else str(field.default)


def _shown(value: Any) -> str:
    """Return a value in one line, such as of a table in memory."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:100]}..."


def _described(model: type[BaseModel], path: list[str]) -> str:
    field = model.model_fields.get(path[-1]) if len(path) == 1 else None
    return f" ({field.description})" if field is not None and field.description else ""


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


def _resolve(
    model: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[list[str], list[str], list[type[BaseModel]]]:
    """Return the meaning of an error's place.

    Returns:
        Its keys, without the marks of alternatives; the keys that are known beside it; the models that may be there.
    """
    path: list[str] = []
    known: list[str] = []
    choices: list[type[BaseModel]] = [model]
    mapping = False
    for part in location:
        field = next((kind.model_fields[part] for kind in choices if part in kind.model_fields), None)
        if field is not None or mapping:
            path.append(str(part))
            known, choices = _fields(choices), [] if field is None else choices_of(field)
            mapping = field is not None and get_origin(field.annotation) is dict
        elif tagged := [kind for kind in choices if part in (_default(kind, "kind"), _default(kind, "name"))]:
            choices = tagged
        elif choices:  # an unknown key
            path.append(str(part))
            known, choices = _fields(choices), []
    return path, known, choices


def _default(kind: type[BaseModel], name: str) -> Any:
    return kind.model_fields[name].default if name in kind.model_fields else None
