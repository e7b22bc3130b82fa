"""Splits of a log into training events, validation targets and test targets."""

from embrec.data.splits.config import SPLITS, SplitConfig, parse_split, split_text
from embrec.data.splits.global_time import GlobalTime
from embrec.data.splits.item_holdout import ItemHoldout
from embrec.data.splits.leave_one_out import LeaveOneOut
from embrec.data.splits.partition import Label, Partition, Positions, Split
from embrec.data.splits.per_user_ratio import PerUserRatio
from embrec.data.splits.user_holdout import UserHoldout

__all__ = [
    "SPLITS",
    "GlobalTime",
    "ItemHoldout",
    "Label",
    "LeaveOneOut",
    "Partition",
    "PerUserRatio",
    "Positions",
    "Split",
    "SplitConfig",
    "UserHoldout",
    "parse_split",
    "split_text",
]
