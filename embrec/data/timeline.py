"""What the times of a log mean: many sources know only an order, and then "later" says less than it seems to."""

from enum import StrEnum

import numpy as np

from embrec.data.readers.table import ROW_ORDER
from embrec.data.store import Dataset
from embrec.data.times import has_relative_times

# 3 March 1973 in seconds since 1970: no log of interactions is older, so smaller numbers are no dates.
_FIRST_DATE = 100_000_000
_LAST_DATE = 253_402_300_799  # the end of 9999: greater numbers are no seconds


class Timeline(StrEnum):
    """What can be said of two events of different users, of which one has the greater time."""

    DATES = "dates"
    """It happened later."""
    ORDER = "order"
    """It stands later in some order of the source; whether that order runs across users, the numbers do not tell."""
    PLACES = "places"
    """Nothing: the times look like places in the histories, for most users start at the same one."""


def timeline(dataset: Dataset) -> Timeline:
    """Return what the times of a data set mean, as far as the import and the numbers tell."""
    if has_relative_times(dataset.interactions):
        return Timeline.PLACES
    source = dataset.meta.get("import", {}).get("arguments", {})
    if source.get("time_column") == ROW_ORDER or not _FIRST_DATE <= dataset.interactions.time.max() <= _LAST_DATE:
        return Timeline.ORDER
    return Timeline.DATES


def day(time: int) -> str:
    """Return the day of a time in seconds since 1970, as 2024-05-31.

    >>> day(978300019)
    '2000-12-31'
    """
    return str(np.datetime64(time, "s").astype("datetime64[D]"))
