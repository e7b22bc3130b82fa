"""The configuration of a split, as plain values and as a text such as `global-time:train=0.8:targets=last`."""

from typing import Annotated, get_args

from pydantic import BaseModel, Field

from embrec.choices import parse_kind
from embrec.data.splits.global_time import GlobalTime
from embrec.data.splits.item_holdout import ItemHoldout
from embrec.data.splits.leave_one_out import LeaveOneOut
from embrec.data.splits.per_user_ratio import PerUserRatio
from embrec.data.splits.user_holdout import UserHoldout
from embrec.parameters import parameter

_Any = LeaveOneOut | PerUserRatio | UserHoldout | GlobalTime | ItemHoldout
SplitConfig = Annotated[_Any, Field(discriminator="kind")]

SPLITS: dict[str, type[_Any]] = {kind.model_fields["kind"].default: kind for kind in get_args(_Any)}


def parse_split(text: str) -> SplitConfig:
    """Return the split that a text describes, such as `leave-one-out` or `user-holdout:test=0.2:seed=1`.

    >>> parse_split("global-time:targets=last").targets
    'last'

    Raises:
        ConfigError: the kind or a parameter is unknown, or a value is not allowed; the message lists what is allowed.
    """
    return parse_kind(text, SPLITS, parameter("split"))


def split_text(split: BaseModel) -> str:
    """Return the text of a split as read by `parse_split`, without parameters at their defaults.

    >>> split_text(UserHoldout(seed=3))
    'user-holdout:seed=3'
    """
    values = split.model_dump(exclude={"kind"}, exclude_defaults=True)
    kind: str = split.model_dump()["kind"]
    return ":".join([kind, *(f"{key}={value}" for key, value in values.items())])
