"""Which split, as plain values and as a short text such as `global-time:train=0.8:targets=last`."""

from typing import Annotated, get_args

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from embrec.data.splits.global_time import GlobalTime
from embrec.data.splits.item_holdout import ItemHoldout
from embrec.data.splits.leave_one_out import LeaveOneOut
from embrec.data.splits.per_user_ratio import PerUserRatio
from embrec.data.splits.user_holdout import UserHoldout
from embrec.errors import ConfigError

SplitConfig = Annotated[
    LeaveOneOut | PerUserRatio | UserHoldout | GlobalTime | ItemHoldout, Field(discriminator="kind")
]

SPLITS: dict[str, type[BaseModel]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(get_args(SplitConfig)[0])
}


def parse_split(text: str, **values: object) -> "SplitConfig":
    """Return the split of a text: its kind, then parameters behind colons.

    >>> parse_split("global-time:targets=last").targets
    'last'

    Args:
        text: such as `leave-one-out` or `user-holdout:test=0.2:seed=1`.
        values: further parameters, those of the text before them.

    Raises:
        ConfigError: the kind or a parameter is unknown, or a value not allowed; the message says what is.
    """
    name, *pairs = text.split(":")
    if name not in SPLITS:
        raise ConfigError(f"--split is {name!r}; allowed: {', '.join(SPLITS)}")
    kind = SPLITS[name]
    allowed = [field for field in kind.model_fields if field != "kind"]
    given = dict(values)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in allowed:
            known = f"there are: {', '.join(allowed)}" if allowed else "it has none"
            raise ConfigError(f"--split {name} has no parameter {pair!r}; {known} (written {name}:NAME=VALUE)")
        given[key] = value
    try:
        split: SplitConfig = TypeAdapter(SplitConfig).validate_python({"kind": name, **given})
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        where = f"{name}:{first['loc'][-1]} is {first['input']!r}" if len(first["loc"]) > 1 else name
        raise ConfigError(f"--split {where}: {message}") from None
    return split


def split_text(split: BaseModel) -> str:
    """Return the text that `parse_split` reads, with those parameters alone that are not the default.

    >>> split_text(UserHoldout(seed=3))
    'user-holdout:seed=3'
    """
    values = split.model_dump(exclude={"kind"}, exclude_defaults=True)
    kind: str = split.model_dump()["kind"]
    return ":".join([kind, *(f"{key}={value}" for key, value in values.items())])
