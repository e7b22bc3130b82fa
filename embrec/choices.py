"""Parsing of choices with parameters written as one text: `global-time:train=0.8:targets=last`, `sampled:count=99`."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from embrec.errors import ConfigError
from embrec.names import there_are
from embrec.validation import validated

Kind = TypeVar("Kind", bound=BaseModel)


def parse_kind(text: str, kinds: Mapping[str, type[Kind]], what: str) -> Kind:
    """Return the choice that a text describes: a kind, then parameters separated by colons.

    Args:
        text: choice, such as `leave-one-out` or `user-holdout:test=0.2:seed=1`.
        kinds: available models by name; each has a field `kind`.
        what: the setting that holds the choice, as messages name it, such as "`split`".

    Raises:
        ConfigError: the kind or a parameter is unknown, or a value is not allowed; the message lists what is allowed.
    """
    name, *pairs = text.split(":")
    if name not in kinds:
        raise ConfigError(f"{what} is {name!r}{there_are(name, kinds)}")
    allowed = [field for field in kinds[name].model_fields if field != "kind"]
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in allowed:
            known = there_are(key, allowed) if allowed else "; it has none"
            raise ConfigError(f"{what} {name} has no parameter {pair!r}{known} (written {name}:NAME=VALUE)")
        given[key] = value
    return validated(kinds[name], given, subject=lambda key: f"{what} {name}:{key}" if key else f"{what} {name}")
